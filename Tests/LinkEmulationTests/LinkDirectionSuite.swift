import DWCPCore
import DWCPLinkEmulation
import NIOCore
import Testing

/// One direction of the link, without any clock.
@Suite struct LinkDirectionSuite {
  /// 8 Mb/s: a segment of 1,000 bytes takes a millisecond.
  private static func megabyteASecond(delayMilliseconds: UInt64 = 10) -> LinkConditions {
    var conditions = LinkConditions(delayNanoseconds: delayMilliseconds * milliseconds, rateBitsPerSecond: 8_000_000)
    conditions.segmentByteCount = 1_000
    return conditions
  }

  @Test("the last byte comes after the delay and what the rate takes, to the nanosecond")
  func arithmetic() {
    var link = LinkDirection(Self.megabyteASecond(), seed: 1, start: start)
    link.send(noise(1_000_000), now: start)
    link.finish(now: start)
    let arrivals = link.drained()
    #expect(arrivals.pieces.first?.instant == start + 11 * milliseconds)
    #expect(arrivals.pieces.last?.instant == start + 1_010 * milliseconds)
    #expect(arrivals.bytes == noise(1_000_000))
    #expect(arrivals.last == .end)
    #expect(link.isOver && link.nextDeadline == nil)
  }

  @Test("times that are no whole nanoseconds never make the link faster than its rate")
  func rounding() {
    var conditions = LinkConditions(rateBitsPerSecond: 3_000_000_000)
    conditions.segmentByteCount = 1
    var link = LinkDirection(conditions, seed: 1, start: start)
    link.send(noise(1_000), now: start)
    let last = link.drained().pieces.last?.instant ?? start
    #expect((2_667...3_000).contains(last - start))
  }

  @Test("without conditions bytes come out at once")
  func unconditioned() {
    var link = LinkDirection(LinkConditions(), seed: 1, start: start)
    link.send(noise(100_000), now: start)
    #expect(link.poll(now: start) == .bytes(noise(100_000)))
    #expect(link.poll(now: start) == nil)
  }

  @Test("an idle link owes nothing: after a pause the rate begins anew")
  func idle() {
    var link = LinkDirection(Self.megabyteASecond(), seed: 1, start: start)
    var arrivals = Arrivals()
    for second: UInt64 in 0..<2 {
      let sent = start + second * 1_000 * milliseconds
      link.send(noise(5_000), now: sent)
      link.drain(into: &arrivals)
      #expect(arrivals.pieces.last?.instant == sent + 15 * milliseconds)
    }
  }

