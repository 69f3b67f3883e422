import Testing

@testable import DWCPCore

/// What an owner is told, beside a plain list.
@Suite struct MultiplexingSuiteEvents {
  @Test("events come out as they went in, and a copy goes its own way", arguments: 0..<40)
  func order(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var queue = EventQueue()
    var list: [SessionEvent] = []
    for step in UInt64(0)..<3_000 {
      // Now and then many wait, and now and then none.
      if random.next() % 256 < (step / 500 % 2 == 0 ? 160 : 100) {
        let id = StreamID(rawValue: step)
        let event = step % 3 == 0 ? SessionEvent.readable(id) : .streamOpened(id, StreamOpening(metadata: ["a": "b"]))
        queue.append(event)
        list.append(event)
      } else {
        #expect(queue.popFirst() == (list.isEmpty ? nil : list.removeFirst()))
      }
      guard step % 100 == 0 else { continue }
      var copy = queue
      #expect(copy == queue && copy.hashValue == queue.hashValue)
      copy.append(.streamLimitRaised)
      #expect(copy != queue)
      for event in list { #expect(copy.popFirst() == event) }
      #expect(copy.popFirst() == .streamLimitRaised && copy.popFirst() == nil)
    }
    for event in list { #expect(queue.popFirst() == event) }
    #expect(queue == EventQueue())
  }
}
