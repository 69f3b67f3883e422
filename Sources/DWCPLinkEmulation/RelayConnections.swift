internal import DWCPCore
internal import NIOCore
internal import NIOPosix

#if canImport(Darwin)
  internal import Darwin
#elseif canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// The connections of one relay, on its event loop.
final class RelayConnections {
  static let readByteCount = 64 << 10
  static let receiveBufferByteCount: SocketOptionValue = 128 << 10
  static let allocator = FixedSizeRecvByteBufferAllocator(capacity: readByteCount)

  var counters = LinkRelayCounters()

  private let emulation: LinkEmulation
  private let host: String
  private let port: Int
  private let eventLoop: any EventLoop
  private var live: [ObjectIdentifier: RelayConnection] = [:]
  private var isStalled = false

  init(_ emulation: LinkEmulation, host: String, port: Int, eventLoop: any EventLoop) {
    self.emulation = emulation
    self.host = host
    self.port = port
    self.eventLoop = eventLoop
  }

  /// Connects to the target on behalf of a client that has just been accepted. Nothing is read of the client until that is done.
  func accept(_ client: any Channel) throws {
    let seed = emulation.seed &+ 2 &* UInt64(counters.connectionCount)
    counters.connectionCount += 1
    let connection = RelayConnection(emulation, seed: seed, eventLoop: eventLoop, owner: self)
    live[ObjectIdentifier(connection)] = connection
    counters.openConnectionCount = live.count
    if isStalled { connection.stall() }
    try connection.attach(client, as: .client)
    let bound = NIOLoopBound(connection, eventLoop: eventLoop)
    ClientBootstrap(group: eventLoop)
      .channelOption(.socketOption(.so_rcvbuf), value: Self.receiveBufferByteCount)
      .channelOption(.autoRead, value: false)
      .channelOption(.maxMessagesPerRead, value: 1)
      .channelOption(.recvAllocator, value: Self.allocator)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try bound.value.attach(channel, as: .target) }
      }
      .connect(host: host, port: port)
      .whenFailure { _ in bound.value.kill() }
  }

  func remove(_ connection: RelayConnection) {
    live[ObjectIdentifier(connection)] = nil
    counters.openConnectionCount = live.count
  }

  func stall() {
    isStalled = true
    for connection in live.values { connection.stall() }
  }

  func resume() {
    isStalled = false
    for connection in live.values { connection.resume() }
  }

  func kill() {
    for connection in live.values { connection.kill() }
  }
}

/// One client, one connection to the target, and the link's two directions between them.
final class RelayConnection {
  enum Side: CaseIterable {
    case client, target

    var other: Side { self == .client ? .target : .client }
  }

  private struct End {
    /// What this end sends, on its way to the other one.
    var outgoing: LinkDirection
    var channel: (any Channel)?
    var isActive = false
    var hasInputEnded = false
    var isClosed = false
  }

  /// Bytes due within so long come out together, so that a fast link does not keep a processor busy with timers.
  private static let leastTimerNanoseconds: UInt64 = 200_000

  private let eventLoop: any EventLoop
  private let owner: RelayConnections
  private var client: End
  private var target: End
  private var isKilled = false
  private var timer: (task: Scheduled<Void>, deadline: UInt64)?

  init(_ emulation: LinkEmulation, seed: UInt64, eventLoop: any EventLoop, owner: RelayConnections) {
    self.eventLoop = eventLoop
    self.owner = owner
    let start = Instant.current
    client = End(outgoing: LinkDirection(emulation.toServer, seed: seed, start: start))
    target = End(outgoing: LinkDirection(emulation.toClient, seed: seed &+ 1, start: start))
  }

  private func update<Result>(_ side: Side, _ body: (inout End) -> Result) -> Result {
    side == .client ? body(&client) : body(&target)
  }

  func attach(_ channel: any Channel, as side: Side) throws {
    update(side) { $0.channel = channel }
    try channel.pipeline.syncOperations.addHandler(RelayHandler(self, side: side))
  }

  func becameActive(_ side: Side) {
    let channel = update(side) { end in
      end.isActive = true
      return end.channel
    }
    if isKilled { channel?.closeWithReset() } else { pump() }
  }

  func received(_ bytes: ByteBuffer, from side: Side) {
    let now = Instant.current
    update(side) { $0.outgoing.send(bytes, now: now) }
    if side == .client { owner.counters.acceptedFromClientByteCount += UInt64(bytes.readableBytes) }
  }

  /// The end has closed its direction, and may still read.
  func inputEnded(at side: Side) {
    let now = Instant.current
    update(side) { end in
      end.hasInputEnded = true
      end.outgoing.finish(now: now)
    }
    pump()
  }