  @Test("bytes stay whole and in order, and never come sooner than delay and rate permit", arguments: UInt64(0)..<40)
  func randomScenarios(seed: UInt64) {
    var generator = TestGenerator(state: seed)
    let (conditions, sends) = Self.randomScenario(&generator)
    let sent = noise(sends.reduce(0) { $0 + $1.byteCount }, seed: seed)
    let arrivals = Self.run(conditions, sends, sent, seed: seed)
    #expect(arrivals.bytes == sent)
    #expect(arrivals.last == .end)
    #expect(Self.run(conditions, sends, sent, seed: seed) == arrivals)
    #expect(Self.soonest(arrivals, sends) >= conditions.delayNanoseconds)
    #expect(
      Self.greatestExcess(arrivals, rateBitsPerSecond: conditions.rateBitsPerSecond) <= conditions.segmentByteCount)
    for stall in conditions.stalls {
      let end = start + stall.startNanoseconds + stall.durationNanoseconds
      // What comes out at the very start of a stall was done before it.
      #expect(!arrivals.pieces.contains { $0.instant > start + stall.startNanoseconds && $0.instant < end })
    }
  }

  private typealias Send = (instant: Instant, byteCount: Int)

  private static func randomScenario(_ generator: inout TestGenerator) -> (LinkConditions, [Send]) {
    var conditions = LinkConditions(
      delayNanoseconds: .random(in: 0...50 * milliseconds, using: &generator),
      jitterNanoseconds: Bool.random(using: &generator) ? .random(in: 1...20 * milliseconds, using: &generator) : 0,
      rateBitsPerSecond: Bool.random(using: &generator)
        ? .random(in: 1_000_000...1_000_000_000, using: &generator) : nil)
    conditions.segmentByteCount = .random(in: 1_000...20_000, using: &generator)
    conditions.stalls = LinkStall.random(
      count: .random(in: 0...3, using: &generator), meanIntervalNanoseconds: 20 * milliseconds,
      durationsNanoseconds: 0...30 * milliseconds, seed: generator.next())
    var now = start
    let sends = (0..<20).map { _ -> Send in
      now = now + .random(in: 0...10 * milliseconds, using: &generator)
      return (now, .random(in: 1...60_000, using: &generator))
    }
    return (conditions, sends)
  }

  private static func run(_ conditions: LinkConditions, _ sends: [Send], _ bytes: ByteBuffer, seed: UInt64) -> Arrivals
  {
    var link = LinkDirection(conditions, seed: seed, start: start)
    var arrivals = Arrivals()
    var rest = bytes
    for send in sends {
      link.drain(until: send.instant, into: &arrivals)
      link.send(rest.readSlice(length: send.byteCount) ?? ByteBuffer(), now: send.instant)
    }
    link.finish(now: sends.last?.instant ?? start)
    link.drain(into: &arrivals)
    return arrivals
  }

  /// The shortest time that any piece's last byte was under way.
  private static func soonest(_ arrivals: Arrivals, _ sends: [Send]) -> UInt64 {
    var sendIndex = 0
    var sentByteCount = 0
    var arrivedByteCount = 0
    return arrivals.pieces.map { piece in
      arrivedByteCount += piece.byteCount
      while sentByteCount < arrivedByteCount {
        sentByteCount += sends[sendIndex].byteCount
        sendIndex += 1
      }
      return piece.instant - sends[sendIndex - 1].instant
    }.min() ?? .max
  }

  /// By how many bytes, rounded down, what came out from one instant to another exceeds the rate, at the worst two instants.
  private static func greatestExcess(_ arrivals: Arrivals, rateBitsPerSecond: UInt64?) -> Int {
    guard let rateBitsPerSecond else { return 0 }
    var excess = 0.0
    var greatestExcess = 0.0
    var last = start
    for piece in arrivals.pieces {
      excess = max(0, excess - Double(piece.instant - last) * Double(rateBitsPerSecond) / 8e9) + Double(piece.byteCount)
      greatestExcess = max(greatestExcess, excess)
      last = piece.instant
    }
    return Int(greatestExcess)
  }

  @Test("what has come out by an instant does not depend on how often was asked", arguments: UInt64(0)..<24)
  func pollingFrequency(seed: UInt64) {
    var generator = TestGenerator(state: seed)
    var (conditions, sends) = Self.randomScenario(&generator)
    if seed.isMultiple(of: 2) { conditions.kill = .atByteOffset(.random(in: 0...300_000, using: &generator)) }
    if seed.isMultiple(of: 3) {
      conditions.kill = .atNanoseconds(.random(in: 0...150 * milliseconds, using: &generator))
    }
    var often = LinkDirection(conditions, seed: seed, start: start)
    var seldom = often
    var arrivals = Arrivals()
    for send in sends {
      often.drain(until: send.instant, into: &arrivals)
      while seldom.poll(now: send.instant) != nil {}
      #expect(often.deliveredByteCount == seldom.deliveredByteCount)
      #expect(often.isOver == seldom.isOver)
      #expect(often.nextDeadline == seldom.nextDeadline)
      let bytes = noise(send.byteCount, seed: seed)
      often.send(bytes, now: send.instant)
      seldom.send(bytes, now: send.instant)
    }
  }

  @Test("jitter follows from the seed, and stays below its bound")
  func jitter() {
    func instants(_ seed: UInt64) -> [UInt64] {
      let conditions = LinkConditions(delayNanoseconds: 5 * milliseconds, jitterNanoseconds: 4 * milliseconds)
      return (UInt64(0)..<50).map { number in
        var link = LinkDirection(conditions, seed: seed &+ number, start: start)
        link.send(noise(100), now: start)
        return (link.nextDeadline ?? start) - start
      }
    }
    let first = instants(1)
    #expect(first == instants(1))
    #expect(first != instants(1_000))
    #expect(first.allSatisfy { (5 * milliseconds...9 * milliseconds).contains($0) })
    #expect(Set(first).count > 40)
  }

  @Test("a stall in the middle of a segment delays it by its length")
  func stallWithinSegment() {
    var conditions = Self.megabyteASecond()
    conditions.stalls = [LinkStall(startNanoseconds: 10_500_000, durationNanoseconds: 100 * milliseconds)]
    var link = LinkDirection(conditions, seed: 1, start: start)
    link.send(noise(2_000), now: start)
    #expect(link.drained().pieces.map { $0.instant - start } == [111 * milliseconds, 112 * milliseconds])
  }

  @Test("stalls that overlap count once")
  func overlappingStalls() {
    var conditions = Self.megabyteASecond()
    conditions.stalls = [(30, 40), (10, 50), (60, 0)].map {
      LinkStall(startNanoseconds: $0.0 * milliseconds, durationNanoseconds: $0.1 * milliseconds)
    }
    var link = LinkDirection(conditions, seed: 1, start: start)
    link.send(noise(1_000), now: start)
    #expect(link.drained().pieces.map { $0.instant - start } == [71 * milliseconds])
  }

  @Test("a stall by command holds everything until it is resumed")
  func stallByCommand() {
    var link = LinkDirection(Self.megabyteASecond(), seed: 1, start: start)
    link.send(noise(3_000), now: start)
    var arrivals = Arrivals()
    link.drain(until: start + 11 * milliseconds, into: &arrivals)
    link.stall(now: start + 11_250_000)
    link.stall(now: start + 11_300_000)
    #expect(link.nextDeadline == nil)
    #expect(link.poll(now: start + 10_000 * milliseconds) == nil)
    link.resume(now: start + 500_250_000)
    link.drain(into: &arrivals)
    #expect(arrivals.pieces.map { $0.instant - start } == [11 * milliseconds, 501 * milliseconds, 502 * milliseconds])
    link.resume(now: start + 600 * milliseconds)
    link.send(noise(1_000), now: start + 700 * milliseconds)
    #expect(link.nextDeadline == start + 711 * milliseconds)
  }
}
