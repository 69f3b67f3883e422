import DWCPCore
import DWCPNIO
import Dispatch
import NIOCore
import Synchronization

/// DWCP through its async API: a task for each stream, at both ends.
enum AsyncPeer {
  static func serve(_ options: Options, group: any EventLoopGroup) async throws {
    let counter = SinkCounter()
    try await withServer(
      host: options.host, port: options.port, configuration: SessionTransport.configuration(options, group: group)
    ) { stream in
      try await serve(stream, counter)
    } body: { _ in
      sayReady()
      try await Task.sleep(for: .seconds(86_400))
    }
  }

  private static func serve(_ stream: SessionStream, _ counter: SinkCounter) async throws {
    guard let first = try await stream.read()?.bytes else { return }
    // An exchange mostly comes in one piece, which goes back as it is.
    if first.readableBytes == Service.exchangeByteCount, first.getInteger(at: first.readerIndex) == Service.exchange {
      return try await stream.write(first)
    }
    var reader = StreamReader(stream, first)
    switch try await reader.take(1).getInteger(at: 0, as: UInt8.self) {
    case Service.exchange:
      var answer = ByteBuffer(integer: Service.exchange)
      answer.writeImmutableBuffer(try await reader.take(Service.exchangeByteCount - 1))
      try await stream.write(answer)
    case Service.echo:
      while let bytes = try await reader.next() { try await stream.write(bytes) }
    case Service.sink:
      while let bytes = try await reader.next() { counter.add(bytes.readableBytes) }
    case Service.confirm:
      let expected = try await reader.take(8).getInteger(at: 0, as: UInt64.self) ?? 0
      try await stream.write(ByteBuffer(integer: await counter.wait(for: expected)))
    default:
      throw PeerError("the async peer has no such service")
    }
  }

  static func run(_ options: Options, group: any EventLoopGroup) async throws -> [String: Double] {
    let configuration = SessionTransport.configuration(options, group: group)
    return try await withSession(host: options.host, port: options.port, configuration: configuration) { session in
      try await exchange(session)
      switch options.workload {
      case .exchange: return try await runExchange(session, options)
      case .echo where options.streams == 0: return try await runEcho(session, options)
      default: throw PeerError("the async peer has only the workloads exchange and idle echo; take --library dwcp")
      }
    }
  }

  private static func exchange(_ session: LiveSession) async throws {
    let answer = try await session.withStream { stream in
      try await stream.write(Service.exchangeMessage)
      try await stream.finish()
      var reader = StreamReader(stream)
      return try await reader.take(Service.exchangeByteCount)
    }
    guard answer == Service.exchangeMessage else { throw PeerError("an answer differs from what was sent") }
  }

  private static func runExchange(_ session: LiveSession, _ options: Options) async throws -> [String: Double] {
    let span = Span(options)
    let completed = Completed()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<options.streams {
        group.addTask {
          while !span.isOver(completed.count.load(ordering: .relaxed)) {
            try await exchange(session)
            completed.count.add(1, ordering: .relaxed)
          }
        }
      }
      try await group.waitForAll()
    }
    let count = Double(completed.count.load(ordering: .relaxed))
    return span.finish(["streamsPerSecond": count / span.seconds, "streamCount": count])
  }

  private static func runEcho(_ session: LiveSession, _ options: Options) async throws -> [String: Double] {
    try await session.withStream { stream in
      try await stream.write(ByteBuffer(integer: Service.echo))
      var reader = StreamReader(stream)
      var latenciesNanoseconds: [UInt64] = []
      let span = Span(options)
      while !span.isOver(latenciesNanoseconds.count) {
        let message = Service.echoMessage(round: latenciesNanoseconds.count)
        let sentAt = DispatchTime.now().uptimeNanoseconds
        try await stream.write(message)
        let answer = try await reader.take(Service.echoByteCount)
        latenciesNanoseconds.append(DispatchTime.now().uptimeNanoseconds - sentAt)
        guard answer == message else { throw PeerError("an echo differs from what was sent") }
      }
      return span.finish(try latencyFigures(latenciesNanoseconds))
    }
  }
}

/// Exchanges that all tasks together have done.
private final class Completed: Sendable {
  let count = Atomic(0)
}

/// Cuts what a stream brings into the pieces that are wanted.
private struct StreamReader {
  private let stream: SessionStream
  private var pending: ByteBuffer

  init(_ stream: SessionStream, _ first: ByteBuffer = ByteBuffer()) {
    self.stream = stream
    pending = first
  }

  mutating func take(_ byteCount: Int) async throws -> ByteBuffer {
    while pending.readableBytes < byteCount {
      guard let chunk = try await stream.read() else { throw PeerError("a stream ended early") }
      if pending.readableBytes == 0 { pending = chunk.bytes } else { pending.writeImmutableBuffer(chunk.bytes) }
    }
    return pending.readSlice(length: byteCount)?.slice() ?? ByteBuffer()
  }

  mutating func next() async throws -> ByteBuffer? {
    guard pending.readableBytes == 0 else { return pending.readSlice(length: pending.readableBytes) }
    return try await stream.read()?.bytes
  }
}

/// Sums what the sinks of all tasks take.
private final class SinkCounter: Sendable {
  private struct State {
    var byteCount: UInt64 = 0
    var waiting: (expected: UInt64, continuation: CheckedContinuation<UInt64, Never>)?
  }

  private let state = Mutex(State())

  func add(_ byteCount: Int) {
    change { $0.byteCount += UInt64(byteCount) }
  }

  func wait(for expected: UInt64) async -> UInt64 {
    await withCheckedContinuation { continuation in
      change { $0.waiting = (expected, continuation) }
    }
  }

  private func change(_ body: (inout sending State) -> Void) {
    state.withLock { state in
      body(&state)
      guard let waiting = state.waiting, state.byteCount >= waiting.expected else { return }
      state.waiting = nil
      waiting.continuation.resume(returning: state.byteCount)
    }
  }
}
