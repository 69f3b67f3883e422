import DWCPCore
import DWCPNIO
import NIOCore
import NIOPosix

/// Request and response: a stream is opened, carries 1 KiB each way, and is closed.
enum Exchange {
  static let byteCount = 1_024
  static let request = ByteBuffer(repeating: 0x55, count: byteCount)

  static func scenario(concurrency: Int) -> LiveScenario {
    let count = concurrency == 1 ? 4_000 : 20_000
    return LiveScenario(reference: "nio-connection") {
      [
        Contender(name: "channel") {
          let stopwatch = Stopwatch()
          try await Transport.run { ExchangeDriver(count: count, concurrency: concurrency, done: $0) }
          return stopwatch.rateFigures(count: count)
        },
        Contender(name: "async") { try await runAsync(count: count, concurrency: concurrency) },
        // Persistent connections, which open and close nothing: the ceiling.
        Contender(name: "nio-connection") {
          let stopwatch = Stopwatch()
          _ = try await PingPong.run(
            message: request, connectionCount: concurrency, count: count / concurrency * concurrency)
          return stopwatch.rateFigures(count: count)
        },
      ]
    }
  }

  private static func runAsync(count: Int, concurrency: Int) async throws -> [Figure] {
    let answer = ByteBuffer(repeating: 0x2A, count: byteCount)
    return try await withServer(
      host: Transport.host, port: 0, configuration: Transport.configuration(Transport.server)
    ) { stream in
      while try await stream.read() != nil {}
      try await stream.write(answer)
    } body: { server in
      let stopwatch = Stopwatch()
      try await withSession(
        host: Transport.host, port: server.localAddress?.port ?? 0,
        configuration: Transport.configuration(Transport.client)
      ) { session in
        try await withThrowingTaskGroup { group in
          for _ in 0..<concurrency {
            group.addTask { for _ in 0..<(count / concurrency) { try await exchange(over: session) } }
          }
          try await group.waitForAll()
        }
      }
      return stopwatch.rateFigures(count: count)
    }
  }

  private static func exchange(over session: LiveSession) async throws {
    try await session.withStream { stream in
      try await stream.write(request)
      try await stream.finish()
      var answeredByteCount = 0
      while let chunk = try await stream.read() { answeredByteCount += chunk.bytes.readableBytes }
      guard answeredByteCount == byteCount else { throw BenchmarkError("an answer had \(answeredByteCount) bytes") }
    }
  }
}

/// Keeps as many exchanges under way as there are to be.
private final class ExchangeDriver: SessionDelegate {
  private let count: Int
  private let concurrency: Int
  private let done: EventLoopPromise<Void>
  private var begunCount = 0
  private var doneCount = 0
  private var answered: [StreamID: Int] = [:]

  init(count: Int, concurrency: Int, done: EventLoopPromise<Void>) {
    self.count = count
    self.concurrency = concurrency
    self.done = done
  }

  func attached(to handler: SessionHandler) {}

  func session(_ handler: SessionHandler, received event: SessionEvent) {
    do {
      switch event {
      case .established:
        try handler.perform { session throws(SessionError) in
          for _ in 0..<concurrency { try begin(&session) }
        }
      case .readable(let id):
        try handler.perform { session throws(SessionError) in try read(id, &session) }
      case .ended(let error?): done.fail(error)
      default: break
      }
    } catch {
      done.fail(error)
    }
  }

  private func begin(_ session: inout Session) throws(SessionError) {
    guard begunCount < count else { return }
    begunCount += 1
    let id = try session.open(Service.exchange.opening)
    answered[id] = 0
    _ = try session.write(Exchange.request, to: id)
    try session.finish(id)
  }

  private func read(_ id: StreamID, _ session: inout Session) throws(SessionError) {
    while true {
      switch session.read(id) {
      case .bytes(let bytes, endsMessage: _): answered[id, default: 0] += bytes.readableBytes
      case .notReady: return
      case .failed(let error): throw error
      case .end:
        session.release(id)
        try finish(id, &session)
        return
      }
    }
  }

  private func finish(_ id: StreamID, _ session: inout Session) throws(SessionError) {
    guard answered.removeValue(forKey: id) == Exchange.byteCount else {
      return done.fail(BenchmarkError("an answer had the wrong length"))
    }
    doneCount += 1
    guard doneCount == count else { return try begin(&session) }
    done.succeed()
    session.close(.noError, text: "")
  }
}
