internal import DequeModule
internal import NIOCore

extension Session {
  /// When ``handleDeadline(now:)`` wants to be called, at the latest.
  public var nextDeadline: Instant? { deadline }

  @inline(__always)
  private var deadline: Instant? {
    guard progress.isLive else { return nil }
    let ofLink = Instant.earlier(liveness.nextDeadline, link.nextDeadline)
    return Instant.earlier(ofLink, Instant.earlier(goAway.secondDeadline, stalls.nextDeadline))
  }

  /// What an owner asks after each turn: ``nextDeadline`` and ``wantsClose``. Nothing changes; but what only looks is given a copy of the session, which is
  /// three kilobytes.
  package mutating func outlook() -> (nextDeadline: Instant?, wantsClose: Bool) { (deadline, phase == .closed) }

  /// Acts on the passing of time. Calling it early, or again, is harmless.
  public mutating func handleDeadline(now: Instant) {
    makeStreamsUnique()
    guard progress.isLive else { return }
    link.handleDeadline(now: now)
    handleStalls(now: now)
    if let deadline = goAway.secondDeadline, deadline <= now { announceLastStream() }
    switch liveness.verdict(now: now) {
    case .alive:
      break
    case .probe:
      probe(now: now)
    case .handshakeTimedOut:
      fail(
        SessionError(
          code: .handshakeTimeout, blame: .network, rule: "HS-6",
          message: "the other end did not complete the handshake in time; check that it speaks DWCP"))
    case .idle:
      fail(
        SessionError(
          code: .idleTimeout, blame: .network, rule: "LIV-3",
          message: "nothing arrived for the idle timeout; the other end or the network is dead"))
    }
  }

  /// A ping of the engine's own: nobody is told of the answer.
  mutating func probe(now: Instant) {
    guard isActive, outbox.ping == nil, let value = liveness.makeProbe(now: now) else { return }
    outbox.ping = value
  }

  /// Asks the other end for an answer; ``SessionEvent/pong(roundTripNanoseconds:)`` gives the round trip (SPEC LIV-1).
  public mutating func ping(now: Instant) {
    guard isActive, let value = liveness.makePing(now: now) else { return }
    outbox.ping = value
  }

  /// Ends the session in an orderly way (SPEC END-2): no new streams, those there are finish, then CLOSE.
  public mutating func drain(now: Instant) {
    guard isActive else { return close(.noError, text: "") }
    guard let highest = goAway.announce(now: now) else { return }
    outbox.goAway = GoAwayNotice(code: .shutdown, lastStreamID: highest, text: "shutting down")
    ping(now: now)
  }

  /// The second phase: names the last stream that will be processed.
  mutating func announceLastStream() {
    let last = StreamID(rawValue: peerOrdinal == 0 ? 0 : StreamID(ordinal: peerOrdinal, openedBy: role.other).rawValue)
    guard goAway.nameLast(last) else { return }
    outbox.goAway = GoAwayNotice(code: .shutdown, lastStreamID: last, text: "shutting down")
    closeIfDrained()
  }

  /// CLOSE follows when the last stream of a draining session is gone.
  mutating func closeIfDrained() {
    guard isActive, goAway.phase == .named, streams.count == 0 else { return }
    close(.noError, text: "")
  }

  /// Ends the session at once, for both ends and all streams (SPEC END-4).
  public mutating func close(_ code: ErrorCode, text: String) {
    guard progress.isLive else { return }
    let isSilent = role == .acceptor && agreement == nil
    outbox.close = isSilent ? nil : CloseReason(code: code, text: text)
    progress.apply(isSilent ? .over : .lastWordsQueued)
    noteEnd(code == .noError ? nil : SessionError(code: code, blame: .caller, rule: "", message: text))
  }

  /// Ends the session because of an error; the other end learns which (SPEC ERR-1).
  mutating func fail(_ error: SessionError) {
    guard progress.isLive else { return }
    progress.apply(.lastWordsQueued)
    let isPolicy = role == .initiator && error.refusal != nil && remotePreface != nil
    if (role == .acceptor && agreement == nil) || (isPolicy && agreement == nil) {
      queueRefusal(error)
    } else if remotePreface == nil {
      // A stranger on the other end would not understand CLOSE (SPEC PRE-2).
      outbox.handshake.clear()
      progress.apply(.over)
    } else {
      outbox.close = CloseReason(
        code: error.code, text: error.rule.isEmpty ? error.message : "\(error.rule): \(error.message)")
    }
    noteEnd(error)
  }

  /// Tells the end of the session, once, and counts it and the streams that end with it.
  mutating func noteEnd(_ error: SessionError?) {
    if agreement == nil {
      counters.sessionsClosed.handshakeFailed &+= 1
    } else if error == nil {
      counters.sessionsClosed.orderly &+= 1
    } else {
      counters.sessionsClosed.failed &+= 1
    }
    counters.streamsClosed.sessionEnded &+= UInt64(streams.count)
    // Their histories are of no more use, however long the owner keeps the session; where what can still be read belongs is.
    sendChains = [:]
    receiveChains = [:]
    pageJobs = []
    outgoingObjects = OutgoingObjects()
    incomingObjects = IncomingObjects(budget: 0)
    events.append(.ended(error))
  }
}
