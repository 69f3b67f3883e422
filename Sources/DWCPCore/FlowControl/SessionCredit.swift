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

/// Session credit for receiving: what all streams together were charged and have consumed.
struct SessionReceiveCredit: Hashable, Sendable {
  let window: UInt64
  private(set) var grantedLimit: UInt64
  private(set) var charged: UInt64 = 0
  private(set) var consumed: UInt64 = 0

  init(window: UInt64) {
    self.window = window
    grantedLimit = window
  }

  func check(newUnits: UInt64) throws(SessionError) {
    guard newUnits <= grantedLimit &- charged else {
      throw .peer(.flowControl, "CRD-2", "a block exceeds the session's credit of \(grantedLimit)")
    }
  }

  mutating func charge(_ units: UInt64) { charged &+= units }
  mutating func consume(_ units: UInt64) { consumed &+= units }

  /// The limit worth granting now (SPEC CRD-5).
  var limitToGrant: UInt64? {
    let limit = min(consumed &+ window, DataFrame.maximumOffset)
    return limit >= grantedLimit &+ window / 4 ? limit : nil
  }

  mutating func grant(_ limit: UInt64) { grantedLimit = limit }
}
