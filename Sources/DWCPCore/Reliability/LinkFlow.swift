internal import DequeModule

/// What is on its way on one link, and how much may be (SPEC ACK-4).
///
/// The buffers of two kernels take megabytes, and whatever is urgent waits behind them. A little more than delivery rate x shortest round trip keeps
/// the link as busy. Both are measured by acknowledgements alone: the bytes that were delivered since those acknowledged last when a frame was sent,
/// by the time that this took. At first, while the rate rises with it, the bound triples with each round trip.
struct LinkFlow: Hashable, Sendable {
  /// Before anything was measured.
  private static let initialByteCount = 65_536
  /// Blocks are not cut shorter than this.
  private static let leastBlockByteCount = 4_096
  /// Frames of one instant are one departure up to this.
  static let departureByteCount = 1_024
  /// More are added to the last one, which an end that acknowledges nothing cannot make grow.
  private static let maximumDepartureCount = 1_024
  /// Shorter ones are of a link with nothing to do: what is busy at both ends takes turns, and a bound below that keeps both waiting.
  private static let leastRoundTripNanoseconds: UInt64 = 80_000
  private static let roundTripWindowNanoseconds: UInt64 = 10_000_000_000
  /// A rate is measured over no less.
  private static let leastSampleNanoseconds: UInt64 = 500_000
  private static let leastRateWindowNanoseconds: UInt64 = 50_000_000
  /// After so long without anything on its way the link may have changed.
  private static let idleNanoseconds: UInt64 = 1_000_000_000
  private static let storedBlockNanoseconds: UInt64 = 250_000

  private struct Departure: Hashable, Sendable {
    /// Numbered frames and bytes sent up to its end.
    var frameCount: UInt64
    var byteCount: UInt64
    var firstByte: UInt64
    var sent: Instant
    /// What had been delivered when it was sent, and since when.
    var deliveredBefore: UInt64
    var deliveredSince: Instant

    static let none = Departure(
      frameCount: 0, byteCount: 0, firstByte: 0, sent: Instant(nanoseconds: 0), deliveredBefore: 0,
      deliveredSince: Instant(nanoseconds: 0))
  }

  /// Something is on its way: the newest departure, which grows with each frame and so lies apart, and those before it.
  private var isUnderWay = false
  private var newest = Departure.none
  private var older: Deque<Departure> = []
  private var sentByteCount: UInt64 = 0
  private var deliveredByteCount: UInt64 = 0
  private var delivered = Instant(nanoseconds: 0)
  private var shortestRoundTrip = RecentExtreme(isHighest: false)
  /// When the sample of several short round trips began, and what had been delivered by then.
  private var sampleStart = Instant(nanoseconds: 0)
  private var sampleStartByteCount: UInt64 = 0
  private var highestRate = RecentExtreme(isHighest: true)
  private var ramp = LinkRamp()
  /// Delivery rate x shortest round trip, kept so that no block needs a division; nil before both are known.
  private var onItsWayByteCount: UInt64?
  /// Raw bytes of a block that takes 0.25 ms of the link at most, if it does not shrink (SPEC CAP-5); kept for the same reason.
  private(set) var storedBlockByteCount = initialByteCount / 4

  /// Of the departure that is acknowledged next: all of it stays on its way until the last byte has come.
  private var nextDepartureByteCount: UInt64 = 0

  /// Bytes of numbered frames that have been sent and not acknowledged.
  var inFlightByteCount: UInt64 { sentByteCount &- deliveredByteCount }

  /// The shortest time from sending to acknowledgement of late, in nanoseconds; nil before the first.
  var shortestRoundTripNanoseconds: UInt64? { shortestRoundTrip.value }

  /// Bytes a second that were delivered, the highest of late; nil before the first measure.
  var deliveryBytesPerSecond: UInt64? { highestRate.value }

  /// The rate no longer rises with what is on its way: the link has been seen full. A round trip that takes long does not show that by itself.
  var isSettled: Bool { ramp.isOver && ramp.wasFull }

  /// When a round trip was measured last.
  private(set) var roundTripInstant: Instant?

  /// Some frames have just been sent; `frameCount` counts the numbered ones since the link's start.
  mutating func noteSent(frameCount: UInt64, byteCount: Int, now: Instant) {
    if !isUnderWay {
      if now.nanoseconds(since: delivered) > Self.idleNanoseconds { ramp = LinkRamp() }
      // Time in which nothing was on its way is no time that anything took.
      sampleStart = sampleStart.advanced(byNanoseconds: now.nanoseconds(since: delivered))
      delivered = now
    }
    let firstByte = sentByteCount
    sentByteCount &+= UInt64(byteCount)
    if !isUnderWay || !joinsNewest(now: now) { beginDeparture(firstByte: firstByte, now: now) }
    newest.frameCount = frameCount
    newest.byteCount = sentByteCount
    if older.isEmpty { noteNextDeparture() }
  }

