internal import NIOCore

/// The receiving direction of one stream (SPEC section 7, second table).
///
/// Three offsets only ever rise: `received` (charged), `consumed` (given back as credit) and the granted limit. What will never be
/// read, because the application stopped the stream or the peer reset it, counts as consumed at once, so that it cannot hold
/// session credit.
///
///     open     --FIN-------->  sizeKnown  --all read-->  done
///     open     --RESET------>  reset      --told------>  done
///     open, sizeKnown --stop or broken block-->  stopped  --final offset known-->  done
///     sizeKnown --RESET with the same offset-->  reset
///
/// Every transition is in this file.
struct ReceiveHalf: Hashable, Sendable {
  enum Phase: UInt8, Hashable, Sendable, CaseIterable {
    case open, sizeKnown, stopped, reset, done
  }

  /// Offset behind everything received: the stream's charge (SPEC CRD-2).
  private(set) var received: UInt64 = 0
  private(set) var grantedLimit: UInt64
  /// `UInt64.max` while it is not known.
  private var knownFinalOffset = UInt64.max
  private var tuner: WindowTuner
  var queue = Lent<ReceiveQueue>()
  /// Why the direction ended early: the peer's RESET code, our STOP code or a broken block.
  private(set) var failure: ErrorCode?
  private(set) var phase = Phase.open
  private(set) var isFailureReportedByPeer = false
  /// The application has left; STOP goes when the other end sends more than its FIN.
  private(set) var owesStop = false

  init(grantedLimit: UInt64) {
    self.grantedLimit = grantedLimit
    tuner = WindowTuner(window: grantedLimit)
  }

  @inline(__always)
  var finalOffset: UInt64? { knownFinalOffset == .max ? nil : knownFinalOffset }
  /// Units that have been received and not read; what nobody will read counts as read.
  @inline(__always)
  private var unreadUnitCount: UInt64 { queue.isHeld ? queue.contents.unreadUnitCount : 0 }
  @inline(__always)
  var consumed: UInt64 { received &- unreadUnitCount }
  /// Units that the session counts as consumed and that have not been read (SPEC CRD-9).
  @inline(__always)
  var writtenOff: UInt64 { queue.isHeld ? queue.contents.writtenOffUnitCount : 0 }
  @inline(__always)
  var hasReadable: Bool { queue.isHeld && queue.contents.isReadable }
  @inline(__always)
  var hasUnread: Bool { queue.isHeld && !queue.contents.isEmpty }

  @inline(__always)
  private var hasEverything: Bool { knownFinalOffset == received }
  @inline(__always)
  var isAtEnd: Bool { phase == .sizeKnown && hasEverything && !hasUnread }
  /// The application can only learn how the direction ended.
  @inline(__always)
  var isOver: Bool { failure != nil || phase == .done || isAtEnd }
  /// A read would tell something else than that nothing has come.
  @inline(__always)
  var isReadable: Bool {
    mutating get { queue.isHeld && queue.contents.checkReadable() || isAtEnd || failure != nil }
  }

  /// What the peer's stream or session credit has to bear before a block may be taken.
  enum Arrival: Hashable {
    /// New units up to this offset.
    case new
    /// All of it has been received before (SPEC DAT-6).
    case duplicate
  }

  /// Checks a block's place (SPEC DAT-6, STR-11, CRD-3) without changing anything.
  @inline(__always)
  func check(start: UInt64, end: UInt64, isFinal: Bool) throws(SessionError) -> Arrival {
    if let finalOffset, end > finalOffset || (isFinal && end != finalOffset) {
      throw .peer(.streamState, "STR-11", "data or FIN at \(end) contradicts the final offset \(finalOffset)")
    }
    if isFinal, end < received {
      throw .peer(.streamState, "STR-11", "FIN at \(end) is below the \(received) units already received")
    }
    if end <= received, finalOffset != nil || !isFinal { return .duplicate }
    guard start == received else {
      let what = start > received ? "leaves a gap after" : "overlaps"
      throw .peer(.protocol, "DAT-6", "a block at \(start) \(what) the \(received) units received")
    }
    guard end <= grantedLimit else {
      throw .peer(.flowControl, "CRD-1", "a block up to \(end) exceeds the stream's credit of \(grantedLimit)")
    }
    return .new
  }

  /// Charges a block and says whether its bytes are still wanted. Unwanted units count as consumed.
  @inline(__always)
  mutating func charge(end: UInt64, isFinal: Bool) -> Bool {
    let newUnits = end &- received
    received = end
    if isFinal { knownFinalOffset = end }
    switch phase {
    case .open, .sizeKnown:
      if isFinal { phase = .sizeKnown }
      if newUnits > 0 { queue.contents.unreadUnitCount &+= newUnits }
      return true
    case .stopped, .reset, .done:
      if phase == .stopped, hasEverything { phase = .done }
      return false
    }
  }

