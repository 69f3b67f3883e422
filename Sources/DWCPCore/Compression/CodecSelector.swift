/// Picks codec and level for each block of one stream (SPEC CDC-7): the rung of the ladder with the greatest goodput, which is the least of
/// cores x compress speed, link rate x ratio and the other end's decode speed. `none` is one of the rungs.
///
/// What a rung comes to is learned from the blocks that went over it. Of the others the ladder says how they compare with it; those that may be better
/// are tried now and then, for a hundredth of the time.
///
/// A value without a clock: equal calls give equal choices.
public struct CodecSelector: Hashable, Sendable {
  /// What a choice depends on, besides the data.
  public struct Conditions: Hashable, Sendable {
    /// Bytes a second that the link delivers, as far as was seen; nil before the first measure.
    public var linkBytesPerSecond: UInt64?
    /// The link has been seen full, so that it can hardly do better than that.
    public var isLinkSettled = false
    /// What the stream waits for.
    public var bottleneck = Bottleneck.source
    /// Cores that encode; at least 1.
    public var coreCount = 1
    /// What the other end decodes.
    public var peer = PeerDecoding()

    /// An unknown link, and an end that decodes everything.
    public init(coreCount: Int = 1) {
      self.coreCount = coreCount
    }
  }

  /// What a stream waits for when its next block is cut.
  public enum Bottleneck: Hashable, Sendable {
    /// Blocks that are ready wait for the link.
    case link
    /// All cores encode, and the link waits.
    case codec
    /// The application has written no more.
    case source
  }

  /// Why a setting was chosen.
  public enum Reason: String, Hashable, Sendable {
    /// It has the greatest goodput, as far as is known.
    case best
    /// It may have, which one block will show.
    case trial
  }

  /// What is to be done with a block.
  public struct Choice: Hashable, Sendable {
    /// Codec and level for the whole block.
    public var setting: CompressionSetting
    /// With setting `none`: what to try on a part of the block, for its figures alone.
    public var sample: CompressionSetting?
    /// Why.
    public var reason = Reason.best
    /// The stream's setting has changed with this block.
    public var isChange = false
    /// Raw bytes a second that are expected of the setting, and of the best one.
    public var goodput = 0.0
    /// Not less than `goodput`, which it exceeds by what hysteresis and trials cost.
    public var bestGoodput = 0.0
    /// Raw bytes that may follow stored before the next question.
    public var unaskedByteCount = 0

    /// Nanoseconds by which a block was expected to take longer than with the best rung known; at most 10^15.
    func lostNanoseconds(rawByteCount: Int) -> UInt64 {
      let lost = Double(rawByteCount) * (1 / goodput - 1 / bestGoodput) * 1e9
      return lost.isFinite ? UInt64(min(max(0, lost), 1e15)) : 0
    }
  }

  /// A link of which nothing is known; in bytes a second.
  private static let nominalLink = 312_500_000.0
  /// Another rung has to promise so much more.
  private static let hysteresis = 1.03
  /// Goodputs that are as good as equal.
  private static let tie = 1.003
  /// Of the time, for trials and samples.
  private static let trialShare = 0.01
  private static let maximumCreditNanoseconds = 50e6
  /// What it takes to give a stored block to another thread for a sample.
  private static let handoverNanoseconds = 50_000.0
  /// A figure is believed for so long for each time that it was seen, up to eight times.
  private static let freshNanoseconds = 25e6
  /// Blocks may differ; three in a row that differ by more are other data.
  private static let changeFactor = 1.3
  private static let changeRunLength = 3
  /// The stream of a trial's block may have been cut short.
  private static let lostTrialBlockCount = 64
  private static let watchLength = 8
  /// Without a sign that the link is full it is taken for faster, e times in so long, and in not less than 200 blocks.
  private static let doubtNanoseconds = 0.05e9
  private static let maximumPatience = 16.0
  /// Blocks that have to wait for the link, one after the other, until it is believed to be full.
  private static let linkRunLength = 4
  /// At most, and not more than what takes 20 ms.
  static let maximumUnaskedByteCount: UInt64 = 2 << 20

  /// The rungs to choose from.
  public let ladder: CodecLadder
  /// The rung in use.
  public var current: CodecRung { ladder.rungs[currentIndex] }

