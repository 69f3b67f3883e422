/// Numbered frames of one link, both ways (SPEC ACK-1, ACK-2).
struct LinkAccounting: Hashable, Sendable {
  private static let frameCountPerAcknowledgement: UInt64 = 64
  static let byteCountPerAcknowledgement: UInt64 = 4_096

  private(set) var sentNumberedCount: UInt64 = 0
  private(set) var acknowledgedCount: UInt64 = 0
  private(set) var receivedNumberedCount: UInt64 = 0
  private var toldCount: UInt64 = 0
  private var byteCountSinceTold: UInt64 = 0
  /// When an acknowledgement must have been sent.
  private var acknowledgementDeadline: Instant?
  /// That time has come; the acknowledgement goes as soon as the connection takes it.
  private var isAcknowledgementDue = false

  /// Nil when nothing is owed, and when the time has come already: a deadline that stays in the past until the connection takes bytes would keep
  /// a timer firing without end.
  var nextDeadline: Instant? { isAcknowledgementDue ? nil : acknowledgementDeadline }

  mutating func handleDeadline(now: Instant) {
    if let acknowledgementDeadline, acknowledgementDeadline <= now { isAcknowledgementDue = true }
  }

  mutating func noteSent(_ type: FrameType, count: Int = 1) {
    if type.isNumbered { sentNumberedCount &+= UInt64(count) }
  }

  mutating func noteReceived(_ header: FrameHeader, now: Instant, delayMilliseconds: UInt16) {
    byteCountSinceTold &+= UInt64(FrameHeader.byteCount &+ header.remainderByteCount)
    guard header.type.isNumbered else { return }
    receivedNumberedCount &+= 1
    // Half of what was announced, so that a late timer keeps the promise too.
    let delayNanoseconds = UInt64(delayMilliseconds) &* 500_000
    acknowledgementDeadline = acknowledgementDeadline ?? now.advanced(byNanoseconds: delayNanoseconds)
  }

  /// More of the frames that were noted last.
  mutating func noteReceivedMore(frameCount: Int, byteCount: Int) {
    byteCountSinceTold &+= UInt64(byteCount)
    receivedNumberedCount &+= UInt64(frameCount)
  }

  mutating func receiveAcknowledgement(_ count: UInt64) throws(SessionError) {
    guard count >= acknowledgedCount, count <= sentNumberedCount else {
      throw .peer(.protocol, "ACK-1", "ACK \(count) is not between \(acknowledgedCount) and \(sentNumberedCount)")
    }
    acknowledgedCount = count
  }

  func owesAcknowledgement(now: Instant) -> Bool {
    guard let acknowledgementDeadline else { return false }
    return isAcknowledgementDue || acknowledgementDeadline <= now
      || receivedNumberedCount &- toldCount >= Self.frameCountPerAcknowledgement
      || byteCountSinceTold >= Self.byteCountPerAcknowledgement
  }

  /// The count to tell; nothing is owed afterwards.
  mutating func takeAcknowledgement() -> UInt64 {
    toldCount = receivedNumberedCount
    byteCountSinceTold = 0
    acknowledgementDeadline = nil
    isAcknowledgementDue = false
    return receivedNumberedCount
  }
}
