import NIOCore
import Testing

@testable import DWCPCore

/// The queues of a stream, and the short ways past them, against what they stand for.
@Suite struct MultiplexingSuiteQueues {
  @Test("a short queue is a queue, however long it is")
  func shortQueue() {
    var random = SeededGenerator(seed: 1)
    var queue = ShortQueue<Int>()
    var model: [Int] = []
    for step in 0..<20_000 {
      switch random.next() % 8 {
      case 0...2:
        queue.append(step)
        model.append(step)
      case 3, 4:
        #expect(queue.popFirst() == (model.isEmpty ? nil : model.removeFirst()))
      case 5 where !model.isEmpty:
        queue.removeLast()
        model.removeLast()
      case 6 where !model.isEmpty:
        let index = Int(random.next() % UInt64(model.count))
        queue[index] += 1
        model[index] += 1
      default:
        queue.trim()
      }
      #expect(queue.count == model.count && queue.isEmpty == model.isEmpty && queue.first == model.first)
      #expect(queue.hasMoreThanOne == (model.count > 1))
      #expect((0..<model.count).allSatisfy { queue[$0] == model[$0] })
    }
  }

  @Test("what is taken whole is what would have been cut (SPEC DAT-4)", arguments: 0..<200)
  func wholeChunks(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var queue = SendQueue()
    for _ in 0..<random.next() % 12 {
      let byteCount = Int([0, 1, 7, 64, 2_047, 2_048, 40_000][Int(random.next() % 7)])
      let part = ByteBuffer(repeating: UInt8(truncatingIfNeeded: random.next()), count: byteCount * 5)
      let bytes = random.next() % 2 == 0 ? part.getSlice(at: 0, length: byteCount) ?? part : part
      _ = queue.append(bytes, endsMessage: random.next() % 2 == 0)
    }
    while !queue.isEmpty {
      let maximumRawByteCount = Int([1, 64, 65, 4_096, 65_536][Int(random.next() % 5)])
      let maximumSpan = 1 + Int(random.next() % UInt64(maximumRawByteCount + 1))
      var other = queue
      let chunk = other.takeWhole(maximumRawByteCount: maximumRawByteCount, maximumSpan: maximumSpan)
      let cut = queue.cut(maximumRawByteCount: maximumRawByteCount, maximumSpan: maximumSpan)
      guard let chunk else { continue }
      #expect(chunk.bytes == cut.raw && chunk.endsMessage == cut.endsMessage && cut.markTable == nil)
      #expect(chunk.span == UInt64(cut.raw.readableBytes + (cut.endsMessage ? 1 : 0)))
      #expect(other == queue)
    }
  }

  @Test("long chunks are cut where they lie, wherever blocks have to end (SPEC MEM-1)", arguments: 0..<200)
  func longChunks(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var queue = SendQueue()
    let chunks = (0..<8 as Range<UInt8>).map { ByteBuffer(repeating: $0, count: 32_768 + Int(random.next() % 65_536)) }
    for chunk in chunks { _ = queue.append(chunk, endsMessage: random.next() % 4 == 0) }
    let places = chunks.map(Self.place)
    var cut: [UInt8] = []
    var copiedByteCount = 0
    while !queue.isEmpty {
      let maximumRawByteCount = 1 + Int(random.next() % 131_072)
      let maximumSpan = 1 + Int(random.next() % UInt64(maximumRawByteCount + 1))
      let raw = queue.cut(maximumRawByteCount: maximumRawByteCount, maximumSpan: maximumSpan).raw
      cut += Array(raw.readableBytesView)
      let place = Self.place(raw)
      if !places.contains(where: { $0.clamped(to: place) == place }) { copiedByteCount += raw.readableBytes }
    }
    #expect(cut == chunks.flatMap { Array($0.readableBytesView) })
    // What is left of a chunk when three quarters of its buffer are no longer in use.
    #expect(copiedByteCount <= cut.count / 3)
  }

