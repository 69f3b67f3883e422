/// How many cores encode, as was seen while there was work for all of them: those that the machine has are wanted by event loops, by the other end where
/// it is on the same machine, and by whatever else runs.
///
/// A value without a clock.
public struct GrantedCores: Hashable, Sendable {
  private static let windowNanoseconds: UInt64 = 5_000_000
  private static let weight = 0.25
  private static let leastCount = 0.05
  /// What was seen is believed for so long; then there may be more.
  private static let freshNanoseconds: UInt64 = 500_000_000
  private static let growth = 1.25

  /// Cores that may encode; at least 1.
  public let limit: Int
  /// Cores that do, as far as was seen.
  public private(set) var count: Double
  private var windowStart: Instant?
  private var workNanoseconds: UInt64 = 0
  private var seen: Instant?

  /// None was seen to be missing.
  public init(limit: Int) {
    self.limit = max(1, limit)
    count = Double(self.limit)
  }

  /// A block has been encoded.
  ///
  /// - Parameter nanoseconds: what a core spent on it; 0 if nobody has looked.
  /// - Parameter pendingCount: blocks that are with the cores or wait for them still.
  /// - Parameter now: the current instant, on the clock of the session.
  public mutating func noteEncoded(nanoseconds: UInt64, pendingCount: Int, now: Instant) {
    guard nanoseconds > 0 else { return }
    if let seen, now.nanoseconds(since: seen) > Self.freshNanoseconds {
      count = min(Double(limit), count * Self.growth)
      self.seen = now
    }
    if let start = windowStart {
      workNanoseconds &+= nanoseconds
      let elapsed = now.nanoseconds(since: start)
      if elapsed >= Self.windowNanoseconds {
        let measured = min(max(Self.leastCount, Double(workNanoseconds) / Double(elapsed)), Double(limit))
        count += (measured - count) * Self.weight
        seen = now
        windowStart = nil
      }
    }
    guard pendingCount >= limit else {
      windowStart = nil
      return
    }
    if windowStart == nil {
      windowStart = now
      workNanoseconds = 0
    }
  }
}
