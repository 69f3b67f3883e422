import Testing

@testable import DWCPCore

/// The choice of a codec, without sockets and clocks (SPEC CDC-7).
@Suite struct CodecSuiteSelector {
  private static let block = 131_072
  private static let ladder = CodecLadder([
    rung("lz4:1", 2, 1_000), rung("zstd:-1", 2.5, 700), rung("zstd:1", 3, 500), rung("zstd:3", 3.2, 300),
    rung("zstd:9", 3.5, 80), rung("zstd:12", 4, 20),
  ])

  private static func rung(_ text: String, _ ratio: Double, _ megabytesPerSecond: Double) -> CodecRung {
    CodecRung(
      setting: CompressionSetting(text) ?? .none, ratio: ratio, compressBytesPerSecond: megabytesPerSecond * 1e6,
      decompressBytesPerSecond: 2e9)
  }

  private static func link(
    _ megabytesPerSecond: UInt64, cores: Int = 1, peer: PeerDecoding = PeerDecoding()
  ) -> CodecSelector.Conditions {
    var conditions = CodecSelector.Conditions()
    conditions.linkBytesPerSecond = megabytesPerSecond * 1_000_000
    conditions.isLinkSettled = true
    conditions.bottleneck = .link
    conditions.coreCount = Double(cores)
    conditions.peer = peer
    return conditions
  }

  /// Blocks of data that comes to `gain` times what the ladder's sample gained, and to its speeds.
  private static func send(
    _ count: Int, _ selector: inout CodecSelector, _ conditions: CodecSelector.Conditions, gain: Double = 1
  ) -> [CodecSelector.Choice] {
    (0..<count).map { _ in
      let choice = selector.choose(rawByteCount: block, under: conditions)
      let tried = choice.sample ?? choice.setting
      let byteCount = choice.sample == nil ? block : CodecSelector.sampleByteCount(rawByteCount: block)
      guard let rung = ladder.rungs.first(where: { $0.setting == tried }), tried != .none else { return choice }
      selector.learn(
        tried, rawByteCount: byteCount, wireByteCount: Int(Double(byteCount) / (1 + (rung.ratio - 1) * gain)),
        nanoseconds: UInt64(Double(byteCount) / rung.compressBytesPerSecond * 1e9))
      return choice
    }
  }

  /// The law itself, in other words: all rungs, all limits, the first of the best.
  private static func bruteForce(_ megabytesPerSecond: Double, cores: Double, gain: Double = 1) -> CompressionSetting {
    var best = (setting: CompressionSetting.none, goodput: megabytesPerSecond * 1e6)
    for rung in ladder.rungs.dropFirst() {
      let link = megabytesPerSecond * 1e6 * (1 + (rung.ratio - 1) * gain)
      let goodput = [cores * rung.compressBytesPerSecond, link].min() ?? 0
      if goodput > best.goodput { best = (rung.setting, goodput) }
    }
    return best.setting
  }

  @Test(
    "SPEC CDC-7: a short block that is alone goes stored, unless the link is known to be so slow that it would arrive later"
  )
  func alone() {
    var conditions = CodecSelector.Conditions()
    conditions.aloneByteCount = 1_024
    var unknown = CodecSelector(ladder: Self.ladder)
    #expect(unknown.choose(rawByteCount: 1_024, under: conditions).setting == .none)
    conditions.aloneByteCount = 0
    var more = CodecSelector(ladder: Self.ladder)
    #expect(more.choose(rawByteCount: 1_024, under: conditions).setting != .none)
    conditions = Self.link(5)
    conditions.bottleneck = .source
    conditions.aloneByteCount = 1_024
    var slow = CodecSelector(ladder: Self.ladder)
    #expect(slow.choose(rawByteCount: 1_024, under: conditions).setting != .none)
  }

