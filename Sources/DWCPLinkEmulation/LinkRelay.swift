public import NIOCore
internal import NIOPosix

/// What a relay's connections have carried so far.
public struct LinkRelayCounters: Hashable, Sendable {
  /// Connections that were accepted.
  public var connectionCount = 0
  /// Of these, those that are open at either side.
  public var openConnectionCount = 0
  /// Connections that were killed: by command, by schedule, or because one of their ends broke.
  public var killedConnectionCount = 0
  /// Bytes that came out of the link at the target.
  public var toServerByteCount: UInt64 = 0
  /// Bytes that came out of the link at the clients.
  public var toClientByteCount: UInt64 = 0
  /// Bytes read from clients, whether they have come out or not.
  public var acceptedFromClientByteCount: UInt64 = 0
}

/// An emulated link between real sockets: accepts TCP connections on loopback, makes one to a target for each, and carries their bytes as
/// ``LinkConditions`` say, in real time.
///
/// All of it happens on one event loop, which wakes at most 5,000 times a second for bytes that are due: they may be up to 0.2 ms late, and later on a busy
/// machine, but never early. When the link is full, the relay stops to read; then a connection's direction holds at most the conditions'
/// ``LinkConditions/capacityByteCount`` and one read of 64 KiB, besides what the kernel's sockets hold: 128 KiB asked for on the relay's receiving side. A
/// half-close travels behind the bytes. When a link is killed, both sides are reset.
public final class LinkRelay: Sendable {
  /// Where the relay listens; connect here instead of to the target.
  public let localAddress: SocketAddress

  private let eventLoop: any EventLoop
  private let connections: NIOLoopBound<RelayConnections>

  init(localAddress: SocketAddress, eventLoop: any EventLoop, connections: NIOLoopBound<RelayConnections>) {
    self.localAddress = localAddress
    self.eventLoop = eventLoop
    self.connections = connections
  }

  /// What the connections have carried so far.
  public func counters() async throws -> LinkRelayCounters {
    try await eventLoop.submit { self.connections.value.counters }.get()
  }

  /// Lets nothing come out of any connection in either direction, new ones included, until ``resume()``. They still take bytes, until they are full.
  public func stall() async throws {
    try await eventLoop.submit { self.connections.value.stall() }.get()
  }

  /// Ends the stall that ``stall()`` began; what waited comes out at the link's rate.
  public func resume() async throws {
    try await eventLoop.submit { self.connections.value.resume() }.get()
  }

  /// Kills all connections that there are now. New ones are accepted.
  public func kill() async throws {
    try await eventLoop.submit { self.connections.value.kill() }.get()
  }
}

/// Runs a relay on a free port of 127.0.0.1 for as long as the body runs; then its connections are killed.
///
/// - Parameters:
///   - host: the target's host.
///   - port: the target's port.
///   - emulation: what the link does. Its schedules count from when each connection was accepted.
///   - group: one event loop of it carries the relay; nil for NIO's own group.
///   - body: what uses the relay.
/// - Throws: what the body throws, and errors of NIO where nothing can listen.
public func withLinkRelay<Result: Sendable>(
  toHost host: String, port: Int, emulation: LinkEmulation,
  group: (any EventLoopGroup)? = nil,
  body: (LinkRelay) async throws -> Result
) async throws -> Result {
  let eventLoop = (group ?? MultiThreadedEventLoopGroup.singleton).next()
  let connections = try await eventLoop.submit {
    NIOLoopBound(RelayConnections(emulation, host: host, port: port, eventLoop: eventLoop), eventLoop: eventLoop)
  }.get()
  let listener = try await ServerBootstrap(group: eventLoop)
    .serverChannelOption(.backlog, value: 256)
    // On the listener, since the window's scale is settled when a connection is accepted.
    .serverChannelOption(.socketOption(.so_rcvbuf), value: RelayConnections.receiveBufferByteCount)
    .childChannelOption(.autoRead, value: false)
    .childChannelOption(.maxMessagesPerRead, value: 1)
    .childChannelOption(.recvAllocator, value: RelayConnections.allocator)
    .childChannelOption(.allowRemoteHalfClosure, value: true)
    .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
    .childChannelInitializer { channel in
      channel.eventLoop.makeCompletedFuture { try connections.value.accept(channel) }
    }
    .bind(host: "127.0.0.1", port: 0).get()
  guard let address = listener.localAddress else { throw ChannelError.alreadyClosed }
  let relay = LinkRelay(localAddress: address, eventLoop: eventLoop, connections: connections)
  do {
    let result = try await body(relay)
    try await shutDown(listener, relay)
    return result
  } catch {
    try? await shutDown(listener, relay)
    throw error
  }
}

private func shutDown(_ listener: any Channel, _ relay: LinkRelay) async throws {
  try await listener.close().get()
  try await relay.kill()
}
