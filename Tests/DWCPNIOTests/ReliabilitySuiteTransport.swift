import DWCPCore
import DWCPNIO
import NIOCore
import NIOPosix
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(2))) struct ReliabilitySuiteTransport {
  @Test("a link that dies in mid-transfer is reported to readers and writers (SPEC END-5)")
  func deadLink() async throws {
    try await withRelay { relay, port in
      let error = try await #require(throws: SessionError.self) {
        try await withSession(host: "127.0.0.1", port: port, configuration: .silent()) { session in
          try await session.withStream { stream in
            try await stream.write(ByteBuffer(string: "x"))
            _ = try await stream.read()
            try await relay.cut()
            while true { try await stream.write(ByteBuffer(repeating: 1, count: 100_000)) }
          }
        }
      }
      #expect(error.code == .linkLost)
      #expect(error.blame == .network)
    }
  }

  @Test("a peer that goes silent is given up at the idle timeout (SPEC LIV-3)")
  func silentPeer() async throws {
    try await withRelay { relay, port in
      var configuration = TransportConfiguration.silent()
      configuration.session.idleTimeoutMilliseconds = 1_000
      let error = try await #require(throws: SessionError.self) {
        try await withSession(host: "127.0.0.1", port: port, configuration: configuration) { session in
          try await session.withStream { stream in
            try await stream.write(ByteBuffer(string: "x"))
            _ = try await stream.read()
            // Where this end had no turn for a second the session has ended by now, as it is to.
            try? await relay.freeze()
            _ = try await stream.read()
          }
        }
      }
      #expect(error.code == .idleTimeout)
    }
  }

  /// An echo server behind a relay that can be cut or frozen.
  private func withRelay(_ body: @escaping @Sendable (Relay, Int) async throws -> Void) async throws {
    try await withTestServer(onStream: echo) { serverPort in
      let relay = Relay()
      let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .childChannelOption(.autoRead, value: false)
        .childChannelInitializer { relay.join($0, serverPort: serverPort) }
        .bind(host: "127.0.0.1", port: 0).get()
      try await body(relay, try #require(listener.localAddress?.port))
      try await relay.cut()
      try await listener.close()
    }
  }
}

/// Two TCP connections whose bytes are handed on.
private final class Relay: Sendable {
  private let channels = Mutex<[any Channel]>([])

  func join(_ near: any Channel, serverPort: Int) -> EventLoopFuture<Void> {
    ClientBootstrap(group: near.eventLoop)
      .channelInitializer { far in
        far.pipeline.addHandler(Forwarder(to: near)).flatMap { near.pipeline.addHandler(Forwarder(to: far)) }
      }
      .connect(host: "127.0.0.1", port: serverPort)
      .flatMap { far in
        self.channels.withLock { $0 += [near, far] }
        return near.setOption(.autoRead, value: true)
      }
  }

  func cut() async throws {
    for channel in channels.withLock({ $0 }) { try? await channel.close() }
  }

  func freeze() async throws {
    for channel in channels.withLock({ $0 }) { try await channel.setOption(.autoRead, value: false).get() }
  }
}

private final class Forwarder: ChannelInboundHandler, Sendable {
  typealias InboundIn = ByteBuffer

  private let other: any Channel

  init(to other: any Channel) {
    self.other = other
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    other.writeAndFlush(unwrapInboundIn(data), promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    other.close(promise: nil)
  }
}