  /// The channel is gone. That is the ordinary end when the other direction was through: NIO closes a channel whose second direction ends.
  func becameInactive(_ side: Side) {
    update(side) { $0.isClosed = true }
    guard update(side.other, { $0.outgoing.isOver }), !isKilled else { return kill() }
    // What it sent may still be on its way.
    if !update(side, { $0.hasInputEnded }) { inputEnded(at: side) }
    if client.isClosed, target.isClosed { finish() }
  }

  private func finish() {
    timer?.task.cancel()
    timer = nil
    owner.remove(self)
  }

  func stall() {
    pump()
    let now = Instant.current
    for side in Side.allCases { update(side) { $0.outgoing.stall(now: now) } }
  }

  func resume() {
    let now = Instant.current
    for side in Side.allCases { update(side) { $0.outgoing.resume(now: now) } }
    pump()
  }

  /// Resets both sides.
  func kill() {
    guard !isKilled else { return }
    isKilled = true
    owner.counters.killedConnectionCount += 1
    finish()
    for side in Side.allCases {
      let channel = update(side) { end in
        end.outgoing.kill()
        return end.channel
      }
      channel?.closeWithReset()
    }
  }
}

extension RelayConnection {
  /// Lets out what is due, reads where there is room, and sets the timer for what is next.
  func pump() {
    guard client.isActive, target.isActive, !isKilled else { return }
    for side in Side.allCases where !isKilled {
      deliver(from: side)
      guard !isKilled else { return }
      let source = update(side) { end in
        end.hasInputEnded || end.outgoing.freeByteCount == 0 ? nil : end.channel
      }
      source?.read()
    }
    if !isKilled { setTimer() }
  }

  private func deliver(from side: Side) {
    guard let sink = update(side.other, { $0.channel }) else { return }
    let now = Instant.current
    var hasWritten = false
    while sink.isWritable, let output = update(side, { $0.outgoing.poll(now: now) }) {
      switch output {
      case .bytes(let bytes):
        count(bytes.readableBytes, from: side)
        sink.write(bytes, promise: nil)
        hasWritten = true
      case .end:
        // Behind what is still to be written.
        sink.writeAndFlush(ByteBuffer()).whenComplete { _ in sink.close(mode: .output, promise: nil) }
      case .killed:
        sink.flush()
        return kill()
      }
    }
    if hasWritten { sink.flush() }
  }

  private func count(_ byteCount: Int, from side: Side) {
    switch side {
    case .client: owner.counters.toServerByteCount += UInt64(byteCount)
    case .target: owner.counters.toClientByteCount += UInt64(byteCount)
    }
  }

  /// A side that takes nothing now says so when it does again.
  private func setTimer() {
    let deadlines = Side.allCases.compactMap { side -> UInt64? in
      let isWritable = update(side.other) { $0.channel?.isWritable ?? false }
      return isWritable ? update(side) { $0.outgoing.nextDeadline?.nanoseconds } : nil
    }
    guard let next = deadlines.min() else { return }
    let deadline = max(next, Instant.current.nanoseconds.saturatingAdd(Self.leastTimerNanoseconds))
    if let timer, timer.deadline <= deadline { return }
    timer?.task.cancel()
    let task = eventLoop.assumeIsolated().scheduleTask(deadline: .uptimeNanoseconds(deadline)) {
      self.timer = nil
      self.pump()
    }
    timer = (task, deadline)
  }
}

/// Tells the connection what one of its channels brings.
private final class RelayHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let connection: RelayConnection
  private let side: RelayConnection.Side

  init(_ connection: RelayConnection, side: RelayConnection.Side) {
    self.connection = connection
    self.side = side
  }

  func channelActive(context: ChannelHandlerContext) { connection.becameActive(side) }
  func channelInactive(context: ChannelHandlerContext) { connection.becameInactive(side) }
  func channelReadComplete(context: ChannelHandlerContext) { connection.pump() }
  func channelWritabilityChanged(context: ChannelHandlerContext) { connection.pump() }
  func errorCaught(context: ChannelHandlerContext, error: any Error) { connection.kill() }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    connection.received(unwrapInboundIn(data), from: side)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case ChannelEvent.inputClosed = event { connection.inputEnded(at: side) }
  }
}

extension Instant {
  fileprivate static var current: Instant { Instant(nanoseconds: NIODeadline.now().uptimeNanoseconds) }
}

extension Channel {
  /// The other end is told that the connection broke, instead of that it ended.
  fileprivate func closeWithReset() {
    guard let options = self as? any SocketOptionProvider else { return close(promise: nil) }
    options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in self.close(promise: nil) }
  }
}
