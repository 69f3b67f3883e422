import NIOCore
import Testing

@testable import DWCPCore

/// Automatic compression of whole sessions, over time (SPEC CDC-7).
@Suite struct CodecSuiteAutomatic {
  /// What the test's cores make of a block, ratios of the samples below about right.
  private static let ladder = CodecLadder([
    rung("lz4:1", 1.6, 1_000), rung("zstd:-1", 1.8, 700), rung("zstd:1", 2.6, 400), rung("zstd:3", 2.8, 250),
    rung("zstd:9", 3.1, 40),
  ])
  private static let text = ByteBuffer(bytes: SampleKind.text.bytes(262_144))
  private static let random = ByteBuffer(bytes: SampleKind.random.bytes(262_144))

  private static func rung(_ text: String, _ ratio: Double, _ megabytesPerSecond: Double) -> CodecRung {
    CodecRung(
      setting: CompressionSetting(text) ?? .none, ratio: ratio, compressBytesPerSecond: megabytesPerSecond * 1e6,
      decompressBytesPerSecond: 2e9)
  }

  private static func link(
    _ megabytesPerSecond: Double, _ data: ByteBuffer = text, _ compression: CompressionChoice = .automatic
  ) throws -> VirtualLink {
    var link = VirtualLink(
      bytesPerSecond: megabytesPerSecond * 1e6, ladder: ladder, compression: compression, data: data)
    try link.open()
    return link
  }

  @Test("SPEC CDC-7: what does not shrink goes stored, as fast as without a codec")
  func incompressible() throws {
    var link = try Self.link(20, Self.random)
    try link.run(milliseconds: 500)
    #expect(link.setting == CompressionSetting.none, "\(link.history)")
    #expect(link.changes.allSatisfy { $0.milliseconds < 50 }, "\(link.history)")
    #expect(link.counters.codecChoices.trials < 100)
    #expect(link.counters.unshrunkBlocks < 10)
    var stored = try Self.link(20, Self.random, .fixed(.none))
    try stored.run(milliseconds: 500)
    #expect(Double(link.receivedByteCount) > 0.98 * Double(stored.receivedByteCount))
  }

  @Test("SPEC CDC-7: a slow link gets the densest rung that keeps it full, soon after the start")
  func slowLink() throws {
    var link = try Self.link(2)
    try link.run(milliseconds: 300)
    #expect(link.setting?.description == "zstd:9", "\(link.history)")
    try link.run(milliseconds: 700)
    #expect(link.setting?.description == "zstd:9", "\(link.history)")
    #expect(link.receivedByteCount > 4_000_000)
  }

  @Test("SPEC CDC-7: a link that is faster than any codec gets what is stored")
  func fastLink() throws {
    var link = try Self.link(3_000)
    try link.run(milliseconds: 20)
    #expect(link.setting == CompressionSetting.none, "\(link.history)")
    let before = link.changes.count
    try link.run(milliseconds: 10)
    #expect(link.changes.count == before)
  }

  @Test("SPEC ACK-4: blocks for a codec are not so short that what shrinks to nearly nothing makes a link look slow")
  func shortBlocks() throws {
    var link = try Self.link(5, Self.text, .fixed(CompressionSetting("zstd:1") ?? .none))
    try link.run(milliseconds: 500)
    // 20 ms of the link at 5 MB/s, and 5 ms of it at 50 MB/s.
    #expect((60_000...110_000).contains(link.lastJobByteCount))
    var fast = try Self.link(50, Self.text, .fixed(CompressionSetting("zstd:1") ?? .none))
    try fast.run(milliseconds: 200)
    #expect((131_072...262_144).contains(fast.lastJobByteCount))
  }

  @Test(
    "SPEC ACK-4: compressed blocks keep a link full, though no part of one is acknowledged",
    arguments: ["lz4:1", "zstd:1"])
  func longBlocks(setting: String) throws {
    let setting = try #require(CompressionSetting(setting))
    var link = VirtualLink(
      bytesPerSecond: 6.25e6, delayNanoseconds: 5_000_000, coreCount: 4, ladder: Self.ladder,
      compression: .fixed(setting), data: Self.text)
    try link.open()
    try link.run(milliseconds: 1_000)
    let before = link.counters.sentByCodec[setting.codec].wireBytes
    try link.run(milliseconds: 2_000)
    let sent = link.counters.sentByCodec[setting.codec].wireBytes - before
    #expect(Double(sent) > 0.97 * 6.25e6 * 2, "\(Double(sent) / 12.5e6)")
  }

  @Test("SPEC CDC-7: when the link slows down or gets faster, the choice follows")
  func linkChanges() throws {
    var link = try Self.link(100)
    try link.run(milliseconds: 300)
    #expect(Self.midSettings.contains(link.setting), "\(link.history)")
    // What is on its way takes 100 ms to get there.
    link.bytesPerSecond = 2e6
    try link.run(milliseconds: 500)
    #expect(link.setting?.description == "zstd:9", "\(link.history)")
    link.bytesPerSecond = 100e6
    try link.run(milliseconds: 800)
    #expect(Self.midSettings.contains(link.setting), "\(link.history)")
  }

  /// For 100 MB/s: what keeps the link full at most of its ratio.
  private static let midSettings: Set<CompressionSetting?> = [
    CompressionSetting("zstd:-1"), CompressionSetting("zstd:1"), CompressionSetting("zstd:3"),
  ]

  @Test("SPEC CDC-7: when the data changes, the choice follows")
  func dataChanges() throws {
    var link = try Self.link(20, Self.random)
    try link.run(milliseconds: 300)
    #expect(link.setting == CompressionSetting.none, "\(link.history)")
    link.data = Self.text
    try link.run(milliseconds: 400)
    #expect(link.setting?.codec == .zstd, "\(link.history)")
    link.data = Self.random
    try link.run(milliseconds: 400)
    #expect(link.setting == CompressionSetting.none, "\(link.history)")
  }

  @Test(
    "SPEC CDC-7, ACK-4: exchanges of short messages go stored, however long one of them takes, and what is long is compressed"
  )
  func exchanges() throws {
    var pair = EnginePair.established()
    let short = ByteBuffer(bytes: SampleKind.text.bytes(1_024))
    for number in 0..<200 {
      let id = try pair.client.session.open()
      _ = try pair.client.session.write(short, to: id)
      try pair.client.session.finish(id)
      let request = pair.client.transmit(now: pair.now)
      // Now and then somebody has something else to do.
      pair.advance(milliseconds: number % 10 == 9 ? 5 : 1)
      pair.server.receive(request, now: pair.now)
      pair.exchange()
      pair.client.session.release(id)
      pair.server.session.release(id)
    }
    let before = pair.client.session.counters.sentByCodec
    #expect(before.lz4.blocks + before.zstd.blocks == 0)
    let id = try pair.client.session.open()
    _ = try pair.client.session.write(Self.text, to: id)
    pair.exchange()
    let after = pair.client.session.counters.sentByCodec
    #expect(after.lz4.blocks + after.zstd.blocks > 0)
  }

  @Test("equal sessions make equal choices at equal times")
  func determinism() throws {
    func run() throws -> [String] {
      var link = try Self.link(20)
      try link.run(milliseconds: 200)
      return link.changes.map { "\($0.milliseconds) \($0.setting)" }
    }
    #expect(try run() == run())
  }
}
