import NIOCore
import Testing

@testable import DWCPCore

/// Blocks that continue the history of their stream (SPEC CHN-1 to CHN-3).
@Suite struct CodecSuiteChains {
  private static func setting(_ level: Int = 3) throws -> CompressionSetting {
    try #require(CompressionSetting(codec: .zstd, level: level, isChained: true))
  }

  /// Noise, so that nothing repeats within a block; the same noise in every fourth.
  private static func block(_ number: Int, byteCount: Int = 8_192) -> [UInt8] {
    SampleKind.random.bytes(byteCount, seed: UInt64(1 + number % 4))
  }

  private static func write(_ blocks: [[UInt8]], to pair: inout EnginePair, _ id: StreamID) throws {
    for block in blocks {
      _ = try pair.client.session.write(ByteBuffer(bytes: block), to: id, endsMessage: true)
      pair.exchange()
    }
  }

  /// DATA frames that the client sends now, a line each.
  private static func frames(of pair: inout EnginePair) throws -> [String] {
    let wire = pair.client.transmit(now: pair.now)
    pair.server.receive(wire, now: pair.now)
    pair.client.receive(pair.server.transmit(now: pair.now), now: pair.now)
    var lister = FrameLister()
    var input = ByteBuffer(bytes: [0x44, 0x57, 0x43, 0x50, 3, 0, 0, 0])
    input.writeImmutableBuffer(wire)
    var lines: [String] = []
    while let line = try lister.next(&input) { if line.contains("DATA") { lines.append(line) } }
    return lines
  }

  private static func kind(_ line: String) -> String {
    if line.contains("CHAINED RESTART") { return "restart" }
    return line.contains("CHAINED") ? "chained" : line.contains("zstd") ? "independent" : "stored"
  }

  @Test(
    "what was in an earlier block is not sent again, and arrives as it was (SPEC CHN-1)", arguments: [-3, 1, 3, 9, 12])
  func history(level: Int) throws {
    let blocks = (0..<12).map { Self.block($0) }
    var payloadByteCounts: [UInt64] = []
    for setting in [try Self.setting(level), try Self.setting(level).independent] {
      var pair = EnginePair.established()
      let id = try pair.client.session.open(compression: .fixed(setting))
      try Self.write(blocks, to: &pair, id)
      try pair.client.session.finish(id)
      pair.exchange()
      let read = pair.server.readAll(id)
      let isWhole = read.bytes == blocks.flatMap { $0 }
      #expect(isWhole)
      #expect(read.marks == (1...12).map { $0 * 8_192 })
      payloadByteCounts.append(
        pair.client.session.counters.sentByCodec[.zstd].payloadBytes
          + pair.client.session.counters.sentByCodec[.none].payloadBytes)
      #expect(pair.client.session.sendChains.isEmpty)
      #expect(pair.server.session.receiveChains.isEmpty)
    }
    #expect(payloadByteCounts[0] < payloadByteCounts[1] / 2)
  }

  @Test("without the other end's announcement, or this end's wish, blocks are independent (SPEC CHN-2)")
  func notAnnounced() throws {
    var without = SessionConfiguration()
    without.receiveChains = .none
    without.sendChains = .none
    let with = SessionConfiguration()
    for (client, server) in [(with, without), (without, with)] {
      var pair = EnginePair.established(client: client, server: server)
      let id = try pair.client.session.open(compression: .fixed(try Self.setting()))
      _ = try pair.client.session.write(ByteBuffer(repeating: 7, count: 9_000), to: id)
      #expect(try Self.frames(of: &pair).map(Self.kind) == ["independent"])
    }
  }

  @Test("no more streams are chained than the other end takes, and an ended one makes room (SPEC CHN-2)")
  func budget() throws {
    var two = SessionConfiguration()
    two.receiveChains = ChainBudget(count: 2, windowLog: 18)
    var pair = EnginePair.established(server: two)
    let setting = try Self.setting()
    var ids: [StreamID] = []
    for _ in 0..<3 {
      ids.append(try pair.client.session.open(compression: .fixed(setting)))
      _ = try pair.client.session.write(ByteBuffer(repeating: 7, count: 9_000), to: ids[ids.count - 1])
    }
    #expect(try Self.frames(of: &pair).map(Self.kind) == ["restart", "restart", "independent"])
    try pair.client.session.finish(ids[0])
    pair.exchange()
    for id in ids[1...] { _ = try pair.client.session.write(ByteBuffer(repeating: 8, count: 9_000), to: id) }
    #expect(try Self.frames(of: &pair).map(Self.kind) == ["chained", "restart"])
    pair.client.session.reset(ids[1], code: .cancelled)
    let last = try pair.client.session.open(compression: .fixed(setting))
    pair.exchange()
    _ = try pair.client.session.write(ByteBuffer(repeating: 9, count: 9_000), to: last)
    #expect(try Self.frames(of: &pair).map(Self.kind) == ["restart"])
    #expect(pair.server.failure == nil)
  }

