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
/// ``TransportConfiguration/drainTimeout``, and then the sessions close (SPEC END-2).
///
/// - Parameter port: 0 for any free one.
/// - Parameter onStream: serves one stream, in a task of its own; what it throws resets the stream.
public nonisolated(nonsending) func withServer<Result>(
  host: String, port: Int, configuration: TransportConfiguration = TransportConfiguration(),
  onStream: @escaping @Sendable (SessionStream) async throws -> Void,
  body: (Server) async throws -> Result
) async throws -> Result {
  let (incoming, arrivals) = AsyncStream<SessionStream>.makeStream()
  let sessions = SessionRegistry()
  let listener = try await SessionChannels.listen(host: host, port: port, configuration: configuration) { channel in
    sessions.makeBridge(channel: channel) { _ = arrivals.yield($0) }
  }.get()
  return try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { await serve(incoming, onStream) }
    do {
      let result = try await body(Server(localAddress: listener.localAddress, sessions: sessions))
      try? await listener.close()
      await sessions.drain(timeout: configuration.drainTimeout)
      arrivals.finish()
      group.cancelAll()
      return result
    } catch {
      try? await listener.close()
      await sessions.drain(timeout: .zero)
      arrivals.finish()
      group.cancelAll()
      throw error
    }
  }
}

/// The open sessions of a server.
private final class SessionRegistry: Sendable {
  private let sessions = Mutex<[ObjectIdentifier: BridgeAccess]>([:])

  var count: Int { sessions.withLock(\.count) }

  func makeBridge(channel: any Channel, _ onStream: @escaping @Sendable (SessionStream) -> Void) -> SessionBridge {
    let key = ObjectIdentifier(channel)
    let bridge = SessionBridge(channel: channel, onStream: onStream) {
      self.sessions.withLock { $0[key] = nil }
    }
    let access = BridgeAccess(bridge, eventLoop: channel.eventLoop)
    sessions.withLock { $0[key] = access }
    return bridge
  }

  func drain(timeout: TimeAmount) async {
    let open = sessions.withLock { Array($0.values) }
    await withDiscardingTaskGroup { group in
      for session in open { group.addTask { await session.drain(timeout: timeout) } }
    }
  }
}
