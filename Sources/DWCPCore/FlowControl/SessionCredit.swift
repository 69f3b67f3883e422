/// Session credit for sending (SPEC CRD-2).
struct SessionSendCredit: Hashable, Sendable {
  private(set) var limit: UInt64 = Announcement().sessionCredit
  private(set) var charged: UInt64 = 0

  var available: UInt64 { limit &- min(limit, charged) }

  mutating func raise(to limit: UInt64) { self.limit = max(self.limit, limit) }
  mutating func charge(_ units: UInt64) { charged &+= units }
  /// Units that were charged when a block was cut and that a reset kept from being sent.
  mutating func refund(_ units: UInt64) { charged &-= min(charged, units) }
}

/// Session credit for receiving: what all streams together were charged and have consumed, within a budget of memory.
///
/// What a stalled reader leaves unread is written off: it counts as consumed, so that the window serves those who read, as long as window and
/// written-off units together keep within the budget (SPEC CRD-9).
struct SessionReceiveCredit: Hashable, Sendable {
  private let initialWindow: UInt64
  private let budget: UInt64
  private var tuner: WindowTuner
  private(set) var grantedLimit: UInt64
  private(set) var charged: UInt64 = 0
  private(set) var consumed: UInt64 = 0
  /// Units that count as consumed and have not been read.
  private(set) var writtenOff: UInt64 = 0

  init(window: UInt64, budget: UInt64) {
    initialWindow = window
    self.budget = max(window, budget)
    tuner = WindowTuner(window: window)
    grantedLimit = window
  }

  var window: UInt64 { tuner.window }
  /// Received and not read, whether written off or not.
  var unread: UInt64 { charged &- consumed &+ writtenOff }
  /// So much waits to be read that a reader who has stalled may be in the way of others.
  var isTight: Bool { charged &- consumed >= window / 2 }
  /// Units that may still be written off.
  var writeOffRoom: UInt64 { budget &- min(budget, window &+ writtenOff) }

  @inline(__always)
  func check(newUnits: UInt64) throws(SessionError) {
    guard newUnits <= grantedLimit &- charged else {
      throw .peer(.flowControl, "CRD-2", "a block exceeds the session's credit of \(grantedLimit)")
    }
  }

  mutating func charge(_ units: UInt64) { charged &+= units }

  /// Units were read, `recovered` of which had been written off.
  mutating func consume(_ units: UInt64, recovered: UInt64) {
    consumed &+= units &- min(units, recovered)
    writtenOff &-= min(writtenOff, recovered)
  }

  mutating func writeOff(_ units: UInt64) {
    consumed &+= units
    writtenOff &+= units
  }

  @inline(__always)
  func isTuningDue(roundTripNanoseconds: UInt64, now: Instant) -> Bool {
    tuner.isDue(consumed: consumed, roundTripNanoseconds: roundTripNanoseconds, now: now)
  }

  @inline(__always)
  mutating func tune(roundTripNanoseconds: UInt64, now: Instant) {
    guard isTuningDue(roundTripNanoseconds: roundTripNanoseconds, now: now) else { return }
    // A quarter is kept back, so that a reader who stalls while the window is at its largest can be written off all the same.
    let highest = max(initialWindow, budget &- max(budget / 4, min(budget, writtenOff)))
    tuner.tune(
      consumed: consumed, roundTripNanoseconds: roundTripNanoseconds, now: now, bounds: initialWindow...highest)
  }

  /// The limit worth granting now (SPEC CRD-5).
  var limitToGrant: UInt64? {
    let limit = min(consumed &+ window, DataFrame.maximumOffset)
    return limit >= grantedLimit &+ window / 4 ? limit : nil
  }

  mutating func grant(_ limit: UInt64) { grantedLimit = limit }
}
