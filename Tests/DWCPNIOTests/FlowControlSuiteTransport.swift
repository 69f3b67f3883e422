import DWCPCore
import DWCPNIO
import NIOCore
import Synchronization
import Testing

private final class ByteCount: Sendable {
  private let count = Mutex(0)

  var value: Int { count.withLock { $0 } }
  func add(_ byteCount: Int) { count.withLock { $0 += byteCount } }
}

@Suite(.timeLimit(.minutes(2))) struct FlowControlSuiteTransport {
  private static let chunk = ByteBuffer(repeating: 7, count: 256 << 10)

  @Test("a reader that waits stops its writer within the windows, and lets it go on (SPEC CRD-1, CRD-5)")
  func backPressure() async throws {
    let (permits, allow) = AsyncStream<Void>.makeStream()
    let written = ByteCount()
    try await withTestServer { stream in
      for await _ in permits { break }
      let count = try await stream.readToEnd().count
      try await stream.write(ByteBuffer(string: String(count)), endsMessage: true)
    } body: { port in
      var configuration = TransportConfiguration.silent()
      configuration.session.compression = .fixed(.none)
      let answer = try await withSession(host: "127.0.0.1", port: port, configuration: configuration) { session in
        try await session.withStream { stream in
          let writing = Task {
            for _ in 0..<64 {
              try await stream.write(Self.chunk)
              written.add(Self.chunk.readableBytes)
            }
            try await stream.finish()
          }
          try await Task.sleep(for: .milliseconds(300))
          // The stream's window of 4 MiB and the writer's budget of 1 MiB, with room for one chunk on its way.
          #expect(written.value <= 6 << 20)
          allow.yield()
          try await writing.value
          return try await stream.readMessage()
        }
      }
      #expect(answer == ByteBuffer(string: String(64 * Self.chunk.readableBytes)))
    }
  }

  @Test("a delegate that writes whenever there is room never gets stuck")
  func channelLevelWriter() async throws {
    try await withTestServer { stream in
      let count = try await stream.readToEnd().count
      try await stream.write(ByteBuffer(string: String(count)), endsMessage: true)
    } body: { port in
      let promise = TransportConfiguration.silent().group.any().makePromise(of: String.self)
      let channel = try await SessionChannels.connect(host: "127.0.0.1", port: port, configuration: .silent()) { _ in
        EagerWriter(chunk: Self.chunk, chunkCount: 200, promise: promise)
      }.get()
      #expect(try await promise.futureResult.get() == String(200 * Self.chunk.readableBytes))
      try await channel.closeFuture.get()
    }
  }

  @Test(
    "large transfers arrive whole with each codec",
    arguments: [
      CompressionSetting.none, .lz4Default, .zstdDefault,
    ])
  func bulk(setting: CompressionSetting) async throws {
    try await withTestServer(onStream: echo) { port in
      var configuration = TransportConfiguration.silent()
      configuration.session.compression = .fixed(setting)
      try await withSession(host: "127.0.0.1", port: port, configuration: configuration) { session in
        // What is written before the handshake is complete goes stored (SPEC HS-2).
        _ = try await session.agreement()
        let content = (0..<6_000_000).map { UInt8(truncatingIfNeeded: $0 / 100 &* ($0 % 7)) }
        let answer = try await session.withStream { stream in
          async let echoed = stream.readToEnd()
          try await stream.write(ByteBuffer(bytes: content))
          try await stream.finish()
          return try await echoed
        }
        #expect(answer == content)
        let counters = try await session.counters()
        let sent = counters.sentByCodec
        guard setting.codec != .none else {
          #expect(sent.none.rawBytes == 6_000_000)
          return
        }
        #expect(sent[setting.codec].rawBytes + sent.none.rawBytes == 6_000_000)
        // Credit may end anywhere: of what it cuts off, less than 64 bytes are not worth a try (SPEC CDC-5).
        #expect(sent.none.rawBytes <= 63 * counters.untriedBlocks)
        // FIN may go alone, when all that was written has gone before it is asked for.
        #expect((counters.untriedBlocks...counters.untriedBlocks + 1).contains(sent.none.blocks))
        #expect(counters.unshrunkBlocks == 0)
        #expect(counters.wireBytesSent < 4_000_000)
      }
    }
  }
}

/// Writes from within events alone, and tells what the other end answered.
private final class EagerWriter: SessionDelegate {
  private let chunk: ByteBuffer
  private var remainingCount: Int
  private let promise: EventLoopPromise<String>

  init(chunk: ByteBuffer, chunkCount: Int, promise: EventLoopPromise<String>) {
    self.chunk = chunk
    remainingCount = chunkCount
    self.promise = promise
  }

  func attached(to handler: SessionHandler) {}

  func session(_ handler: SessionHandler, received event: SessionEvent) {
    do {
      switch event {
      case .established: try handler.perform { session in try write(to: try session.open(), &session) }
      case .writable(let id): try handler.perform { try write(to: id, &$0) }
      case .readable(let id): handler.perform { answer(from: id, &$0) }
      case .ended(let error?): promise.fail(error)
      default: break
      }
    } catch {
      promise.fail(error)
    }
  }

  private func write(to id: StreamID, _ session: inout Session) throws {
    while remainingCount > 0 {
      remainingCount -= 1
      if try !session.write(chunk, to: id) { return }
    }
    try session.finish(id)
  }

  private func answer(from id: StreamID, _ session: inout Session) {
    guard case .bytes(let bytes, _) = session.read(id) else { return }
    promise.succeed(String(buffer: bytes))
    session.close(.noError, text: "")
  }
}