  private var currentIndex = 0
  private var learned: [Learned?]
  /// Bytes a second, measured or suspected.
  private var link = CodecSelector.nominalLink
  /// The link was not full after a step to a faster rung either.
  private var isLinkOutrun = true
  private var linkRun = 0
  /// How many times slower than at first the link is taken for faster.
  private var patience = 1.0
  /// A faster rung was taken since the link may be faster.
  private var hasGrown = false
  /// A block of the rung in use has come back.
  private var isSeenSinceGrowth = false
  private var elapsedNanoseconds = 0.0
  private var creditNanoseconds = 0.0
  /// What has been tried and has not come back.
  private var pendingTrial: Int?
  private var blocksSinceTrial = 0
  /// Questions to be asked block by block, since the rung is new.
  private var watchedBlockCount = 0
  private var changeRun = 0
  private var hasChosen = false

  /// What was seen of one rung.
  private struct Learned: Hashable, Sendable {
    var wireFraction: Double
    /// Of one core, for each raw byte; nil where no time was told.
    var nanosecondsPerByte: Double?
    var count = 1
    var seenNanoseconds: Double
  }

  /// A stream of which nothing is known.
  public init(ladder: CodecLadder) {
    self.ladder = ladder
    learned = Array(repeating: nil, count: ladder.rungs.count)
  }

  /// The choice for the next block.
  ///
  /// - Parameter rawByteCount: of the block; for `none` of all bytes since the question before.
  /// - Parameter conditions: what holds now, besides the data.
  public mutating func choose(rawByteCount: Int, under conditions: Conditions) -> Choice {
    adapt(to: conditions, rawByteCount: rawByteCount)
    let goodputs = ladder.rungs.indices.map { goodput(of: $0, conditions) }
    let bestGoodput = goodputs.max() ?? 0
    // Of those that come to the same, the one that costs the least.
    let best = goodputs.firstIndex { $0 * Self.tie >= bestGoodput } ?? 0
    let isBetter = goodputs[best] > goodputs[currentIndex] * Self.hysteresis
    let isCheaper = best < currentIndex && goodputs[best] * Self.tie >= goodputs[currentIndex]
    let isChange = best != currentIndex && (isBetter || isCheaper || !hasChosen)
    if isChange {
      // A faster rung while codecs are the limit: the link has to show now what it can do.
      if hasChosen, best < currentIndex, conditions.bottleneck == .codec {
        isLinkOutrun = isLinkOutrun || hasGrown
        hasGrown = true
      }
      currentIndex = best
    }
    hasChosen = true
    var choice = Choice(
      setting: current.setting, isChange: isChange, goodput: goodputs[currentIndex], bestGoodput: bestGoodput)
    let nanoseconds = Double(rawByteCount) / goodputs[currentIndex] * 1e9
    if nanoseconds.isFinite {
      elapsedNanoseconds += nanoseconds
      creditNanoseconds = min(creditNanoseconds + nanoseconds * Self.trialShare, Self.maximumCreditNanoseconds)
    }
    addTrial(to: &choice, rawByteCount: rawByteCount, goodputs, conditions)
    watchedBlockCount = isChange ? Self.watchLength : max(0, watchedBlockCount - 1)
    if watchedBlockCount == 0 {
      choice.unaskedByteCount = Int(min(Double(Self.maximumUnaskedByteCount), goodputs[currentIndex] * 0.02))
    }
    return choice
  }

  /// What each rung promises now, in raw bytes a second, in the ladder's order.
  public func goodputs(under conditions: Conditions) -> [Double] {
    ladder.rungs.indices.map { goodput(of: $0, conditions) }
  }

  /// The link's rate that choices go by, in bytes a second: measured, or suspected while nothing shows that it is full.
  public var presumedLinkBytesPerSecond: Double { link }

