import Testing

@testable import DWCPCore

/// Whose turn it is (SPEC PRI-2), without an engine: each stream of the model has blocks of one length, and more of them than it can send.
@Suite struct MultiplexingSuiteSchedule {
  private struct Model {
    var schedule = SendSchedule()
    var shares: [StreamID: SendSchedule.Share] = [:]
    var blockByteCounts: [StreamID: Int] = [:]
    var sentByteCounts: [StreamID: Int] = [:]
    var order: [StreamID] = []

    mutating func add(_ number: UInt64, urgency: UInt8 = 3, blockByteCount: Int = 1_000) {
      let id = StreamID(rawValue: number)
      blockByteCounts[id] = blockByteCount
      var share = shares[id] ?? SendSchedule.Share(urgency: urgency)
      schedule.add(id, &share)
      shares[id] = share
    }

    /// One turn; false when there was none to give.
    mutating func turn() -> Bool {
      while let id = schedule.next() {
        guard var share = shares[id], let byteCount = blockByteCounts[id] else { return false }
        defer { shares[id] = share }
        guard schedule.admits(id, blockByteCount: 131_072, &share) else { continue }
        sentByteCounts[id, default: 0] += byteCount
        order.append(id)
        schedule.charge(byteCount, to: &share)
        schedule.putBack(id, share)
        return true
      }
      return false
    }

    func sent(_ number: UInt64) -> Int { sentByteCounts[StreamID(rawValue: number)] ?? 0 }
  }

  @Test("equals get equal bytes, however long their blocks are (SPEC PRI-2)")
  func fairness() {
    var model = Model()
    let blockByteCounts = [100, 1_000, 30_000, 131_072, 200_000]
    for (number, byteCount) in blockByteCounts.enumerated() { model.add(UInt64(number), blockByteCount: byteCount) }
    while model.sent(4) < 100_000_000 { _ = model.turn() }
    for number in 0..<UInt64(blockByteCounts.count) {
      #expect((97_000_000...103_000_000).contains(model.sent(number)), "stream \(number)")
    }
  }

  @Test("a stream that comes with little waits for one block of its equals at most (SPEC PRI-2)")
  func littleGoesFirst() {
    var model = Model()
    for number in 1...100 { model.add(UInt64(number), blockByteCount: 131_072) }
    for _ in 0..<1_000 { _ = model.turn() }
    for _ in 0..<500 {
      model.add(1_000, blockByteCount: 100)
      let before = model.order.count
      while model.order.last != StreamID(rawValue: 1_000) { _ = model.turn() }
      #expect(model.order.count - before <= 2)
      // It has no more until it comes again.
      while let id = model.schedule.next(), id != StreamID(rawValue: 1_000) {
        guard var share = model.shares[id] else { return }
        model.schedule.charge(0, to: &share)
        model.schedule.putBack(id, share)
        model.shares[id] = share
      }
    }
  }

  @Test("the urgent go first, and one turn in a while keeps all others going (SPEC PRI-2)")
  func urgency() {
    var model = Model()
    model.add(1, urgency: 0, blockByteCount: 65_536)
    for number in 2...100 { model.add(UInt64(number), urgency: 7, blockByteCount: 65_536) }
    for _ in 0..<20_000 { _ = model.turn() }
    #expect(model.sent(1) > 20_000 * 65_536 / 10 * 9)
    for number in 2...100 { #expect(model.sent(UInt64(number)) > 0, "stream \(number) starved") }
  }

  @Test("a stream that becomes urgent while it waits is next (SPEC PRI-2)")
  func reprioritising() {
    var model = Model()
    for number in 1...50 { model.add(UInt64(number), blockByteCount: 131_072) }
    for _ in 0..<100 { _ = model.turn() }
    let id = StreamID(rawValue: 20)
    guard var share = model.shares[id] else { return }
    model.schedule.change(id, to: 0, isWaiting: true, &share)
    model.shares[id] = share
    _ = model.turn()
    #expect(model.order.last == id)
  }

  @Test("whatever comes and goes, no stream is lost and none has two places, over 10,000 seeds (SPEC PRI-2)")
  func nothingIsLost() {
    for seed in 0..<10_000 as Range<UInt64> {
      var random = SeededGenerator(seed: seed)
      var schedule = SendSchedule()
      var shares: [UInt64: SendSchedule.Share] = [:]
      var waiting: Set<UInt64> = []
      for _ in 0..<200 {
        let number = random.next() % 12
        var share = shares[number] ?? SendSchedule.Share(urgency: UInt8(number % 8))
        switch random.next() % 4 {
        case 0 where !waiting.contains(number):
          schedule.add(StreamID(rawValue: number), &share)
          waiting.insert(number)
          shares[number] = share
        case 1:
          let urgency = UInt8(random.next() % 8)
          schedule.change(StreamID(rawValue: number), to: urgency, isWaiting: waiting.contains(number), &share)
          shares[number] = share
        default:
          giveTurn(&schedule, &shares, &waiting, &random)
        }
        #expect(schedule.isEmpty == waiting.isEmpty)
      }
      var left = waiting.count
      while let id = schedule.next() {
        #expect(waiting.remove(id.rawValue) != nil)
        left -= 1
      }
      #expect(left == 0, "seed \(seed)")
    }
  }

  private func giveTurn(
    _ schedule: inout SendSchedule, _ shares: inout [UInt64: SendSchedule.Share], _ waiting: inout Set<UInt64>,
    _ random: inout SeededGenerator
  ) {
    guard let id = schedule.next(), var share = shares[id.rawValue] else { return #expect(waiting.isEmpty) }
    #expect(waiting.contains(id.rawValue))
    if schedule.admits(id, blockByteCount: 10_000, &share) {
      let hasMore = random.next() % 2 == 0
      schedule.charge(Int(random.next() % 200_000), to: &share)
      if hasMore { schedule.putBack(id, share) }
      if !hasMore { waiting.remove(id.rawValue) }
    }
    shares[id.rawValue] = share
  }
}
