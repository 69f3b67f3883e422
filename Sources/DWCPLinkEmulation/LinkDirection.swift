public import DWCPCore
public import NIOCore

/// One direction of an emulated link, as a value without a clock: bytes go in with an instant, and come out when they are due.
///
/// ``send(_:now:)`` and ``finish(now:)`` put in, ``poll(now:)`` takes out until it answers nil, and ``nextDeadline`` is when it will answer next. What comes out,
/// and when it is due, follows from the conditions, the seed and what was put in when. It does not depend on how often it is polled.
///
/// Each segment is under way for the delay and its jitter, and is then taken out of the link at the rate, bit by bit, while there is no stall. So over any time
/// no more comes out than the rate permits and one segment, and nothing sooner than the delay.
public struct LinkDirection: Sendable {
  /// What comes out of the link.
  public enum Output: Hashable, Sendable {
    /// At least one byte, in order.
    case bytes(ByteBuffer)
    /// The sender has finished, and everything it sent has come out. Nothing follows.
    case end
    /// The link is dead; told once. Nothing follows.
    case killed
  }

  private enum Content {
    case bytes(ByteBuffer)
    case end
    case kill
  }

  private struct Segment {
    var content: Content
    /// When it could begin to come out.
    var arrival: UInt64
  }

  private struct Stall {
    var start: UInt64
    var end: UInt64
  }

  /// What this direction does.
  public let conditions: LinkConditions
  /// Bytes that are in the link now.
  public private(set) var queuedByteCount = 0
  /// Bytes that have come out.
  public private(set) var deliveredByteCount: UInt64 = 0
  /// Whether ``Output/end`` or ``Output/killed`` has come out.
  public private(set) var isOver = false

  private var queue = CircularBuffer<Segment>()
  private var generator: SeededGenerator
  private var acceptedByteCount: UInt64 = 0
  private var acceptsInput = true
  private var latestArrival: UInt64
  /// When the segment before the oldest one came out.
  private var exitFree: UInt64
  private var killInstant = UInt64.max
  private var killOffset = UInt64.max
  /// By their starts; those that are over are gone. One of ``stall(now:)`` ends never, until it is resumed.
  private var stalls: [Stall]

  /// An empty link.
  ///
  /// - Parameter seed: of the jitter.
  /// - Parameter start: what the stalls and the kill of the conditions count from.
  public init(_ conditions: LinkConditions, seed: UInt64, start: Instant) {
    let start = start.nanoseconds
    self.conditions = conditions
    generator = SeededGenerator(seed: seed)
    latestArrival = start
    exitFree = start
    stalls = conditions.stalls.map { stall in
      let begin = start.saturatingAdd(stall.startNanoseconds)
      return Stall(start: begin, end: begin.saturatingAdd(stall.durationNanoseconds))
    }
    stalls.sort { $0.start < $1.start }
    switch conditions.kill {
    case .atByteOffset(let offset): killOffset = offset
    case .atNanoseconds(let nanoseconds): killInstant = start.saturatingAdd(nanoseconds)
    case nil: break
    }
    if killOffset == 0 { endInput(.kill, now: start) }
  }

  /// Bytes that fit into the link now. ``send(_:now:)`` takes more, since a link loses nothing; a sender is to stop at 0.
  public var freeByteCount: Int { max(0, conditions.capacityByteCount - queuedByteCount) }

  /// When ``poll(now:)`` has something, if nothing is put in until then; nil for never.
  public var nextDeadline: Instant? {
    guard !isOver else { return nil }
    let next = min(queue.first.map { departure(of: $0) } ?? .max, killInstant)
    return next == .max ? nil : Instant(nanoseconds: next)
  }

  /// Puts bytes into the link. What is sent behind the end, or over a dead link, is dropped.
  public mutating func send(_ bytes: ByteBuffer, now: Instant) {
    var rest = bytes
    let longest = min(max(1, conditions.segmentByteCount), 65_536)
    while acceptsInput, rest.readableBytes > 0 {
      let untilKill = Int(clamping: killOffset - acceptedByteCount)
      guard let segment = rest.readSlice(length: min(rest.readableBytes, longest, untilKill)) else { return }
      queuedByteCount += segment.readableBytes
      acceptedByteCount += UInt64(segment.readableBytes)
      let jitter = conditions.jitterNanoseconds
      enqueue(
        .bytes(segment), now: now.nanoseconds, jitter: jitter > 0 ? .random(in: 0...jitter, using: &generator) : 0)
      if acceptedByteCount == killOffset { endInput(.kill, now: now.nanoseconds) }
    }
  }