  private mutating func beginDeparture(firstByte: UInt64, now: Instant) {
    if isUnderWay { older.append(newest) }
    isUnderWay = true
    newest.firstByte = firstByte
    newest.sent = now
    newest.deliveredBefore = deliveredByteCount
    newest.deliveredSince = delivered
  }

  @inline(__always)
  private func joinsNewest(now: Instant) -> Bool {
    (newest.sent == now && sentByteCount &- newest.firstByte <= UInt64(Self.departureByteCount))
      || older.count &+ 1 >= Self.maximumDepartureCount
  }

  @inline(__always)
  private mutating func noteNextDeparture() {
    let next = older.first ?? newest
    nextDepartureByteCount = next.byteCount &- next.firstByte
  }

  /// Takes out the departures that are acknowledged with so many frames, and returns the last of them.
  private mutating func takeDepartures(frameCount: UInt64) -> Departure? {
    var last: Departure?
    while let first = older.first, first.frameCount <= frameCount {
      last = first
      older.removeFirst()
    }
    if older.isEmpty, isUnderWay, newest.frameCount <= frameCount {
      last = newest
      newest = .none
      isUnderWay = false
    }
    return last
  }

  /// The other end has got so many numbered frames.
  mutating func noteAcknowledged(frameCount: UInt64, now: Instant) {
    guard let newest = takeDepartures(frameCount: frameCount) else { return }
    noteNextDeparture()
    deliveredByteCount = newest.byteCount
    delivered = now
    noteRoundTrip(now.nanoseconds(since: newest.sent), now: now)
    noteRate(behind: newest, now: now)
    if newest.deliveredBefore >= ramp.roundEnd {
      ramp.endRound(rate: highestRate.value ?? 0, sentByteCount: sentByteCount)
      if now.nanoseconds(since: newest.sent) / 2 > shortestRoundTrip.value ?? .max { ramp.end() }
    }
    updateOnItsWay()
  }

  /// What was delivered since the departure's own past, or, where that is too short to mean much, over some of them: a receiver that works off what piled up while it
  /// was not running delivers much faster, for a moment, than the link does.
  private mutating func noteRate(behind newest: Departure, now: Instant) {
    var byteCount = newest.byteCount &- newest.deliveredBefore
    var nanoseconds = now.nanoseconds(since: newest.deliveredSince)
    // A link that takes no time at all, as between two engines in memory, is as fast as can be.
    if nanoseconds > 0, nanoseconds < Self.leastSampleNanoseconds {
      byteCount = deliveredByteCount &- sampleStartByteCount
      nanoseconds = now.nanoseconds(since: sampleStart)
      guard nanoseconds >= Self.leastSampleNanoseconds else { return }
      beginSample(now: now)
    }
    let tenRoundTrips = (shortestRoundTrip.value ?? 0).multipliedSaturated(by: 10)
    highestRate.note(
      byteCount.perSecond(nanoseconds: nanoseconds), now: now,
      windowNanoseconds: max(Self.leastRateWindowNanoseconds, tenRoundTrips))
    storedBlockByteCount = blockByteCount(nanoseconds: Self.storedBlockNanoseconds, limit: .max)
  }

  private mutating func beginSample(now: Instant) {
    sampleStart = now
    sampleStartByteCount = deliveredByteCount
  }

  private mutating func updateOnItsWay() {
    guard let rate = highestRate.value, let roundTrip = shortestRoundTrip.value else { return }
    // Where it takes no time at all, both ends are one thread.
    let nanoseconds = roundTrip > 1 ? max(roundTrip, Self.leastRoundTripNanoseconds) : roundTrip
    onItsWayByteCount = rate.bytes(inNanoseconds: nanoseconds)
  }

  /// A round trip, measured here or by a ping.
  mutating func noteRoundTrip(_ nanoseconds: UInt64, now: Instant) {
    roundTripInstant = now
    shortestRoundTrip.note(max(1, nanoseconds), now: now, windowNanoseconds: Self.roundTripWindowNanoseconds)
    updateOnItsWay()
  }

  /// Something is ready that may not go.
  mutating func noteFull() {
    ramp.noteFull()
  }

  /// Whether another block may go. In line, as the next one: called, both would be given a copy of all this for each block.
  @inline(__always)
  func hasRoom(blockByteCount: Int) -> Bool { inFlightByteCount < bound(blockByteCount: blockByteCount) }

