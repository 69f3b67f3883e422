/// Counts events that leak away at a steady rate (SPEC LIM-1).
struct LeakyBucket: Hashable, Sendable {
  private let capacity: UInt64
  private let leakPerSecond: UInt64
  /// Events in the bucket, times 10^9.
  private var level: UInt64 = 0
  private var lastUse = Instant(nanoseconds: 0)

  private static let unit: UInt64 = 1_000_000_000

  init(_ budget: AbuseBudgets.Budget) {
    capacity = min(budget.capacity, 1_000_000_000)
    leakPerSecond = budget.perSecond
  }

  /// Adds some events, at most 10^9; false when the bucket overflows.
  @inline(__always)
  mutating func add(_ count: UInt64 = 1, now: Instant) -> Bool {
    let (leaked, isHuge) = now.nanoseconds(since: lastUse).multipliedReportingOverflow(by: leakPerSecond)
    level = isHuge ? 0 : level &- min(level, leaked)
    lastUse = max(lastUse, now)
    guard count <= capacity, level <= (capacity &- count) &* Self.unit else { return false }
    level &+= count &* Self.unit
    return true
  }
}
