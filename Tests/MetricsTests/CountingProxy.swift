import NIOCore
import NIOPosix
import Synchronization

/// A TCP relay between two ends that keeps every byte: the truth about what crossed the wire, which shares nothing with the engine.
final class CountingProxy: Sendable {
  struct Transcript: Sendable {
    var toServer: [UInt8] = []
    var toClient: [UInt8] = []
  }

  private struct State {
    var transcripts: [Transcript] = []
    var endedCount = 0
  }

  private let state = Mutex(State())

  var transcripts: [Transcript] { state.withLock(\.transcripts) }

  /// All connections so far have ended at both sides.
  var isIdle: Bool { state.withLock { $0.endedCount == $0.transcripts.count } }

  /// Relays from the port given to the body to another one of this host.
  static func run<Result: Sendable>(
    to target: Int, _ body: (CountingProxy, Int) async throws -> Result
  ) async throws -> Result {
    let proxy = CountingProxy()
    let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .bind(host: "127.0.0.1", port: 0, childChannelInitializer: wrap)
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try? await listener.executeThenClose { connections in
          await withDiscardingTaskGroup { relays in
            do {
              for try await connection in connections {
                relays.addTask { await proxy.relay(connection, to: target) }
              }
            } catch {}
          }
        }
      }
      defer { group.cancelAll() }
      return try await body(proxy, listener.channel.localAddress?.port ?? 0)
    }
  }

  private typealias Connection = NIOAsyncChannel<ByteBuffer, ByteBuffer>

  private static let wrap: @Sendable (any Channel) -> EventLoopFuture<Connection> = { channel in
    channel.eventLoop.makeCompletedFuture {
      try NIOAsyncChannel(
        wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
    }
  }

  private func relay(_ client: Connection, to target: Int) async {
    let number = state.withLock { state in
      state.transcripts.append(Transcript())
      return state.transcripts.count - 1
    }
    // A connection that breaks ends both sides; what had been read until then is kept.
    try? await client.executeThenClose { fromClient, toClient in
      let server = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .channelOption(.allowRemoteHalfClosure, value: true)
        .connect(host: "127.0.0.1", port: target, channelInitializer: Self.wrap)
      try await server.executeThenClose { fromServer, toServer in
        async let upward: Void = self.copy(fromClient, toServer, number, \.toServer)
        async let downward: Void = self.copy(fromServer, toClient, number, \.toClient)
        _ = try await (upward, downward)
      }
    }
    state.withLock { $0.endedCount += 1 }
  }

  private func copy(
    _ inbound: NIOAsyncChannelInboundStream<ByteBuffer>, _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>,
    _ number: Int, _ direction: any WritableKeyPath<Transcript, [UInt8]> & Sendable
  ) async throws {
    for try await bytes in inbound {
      state.withLock { $0.transcripts[number][keyPath: direction] += Array(bytes.readableBytesView) }
      try await outbound.write(bytes)
    }
    outbound.finish()
  }
}

/// What bytes on the wire say about themselves, by the layout of SPEC sections 4 and 8 alone.
struct WireTruth {
  struct Traffic: Equatable {
    var rawBytes = 0
    var wireBytes = 0
    var frames = 0
    /// Frames with at least one raw byte.
    var fullFrames = 0
  }

  private(set) var frameCount = 0
  private(set) var byCodec: [UInt8: Traffic] = [:]
  /// Frames with flag DICTIONARY (SPEC DIC-3).
  private(set) var withDictionary = Traffic()
  /// Frames with flag BASELINE (SPEC BAS-2).
  private(set) var withPages = Traffic()
  private(set) var resetsByCode: [UInt32: Int] = [:]

  init(_ bytes: [UInt8]) {
    func number(_ start: Int, _ count: Int) -> Int { bytes[start..<start + count].reduce(0) { $0 << 8 | Int($1) } }
    var start = 8
    while start + 16 <= bytes.count {
      let body = start + 16
      let end = body + number(start + 8, 4) + (bytes[start + 1] & 0x80 != 0 ? 4 : 0)
      guard end <= bytes.count else { return }
      frameCount += 1
      switch bytes[start] {
      case 0x41:
        let rawByteCount = number(body + 9, 3)
        byCodec[bytes[body + 8], default: Traffic()].add(rawByteCount: rawByteCount, wireByteCount: end - start)
        if bytes[start + 1] & 0x40 != 0 {
          withDictionary.add(rawByteCount: rawByteCount, wireByteCount: end - start)
        }
        if bytes[start + 1] & 0x20 != 0 {
          withPages.add(rawByteCount: rawByteCount, wireByteCount: end - start)
        }
      case 0x42: resetsByCode[UInt32(number(body, 4)), default: 0] += 1
      default: break
      }
      start = end
    }
  }
}

extension WireTruth.Traffic {
  fileprivate mutating func add(rawByteCount: Int, wireByteCount: Int) {
    rawBytes += rawByteCount
    wireBytes += wireByteCount
    frames += 1
    if rawByteCount > 0 { fullFrames += 1 }
  }
}