  /// The sender has nothing more to send; the receiver learns it behind the last byte.
  public mutating func finish(now: Instant) {
    if acceptsInput { endInput(.end, now: now.nanoseconds) }
  }

  /// What is due by now, or nil. Bytes that are due come in one piece, copied when there are several segments.
  public mutating func poll(now: Instant) -> Output? {
    var bytes = ByteBuffer()
    while !isOver, let segment = queue.first {
      let departure = departure(of: segment)
      guard departure <= min(now.nanoseconds, killInstant) else { break }
      switch segment.content {
      case .bytes(let piece):
        remove(departure: departure)
        queuedByteCount -= piece.readableBytes
        deliveredByteCount += UInt64(piece.readableBytes)
        if bytes.readableBytes == 0 { bytes = piece } else { bytes.writeImmutableBuffer(piece) }
      case .end where bytes.readableBytes == 0:
        end()
        return .end
      case .kill where bytes.readableBytes == 0:
        end()
        return .killed
      case .end, .kill:
        return .bytes(bytes)
      }
    }
    if bytes.readableBytes > 0 { return .bytes(bytes) }
    guard !isOver, killInstant <= now.nanoseconds else { return nil }
    end()
    return .killed
  }

  /// Kills the link at once: what is on its way is lost. It is not told, since the caller knows.
  public mutating func kill() {
    end()
  }

  /// Nothing more comes out until ``resume(now:)``. What was due before, and was not polled, still does.
  public mutating func stall(now: Instant) {
    guard !isStalledByCommand else { return }
    let index = stalls.firstIndex { $0.start > now.nanoseconds } ?? stalls.endIndex
    stalls.insert(Stall(start: now.nanoseconds, end: .max), at: index)
  }

  /// Ends what ``stall(now:)`` began. Stalls of the conditions stay.
  public mutating func resume(now: Instant) {
    guard let index = stalls.firstIndex(where: { $0.end == .max }) else { return }
    stalls[index].end = now.nanoseconds
  }
}

extension LinkDirection {
  private var isStalledByCommand: Bool { stalls.contains { $0.end == .max } }

  private mutating func endInput(_ content: Content, now: UInt64) {
    acceptsInput = false
    enqueue(content, now: now, jitter: 0)
  }

  private mutating func enqueue(_ content: Content, now: UInt64, jitter: UInt64) {
    let arrival = now.saturatingAdd(conditions.delayNanoseconds).saturatingAdd(jitter)
    latestArrival = max(latestArrival, arrival)
    queue.append(Segment(content: content, arrival: latestArrival))
  }

  private mutating func remove(departure: UInt64) {
    queue.removeFirst()
    exitFree = departure
    while let stall = stalls.first, stall.end <= exitFree { stalls.removeFirst() }
  }

  private mutating func end() {
    isOver = true
    acceptsInput = false
    queue.removeAll()
    queuedByteCount = 0
  }

  /// When the oldest segment's last bit comes out; the greatest instant for never. It is computed anew each time, since a command may begin or end a
  /// stall in between.
  private func departure(of segment: Segment) -> UInt64 {
    var instant = max(segment.arrival, exitFree)
    var work = exitNanoseconds(segment)
    for stall in stalls where stall.end > instant {
      if stall.start > instant {
        let untilStall = stall.start - instant
        guard untilStall < work else { break }
        work -= untilStall
      }
      instant = stall.end
    }
    return instant.saturatingAdd(work)
  }

  /// Rounded up, so that the link is never faster than its rate.
  private func exitNanoseconds(_ segment: Segment) -> UInt64 {
    guard let rate = conditions.rateBitsPerSecond.map({ max(1, $0) }), case .bytes(let bytes) = segment.content else {
      return 0
    }
    let bitNanoseconds = UInt64(bytes.readableBytes) * 8 * 1_000_000_000
    return bitNanoseconds / rate + (bitNanoseconds % rate > 0 ? 1 : 0)
  }
}
