import DWCPCore
import DWCPLinkEmulation
import NIOCore
import Testing

/// How a direction ends, and what fits into it.
@Suite struct LinkDirectionEndsSuite {
  @Test("a kill at an offset lets out exactly so many bytes", arguments: [0, 1, 999, 1_000, 1_001, 54_321])
  func killAtOffset(offset: Int) {
    var conditions = LinkConditions(delayNanoseconds: 3 * milliseconds, rateBitsPerSecond: 8_000_000)
    conditions.segmentByteCount = 1_000
    conditions.kill = .atByteOffset(UInt64(offset))
    var link = LinkDirection(conditions, seed: 1, start: start)
    link.send(noise(60_000), now: start)
    link.send(noise(10), now: start)
    let end = start + 3 * milliseconds + UInt64(offset) * 1_000
    var arrivals = Arrivals()
    link.drain(until: Instant(nanoseconds: end.nanoseconds - 1), into: &arrivals)
    #expect(arrivals.last == nil)
    link.drain(into: &arrivals)
    #expect(arrivals.bytes == noise(60_000).getSlice(at: 0, length: offset))
    #expect(arrivals.last == .killed)
    #expect(link.isOver && link.queuedByteCount == 0 && link.nextDeadline == nil)
    #expect(link.poll(now: end + 1) == nil)
  }

  @Test("a kill at an instant lets out what was due until then")
  func killAtInstant() {
    var conditions = LinkConditions(delayNanoseconds: 3 * milliseconds, rateBitsPerSecond: 8_000_000)
    conditions.segmentByteCount = 1_000
    conditions.kill = .atNanoseconds(10 * milliseconds)
    var link = LinkDirection(conditions, seed: 1, start: start)
    link.send(noise(60_000), now: start)
    #expect(
      link.poll(now: start + 20 * milliseconds) == .bytes(noise(60_000).getSlice(at: 0, length: 7_000) ?? ByteBuffer()))
    #expect(link.poll(now: start + 20 * milliseconds) == .killed)
    #expect(link.poll(now: start + 20 * milliseconds) == nil)
  }

  @Test("an idle link dies at its instant too")
  func killWhileIdle() {
    var conditions = LinkConditions()
    conditions.kill = .atNanoseconds(10 * milliseconds)
    var link = LinkDirection(conditions, seed: 1, start: start)
    #expect(link.nextDeadline == start + 10 * milliseconds)
    #expect(link.poll(now: start + (10 * milliseconds - 1)) == nil)
    #expect(link.poll(now: start + 10 * milliseconds) == .killed)
  }

  @Test("a kill by command drops what is on its way")
  func killByCommand() {
    var link = LinkDirection(LinkConditions(delayNanoseconds: milliseconds), seed: 1, start: start)
    link.send(noise(10), now: start)
    link.kill()
    link.send(noise(10), now: start)
    #expect(link.poll(now: start + 10 * milliseconds) == nil)
    #expect(link.nextDeadline == nil)
  }

  @Test("nothing follows the end")
  func end() {
    var link = LinkDirection(LinkConditions(delayNanoseconds: milliseconds), seed: 1, start: start)
    link.send(noise(10), now: start)
    link.finish(now: start)
    link.send(noise(10), now: start)
    link.finish(now: start)
    #expect(link.poll(now: start + milliseconds) == .bytes(noise(10)))
    #expect(link.poll(now: start + milliseconds) == .end)
    #expect(link.poll(now: start + milliseconds) == nil)
  }

  @Test("what fits is rate x delay and the buffer")
  func capacity() {
    var conditions = LinkConditions(
      delayNanoseconds: 15 * milliseconds, jitterNanoseconds: 5 * milliseconds, rateBitsPerSecond: 1_000_000_000)
    conditions.bufferByteCount = 100_000
    #expect(conditions.capacityByteCount == 2_600_000)
    var link = LinkDirection(conditions, seed: 1, start: start)
    link.send(noise(2_599_999), now: start)
    #expect(link.freeByteCount == 1)
    link.send(noise(70_000), now: start)
    #expect(link.freeByteCount == 0)
    var arrivals = Arrivals()
    link.drain(into: &arrivals)
    #expect(link.freeByteCount == 2_600_000)
    #expect(arrivals.bytes.readableBytes == 2_669_999)
  }

  @Test("the greatest values do not overflow")
  func extremes() {
    var conditions = LinkConditions(delayNanoseconds: .max, jitterNanoseconds: .max, rateBitsPerSecond: .max)
    conditions.bufferByteCount = .max
    conditions.stalls = [LinkStall(startNanoseconds: .max, durationNanoseconds: .max)]
    conditions.kill = .atNanoseconds(.max)
    var link = LinkDirection(conditions, seed: 1, start: start)
    link.send(noise(10), now: start)
    link.finish(now: start)
    #expect(link.nextDeadline == nil)
    #expect(link.freeByteCount > 0)
    conditions = LinkConditions(rateBitsPerSecond: 0)
    conditions.segmentByteCount = -1
    conditions.bufferByteCount = -1
    link = LinkDirection(conditions, seed: 1, start: start)
    link.send(noise(2), now: start)
    #expect(link.nextDeadline == start + 8_000 * milliseconds)
  }

  @Test("random stalls follow from their seed, one after the other")
  func randomStalls() {
    func stalls(_ seed: UInt64) -> [LinkStall] {
      LinkStall.random(
        count: 1_000, meanIntervalNanoseconds: 50 * milliseconds, durationsNanoseconds: 1...10 * milliseconds,
        seed: seed)
    }
    let some = stalls(1)
    #expect(some == stalls(1))
    #expect(some != stalls(2))
    var end: UInt64 = 0
    for stall in some {
      #expect(stall.startNanoseconds >= end)
      #expect((1...10 * milliseconds).contains(stall.durationNanoseconds))
      end = stall.startNanoseconds + stall.durationNanoseconds
    }
    // 1,000 x (50 + 5) ms on average; the standard deviation is below 1 s.
    #expect((50_000...60_000).contains(end / milliseconds))
  }
}