  @Test(
    "SPEC CDC-7: each link gets the rung with the greatest goodput, as brute force finds it",
    arguments: [1, 6, 12, 62, 125, 312, 1_250, 3_125, 100_000], [1, 4])
  func bestRung(megabytesPerSecond: Int, cores: Int) {
    var selector = CodecSelector(ladder: Self.ladder)
    let conditions = Self.link(UInt64(megabytesPerSecond), cores: cores)
    _ = Self.send(200, &selector, conditions)
    let goodputs = selector.goodputs(under: conditions)
    let wanted = Self.bruteForce(Double(megabytesPerSecond), cores: Double(cores))
    let index = Self.ladder.rungs.firstIndex { $0.setting == wanted } ?? 0
    let chosen = Self.ladder.rungs.firstIndex(of: selector.current) ?? 0
    #expect(goodputs[chosen] * 1.04 >= goodputs[index], "\(selector.current.setting) instead of \(wanted)")
    if megabytesPerSecond == 100_000 { #expect(selector.current == .none) }
  }

  @Test("SPEC CDC-7: what does not shrink goes stored, and hardly anything is spent on it")
  func incompressible() {
    var selector = CodecSelector(ladder: Self.ladder)
    let choices = Self.send(2_000, &selector, Self.link(125), gain: 0)
    let tried = choices.count { $0.setting != .none }
    #expect(selector.current == .none)
    #expect(tried < 10)
    // An eighth of a block of lz4 each, among blocks that take a millisecond.
    #expect(choices.count { $0.sample != nil } < 100)
    #expect(choices.contains { $0.sample != nil })
  }

  @Test("a rung that is hardly better is not taken: hysteresis")
  func hysteresis() {
    var selector = CodecSelector(ladder: Self.ladder)
    // At 100 MB/s zstd 1, which the link limits, and zstd 3, which the codec does, come to the same.
    _ = Self.send(200, &selector, Self.link(101))
    #expect(selector.current.setting.description == "zstd:1")
    var changeCount = 0
    for step in 0..<200 {
      let choices = Self.send(1, &selector, Self.link(step.isMultiple(of: 2) ? 99 : 101))
      changeCount += choices.count { $0.isChange }
    }
    #expect(changeCount == 0)
  }

  @Test("stored blocks that have become compressible are noticed, and compressed ones that no longer are")
  func dataChanges() {
    var selector = CodecSelector(ladder: Self.ladder)
    let conditions = Self.link(62)
    _ = Self.send(400, &selector, conditions, gain: 0)
    #expect(selector.current == .none)
    _ = Self.send(400, &selector, conditions, gain: 1)
    #expect(selector.current.ratio >= 3)
    _ = Self.send(20, &selector, conditions, gain: 0)
    #expect(selector.current == .none)
  }

  @Test("when the link changes, the next choices are for the new one at once")
  func linkChanges() {
    var selector = CodecSelector(ladder: Self.ladder)
    _ = Self.send(200, &selector, Self.link(3_000))
    #expect(selector.current == .none)
    _ = Self.send(8, &selector, Self.link(2))
    #expect(selector.current.ratio >= 3.5)
  }

  @Test("while codecs are the limit, the link is taken for faster until it shows that it is not")
  func appLimited() {
    var selector = CodecSelector(ladder: Self.ladder)
    _ = Self.send(100, &selector, Self.link(1))
    #expect(selector.current.setting.description == "zstd:12")
    var conditions = Self.link(5)
    conditions.bottleneck = .codec
    // The link delivers all that zstd 12 makes, which says nothing of what it could.
    _ = Self.send(2_000, &selector, conditions)
    #expect(selector.current == .none)
  }

  @Test(
    "while codecs are the limit, blocks go stored now and then to show what the link can do, and few if it shows nothing"
  )
  func probes() {
    var selector = CodecSelector(ladder: Self.ladder)
    var conditions = Self.link(100)
    _ = Self.send(200, &selector, conditions)
    #expect(selector.current.setting.codec == .zstd)
    conditions.bottleneck = .codec
    // It shows that it is what it was.
    let fruitless = Self.send(100, &selector, conditions)
    let probeCount = fruitless.count { $0.setting == .none && $0.reason == .trial }
    #expect((1...10).contains(probeCount))
    // It shows ten times as much with the first one.
    var choices: [CodecSelector.Choice] = []
    for _ in 0..<600 {
      if choices.contains(where: { $0.setting == .none }) { conditions.linkBytesPerSecond = 1_000_000_000 }
      choices += Self.send(1, &selector, conditions)
    }
    #expect(selector.current == .none)
    #expect(selector.presumedLinkBytesPerSecond >= 1e9)
  }

  @Test("the link is taken for faster no sooner than it can say otherwise, a round trip later")
  func roundTrips() {
    var conditions = Self.link(1)
    conditions.isLinkSettled = false
    conditions.bottleneck = .codec
    conditions.roundTripNanoseconds = 100_000_000
    var selector = CodecSelector(ladder: Self.ladder)
    let before = selector.presumedLinkBytesPerSecond
    // A tenth of a round trip.
    _ = Self.send(40, &selector, conditions)
    #expect(selector.presumedLinkBytesPerSecond < before * 1.25)
    conditions.roundTripNanoseconds = 10_000
    _ = Self.send(40, &selector, conditions)
    #expect(selector.presumedLinkBytesPerSecond > before * 2)
  }

  @Test("blocks that differ from one another are no other data, and no reason to change")
  func unevenBlocks() {
    var selector = CodecSelector(ladder: Self.ladder)
    var random = SampleGenerator(state: 1)
    var changes = 0
    for _ in 0..<1_000 {
      let gain = 0.4 + 1.2 * Double(random.nextByte()) / 255
      changes += Self.send(1, &selector, Self.link(20), gain: gain).count { $0.isChange }
    }
    #expect(changes < 30)
  }

  @Test("cores are counted as they are seen to encode, and more are hoped for in time")
  func grantedCores() {
    var cores = GrantedCores(limit: 4)
    var now: UInt64 = 0
    // Jobs of 1 ms that take 4 ms to come back: one core for all of them.
    for _ in 0..<400 {
      now += 1_000_000
      cores.noteEncoded(nanoseconds: 1_000_000, pendingCount: 8, now: Instant(nanoseconds: now))
    }
    #expect(abs(cores.count - 1) < 0.3)
    // Nothing is seen of jobs while cores are idle, and in time more may be there.
    cores.noteEncoded(nanoseconds: 1_000_000, pendingCount: 0, now: Instant(nanoseconds: now))
    let seen = cores.count
    for _ in 0..<10 {
      now += 100_000_000
      cores.noteEncoded(nanoseconds: 1_000_000, pendingCount: 0, now: Instant(nanoseconds: now))
    }
    #expect(cores.count > seen)
    for _ in 0..<400 {
      now += 1_000_000
      for _ in 0..<4 { cores.noteEncoded(nanoseconds: 1_000_000, pendingCount: 8, now: Instant(nanoseconds: now)) }
    }
    #expect(cores.count > 3.5)
    #expect(cores.count <= 4)
  }

  @Test("equal calls give equal choices")
  func determinism() {
    func run() -> (CodecSelector, [CodecSelector.Choice]) {
      var selector = CodecSelector(ladder: Self.ladder)
      let choices = Self.send(50, &selector, Self.link(10)) + Self.send(50, &selector, Self.link(1_000), gain: 0.5)
      return (selector, choices)
    }
    #expect(run() == run())
  }

  @Test(
    "SPEC CAP-5, CDC-7: what the other end cannot decode is not chosen, and whatever it says of its speed traps nothing",
    arguments: [0.0, 1, 16_777_215e6, .infinity])
  func absurdPeers(bytesPerSecond: Double) {
    let peer = PeerDecoding(lz4BytesPerSecond: 0, zstdBytesPerSecond: bytesPerSecond)
    for link in [0, 1, 1_000, UInt64(1) << 40] {
      var selector = CodecSelector(ladder: Self.ladder)
      let choices = Self.send(100, &selector, Self.link(link, peer: peer))
      #expect(!choices.contains { $0.setting.codec == .lz4 || $0.sample?.codec == .lz4 })
      if bytesPerSecond == 0 { #expect(choices.allSatisfy { $0.setting == .none && $0.sample == nil }) }
    }
  }

  @Test("SPEC CDC-7: a slow decoder at the other end counts")
  func slowPeer() {
    var selector = CodecSelector(ladder: Self.ladder)
    let peer = PeerDecoding(lz4BytesPerSecond: 4e9, zstdBytesPerSecond: 100e6)
    _ = Self.send(200, &selector, Self.link(125, cores: 4, peer: peer))
    #expect(selector.current.setting.codec == .lz4)
  }

  @Test(
    "the ladder keeps what no other rung beats in both speed and ratio, and no level at which the library is flawed")
  func pruning() {
    let ladder = CodecLadder([
      Self.rung("zstd:3", 3, 300), Self.rung("zstd:5", 2.9, 150), Self.rung("lz4:1", 2, 1_000),
      Self.rung("zstd:1", 3, 290), Self.rung("zstd:-5", 1, 1_200),
    ])
    #expect(ladder.rungs.map(\.setting.description) == ["none", "lz4:1", "zstd:3"])
    for rung in CodecLadder.standard.rungs where rung.setting.codec == .zstd {
      #expect(!ZstdLibrary.isFlawed(atLevel: rung.setting.level))
    }
  }

  @Test("a measured ladder has rungs in order, whatever the clock says")
  func calibration() throws {
    var time: UInt64 = 0
    let ladder = try CodecLadder.measured {
      time += 10_000_000
      return time
    }
    #expect(ladder.rungs.first == CodecRung.none)
    #expect(ladder.rungs.count >= 2)
    #expect(zip(ladder.rungs, ladder.rungs.dropFirst()).allSatisfy { $0.ratio < $1.ratio })
  }
}