  /// The same for a stored block that comes next while the direction is open, and goes into the queue in the same look at it; nothing happens when it is not open.
  /// True when the queue has to be detached before long.
  @inline(__always)
  mutating func take(payloadOf parser: inout FrameParser, units: UInt64, isFinal: Bool, endsMessage: Bool) -> Bool {
    guard phase == .open else { return false }
    received &+= units
    if isFinal {
      knownFinalOffset = received
      phase = .sizeKnown
    }
    let rawByteCount = parser.dataFrame.rawByteCount
    return queue.update { queue in
      queue.unreadUnitCount &+= units
      let isBorrowing = queue.append(payloadOf: &parser)
      if endsMessage { queue.appendMarks(table: nil, endsMessage: true, blockRawByteCount: rawByteCount) }
      return isBorrowing
    }
  }

  /// RESET arrived (SPEC STR-9, STR-11, CRD-6).
  mutating func receiveReset(_ code: ErrorCode, finalOffset final: UInt64) throws(SessionError) {
    guard final >= received, finalOffset == nil || finalOffset == final else {
      throw .peer(.streamState, "STR-11", "RESET at \(final) contradicts what was received before")
    }
    guard final <= grantedLimit else {
      throw .peer(.flowControl, "CRD-6", "RESET at \(final) exceeds the stream's credit of \(grantedLimit)")
    }
    let isReadToEnd = phase == .sizeKnown && !hasUnread && received == final
    knownFinalOffset = final
    received = final
    guard phase == .open || phase == .sizeKnown else {
      if phase == .stopped { phase = .done }
      return
    }
    if isReadToEnd { return }
    fail(.reset, code, reportedByPeer: true)
  }

  /// The application no longer wants the rest; true when STOP has to be sent.
  mutating func stop(_ code: ErrorCode) -> Bool {
    switch phase {
    case .open:
      fail(.stopped, code, reportedByPeer: false)
      return true
    case .sizeKnown:
      let needsStop = !hasEverything
      fail(needsStop ? .stopped : .done, code, reportedByPeer: false)
      return needsStop
    case .reset:
      phase = .done
      return false
    case .stopped, .done:
      return false
    }
  }

  /// The application has left without asking for an end. A peer whose data has all been read is most likely about to finish, and is sent STOP only
  /// if more arrives; true when STOP has to go now, because data was left unread, or because a peer out of credit could wait for ever.
  mutating func abandon() -> Bool {
    let isUnfinished = hasUnread || received == grantedLimit
    owesStop = stop(.cancelled)
    return isUnfinished && takeOwedStop()
  }

  /// True once, when the other end has to be told that the application has left.
  mutating func takeOwedStop() -> Bool {
    guard owesStop, phase == .stopped else { return false }
    owesStop = false
    return true
  }

  private mutating func fail(_ next: Phase, _ code: ErrorCode, reportedByPeer: Bool) {
    phase = next
    failure = code
    isFailureReportedByPeer = reportedByPeer
    queue.removeAll()
  }

  /// The next bytes for the application; units read count as consumed.
  @inline(__always)
  mutating func read(maximumByteCount: Int) -> (bytes: ByteBuffer, endsMessage: Bool)? {
    guard queue.isHeld else { return nil }
    return queue.update {
      if let bytes = $0.readWhole(maximumByteCount: maximumByteCount) { return (bytes, false) }
      return $0.read(maximumByteCount: maximumByteCount)
    }
  }

  /// The application has seen the end, or the failure.
  mutating func acknowledgeEnd() {
    if isAtEnd || phase == .reset { phase = .done }
  }

  /// The limit worth granting now, or nil while less than a quarter of the window has been consumed (SPEC CRD-5).
  @inline(__always)
  var creditToGrant: UInt64? {
    guard phase == .open else { return nil }
    let limit = min(consumed &+ tuner.window, DataFrame.maximumOffset)
    return limit >= grantedLimit &+ tuner.window / 4 ? limit : nil
  }

  /// Whether `tuneWindow` would do anything.
  @inline(__always)
  func isTuningDue(roundTripNanoseconds: UInt64, now: Instant) -> Bool {
    tuner.isDue(consumed: consumed, roundTripNanoseconds: roundTripNanoseconds, now: now)
  }

  /// Fits the window to what is read in a round trip (SPEC CRD-8).
  @inline(__always)
  mutating func tuneWindow(roundTripNanoseconds: UInt64, now: Instant, bounds: ClosedRange<UInt64>) {
    guard isTuningDue(roundTripNanoseconds: roundTripNanoseconds, now: now) else { return }
    tuner.tune(consumed: consumed, roundTripNanoseconds: roundTripNanoseconds, now: now, bounds: bounds)
  }

  /// Makes room at once for what the other end says that it will send.
  mutating func expect(_ byteCount: UInt64, limit: UInt64) {
    tuner.raise(to: byteCount, limit: limit)
  }

  /// Units that have been received, not read, and not written off.
  @inline(__always)
  var unspentUnitCount: UInt64 { unreadUnitCount &- writtenOff }

  /// What the reader has left is counted as consumed by the session; returns how much more that is.
  mutating func writeOff() -> UInt64 {
    let more = unspentUnitCount
    if more > 0 { queue.contents.writtenOffUnitCount &+= more }
    return more
  }

  mutating func grant(_ limit: UInt64) {
    grantedLimit = limit
  }

  /// Lets go of all memory.
  @inline(__always)
  mutating func vacate() {
    if queue.isHeld { queue.removeAll() }
    tuner.vacate()
  }
}
