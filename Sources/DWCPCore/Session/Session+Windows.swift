/// Windows that fit themselves to what is read, and readers that no longer read (SPEC CRD-8, CRD-9).
extension Session {
  private static let probeIntervalNanoseconds: UInt64 = 2_000_000_000
  /// Where so much has come the round trip will soon be wanted.
  private static let probedByteCount: UInt64 = 65_536

  /// Data has come: fits the windows of its stream and of the session, once in a round trip, and asks for the round trip when it is not known, or old.
  mutating func tuneWindows(at slot: Int, now: Instant) {
    if isProbeDue(now: now) { probe(now: now) }
    guard let roundTrip = flow.shortestRoundTripNanoseconds else { return }
    receiveCredit.tune(roundTripNanoseconds: roundTrip, now: now)
    let bounds = local.streamCredit...max(local.streamCredit, receiveCredit.window)
    streams[slot: slot].receive.tuneWindow(roundTripNanoseconds: roundTrip, now: now, bounds: bounds)
  }

  /// Whether that would do anything, the stream's own window aside.
  ///
  /// - Parameter roundTrip: the shortest of late, in nanoseconds.
  @inline(__always)
  mutating func isTuningDue(roundTrip: UInt64?, now: Instant) -> Bool {
    guard !isProbeDue(now: now) else { return true }
    return roundTrip.map { receiveCredit.isTuningDue(roundTripNanoseconds: $0, now: now) } ?? false
  }

  @inline(__always)
  private mutating func isProbeDue(now: Instant) -> Bool {
    let age = flow.roundTripInstant.map { now.nanoseconds(since: $0) } ?? .max
    return age >= Self.probeIntervalNanoseconds && receiveCredit.charged >= Self.probedByteCount
  }

  /// Looks for readers that have stalled, and lets those who read have their memory.
  mutating func handleStalls(now: Instant) {
    guard let look = stalls.look(now: now) else { return }
    var stalled: [StreamID] = []
    var areOthersRead = false
    for id in streams.ids {
      let isStalled = streams.update(id) { stream in
        guard stream.receive.hasUnread else {
          areOthersRead = areOthersRead || stream.receive.phase == .open
          return false
        }
        let isStalled = stream.receive.queue.contents.isSuspectedStalled
        areOthersRead = areOthersRead || !isStalled
        stream.receive.queue.contents.suspect(look: look)
        return isStalled
      }
      if isStalled == true { stalled.append(id) }
    }
    var victims = areOthersRead ? nil : [StreamID]()
    for id in stalled {
      counters.blocked[.reader] &+= 1
      writeOff(id, look: look, &victims)
    }
    if receiveCredit.isTight { stalls.begin(now: now) }
  }

  /// Where the budget does not suffice, those that stalled first make room, but only for streams that are read, and after a while.
  ///
  /// - Parameter victims: those that are left of them, the first one last; nil before anybody has looked.
  private mutating func writeOff(_ id: StreamID, look: UInt32, _ victims: inout [StreamID]?) {
    while let units = streams.update(id, { $0.receive.unspentUnitCount }), units > receiveCredit.writeOffRoom {
      if victims == nil { victims = stalledForLong(at: look) }
      guard let victim = victims?.popLast() else { return }
      stop(victim, code: .stalled)
      if victim == id { return }
    }
    receiveCredit.writeOff(streams.update(id) { $0.receive.writeOff() } ?? 0)
  }

  /// Those that stalled last come first.
  private mutating func stalledForLong(at look: UInt32) -> [StreamID] {
    var stalled: [(id: StreamID, look: UInt32)] = []
    for id in streams.ids {
      streams.update(id) { stream in
        guard stream.receive.hasUnread else { return }
        let since = stream.receive.queue.contents.stalledSinceLook
        if since > 0, look &- since >= StallWatch.leastLookCountBeforeStop { stalled.append((id, since)) }
      }
    }
    return stalled.sorted { ($0.look, $0.id.rawValue) > ($1.look, $1.id.rawValue) }.map(\.id)
  }
}

/// When to look for readers that have stalled: while unread bytes fill half of the session's window.
struct StallWatch: Hashable, Sendable {
  private static let intervalNanoseconds: UInt64 = 1_000_000_000
  /// A reader may have a pause without losing its stream.
  static let leastLookCountBeforeStop: UInt32 = 30

  private(set) var nextDeadline: Instant?
  private var lookCount: UInt32 = 0

  mutating func begin(now: Instant) {
    if nextDeadline == nil { nextDeadline = now.advanced(byNanoseconds: Self.intervalNanoseconds) }
  }

  /// The number of this look, when it is time for one.
  mutating func look(now: Instant) -> UInt32? {
    guard let deadline = nextDeadline, deadline <= now else { return nil }
    nextDeadline = nil
    lookCount &+= 1
    return lookCount
  }
}
