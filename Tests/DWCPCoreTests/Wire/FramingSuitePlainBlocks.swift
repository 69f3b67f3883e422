import NIOCore
import Testing

@testable import DWCPCore

/// Plain blocks take a short way through the engine, unless an object is under way on any stream: then all of them take the long one. Both have to end at the same place.
@Suite struct FramingSuitePlainBlocks {
  @Test(
    "the short way and the long one make the same of what a peer may send (SPEC DAT-1 to DAT-6, CRD-1, CRD-2, LIM-1)",
    arguments: 0..<1_500)
  func bothWays(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var pair = EnginePair.established(server: Self.configuration(seed: seed))
    var other = pair.server
    pair.server.receive(WireBuilder().frame(0x40, stream: 1, []).bytes, now: pair.now)
    other.receive(FramingSuiteObjects.open().bytes, now: pair.now)
    #expect(!other.session.incomingObjects.isEmpty)
    pair.server.events.removeAll()
    other.events.removeAll()
    var frames = Frames(isCareful: seed % 8 == 7)
    for _ in 0..<Self.frameCount(seed: seed) {
      let bytes = frames.next(&random)
      pair.server.receive(bytes, now: pair.now)
      other.receive(bytes, now: pair.now)
      if random.next() % 4 == 0 {
        let id = frames.stream(&random)
        let limit = Int(random.next() % 5_000)
        #expect(
          pair.server.session.read(id, maximumByteCount: limit) == other.session.read(id, maximumByteCount: limit))
      }
    }
    #expect(pair.server.events == other.events)
    #expect(pair.server.failure?.rule == other.failure?.rule)
    #expect(pair.server.session.counters.rawBytesReceived == other.session.counters.rawBytesReceived)
    #expect(pair.server.session.counters.receivedByCodec == other.session.counters.receivedByCodec)
    #expect(pair.server.session.receiveCredit == other.session.receiveCredit)
    #expect(pair.server.session.ledger == other.session.ledger)
    for id in Frames.streams {
      #expect(pair.server.session.streams[id] == other.session.streams[id])
    }
  }

  @Test("some of these peers break each of the rules, and some break none")
  func reach() {
    var rules: Set<String> = []
    for seed in UInt64(0)..<1_500 {
      var random = SeededGenerator(seed: seed)
      var pair = EnginePair.established(server: Self.configuration(seed: seed))
      var frames = Frames(isCareful: seed % 8 == 7)
      for _ in 0..<Self.frameCount(seed: seed) { pair.server.receive(frames.next(&random), now: pair.now) }
      rules.insert(pair.server.failure?.rule ?? "none")
    }
    #expect(rules.isSuperset(of: ["none", "DAT-1", "DAT-2", "DAT-6", "STR-3", "STR-11", "CRD-1", "CRD-2", "LIM-1"]))
  }

  /// With few frames most come to the end, with many credit does.
  private static func frameCount(seed: UInt64) -> Int { seed % 8 == 7 ? 400 : 40 }

  private static func configuration(seed: UInt64) -> SessionConfiguration {
    var configuration = SessionConfiguration()
    configuration.receiveObjectByteCount = 1 << 20
    configuration.streamWindowByteCount = 65_536
    configuration.sessionWindowByteCount = 1 << 20
    configuration.receiveBudgetByteCount = 1 << 20
    configuration.maximumPeerStreamCount = 40
    if seed % 4 == 0 { configuration.abuseBudgets.shortDataBytes = AbuseBudgets.Budget(capacity: 1_000, perSecond: 0) }
    return configuration
  }

  /// DATA frames of a peer that mostly keeps to the rules.
  private struct Frames {
    static let streams = (1...32).map { StreamID(rawValue: 1 + 2 * $0) }

    /// Breaks nothing but what windows bound.
    let isCareful: Bool
    private var ends: [StreamID: UInt64] = [:]
    private var finished: Set<StreamID> = []

    init(isCareful: Bool) {
      self.isCareful = isCareful
    }

    func stream(_ random: inout SeededGenerator) -> StreamID { Self.streams[Int(random.next() % 32)] }

    mutating func next(_ random: inout SeededGenerator) -> ByteBuffer {
      // Each rule is broken by few, so that most of what there is gets far.
      let fault = random.next() % (isCareful ? .max : 400)
      let id = fault == 0 ? StreamID(rawValue: 999) : stream(&random)
      guard !finished.contains(id) || fault == 6 else { return next(&random) }
      var offset = ends[id] ?? 0
      if fault == 1 { offset &+= 1 }
      if fault == 2 { offset = 1 << 62 }
      if fault == 3 { offset = offset &- min(offset, 1) }
      if fault == 4 { offset = 0 }
      let highestByteCount: UInt64 = [100, 3_000, 20_000, 20_000][Int(random.next() % 4)]
      let byteCount = fault == 5 ? 0 : 1 + Int(random.next() % highestByteCount)
      var flags: UInt8 = random.next() % 8 == 0 ? 0x02 : 0
      if random.next() % 64 == 0 { flags |= 0x01 }
      if fault == 5 { flags = 0 }
      let payload = [UInt8](repeating: UInt8(truncatingIfNeeded: random.next()), count: byteCount)
      if fault > 5 {
        ends[id] = offset &+ UInt64(byteCount) &+ (flags & 0x02 == 0 ? 0 : 1)
        if flags & 0x01 != 0 { finished.insert(id) }
      }
      return WireBuilder().data(stream: id.rawValue, flags: flags, offset: offset, payload).bytes
    }
  }
}
