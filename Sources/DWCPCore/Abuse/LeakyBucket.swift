/// Counts events that leak away at a steady rate (SPEC LIM-1).
struct LeakyBucket: Hashable, Sendable {
  private let capacity: UInt64
  private let leakPerSecond: UInt64
  /// Events in the bucket, times 10^9.
  private var level: UInt64 = 0
  private var lastUse = Instant(nanoseconds: 0)

  private static let unit: UInt64 = 1_000_000_000

  /// - Parameter capacity: events allowed at once, at most 10^9.
  init(capacity: UInt64, leakPerSecond: UInt64) {
    self.capacity = capacity
    self.leakPerSecond = leakPerSecond
  }

  /// Adds one event; false when the bucket overflows.
  mutating func add(now: Instant) -> Bool {
    let (leaked, isHuge) = now.nanoseconds(since: lastUse).multipliedReportingOverflow(by: leakPerSecond)
    level = isHuge ? 0 : level &- min(level, leaked)
    lastUse = max(lastUse, now)
    guard level <= (capacity &- 1) &* Self.unit else { return false }
    level &+= Self.unit
    return true
  }
}

/// The budgets of one session for frames that cost its receiver something and its sender nothing (SPEC section 14).
struct AbuseLedger: Hashable, Sendable {
  private var pings = LeakyBucket(capacity: 100, leakPerSecond: 10)
  private var idleFrames = LeakyBucket(capacity: 1_000, leakPerSecond: 100)
  private var resets = LeakyBucket(capacity: 200, leakPerSecond: 20)
  private var ownResetCount = 0

  mutating func notePing(now: Instant) throws(SessionError) {
    guard pings.add(now: now) else { throw .overflow("PINGs") }
  }

  /// A frame that changed nothing: unknown, late or repeated.
  mutating func noteIdleFrame(now: Instant) throws(SessionError) {
    guard idleFrames.add(now: now) else { throw .overflow("frames without progress") }
  }

  /// This end has reset a stream that the other end opened. It counts when the other end sends on: a peer that makes us reset its
  /// streams costs as much as one that resets them itself.
  mutating func noteOwnReset() {
    ownResetCount &+= 1
  }

  mutating func settleOwnResets(now: Instant) throws(SessionError) {
    while ownResetCount > 0 {
      ownResetCount &-= 1
      try noteReset(now: now)
    }
  }

  /// A reset or stop of a stream that the other end opened.
  mutating func noteReset(now: Instant) throws(SessionError) {
    guard resets.add(now: now) else { throw .overflow("resets") }
  }
}

extension SessionError {
  fileprivate static func overflow(_ bucket: String) -> SessionError {
    .peer(.excessiveLoad, "LIM-1", "the budget of \(bucket) is exhausted; the other end sends too many")
  }
}