  /// Bytes of short blocks that may go one behind the other before anything is asked again: about what counts as one departure.
  @inline(__always)
  func runByteCount(blockByteCount: Int) -> Int {
    let bound = bound(blockByteCount: blockByteCount)
    return min(Self.departureByteCount, Int(clamping: bound &- min(bound, inFlightByteCount)))
  }

  /// What may be on its way before another block goes.
  @inline(__always)
  private func bound(blockByteCount: Int) -> UInt64 {
    guard let onItsWay = onItsWayByteCount else { return UInt64(Self.initialByteCount) }
    let slack = ramp.isOver ? onItsWay / 16 : onItsWay.multipliedSaturated(by: 2)
    // Not less than what makes the other end acknowledge at once, and a departure of which it has got a part.
    let least = max(
      UInt64(blockByteCount), LinkAccounting.byteCountPerAcknowledgement &+ UInt64(Self.departureByteCount),
      nextDepartureByteCount)
    return onItsWay.addingSaturated(slack).addingSaturated(least)
  }

  /// Raw bytes of a block that takes so many nanoseconds of the link at most, if it does not shrink; no more than `limit`.
  @inline(__always)
  func blockByteCount(nanoseconds: UInt64, limit: Int) -> Int {
    guard let rate = highestRate.value else { return min(limit, Self.initialByteCount / 4) }
    return min(limit, max(Self.leastBlockByteCount, Int(clamping: rate.bytes(inNanoseconds: nanoseconds))))
  }
}

/// Whether the rate still rises when more is on its way. A round is over when what was sent at its beginning has been acknowledged; three full ones
/// without a rise by a quarter show that the link is full.
private struct LinkRamp: Hashable, Sendable {
  private static let lastFlatRoundCount = 3

  /// Something had to wait in this round; without that it says nothing.
  private var isFull = false
  /// Something had to wait in one of the rounds.
  private(set) var wasFull = false
  private(set) var roundEnd: UInt64 = 0
  private var flatRoundCount = 0
  private var rateBefore: UInt64 = 0

  var isOver: Bool { flatRoundCount >= Self.lastFlatRoundCount }

  mutating func noteFull() {
    isFull = true
    wasFull = true
  }

  /// So much waits on the way that the link must be full.
  mutating func end() {
    flatRoundCount = Self.lastFlatRoundCount
  }

  mutating func endRound(rate: UInt64, sentByteCount: UInt64) {
    roundEnd = sentByteCount
    guard isFull else { return }
    isFull = false
    if rate > rateBefore.addingSaturated(rateBefore / 4) {
      flatRoundCount = 0
      rateBefore = rate
    } else if !isOver {
      flatRoundCount &+= 1
    }
  }
}

/// The lowest, or the highest, of the values that came within one to two windows.
private struct RecentExtreme: Hashable, Sendable {
  let isHighest: Bool
  private var current: UInt64?
  private var previous: UInt64?
  private var windowStart = Instant(nanoseconds: 0)

  init(isHighest: Bool) {
    self.isHighest = isHighest
  }

  var value: UInt64? {
    guard let current else { return previous }
    return better(current, previous)
  }

  mutating func note(_ value: UInt64, now: Instant, windowNanoseconds: UInt64) {
    let age = now.nanoseconds(since: windowStart)
    if age >= windowNanoseconds {
      previous = age / 2 >= windowNanoseconds ? nil : current
      current = nil
      windowStart = now
    }
    current = better(value, current)
  }

  private func better(_ value: UInt64, _ other: UInt64?) -> UInt64 {
    guard let other else { return value }
    return isHighest ? max(value, other) : min(value, other)
  }
}

extension UInt64 {
  fileprivate func addingSaturated(_ other: UInt64) -> UInt64 {
    let (sum, isTooMuch) = addingReportingOverflow(other)
    return isTooMuch ? .max : sum
  }

  fileprivate func multipliedSaturated(by factor: UInt64) -> UInt64 {
    let (product, isTooMuch) = multipliedReportingOverflow(by: factor)
    return isTooMuch ? .max : product
  }

  /// So many bytes took this time: the rate in bytes per second.
  fileprivate func perSecond(nanoseconds: UInt64) -> UInt64 {
    multipliedSaturated(by: 1_000_000_000) / Swift.max(1, nanoseconds)
  }

  /// The bytes that this rate moves in a time.
  fileprivate func bytes(inNanoseconds nanoseconds: UInt64) -> UInt64 {
    let product = multipliedFullWidth(by: nanoseconds)
    guard product.high < 1_000_000_000 else { return .max }
    return UInt64(1_000_000_000).dividingFullWidth(product).quotient
  }
}
