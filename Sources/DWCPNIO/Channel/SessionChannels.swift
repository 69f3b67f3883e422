public import DWCPCore
public import Logging
public import NIOCore
internal import NIOPosix

/// What a session over NIO needs besides the engine's own configuration.
public struct TransportConfiguration: Sendable {
  /// What is offered, required and held.
  public var session = SessionConfiguration()
  /// Event loops for sessions and listeners.
  public var group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
  /// Threads for codecs.
  public var jobPool = JobPool.shared
  /// Sums what the sessions count; nil where nobody asks. Share one among all whose sum is wanted.
  public var statistics: SessionStatistics?
  /// Told about each session's begin and end.
  public var logger = Logger(label: "dwcp")
  /// Time for TCP to connect.
  public var connectTimeout = TimeAmount.seconds(10)
  /// Time that streams get to finish when a session or a server ends in good order.
  public var drainTimeout = TimeAmount.seconds(10)
  /// Where the tasks that use streams run: by default where the caller's do, which bears code that computes or blocks.
  public var taskPlacement = TaskPlacement.inherited
  /// Sessions a server has open at once; connections above that are closed at once, which the log says. Each may hold up to
  /// ``worstCaseSessionMemoryByteCount(sendBudgetByteCount:)`` bytes.
  public var maximumSessionCount = 1_000

  public init() {}

  /// The bound of SPEC section 15 (MEM-1) on what one session holds, in bytes, the transport included. Codec contexts belong to threads.
  ///
  /// - Parameter sendBudgetByteCount: what the application may have waiting, over all streams.
  public func worstCaseSessionMemoryByteCount(sendBudgetByteCount: UInt64) -> UInt64 {
    let waitingToBeWritten = SessionChannels.writeWatermark.high + 2 * SessionHandler.batchByteCount
    return session.worstCaseMemoryByteCount(
      readBufferByteCount: UInt64(SessionChannels.readByteCount), sendBudgetByteCount: sendBudgetByteCount,
      transportByteCount: UInt64(waitingToBeWritten + StreamMailbox.ReadAheadBudget.byteCount))
  }
}

/// Channels that carry sessions: the channel-level API's way to connect and to listen.
public enum SessionChannels {
  /// Read at once: large, so that a bulk block is not cut into many pieces.
  static let readByteCount = 256 << 10
  static let readsPerTurn: UInt = 4
  /// What a kernel takes over and has not sent yet: whatever is urgent waits behind it.
  static let unsentByteCount = 128 << 10
  static let writeWatermark = ChannelOptions.Types.WriteBufferWaterMark(low: 256 << 10, high: 1 << 20)

  /// Connects and starts a session; the delegate hears what becomes of it.
  ///
  /// - Parameter makeDelegate: called on the channel's event loop.
  public static func connect(
    host: String, port: Int, configuration: TransportConfiguration,
    makeDelegate: @escaping @Sendable (any Channel) -> any SessionDelegate
  ) -> EventLoopFuture<any Channel> {
    ClientBootstrap(group: configuration.group)
      .connectTimeout(configuration.connectTimeout)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelOption(.tcpOption(.unsentLowWatermark), value: unsentByteCount)
      .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: readByteCount))
      .channelOption(.maxMessagesPerRead, value: readsPerTurn)
      .channelOption(.writeBufferWaterMark, value: writeWatermark)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelInitializer { channel in
        addHandler(to: channel, role: .initiator, configuration: configuration, makeDelegate: makeDelegate)
      }
      .connect(host: host, port: port)
  }

  /// Listens; each connection becomes a session with a delegate of its own. When the process has no descriptor left, accepting rests for a
  /// second at a time.
  ///
  /// - Parameters:
  ///   - port: 0 for any free one.
  ///   - makeDelegate: called on the channel's event loop; nil closes the connection.
  public static func listen(
    host: String, port: Int, configuration: TransportConfiguration,
    makeDelegate: @escaping @Sendable (any Channel) -> (any SessionDelegate)?
  ) -> EventLoopFuture<any Channel> {
    let logger = configuration.logger
    return ServerBootstrap(group: configuration.group)
      .serverChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(AcceptPause(logger: logger))
        }
      }
      .serverChannelOption(.backlog, value: 256)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.tcpOption(.unsentLowWatermark), value: unsentByteCount)
      .childChannelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: readByteCount))
      .childChannelOption(.maxMessagesPerRead, value: readsPerTurn)
      .childChannelOption(.writeBufferWaterMark, value: writeWatermark)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelInitializer { channel in
        addHandler(to: channel, role: .acceptor, configuration: configuration, makeDelegate: makeDelegate)
      }
      .bind(host: host, port: port)
  }

  private static func addHandler(
    to channel: any Channel, role: Role, configuration: TransportConfiguration,
    makeDelegate: (any Channel) -> (any SessionDelegate)?
  ) -> EventLoopFuture<Void> {
    channel.eventLoop.makeCompletedFuture {
      guard let delegate = makeDelegate(channel) else { throw ChannelError.operationUnsupported }
      let handler = SessionHandler(
        role: role, configuration: configuration.session, jobPool: configuration.jobPool, logger: configuration.logger,
        statistics: configuration.statistics, delegate: delegate)
      try channel.pipeline.syncOperations.addHandler(handler)
    }
  }
}

extension NIOBSDSocket.Option {
  /// TCP_NOTSENT_LOWAT, for which NIO has no name.
  #if canImport(Darwin)
    fileprivate static let unsentLowWatermark = NIOBSDSocket.Option(rawValue: 0x201)
  #else
    fileprivate static let unsentLowWatermark = NIOBSDSocket.Option(rawValue: 25)
  #endif
}

/// Stops accepting for a while when the process has no descriptor left. NIO's own back-off does not: the read that failed stays pending, and the
/// listener goes on trying as fast as it can.
private final class AcceptPause: ChannelInboundHandler {
  typealias InboundIn = any Channel

  private static let pause = TimeAmount.seconds(1)

  private let logger: Logger
  private var isPaused = false

  init(logger: Logger) {
    self.logger = logger
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard error is IOError, !isPaused else { return }
    isPaused = true
    logger.warning(
      "no connection is accepted for a second: \(error); raise the limit of open files, or lower that of sessions")
    let channel = context.channel
    try? channel.syncOptions?.setOption(.autoRead, value: false)
    context.eventLoop.assumeIsolated().scheduleTask(in: Self.pause) {
      self.isPaused = false
      try? channel.syncOptions?.setOption(.autoRead, value: true)
    }
  }
}
