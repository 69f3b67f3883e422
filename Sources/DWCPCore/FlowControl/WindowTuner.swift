/// A window of credit that follows what is consumed in a round trip (SPEC CRD-8).
///
/// It is four times that, so that it never holds the sender up. A new limit takes half a round trip to the sender, and what it lets go half of one
/// back; by then a sender that is still finding out what its link takes sends several times as much, so that the window is eight times what was
/// consumed while that rises. It shrinks slowly, by granting less from then on.
struct WindowTuner: Hashable, Sendable {
  /// Round trips that are shorter are looked at together: what fits into one is far less than any window.
  private static let leastIntervalNanoseconds: UInt64 = 100_000

  private struct Look: Hashable, Sendable {
    /// When it was.
    var instant: Instant
    var consumed: UInt64
    /// What was consumed in the round trip before.
    var roundTripUnits: UInt64 = 0
  }

  private(set) var window: UInt64
  /// The last look, if there was one: in memory of its own, since most streams never get that far.
  private var lastLook: [Look] = []

  init(window: UInt64) {
    self.window = window
  }

  /// Whether a look would change anything.
  @inline(__always)
  func isDue(consumed: UInt64, roundTripNanoseconds: UInt64, now: Instant) -> Bool {
    // Less would change nothing.
    guard let last = lastLook.first else { return consumed >= window / 8 }
    return now.nanoseconds(since: last.instant) >= max(Self.leastIntervalNanoseconds, roundTripNanoseconds)
  }

  /// Looks again, once in a round trip, where `isDue` says so.
  ///
  /// - Parameter consumed: units consumed since the beginning.
  /// - Parameter bounds: what the window may be.
  mutating func tune(consumed: UInt64, roundTripNanoseconds: UInt64, now: Instant, bounds: ClosedRange<UInt64>) {
    guard let last = lastLook.first else {
      lastLook = [Look(instant: now, consumed: 0)]
      return
    }
    let elapsed = now.nanoseconds(since: last.instant)
    let units = (consumed &- last.consumed).scaled(by: roundTripNanoseconds, over: elapsed)
    let isRising = units / 5 > last.roundTripUnits / 4
    let (target, isTooMuch) = units.multipliedReportingOverflow(by: isRising ? 8 : 4)
    window = max(isTooMuch ? .max : target, window &- window / 8)
    window = min(max(window, bounds.lowerBound), bounds.upperBound)
    lastLook[0] = Look(instant: now, consumed: consumed, roundTripUnits: units)
  }

  /// Lets go of all memory.
  @inline(__always)
  mutating func vacate() {
    lastLook = []
  }

  /// So much is known to come.
  mutating func raise(to size: UInt64, limit: UInt64) {
    window = max(window, min(size, limit))
  }
}

extension UInt64 {
  /// This times a fraction that is at most one.
  fileprivate func scaled(by part: UInt64, over whole: UInt64) -> UInt64 {
    let product = multipliedFullWidth(by: part)
    guard product.high < whole else { return .max }
    if product.high == 0 { return product.low / whole }
    return whole.dividingFullWidth(product).quotient
  }
}
