public import DWCPCore
public import NIOCore
internal import Synchronization

/// One session, for tasks. It ends with the scope that made it: ``withSession(host:port:configuration:onStream:_:)`` or
/// ``withServer(host:port:configuration:onStream:body:)``.
public struct LiveSession: Sendable {
  let bridge: BridgeAccess

  /// The other end, where the transport knows it.
  public var remoteAddress: SocketAddress? { bridge.remoteAddress }

  /// Opens a stream and ends it with the scope: in good order when the body returns, with a reset when it throws or its task is
  /// cancelled. Waits while the other end allows no more streams.
  ///
  /// - Parameter compression: nil for what the configuration says.
  public nonisolated(nonsending) func withStream<Result>(
    _ opening: StreamOpening = StreamOpening(), compression: CompressionChoice? = nil,
    _ body: (SessionStream) async throws -> Result
  ) async throws -> Result {
    let mailbox = StreamMailbox(opening: opening, session: self)
    let id: StreamID
    if !Task.isCancelled, let opened = try bridge.here?.openAtOnce(opening, compression, mailbox) {
      id = opened
    } else {
      id = try await bridge.cancellable { bridge, token, continuation in
        bridge.open(token: token, opening, compression, mailbox, continuation)
      }
    }
    return try await SessionStream(id: id, mailbox: mailbox).use(body)
  }

  /// What both ends settled on; waits for the handshake.
  public func agreement() async throws -> Agreement {
    try await bridge.cancellable { $0.awaitEstablishment(token: $1, $2) }
  }

  /// The time the other end takes to answer.
  public func ping() async throws -> Duration {
    try await bridge.cancellable { $0.ping(token: $1, $2) }
  }

  /// Changes which codecs this end decodes, for instance while its processors have other work (``Session/announce(decodableCodecs:)``).
  ///
  /// - Returns: false when the other end takes no updates.
  @discardableResult
  public func announce(decodableCodecs: [Codec]) async throws -> Bool {
    try await bridge.call { $0.announce(decodableCodecs: decodableCodecs) }
  }

  /// Offers a dictionary to the other end, in place of the one before (``Session/offer(_:)``); `SessionConfiguration.sendDictionary` does so from the
  /// start. ``counters()`` tells what became of it.
  ///
  /// - Parameter dictionary: what short blocks of zstd are compressed against from when the other end has accepted it.
  public func offer(_ dictionary: CompressionDictionary) async throws {
    try await bridge.call { $0.offer(dictionary) }
  }

  /// The dictionary that short blocks are compressed against now; nil before the other end has accepted one.
  public func dictionaryInUse() async throws -> CompressionDictionary? {
    try await bridge.call { $0.dictionaryInUse }
  }

  /// What the session has counted so far.
  public func counters() async throws -> SessionCounters {
    try await bridge.call { $0.counters }
  }
}

/// Connects, and ends the session with the scope: in good order when the body returns, so that what was written arrives; at once when it
/// throws. A task that is cancelled waits neither for the connection nor for streams to finish.
///
/// - Parameter onStream: serves a stream that the other end opens, in a task of its own; nil refuses them.
public nonisolated(nonsending) func withSession<Result>(
  host: String, port: Int, configuration: TransportConfiguration = TransportConfiguration(),
  onStream: (@Sendable (SessionStream) async throws -> Void)? = nil,
  _ body: (LiveSession) async throws -> Result
) async throws -> Result {
  let incoming = onStream.map { _ in IncomingStreams() }
  let session = try await connect(host: host, port: port, configuration: configuration, incoming: incoming)
  let executor = session.bridge.executor
  return try await withThrowingTaskGroup(of: Void.self) { group in
    if let incoming, let onStream { group.addTask(executorPreference: executor) { await incoming.serve(onStream) } }
    defer { incoming?.finish() }
    do {
      let result = try await withTaskExecutorPreference(executor) { try await body(session) }
      await session.bridge.drain(timeout: configuration.drainTimeout)
      group.cancelAll()
      return result
    } catch {
      session.bridge.giveUp()
      await session.bridge.awaitEnd()
      group.cancelAll()
      throw error
    }
  }
}

private func connect(
  host: String, port: Int, configuration: TransportConfiguration, incoming: IncomingStreams?
) async throws -> LiveSession {
  try Task.checkCancellation()
  let candidates = CandidateBridges()
  let placement = configuration.taskPlacement
  let channel = try await SessionChannels.connect(host: host, port: port, configuration: configuration) { channel in
    candidates.makeBridge(channel: channel, placement, incoming)
  }.getUnlessCancelled()
  guard let session = try await candidates.session(over: channel) else { throw ChannelError.ioOnClosedChannel }
  return session
}

extension EventLoopFuture<any Channel> {
  /// Waits no longer than the task lasts; a connection that comes later is closed.
  fileprivate func getUnlessCancelled() async throws -> any Channel {
    let first = eventLoop.makePromise(of: (any Channel).self)
    first.completeWith(self)
    first.futureResult.whenFailure { _ in self.whenSuccess { $0.close(promise: nil) } }
    return try await withTaskCancellationHandler {
      try await first.futureResult.get()
    } onCancel: {
      first.fail(CancellationError())
    }
  }
}

/// The bridges of all addresses that were tried; a name may stand for several.
private final class CandidateBridges: Sendable {
  private let bridges = Mutex<[ObjectIdentifier: NIOLoopBound<SessionBridge>]>([:])

  func makeBridge(channel: any Channel, _ placement: TaskPlacement, _ incoming: IncomingStreams?) -> SessionBridge {
    let bridge = SessionBridge(channel: channel, placement, incoming, onEnd: {})
    bridges.withLock { $0[ObjectIdentifier(channel)] = NIOLoopBound(bridge, eventLoop: channel.eventLoop) }
    return bridge
  }

  func session(over channel: any Channel) async throws -> LiveSession? {
    let bridge = bridges.withLock { $0[ObjectIdentifier(channel)] }
    return try await channel.eventLoop.submit { bridge?.value.publicSession() }.get()
  }
}