  @Test(
    "what is left of a chunk keeps no large buffer alive, unless it is the application's own (SPEC MEM-1)",
    arguments: [(131_072, 16_384), (262_144, 16_384), (1 << 20, 1 << 20)])
  func restOfAChunk(storageByteCount: Int, maximumStorageByteCount: Int) {
    var chunk = ByteBuffer()
    chunk.reserveCapacity(storageByteCount)
    chunk.writeRepeatingByte(7, count: 65_536)
    var queue = SendQueue()
    _ = queue.append(chunk, endsMessage: true)
    _ = queue.cut(maximumRawByteCount: 61_440, maximumSpan: 61_441)
    #expect(queue.cut(maximumRawByteCount: 1_000, maximumSpan: 1_001).raw.storageCapacity <= maximumStorageByteCount)
    // All but the end, which waits for a unit of credit.
    let last = queue.cut(maximumRawByteCount: 65_536, maximumSpan: 3_096)
    #expect(last.raw.readableBytes == 3_096 && !last.endsMessage)
    let end = queue.cut(maximumRawByteCount: 65_536, maximumSpan: 1)
    #expect(end.raw.storageCapacity == 0 && end.endsMessage && queue.isEmpty)
  }

  private static func place(_ buffer: ByteBuffer) -> Range<UInt> {
    unsafe buffer.withUnsafeReadableBytes { bytes in
      let start = UInt(bitPattern: bytes.baseAddress)
      return start..<start + UInt(bytes.count)
    }
  }

  @Test("short writes that wait keep no large buffer alive (SPEC MEM-1)")
  func detaching() {
    let large = ByteBuffer(repeating: 7, count: 1 << 20)
    var queue = SendQueue()
    for byteCount in [64, 3_000] {
      let mustDetach = queue.append(large.getSlice(at: 0, length: byteCount) ?? large, endsMessage: false)
      #expect(mustDetach)
    }
    queue.detach()
    while !queue.isEmpty {
      let chunk = queue.takeWhole(maximumRawByteCount: 64, maximumSpan: 65)
      let bytes = chunk?.bytes ?? queue.cut(maximumRawByteCount: 65_536, maximumSpan: 65_536).raw
      #expect(bytes.storageCapacity <= 4_096)
    }
  }

  @Test("a stream that alone has something to send need not go through the schedule (SPEC PRI-2)", arguments: 0..<20)
  func aloneInTheSchedule(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let id = StreamID(rawValue: 1)
    var schedule = SendSchedule()
    var share = SendSchedule.Share(urgency: UInt8(random.next() % 8))
    schedule.add(id, &share)
    var other = (schedule: schedule, share: share)
    // Whether the second one has been left out of its schedule.
    var isOut = false
    for _ in 0..<500 {
      let byteCount = Int(random.next() % 20_000)
      while true {
        #expect(schedule.next() == id)
        if schedule.admits(id, blockByteCount: 4_096, &share) { break }
      }
      schedule.charge(byteCount, to: &share)
      schedule.putBack(id, share)
      while !isOut {
        #expect(other.schedule.next() == id)
        isOut = other.schedule.admits(id, blockByteCount: 4_096, &other.share)
      }
      other.schedule.charge(byteCount, to: &other.share)
      isOut = other.schedule.isEmpty && other.share.isFresh
      if isOut { continue }
      other.schedule.putBack(id, other.share)
      #expect(other.schedule == schedule && other.share == share)
    }
  }

  @Test("what an owner asks after each turn is what the getters say")
  func outlook() throws {
    var pair = EnginePair.established()
    _ = try pair.client.send("x", finishes: false)
    pair.server.receive(pair.client.transmit(now: pair.now), now: pair.now)
    #expect(pair.server.session.nextDeadline != nil)
    #expect(pair.server.session.outlook().nextDeadline == pair.server.session.nextDeadline)
    pair.server.session.close(.noError, text: "")
    _ = pair.server.transmit(now: pair.now)
    let outlook = pair.server.session.outlook()
    #expect(outlook.wantsClose && pair.server.session.wantsClose && outlook.nextDeadline == nil)
  }
}