  /// A measured rate counts as such while the link is what holds the stream up; while codecs do, the link may be faster, which a faster rung will show.
  private mutating func adapt(to conditions: Conditions, rawByteCount: Int) {
    let measured = Double(conditions.linkBytesPerSecond ?? 0)
    switch conditions.bottleneck {
    case .link where conditions.isLinkSettled && measured > 0:
      linkRun = min(linkRun + 1, Self.linkRunLength)
      guard linkRun == Self.linkRunLength else { break }
      let isSameLink = measured < link * 1.5 && link < measured * 1.5
      // What was suspected was wrong, and the next time is further off.
      if hasGrown { patience = isSameLink || isLinkOutrun ? min(patience * 2, Self.maximumPatience) : 1 }
      link = measured
      isLinkOutrun = false
      hasGrown = false
    case .codec where measured > 0 && isSeenSinceGrowth:
      linkRun = 0
      isSeenSinceGrowth = false
      let nanoseconds = Double(rawByteCount) / goodput(of: currentIndex, conditions) * 1e9
      let doubt = min(nanoseconds / Self.doubtNanoseconds, 0.005) / patience
      link = max(link, measured) * (isLinkOutrun ? 1.25 : 1 + doubt)
    case .link, .codec, .source:
      link = max(link, measured)
    }
    link = min(link, 1e15)
  }
}

extension CodecSelector {
  private func goodput(of index: Int, optimism: Double = 1, _ conditions: Conditions) -> Double {
    let rung = ladder.rungs[index]
    let (ratio, speed) = figures(of: index)
    let cores = Double(max(1, conditions.coreCount))
    // Nobody looks at what goes stored: it may have become like any other data.
    let isBlind = optimism > 1 && currentIndex == 0
    let linkGoodput = link * max(1 + (ratio - 1) * optimism, isBlind ? rung.ratio : 1)
    return min(cores * speed * optimism, linkGoodput, conditions.peer.bytesPerSecond(rung.setting.codec))
  }

  /// Ratio, and raw bytes a second of one core: as they were seen, or as the ladder says that they follow from the nearest rung that was.
  private func figures(of index: Int) -> (ratio: Double, bytesPerSecond: Double) {
    let rung = ladder.rungs[index]
    guard rung.setting.codec != .none, let nearest = nearestLearned(to: index), let seen = learned[nearest] else {
      return (rung.ratio, rung.compressBytesPerSecond)
    }
    let model = ladder.rungs[nearest]
    let gain = (1 / seen.wireFraction - 1) / (model.ratio - 1)
    let slowness = seen.nanosecondsPerByte.map { $0 * model.compressBytesPerSecond / 1e9 } ?? 1
    return (1 + (rung.ratio - 1) * gain, rung.compressBytesPerSecond / slowness)
  }

  private func nearestLearned(to index: Int) -> Int? {
    if learned[index] != nil { return index }
    for distance in 1..<learned.count {
      if index >= distance, learned[index - distance] != nil { return index - distance }
      if index + distance < learned.count, learned[index + distance] != nil { return index + distance }
    }
    return nil
  }

  /// Takes a rung that may be better for one block, or with `none` for a part of it, when it has not been seen for long and there is time. From
  /// `none` the fastest rung is the outlook, whatever is expected of it.
  private mutating func addTrial(
    to choice: inout Choice, rawByteCount: Int, _ goodputs: [Double], _ conditions: Conditions
  ) {
    blocksSinceTrial += 1
    guard pendingTrial == nil || blocksSinceTrial > Self.lostTrialBlockCount else { return }
    let goal = goodputs[currentIndex] * Self.hysteresis
    let isSample = currentIndex == 0
    var candidate: (index: Int, hope: Double)?
    for index in ladder.rungs.indices where index > 0 && index != currentIndex && !isFresh(index) {
      let optimism = 1 + 0.5 / Double(1 + (learned[index]?.count ?? 0))
      let isOutlook = isSample && index == 1 && goodputs[index] > 0
      let hope = isOutlook ? .infinity : goodput(of: index, optimism: optimism, conditions)
      if hope > goal, hope > candidate?.hope ?? 0 { candidate = (index, hope) }
    }
    guard let candidate else { return }
    let setting = ladder.rungs[candidate.index].setting
    let cost =
      isSample
      ? Self.handoverNanoseconds + Double(Self.sampleByteCount(rawByteCount: rawByteCount))
        / figures(of: candidate.index).bytesPerSecond * 1e9
      : Double(rawByteCount) * max(1 / goodputs[candidate.index] - 1 / goodputs[currentIndex], 0) * 1e9
    guard cost <= creditNanoseconds else { return }
    creditNanoseconds -= cost
    pendingTrial = candidate.index
    blocksSinceTrial = 0
    if isSample {
      choice.sample = setting
    } else {
      choice.setting = setting
      choice.reason = .trial
      choice.goodput = goodputs[candidate.index]
    }
  }

