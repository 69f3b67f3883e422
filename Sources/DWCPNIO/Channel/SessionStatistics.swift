public import DWCPCore
internal import NIOCore
internal import Synchronization

/// Adds up what the sessions of a server, a client or both have counted: those that are open and those that have ended, so that no
/// counter ever goes back.
///
/// Give it to ``TransportConfiguration/statistics`` before the first session begins, and ask from any thread. Sessions count on their own
/// event loops without a lock; a question visits each loop for the time it takes to copy some numbers.
public final class SessionStatistics: Sendable {
  private struct State {
    var live: [ObjectIdentifier: LiveHandler] = [:]
    var ended = SessionCounters()
  }

  private struct LiveHandler {
    let eventLoop: any EventLoop
    let handler: NIOLoopBound<SessionHandler>
  }

  private let state = Mutex(State())

  /// No session yet.
  public init() {}

  /// The sum over all sessions. Ask again only when you have the answer to get readings in order.
  public func snapshot() async -> SessionSnapshot {
    var sum = SessionSnapshot()
    // A session that ends from here on still has its last counts in its handler, and is not among the ended ones yet.
    let live = state.withLock { state in
      sum.counters = state.ended
      return Array(state.live.values)
    }
    let answers = live.map { session in session.eventLoop.submit { session.handler.value.snapshot } }
    for answer in answers {
      // Only an event loop that was shut down gives no answer.
      if let snapshot = try? await answer.get() { sum.add(snapshot) }
    }
    return sum
  }

  /// Asks the other end of each open session for an answer, so that later snapshots know the round trips (SPEC LIV-1). Not more often
  /// than once a second: a peer may take more for an attack (SPEC section 14).
  public func measureRoundTrips() {
    for session in state.withLock({ Array($0.live.values) }) {
      session.eventLoop.execute { session.handler.value.perform { $0.ping(now: .current) } }
    }
  }

  /// Connections that stand now, whether their sessions are open or not.
  public var connectionCount: Int { state.withLock(\.live.count) }

  /// On the handler's event loop, as ``retire(_:)``.
  func add(_ handler: SessionHandler, eventLoop: any EventLoop) {
    let session = LiveHandler(eventLoop: eventLoop, handler: NIOLoopBound(handler, eventLoop: eventLoop))
    state.withLock { $0.live[ObjectIdentifier(handler)] = session }
  }

  /// Takes over the last counts of a session whose channel has gone.
  func retire(_ handler: SessionHandler) {
    let counters = handler.counters
    state.withLock { state in
      guard state.live.removeValue(forKey: ObjectIdentifier(handler)) != nil else { return }
      state.ended.add(counters)
    }
  }
}