  @Test("what does not shrink, or is short, or has no raw bytes, leaves the chain as it is (SPEC CHN-1, DAT-3)")
  func unshrunk() throws {
    var pair = EnginePair.established()
    let id = try pair.client.session.open(compression: .fixed(try Self.setting()))
    var kinds: [String] = []
    var sent: [UInt8] = []
    for number in 0..<30 {
      let block = number % 5 == 4 ? [1, 2, 3] : SampleKind.random.bytes(9_000, seed: UInt64(number))
      sent += block
      _ = try pair.client.session.write(ByteBuffer(bytes: block), to: id)
      kinds += try Self.frames(of: &pair).map(Self.kind)
      guard number % 7 == 6 else { continue }
      _ = try pair.client.session.write(ByteBuffer(), to: id, endsMessage: true)
      #expect(try Self.frames(of: &pair).map(Self.kind) == ["stored"])
    }
    #expect(kinds == ["restart"] + [String](repeating: "chained", count: 29))
    let traffic = pair.client.session.counters.sentByCodec[.zstd]
    #expect(traffic.payloadBytes > traffic.rawBytes)
    let isWhole = pair.server.readAll(id).bytes == sent
    #expect(isWhole)
  }

  @Test("jobs of a chain that run in a wrong order break it: its blocks go stored, and nothing is lost (SPEC CHN-1)")
  func wrongOrder() throws {
    var pair = EnginePair.established()
    let id = try pair.client.session.open(compression: .fixed(try Self.setting()))
    let sent = (0..<20).flatMap { Self.block($0, byteCount: 16_384) }
    _ = try pair.client.session.write(ByteBuffer(bytes: sent), to: id)
    let context = CodecContext()
    for _ in 0..<10 {
      var jobs: [CodecJob] = []
      while let job = pair.client.session.nextJob() { jobs.append(job) }
      for job in jobs.reversed() { pair.client.session.complete(job.run(in: context), now: pair.now) }
      _ = try Self.frames(of: &pair)
    }
    pair.exchange()
    let isWhole = pair.server.readAll(id).bytes == sent
    #expect(isWhole)
    #expect(pair.server.failure == nil)
    #expect(pair.client.session.counters.sentByCodec[.none].blocks > 0)
  }

  @Test("a copy of a session goes on without its chains")
  func copies() throws {
    var pair = EnginePair.established()
    let id = try pair.client.session.open(compression: .fixed(try Self.setting()))
    try Self.write([Self.block(0)], to: &pair, id)
    var copy = pair
    try Self.write([Self.block(1)], to: &pair, id)
    try Self.write([Self.block(2), Self.block(3)], to: &copy, id)
    try Self.write([Self.block(4)], to: &pair, id)
    let isWhole = pair.server.readAll(id).bytes == [0, 1, 4].flatMap { Self.block($0) }
    #expect(isWhole)
    // The history has gone on without the copy, whose next block goes stored and the one behind it begins another chain; and so it is with the other one.
    let isCopyWhole = copy.server.readAll(id).bytes == [0, 2, 3].flatMap { Self.block($0) }
    #expect(isCopyWhole)
    #expect(copy.client.session.counters.sentByCodec[.none].blocks == 1)
    #expect(copy.client.session.counters.sentByCodec[.zstd].blocks == 2)
    #expect(pair.client.session.counters.sentByCodec[.none].blocks == 1)
  }

  @Test("beginning chains all the time is a load that has a budget (SPEC LIM-1)")
  func restartFlood() {
    var budgets = SessionConfiguration()
    budgets.abuseBudgets.shortDataBytes = .init(capacity: 100_000, perSecond: 1)
    var pair = EnginePair.established(server: budgets)
    let payload: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x40, 0x22, 0x03, 0x00, 7]
    let check = CRC32C.checksum(ByteBuffer(repeating: 7, count: 100).readableBytesSpan)
    var count = 0
    while pair.server.failure == nil, count < 1_000 {
      let wire = WireBuilder().data(
        flags: 0x18, offset: UInt64(100 * count), codec: 2, raw: 100, decodedCheck: check, payload)
      pair.server.receive(wire.bytes, now: pair.now)
      count += 1
    }
    #expect(pair.server.failure?.code == .excessiveLoad)
    #expect(count == 100_000 / (4_096 - 100) + 1)
  }

  @Test("settings are written and read with their chains")
  func names() throws {
    #expect(CompressionSetting("zstd:3:chained") == (try Self.setting()))
    #expect("\(try Self.setting(-7))" == "zstd:-7:chained")
    #expect(try Self.setting(-7).level == -7)
    for text in ["zstd:chained", "zstd:3:chain", "zstd:13:chained", "lz4:1:chained", "none:0:chained", "zstd:3:"] {
      #expect(CompressionSetting(text) == nil, "\(text)")
    }
    for level in -7...19 where level != 0 {
      #expect(CompressionSetting(codec: .zstd, level: level)?.isChained == false)
    }
  }
}