  private func isFresh(_ index: Int) -> Bool {
    guard let seen = learned[index] else { return false }
    return elapsedNanoseconds - seen.seenNanoseconds < Self.freshNanoseconds * Double(min(seen.count, 8))
  }

  /// Raw bytes at the start of a block that a sample is taken of: an eighth, and not so little that nothing repeats in it.
  public static func sampleByteCount(rawByteCount: Int) -> Int { min(rawByteCount, max(16_384, rawByteCount / 8)) }

  /// Learns from a block, or from a sample of one.
  ///
  /// - Parameters:
  ///   - setting: what was tried.
  ///   - rawByteCount: of the block or of the part; more than 0.
  ///   - wireByteCount: what it came to; `rawByteCount` if it does not shrink enough.
  ///   - nanoseconds: how long it took; 0 if nobody has looked.
  public mutating func learn(
    _ setting: CompressionSetting, rawByteCount: Int, wireByteCount: Int, nanoseconds: UInt64
  ) {
    guard rawByteCount > 0, let index = ladder.rungs.firstIndex(where: { $0.setting == setting }), index > 0 else {
      return
    }
    let wireFraction = min(1, max(Double(wireByteCount) / Double(rawByteCount), 1e-6))
    let pace = nanoseconds > 0 ? Double(nanoseconds) / Double(rawByteCount) : nil
    if pendingTrial == index { pendingTrial = nil }
    if index == currentIndex { isSeenSinceGrowth = true }
    noteChange(of: index, to: wireFraction)
    guard var seen = learned[index] else {
      learned[index] = Learned(
        wireFraction: wireFraction, nanosecondsPerByte: pace, seenNanoseconds: elapsedNanoseconds)
      return
    }
    seen.count += 1
    let weight = max(0.125, 1 / Double(seen.count))
    seen.wireFraction += (wireFraction - seen.wireFraction) * weight
    if let pace {
      let before = seen.nanosecondsPerByte ?? pace
      seen.nanosecondsPerByte = before + (pace - before) * weight
    }
    seen.seenNanoseconds = elapsedNanoseconds
    learned[index] = seen
  }

  /// Forgets what was learned from other data: the rung in use comes to something else than it did, or than others made expect.
  private mutating func noteChange(of index: Int, to wireFraction: Double) {
    let isSample = currentIndex == 0
    guard index == currentIndex || isSample else { return }
    let expected = 1 / figures(of: index).ratio
    let isFirst = learned[index] == nil
    let isDenser = wireFraction * Self.changeFactor < expected
    let isLooser = wireFraction > expected * Self.changeFactor
    guard isDenser || isLooser else {
      changeRun = 0
      return
    }
    let direction = isDenser ? 1 : -1
    changeRun = changeRun.signum() == direction ? changeRun + direction : direction
    // Samples are too rare to wait for the next.
    guard isSample || isFirst || abs(changeRun) >= Self.changeRunLength else { return }
    changeRun = 0
    learned = Array(repeating: nil, count: learned.count)
  }
}

/// How fast the other end decodes, all cores that it grants taken together (SPEC section 6, DECODE_SPEED).
public struct PeerDecoding: Hashable, Sendable {
  /// Raw bytes a second; 0 for a codec that it does not decode, infinite if it does not say how fast.
  public var lz4BytesPerSecond: Double
  /// The same for zstd.
  public var zstdBytesPerSecond: Double

  /// - Parameter lz4BytesPerSecond: raw bytes a second, 0 for never.
  /// - Parameter zstdBytesPerSecond: raw bytes a second, 0 for never.
  public init(lz4BytesPerSecond: Double = .infinity, zstdBytesPerSecond: Double = .infinity) {
    self.lz4BytesPerSecond = lz4BytesPerSecond
    self.zstdBytesPerSecond = zstdBytesPerSecond
  }

  func bytesPerSecond(_ codec: Codec) -> Double {
    switch codec {
    case .none: .infinity
    case .lz4: lz4BytesPerSecond
    case .zstd: zstdBytesPerSecond
    }
  }
}
