import DWCPCore
import DWCPNIO
import NIOCore

/// What one contender moves in one round.
struct BulkLoad: Sendable {
  let corpus: Corpus
  let blockCount: Int

  /// Every byte arrived.
  func check(_ receivedByteCount: Int) throws {
    guard receivedByteCount == blockCount * Corpus.blockByteCount else {
      throw BenchmarkError("\(receivedByteCount) bytes arrived of \(blockCount * Corpus.blockByteCount)")
    }
  }
}

/// One stream of one session through DWCPNIO, checks on; the reader discards what it reads.
enum SessionBulk {
  private static var quietConfiguration: TransportConfiguration {
    var configuration = TransportConfiguration()
    configuration.logger.logLevel = .critical
    return configuration
  }

  private static func clientConfiguration(_ compression: CompressionChoice) -> TransportConfiguration {
    var configuration = quietConfiguration
    configuration.group = Loops.client
    configuration.session.compression = compression
    return configuration
  }

  private static var serverConfiguration: TransportConfiguration {
    var configuration = quietConfiguration
    configuration.group = Loops.server
    return configuration
  }

  /// Through the channel-level API: no task, only event loops.
  static func runOnChannels(_ load: BulkLoad, _ compression: CompressionChoice) async throws -> [Figure] {
    let received = Loops.server.next().makePromise(of: Int.self)
    let listener = try await SessionChannels.listen(
      host: Loops.host, port: 0, configuration: serverConfiguration
    ) { _ in
      BulkReader(received: received)
    }.get()
    let stopwatch = Stopwatch()
    let client = try await SessionChannels.connect(
      host: Loops.host, port: listener.localAddress?.port ?? 0, configuration: clientConfiguration(compression)
    ) { _ in
      BulkWriter(load: load)
    }.get()
    let receivedByteCount = try await received.futureResult.get()
    let figures = stopwatch.figures(rawByteCount: receivedByteCount)
    try await client.closeFuture.get()
    try await listener.close()
    try load.check(receivedByteCount)
    return figures
  }

  /// Through `withSession` and `withStream`.
  static func runAsync(_ load: BulkLoad, _ compression: CompressionChoice) async throws -> [Figure] {
    let received = Loops.server.next().makePromise(of: Int.self)
    return try await withServer(host: Loops.host, port: 0, configuration: serverConfiguration) { stream in
      var byteCount = 0
      while let chunk = try await stream.read() { byteCount += chunk.bytes.readableBytes }
      received.succeed(byteCount)
    } body: { server in
      let stopwatch = Stopwatch()
      return try await withSession(
        host: Loops.host, port: server.localAddress?.port ?? 0, configuration: clientConfiguration(compression)
      ) { session in
        try await session.withStream { stream in
          for number in 0..<load.blockCount { try await stream.write(load.corpus.block(number)) }
        }
        let receivedByteCount = try await received.futureResult.get()
        try load.check(receivedByteCount)
        return stopwatch.figures(rawByteCount: receivedByteCount)
      }
    }
  }
}

private final class BulkWriter: SessionDelegate {
  private let load: BulkLoad
  private var nextBlock = 0
  private var streamID: StreamID?

  init(load: BulkLoad) {
    self.load = load
  }

  func attached(to handler: SessionHandler) {}

  func session(_ handler: SessionHandler, received event: SessionEvent) {
    do {
      switch event {
      case .established:
        streamID = try handler.perform { session throws(SessionError) in try session.open() }
        try write(handler)
      case .writable:
        try write(handler)
      case .closed:
        handler.perform { $0.close(.noError, text: "") }
      default:
        break
      }
    } catch {
      handler.perform { $0.close(.internal, text: "\(error)") }
    }
  }

  private func write(_ handler: SessionHandler) throws(SessionError) {
    guard let streamID else { return }
    try handler.perform { session throws(SessionError) in
      while nextBlock < load.blockCount {
        nextBlock += 1
        guard try session.write(load.corpus.block(nextBlock - 1), to: streamID) else { return }
      }
      try session.finish(streamID)
      session.release(streamID)
    }
  }
}

private final class BulkReader: SessionDelegate {
  private let received: EventLoopPromise<Int>
  private var byteCount = 0

  init(received: EventLoopPromise<Int>) {
    self.received = received
  }

  func attached(to handler: SessionHandler) {}

  func session(_ handler: SessionHandler, received event: SessionEvent) {
    switch event {
    case .readable(let id): read(id, handler)
    case .ended(let error?): received.fail(error)
    case .ended(nil): received.fail(BenchmarkError("the session ended before the stream did"))
    default: break
    }
  }

  private func read(_ id: StreamID, _ handler: SessionHandler) {
    handler.perform { session in
      while true {
        switch session.read(id) {
        case .bytes(let bytes, endsMessage: _):
          byteCount += bytes.readableBytes
        case .notReady:
          return
        case .end:
          received.succeed(byteCount)
          try? session.finish(id)
          return session.release(id)
        case .failed(let error):
          received.fail(error)
          return session.release(id)
        }
      }
    }
  }
}
