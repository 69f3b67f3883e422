public import DWCPCore
internal import NIOCore

/// Two engines with an emulated link between them, on a clock that stands still until there is something to do: a transfer of minutes takes as long as its bytes
/// take to compute, and equal seeds give equal sessions, to the nanosecond.
///
/// Call ``step(_:)`` until what you wait for has happened, and read ``now``. Codecs and applications take no time here.
public struct VirtualLink {
  /// One of the two ends.
  public enum End: CaseIterable, Hashable, Sendable {
    /// The initiator.
    case client
    /// The acceptor.
    case server

    var other: End { self == .client ? .server : .client }
  }

  private struct Peer {
    var session: Session
    /// From this end to the other one.
    var outgoing: LinkDirection
  }

  /// The virtual instant; it begins at one second.
  public private(set) var now = Instant(nanoseconds: 1_000_000_000)
  /// Whether the link has been killed.
  public private(set) var isKilled = false

  private var client: Peer
  private var server: Peer
  private let codecs = CodecContext()
  private var batch = TransmitBatch()

  /// Two ends that have not exchanged anything.
  ///
  /// - Parameter emulation: what the link does; its schedules count from ``now``, and the sessions' secrets come from its seed too.
  public init(
    client: SessionConfiguration = SessionConfiguration(), server: SessionConfiguration = SessionConfiguration(),
    emulation: LinkEmulation
  ) {
    var generator = SeededGenerator(seed: emulation.seed)
    let start = now
    func peer(_ role: Role, _ configuration: SessionConfiguration, _ conditions: LinkConditions) -> Peer {
      let secrets = SessionSecrets(using: &generator)
      return Peer(
        session: Session(role: role, configuration: configuration, secrets: secrets, now: start),
        outgoing: LinkDirection(conditions, seed: generator.next(), start: start))
    }
    self.client = peer(.initiator, client, emulation.toServer)
    self.server = peer(.acceptor, server, emulation.toClient)
  }

  /// Gives commands to one end; what it wants to send leaves with the next step.
  public mutating func perform<Result>(at end: End, _ body: (inout Session) throws -> Result) rethrows -> Result {
    try end == .client ? body(&client.session) : body(&server.session)
  }

  /// Does everything that there is to do at ``now``; when there is nothing, it first moves the clock to when there is.
  ///
  /// - Parameter application: what each end does about an event of its session, at ``now``.
  /// - Returns: false when nothing will ever happen again.
  public mutating func step(
    _ application: (End, SessionEvent, inout Session, Instant) throws -> Void
  ) rethrows -> Bool {
    if try settle(application) { return true }
    let deadlines = [
      client.outgoing.nextDeadline, server.outgoing.nextDeadline, client.session.nextDeadline,
      server.session.nextDeadline,
    ]
    // One that has passed cannot be met before the link has room again.
    guard let next = deadlines.compactMap({ $0 }).filter({ $0 > now }).min() else { return false }
    now = next
    _ = try settle(application)
    return true
  }

  /// Kills the link: both ends lose their connection, and what is on its way is lost.
  public mutating func kill() {
    isKilled = true
    client.outgoing.kill()
    server.outgoing.kill()
    client.session.endOfInput()
    server.session.endOfInput()
  }

  /// Lets nothing come out at either end until ``resume()``.
  public mutating func stall() {
    client.outgoing.stall(now: now)
    server.outgoing.stall(now: now)
  }

  /// Ends the stall that ``stall()`` began.
  public mutating func resume() {
    client.outgoing.resume(now: now)
    server.outgoing.resume(now: now)
  }
}

extension VirtualLink {
  /// Whether anything happened.
  private mutating func settle(
    _ application: (End, SessionEvent, inout Session, Instant) throws -> Void
  ) rethrows -> Bool {
    var hasSettled = false
    var isBusy = true
    while isBusy {
      isBusy = false
      for end in End.allCases where try advance(end, application) { isBusy = true }
      hasSettled = hasSettled || isBusy
    }
    return hasSettled
  }

  /// One round of an end; whether something happened.
  private mutating func advance(
    _ end: End, _ application: (End, SessionEvent, inout Session, Instant) throws -> Void
  ) rethrows -> Bool {
    let hasReceived = receive(at: end)
    let now = now
    let codecs = codecs
    let hasWorked = try perform(at: end) { session in
      var hasWorked = false
      if let deadline = session.nextDeadline, deadline <= now { session.handleDeadline(now: now) }
      while let job = session.nextJob() {
        session.complete(job.run(in: codecs), now: now)
        hasWorked = true
      }
      while let event = session.nextEvent() {
        try application(end, event, &session, now)
        hasWorked = true
      }
      return hasWorked
    }
    let hasSent =
      end == .client
      ? Self.transmit(from: &client, by: &batch, now: now) : Self.transmit(from: &server, by: &batch, now: now)
    return hasReceived || hasWorked || hasSent
  }

  private mutating func receive(at end: End) -> Bool {
    let output = end == .client ? server.outgoing.poll(now: now) : client.outgoing.poll(now: now)
    switch output {
    case .bytes(let bytes):
      let now = now
      perform(at: end) { $0.receive(bytes, now: now) }
    case .end:
      perform(at: end) { $0.endOfInput() }
    case .killed:
      kill()
    case nil:
      return false
    }
    return true
  }

  private static func transmit(from peer: inout Peer, by batch: inout TransmitBatch, now: Instant) -> Bool {
    var hasSent = false
    while peer.outgoing.freeByteCount > 0 {
      batch.removeAll()
      peer.session.transmit(maximumByteCount: min(peer.outgoing.freeByteCount, 256 << 10), now: now, into: &batch)
      guard batch.byteCount > 0 else { break }
      batch.forEachBuffer { peer.outgoing.send($0, now: now) }
      hasSent = true
    }
    if peer.session.wantsClose { peer.outgoing.finish(now: now) }
    return hasSent
  }
}
