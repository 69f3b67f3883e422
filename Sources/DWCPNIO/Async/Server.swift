internal import Logging
public import NIOCore
internal import Synchronization

/// A listening endpoint, for as long as its scope lasts.
public struct Server: Sendable {
  /// Where it listens; with port 0 asked for, this has the one that was found.
  public let localAddress: SocketAddress?
  private let sessions: SessionRegistry

  fileprivate init(localAddress: SocketAddress?, sessions: SessionRegistry) {
    self.localAddress = localAddress
    self.sessions = sessions
  }

  /// Sessions that are open now.
  public var sessionCount: Int { sessions.count }
}

/// Listens, serves, and ends with the scope: when the body returns no new sessions are taken, the streams there are may finish within
/// ``TransportConfiguration/drainTimeout``, and then the sessions close (SPEC END-2); at once when the body throws or the task is cancelled.
///
/// - Parameter port: 0 for any free one.
/// - Parameter onStream: serves one stream, in a task of its own; what it throws resets the stream.
public nonisolated(nonsending) func withServer<Result>(
  host: String, port: Int, configuration: TransportConfiguration = TransportConfiguration(),
  onStream: @escaping @Sendable (SessionStream) async throws -> Void,
  body: (Server) async throws -> Result
) async throws -> Result {
  let (begun, beginnings) = AsyncStream<BegunSession>.makeStream()
  let sessions = SessionRegistry(configuration) { _ = beginnings.yield($0) }
  let listener = try await SessionChannels.listen(host: host, port: port, configuration: configuration) { channel in
    sessions.makeBridge(channel: channel)
  }.get()
  return try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { await serve(begun, onStream) }
    do {
      let result = try await body(Server(localAddress: listener.localAddress, sessions: sessions))
      try? await listener.close()
      await sessions.drain(timeout: configuration.drainTimeout)
      beginnings.finish()
      group.cancelAll()
      return result
    } catch {
      try? await listener.close()
      await sessions.drain(timeout: .zero)
      beginnings.finish()
      group.cancelAll()
      throw error
    }
  }
}

/// A session from which streams may come.
private struct BegunSession: Sendable {
  let incoming: IncomingStreams
  let executor: LoopExecutor?
}

/// Serves the streams of each session in a task of its own, whose children they are.
private func serve(
  _ sessions: AsyncStream<BegunSession>, _ onStream: @escaping @Sendable (SessionStream) async throws -> Void
) async {
  await withDiscardingTaskGroup { group in
    for await session in sessions {
      group.addTask(executorPreference: session.executor) { await session.incoming.serve(onStream) }
    }
  }
}

/// The open sessions of a server.
private final class SessionRegistry: Sendable {
  private static let noticeInterval = TimeAmount.seconds(10)

  private let sessions = Mutex<[ObjectIdentifier: LiveSession]>([:])
  private let nextNotice = Mutex(NIODeadline.uptimeNanoseconds(0))
  private let limit: Int
  private let placement: TaskPlacement
  private let logger: Logger
  private let onBegin: @Sendable (BegunSession) -> Void

  init(_ configuration: TransportConfiguration, onBegin: @escaping @Sendable (BegunSession) -> Void) {
    limit = configuration.maximumSessionCount
    placement = configuration.taskPlacement
    logger = configuration.logger
    self.onBegin = onBegin
  }

  var count: Int { sessions.withLock(\.count) }

  /// Nil when there are as many sessions as there may be.
  func makeBridge(channel: any Channel) -> SessionBridge? {
    let key = ObjectIdentifier(channel)
    let incoming = IncomingStreams()
    let bridge = SessionBridge(channel: channel, placement, incoming) {
      self.sessions.withLock { $0[key] = nil }
      incoming.finish()
    }
    let session = bridge.publicSession()
    let hasRoom = sessions.withLock { sessions in
      guard sessions.count < limit else { return false }
      sessions[key] = session
      return true
    }
    if hasRoom {
      onBegin(BegunSession(incoming: incoming, executor: session.bridge.executor))
    } else {
      noteRefusal(channel)
    }
    return hasRoom ? bridge : nil
  }

  /// One line now and then, since whoever connects without end must not fill the log.
  private func noteRefusal(_ channel: any Channel) {
    let now = NIODeadline.now()
    let isDue = nextNotice.withLock { next in
      guard next <= now else { return false }
      next = now + Self.noticeInterval
      return true
    }
    guard isDue else { return }
    let peer = channel.remoteAddress.map { "\($0)" } ?? "an unknown address"
    logger.warning(
      "a connection from \(peer) was closed, and more may be: \(limit) sessions are open, as many as there may be")
  }

  func drain(timeout: TimeAmount) async {
    let open = sessions.withLock { Array($0.values) }
    await withDiscardingTaskGroup { group in
      for session in open { group.addTask { await session.bridge.drain(timeout: timeout) } }
    }
  }
}
