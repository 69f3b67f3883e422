import DWCPCore
import HostileSimulation
import NIOCore
import Testing

/// Who gets what there is too little of, when some streams are compressed and others are not, or come and go.
@Suite struct MultiplexingSuiteShares {
  /// The other end raises the session's credit step by step, each time all of it is used up.
  private static func rig() -> EngineRig {
    var configuration = SessionConfiguration()
    configuration.sendChains = .none
    return EngineRig(role: .initiator, configuration) {
      announceZstd(sessionCredit: 1 << 20, &$0)
    }
  }

  private static func use(_ rig: inout EngineRig) {
    rig.settle()
    for _ in 0..<60 {
      rig.transmit()
      rig.tick(100_000)
      rig.acknowledge()
    }
  }

  @Test(
    "streams with a codec and one without share the session's credit (SPEC PRI-2)", arguments: [1, 2, 8] as [UInt64])
  func credit(eighths: UInt64) throws {
    var rig = Self.rig()
    let chunk = chatter(byteCount: 131_072, valueCount: 16)
    var ids = [try rig.session.open(compression: .fixed(.none))]
    for _ in 0..<(eighths + 3) / 4 { ids.append(try rig.session.open(compression: .fixed(.zstdDefault))) }
    var limit: UInt64 = 1 << 20
    for _ in 0..<60 {
      for id in ids {
        while rig.session.bufferedByteCount(id) < 2 << 20 { _ = try rig.session.write(chunk, to: id) }
      }
      Self.use(&rig)
      limit += eighths * 131_072
      rig.send { $0.frame(0x07, number: limit) }
    }
    #expect(rig.error == nil)
    let shares = ids.map { rig.sent[$0.rawValue, default: 0] }
    #expect(shares.allSatisfy { $0 > shares.reduce(0, +) / (4 * shares.count) }, "\(shares)")
  }

  @Test("session credit goes on to streams that wait behind those that needed little of it (SPEC CRD-2)")
  func littleCredit() throws {
    var rig = Self.rig()
    let bulk = try rig.session.open(compression: .fixed(.none))
    _ = try rig.session.write(ByteBuffer(repeating: 1, count: 1 << 20), to: bulk)
    Self.use(&rig)
    #expect(rig.sent[bulk.rawValue] == 1 << 20)
    for _ in 0..<100 {
      _ = try rig.session.write(ByteBuffer(repeating: 2, count: 10), to: rig.session.open(compression: .fixed(.none)))
    }
    Self.use(&rig)
    for limit in [1 << 20 + 1, 1 << 20 + 1_000] {
      rig.send { $0.frame(0x07, number: UInt64(limit)) }
      rig.transmit()
      #expect(rig.sent.values.reduce(0, +) == limit)
    }
    #expect(rig.error == nil)
  }

  @Test("a short message of urgency 0 does not wait for compressed bulk of urgency 7 (SPEC PRI-2)")
  func urgentCredit() throws {
    var rig = Self.rig()
    let chunk = chatter(byteCount: 131_072, valueCount: 16)
    let urgent = try rig.session.open(StreamOpening(urgency: 0), compression: .fixed(.none))
    let bulk = try rig.session.open(StreamOpening(urgency: 7), compression: .fixed(.zstdDefault))
    var limit: UInt64 = 1 << 20
    for round in 0..<30 {
      while rig.session.bufferedByteCount(bulk) < 2 << 20 { _ = try rig.session.write(chunk, to: bulk) }
      if round == 20 { _ = try rig.session.write(ByteBuffer(string: "urgent"), to: urgent) }
      Self.use(&rig)
      limit += 262_144
      rig.send { $0.frame(0x07, number: limit) }
      Self.use(&rig)
    }
    #expect(rig.error == nil)
    #expect(rig.sent[urgent.rawValue] == 6)
  }

  @Test("an old stream does not starve where ever more new ones of the same urgency have a message (SPEC PRI-2)")
  func newStreams() throws {
    var configuration = SessionConfiguration()
    configuration.compression = .fixed(.none)
    var rig = EngineRig(role: .initiator, configuration) {
      entry(0x0004, 1 << 60, &$0)
      entry(0x0005, 1 << 60, &$0)
      entry(0x0006, 1 << 40, &$0)
    }
    let bulk = try rig.session.open()
    _ = try rig.session.write(ByteBuffer(repeating: 1, count: 64 << 20), to: bulk)
    func advance() {
      rig.transmit(maximumByteCount: 16_000, isOnce: true)
      rig.tick()
      rig.acknowledge()
    }
    for _ in 0..<50 { advance() }
    let before = rig.sent
    for _ in 0..<1_000 {
      for _ in 0..<2 {
        let id = try rig.session.open()
        _ = try rig.session.write(ByteBuffer(repeating: 2, count: 8_000), to: id)
        try rig.session.finish(id)
      }
      advance()
    }
    #expect(rig.error == nil)
    let all = rig.sent.values.reduce(0, +) - before.values.reduce(0, +)
    let got = rig.sent[bulk.rawValue, default: 0] - before[bulk.rawValue, default: 0]
    // More is written to the new ones than goes, so that there are more and more of them, each its equal.
    #expect(got > all / 40 && got < all / 2, "\(got) of \(all)")
  }

  @Test("a stream whose blocks come from a codec one by one pays for them like its equals (SPEC PRI-2)")
  func debts() throws {
    var configuration = SessionConfiguration()
    configuration.sendChains = .none
    var rig = EngineRig(role: .initiator, configuration) {
      announceZstd(sessionCredit: 1 << 60, &$0)
    }
    let chunk = chatter(byteCount: 131_072, valueCount: 128)
    let coded = try rig.session.open(compression: .fixed(.zstdDefault))
    let stored = try rig.session.open(compression: .fixed(.none))
    var results: [CodecJobResult] = []
    var before: [UInt64: Int] = [:]
    for round in 0..<800 {
      for id in [coded, stored] {
        while rig.session.bufferedByteCount(id) < 2 << 20 { _ = try rig.session.write(chunk, to: id) }
      }
      while rig.session.nextEvent() != nil {}
      while let job = rig.session.nextJob() { results.append(job.run(in: rig.codecs)) }
      if !results.isEmpty { rig.session.complete(results.removeFirst(), now: rig.now) }
      rig.transmit(maximumByteCount: 131_000, isOnce: true, settles: false)
      rig.tick()
      rig.acknowledge(settles: false)
      if round == 200 { before = rig.sent }
    }
    let got = [coded, stored].map { rig.sent[$0.rawValue, default: 0] - before[$0.rawValue, default: 0] }
    // On the wire the coded bytes are seven eighths.
    #expect(got[0] < got[1] * 3 / 2, "\(got)")
  }
}
