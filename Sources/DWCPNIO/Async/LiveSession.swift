public import DWCPCore
public import NIOCore
internal import Synchronization

/// One session, for tasks. It ends with the scope that made it: ``withSession(host:port:configuration:onStream:_:)`` or
/// ``withServer(host:port:configuration:onStream:body:)``.
public struct LiveSession: Sendable {
  let bridge: BridgeAccess
  /// The other end, where the transport knows it.
  public let remoteAddress: SocketAddress?

  /// Opens a stream and ends it with the scope: in good order when the body returns, with a reset when it throws or its task is
  /// cancelled. Waits while the other end allows no more streams.
  ///
  /// - Parameter compression: nil for what the configuration says.
  public nonisolated(nonsending) func withStream<Result>(
    _ opening: StreamOpening = StreamOpening(), compression: CompressionChoice? = nil,
    _ body: (SessionStream) async throws -> Result
  ) async throws -> Result {
    let mailbox = StreamMailbox()
    let id = try await bridge.cancellable { bridge, token, continuation in
      bridge.open(token: token, opening, compression, mailbox, continuation)
    }
    return try await SessionStream(id: id, opening: opening, session: self, mailbox: mailbox).use(body)
  }

  /// What both ends settled on; waits for the handshake.
  public func agreement() async throws -> Agreement {
    try await bridge.cancellable { $0.awaitEstablishment(token: $1, $2) }
  }

  /// The time the other end takes to answer.
  public func ping() async throws -> Duration {
    try await bridge.cancellable { $0.ping(token: $1, $2) }
  }

  /// What the session has counted so far.
  public func counters() async throws -> SessionCounters {
    try await bridge.call { $0.counters }
  }
}

/// Connects, and ends the session with the scope: in good order when the body returns, so that what was written arrives; at once when it
/// throws.
///
/// - Parameter onStream: serves a stream that the other end opens, in a task of its own; nil refuses them.
public nonisolated(nonsending) func withSession<Result>(
  host: String, port: Int, configuration: TransportConfiguration = TransportConfiguration(),
  onStream: (@Sendable (SessionStream) async throws -> Void)? = nil,
  _ body: (LiveSession) async throws -> Result
) async throws -> Result {
  let (incoming, arrivals) = AsyncStream<SessionStream>.makeStream()
  let accept: @Sendable (SessionStream) -> Void = { _ = arrivals.yield($0) }
  let session = try await connect(
    host: host, port: port, configuration: configuration, onStream: onStream == nil ? nil : accept)
  return try await withThrowingTaskGroup(of: Void.self) { group in
    if let onStream { group.addTask { await serve(incoming, onStream) } }
    defer { arrivals.finish() }
    do {
      let result = try await body(session)
      await session.bridge.drain(timeout: configuration.drainTimeout)
      group.cancelAll()
      return result
    } catch {
      session.bridge.run { $0.close(.cancelled, text: "the application gave up") }
      await session.bridge.awaitEnd()
      group.cancelAll()
      throw error
    }
  }
}

/// Runs `body` for every stream that comes, each in a task of its own.
func serve(
  _ streams: AsyncStream<SessionStream>, _ body: @escaping @Sendable (SessionStream) async throws -> Void
) async {
  await withDiscardingTaskGroup { group in
    for await stream in streams {
      // What the body throws has reset its stream; nobody else waits for it.
      group.addTask { try? await stream.use(body) }
    }
  }
}

private func connect(
  host: String, port: Int, configuration: TransportConfiguration, onStream: (@Sendable (SessionStream) -> Void)?
) async throws -> LiveSession {
  let candidates = CandidateBridges()
  let channel = try await SessionChannels.connect(host: host, port: port, configuration: configuration) { channel in
    candidates.makeBridge(channel: channel, onStream: onStream)
  }.get()
  guard let bridge = candidates.bridge(of: channel) else { throw ChannelError.ioOnClosedChannel }
  return LiveSession(bridge: bridge, remoteAddress: channel.remoteAddress)
}

/// The bridges of all addresses that were tried; a name may stand for several.
private final class CandidateBridges: Sendable {
  private let bridges = Mutex<[ObjectIdentifier: BridgeAccess]>([:])

  func makeBridge(channel: any Channel, onStream: (@Sendable (SessionStream) -> Void)?) -> SessionBridge {
    let bridge = SessionBridge(channel: channel, onStream: onStream, onEnd: {})
    let access = BridgeAccess(bridge, eventLoop: channel.eventLoop)
    bridges.withLock { $0[ObjectIdentifier(channel)] = access }
    return bridge
  }

  func bridge(of channel: any Channel) -> BridgeAccess? {
    bridges.withLock { $0[ObjectIdentifier(channel)] }
  }
}

extension SessionBridge {
  /// A bridge that hands incoming streams over in their public form.
  convenience init(
    channel: any Channel, onStream: (@Sendable (SessionStream) -> Void)?, onEnd: @escaping () -> Void
  ) {
    self.init(eventLoop: channel.eventLoop, onEnd: onEnd)
    guard let onStream else { return }
    acceptStreams { [unowned self] id, opening, mailbox in
      let access = BridgeAccess(self, eventLoop: channel.eventLoop)
      let session = LiveSession(bridge: access, remoteAddress: channel.remoteAddress)
      onStream(SessionStream(id: id, opening: opening, session: session, mailbox: mailbox))
    }
  }
}

/// A bridge as seen from other threads.
struct BridgeAccess: Sendable {
  private static let nextToken = Atomic<UInt64>(0)

  private let eventLoop: any EventLoop
  private let bridge: NIOLoopBound<SessionBridge>

  /// On the bridge's event loop.
  init(_ bridge: SessionBridge, eventLoop: any EventLoop) {
    self.eventLoop = eventLoop
    self.bridge = NIOLoopBound(bridge, eventLoop: eventLoop)
  }

  func run(_ body: @escaping @Sendable (SessionBridge) -> Void) {
    if eventLoop.inEventLoop {
      body(bridge.value)
    } else {
      eventLoop.execute { body(bridge.value) }
    }
  }

  func call<Result: Sendable>(_ body: @escaping @Sendable (SessionBridge) throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
      run { bridge in continuation.resume(with: Swift.Result { try body(bridge) }) }
    }
  }

  /// Waits for an answer that is not bound to a stream; gives up when the task is cancelled.
  func cancellable<Result: Sendable>(
    _ body: @escaping @Sendable (SessionBridge, UInt64, CheckedContinuation<Result, any Error>) -> Void
  ) async throws -> Result {
    let token = Self.nextToken.wrappingAdd(1, ordering: .relaxed).newValue
    return try await withTaskCancellationHandler {
      try Task.checkCancellation()
      return try await withCheckedThrowingContinuation { continuation in
        run { body($0, token, continuation) }
      }
    } onCancel: {
      run { $0.cancel(token: token) }
    }
  }

  func awaitEnd() async {
    await withCheckedContinuation { continuation in
      run { $0.awaitEnd(continuation) }
    }
  }

  /// Ends the session in good order (SPEC END-2), or at once when that takes too long.
  func drain(timeout: TimeAmount) async {
    let deadline = eventLoop.scheduleTask(in: timeout) {
      bridge.value.close(.shutdown, text: "streams did not finish in time")
    }
    run { $0.drain() }
    await awaitEnd()
    deadline.cancel()
  }
}
