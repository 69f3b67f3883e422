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
    /// Bytes of a block that is short and all that there is to be sent: core, link and decoder work on it one after the other, and on nothing else
    /// meanwhile. 0 for any other.
    public var aloneByteCount = 0
    /// The time until something shows of what the link makes of a choice; nil before the first measure.
    public var roundTripNanoseconds: UInt64?
    /// Cores that encode, as far as they were seen to, since others may want them too; more than 0.
    public var coreCount = 1.0
    /// What the other end decodes.
    public var peer = PeerDecoding()

    /// An unknown link, and an end that decodes everything.
    public init(coreCount: Int = 1) {
      self.coreCount = Double(max(1, coreCount))
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
    /// With setting `none`: what to try on a part of the block, for its figures alone; the block does not wait for it.
    public var sample: CompressionSetting?
    /// Why.
    public var reason = Reason.best
    /// The stream's setting has changed with this block.
    public var isChange = false
    /// Raw bytes a second that are expected of the setting, and of the best one.
    public var goodput = 0.0
    /// Not less than `goodput`, which it exceeds by what hysteresis and trials cost.
    public var bestGoodput = 0.0
    /// Blocks that may follow stored before the next question.
    public var unaskedBlockCount = 0

    /// Nanoseconds by which a block was expected to take longer than with the best rung known; at most 10^15.
    func lostNanoseconds(rawByteCount: Int) -> UInt64 {
      let lost = Double(rawByteCount) * (1 / goodput - 1 / bestGoodput) * 1e9
      return lost.isFinite ? UInt64(min(max(0, lost), 1e15)) : 0
    }
  }

  /// Another rung has to promise so much more.
  private static let hysteresis = 1.03
  /// Goodputs that are as good as equal.
  private static let tie = 1.003
  /// Of the time, for trials and samples.
  private static let trialShare = 0.01
  private static let maximumCreditNanoseconds = 50e6
  /// What it takes to give a part of a stored block to another thread for a sample.
  private static let handoverNanoseconds = 50_000.0
  /// What a codec's jobs for one block take at both ends besides the codec.
  private static let jobsNanoseconds = 5_000.0
  /// A figure is believed for so long for each time that it was seen, up to eight times.
  private static let freshNanoseconds = 25e6
  /// A link that delivers so much more than was presumed was not full.
  private static let probeRise = 1.125
  /// Blocks may differ; three in a row that differ by more are other data.
  private static let changeFactor = 1.3
  private static let changeRunLength = 3
  /// The stream of a trial's block may have been cut short.
  private static let lostTrialBlockCount = 64
  private static let watchLength = 8
  /// Stored blocks take a quarter of a millisecond of the link, or a few more where it is slow.
  static let unaskedBlockCount = 16

  /// The rungs to choose from.
  public let ladder: CodecLadder
  /// The rung in use.
  public var current: CodecRung { ladder.rungs[currentIndex] }

  private var currentIndex = 0
  private var knowledge: RungFigures
  private var link = PresumedLink()
  private var elapsedNanoseconds = 0.0
  private var creditNanoseconds = 0.0
  /// What has been tried and has not come back.
  private var pendingTrial: Int?
  private var blocksSinceTrial = 0
  /// Questions to be asked block by block, since the rung is new.
  private var watchedBlockCount = 0
  private var changeRun = 0
  private var hasChosen = false
  private var probe = LinkProbe()

  /// A stream of which nothing is known.
  public init(ladder: CodecLadder) {
    self.ladder = ladder
    knowledge = RungFigures(ladder)
  }

  /// A stream that begins where another with such content is, or was when it ended.
  ///
  /// Of the link it begins with what was measured: what the other one came to suspect while its codecs were the limit says nothing of a stream that has
  /// not shown yet what holds it up.
  ///
  /// - Parameter known: what the other one learned; nil where there was none.
  init(ladder: CodecLadder, continuing known: CodecSelector?) {
    self = known ?? CodecSelector(ladder: ladder)
    link = PresumedLink()
    probe = LinkProbe()
    pendingTrial = nil
    watchedBlockCount = 0
    changeRun = 0
    hasChosen = false
    knowledge.limitCounts()
  }

  /// One for a stream with data of the same kind that begins when this one's has ended.
  public func forNextStream() -> CodecSelector { CodecSelector(ladder: ladder, continuing: self) }

  /// Something is known of the data.
  var hasLearned: Bool { !knowledge.isEmpty }

  /// Time for trials comes with its own blocks.
  mutating func forgoTrials() {
    creditNanoseconds = 0
  }

  /// The choice for the next block.
  ///
  /// - Parameter rawByteCount: of the block; for `none` of all bytes since the question before.
  /// - Parameter conditions: what holds now, besides the data.
  public mutating func choose(rawByteCount: Int, under conditions: Conditions) -> Choice {
    link.adapt(to: conditions, nanoseconds: Double(rawByteCount) / goodput(of: currentIndex, conditions) * 1e9)
    let (best, bestGoodput) = bestRung(conditions)
    if let choice = probe(rawByteCount: rawByteCount, best: best, conditions) { return choice }
    var goodput = goodput(of: currentIndex, conditions)
    let promised = self.goodput(of: best, conditions)
    let isBetter = promised > goodput * Self.hysteresis
    let isCheaper = best < currentIndex && promised * Self.tie >= goodput
    let isChange = best != currentIndex && (isBetter || isCheaper || !hasChosen)
    if isChange {
      if hasChosen, best < currentIndex, conditions.bottleneck == .codec { link.noteFasterRung() }
      currentIndex = best
      goodput = promised
    }
    hasChosen = true
    var choice = Choice(setting: current.setting, isChange: isChange, goodput: goodput, bestGoodput: bestGoodput)
    let nanoseconds = Double(rawByteCount) / goodput * 1e9
    if nanoseconds.isFinite {
      elapsedNanoseconds += nanoseconds
      creditNanoseconds = min(creditNanoseconds + nanoseconds * Self.trialShare, Self.maximumCreditNanoseconds)
      probe.creditNanoseconds = min(probe.creditNanoseconds + nanoseconds * probe.share, Self.maximumCreditNanoseconds)
    }
    if !isChange { addTrial(to: &choice, rawByteCount: rawByteCount, conditions) }
    watchedBlockCount = isChange ? Self.watchLength : max(0, watchedBlockCount - 1)
    if watchedBlockCount == 0 {
      choice.unaskedBlockCount = Self.unaskedBlockCount
    }
    return choice
  }

  /// The choice `none` for a block that shows what the link can do, if one is due: while codecs are the limit the link is not full, and does not show it.
  private mutating func probe(rawByteCount: Int, best: Int, _ conditions: Conditions) -> Choice? {
    guard currentIndex > 0, best > 0, let measured = conditions.linkBytesPerSecond.map(Double.init) else { return nil }
    let stored = goodput(of: 0, conditions)
    let goodput = goodput(of: currentIndex, conditions)
    // Not for nothing, or there would be no end of it.
    let cost = Double(rawByteCount) * max(1 / stored - 1 / goodput, 0.5 / goodput) * 1e9
    if probe.restBlockCount == 0 {
      let isFruitful = measured > probe.reference * Self.probeRise
      let isAffordable =
        cost * Double(probe.leastBlockCount(of: rawByteCount, over: link.bytesPerSecond)) <= probe.creditNanoseconds
      guard isFruitful || (conditions.bottleneck == .codec && isAffordable) else { return nil }
      probe.begin(isFruitful: isFruitful, rawByteCount: rawByteCount, over: link.bytesPerSecond)
    }
    probe.restBlockCount -= 1
    probe.creditNanoseconds -= cost
    let nanoseconds = Double(rawByteCount) / stored * 1e9
    if nanoseconds.isFinite { elapsedNanoseconds += nanoseconds }
    return Choice(setting: .none, reason: .trial, goodput: min(stored, goodput), bestGoodput: goodput)
  }

  /// Of those that come to the same, the one that costs the least; and what the best comes to.
  private func bestRung(_ conditions: Conditions) -> (index: Int, goodput: Double) {
    var highest = 0.0
    for index in ladder.rungs.indices { highest = max(highest, goodput(of: index, conditions)) }
    let best = ladder.rungs.indices.first { goodput(of: $0, conditions) * Self.tie >= highest } ?? 0
    return (best, highest)
  }

  /// What each rung promises now, in raw bytes a second, in the ladder's order.
  public func goodputs(under conditions: Conditions) -> [Double] {
    ladder.rungs.indices.map { goodput(of: $0, conditions) }
  }

  /// The link's rate that choices go by, in bytes a second: measured, or suspected while nothing shows that it is full.
  public var presumedLinkBytesPerSecond: Double { link.bytesPerSecond }
}

extension CodecSelector {
  private func goodput(of index: Int, optimism: Double = 1, _ conditions: Conditions) -> Double {
    let rung = ladder.rungs[index]
    let figure = knowledge.figures[index]
    let cores = max(0.01, conditions.coreCount)
    // Nobody looks at what goes stored: it may have become like any other data.
    let isBlind = optimism > 1 && currentIndex == 0
    let linkGoodput = link.bytesPerSecond * max(1 + (figure.ratio - 1) * optimism, isBlind ? rung.ratio : 1)
    let decoding = conditions.peer.bytesPerSecond(rung.setting.codec)
    guard conditions.aloneByteCount == 0 else {
      let jobs = index == 0 ? 0 : Self.jobsNanoseconds / 1e9 / Double(conditions.aloneByteCount)
      return 1 / (1 / (figure.bytesPerSecond * optimism) + 1 / linkGoodput + 1 / decoding + jobs)
    }
    return min(cores * figure.bytesPerSecond * optimism, linkGoodput, decoding)
  }

  /// Takes a rung that may be better for one block, or with `none` for a part of it, when it has not been seen for long and there is time. From
  /// `none` the fastest rung is the outlook, whatever is expected of it.
  private mutating func addTrial(
    to choice: inout Choice, rawByteCount: Int, _ conditions: Conditions
  ) {
    blocksSinceTrial += 1
    guard pendingTrial == nil || blocksSinceTrial > Self.lostTrialBlockCount else { return }
    let goal = choice.goodput * Self.hysteresis
    let isSample = currentIndex == 0
    var candidate: (index: Int, hope: Double)?
    for index in ladder.rungs.indices where index > 0 && index != currentIndex && !isFresh(index) {
      let optimism = 1 + 0.5 / Double(1 + (knowledge.seen[index]?.count ?? 0))
      let isOutlook = isSample && index == 1 && goodput(of: index, conditions) > 0
      let hope = isOutlook ? .infinity : goodput(of: index, optimism: optimism, conditions)
      if hope > goal, hope > candidate?.hope ?? 0 { candidate = (index, hope) }
    }
    guard let candidate else { return }
    let setting = ladder.rungs[candidate.index].setting
    let promise = goodput(of: candidate.index, conditions)
    let figure = knowledge.figures[candidate.index]
    let cost: Double
    if isSample {
      let byteCount = Double(Self.sampleByteCount(rawByteCount: rawByteCount))
      cost = Self.handoverNanoseconds + byteCount / figure.bytesPerSecond * 1e9
    } else {
      // One core makes the block, and those behind it wait for it, however many cores make them meanwhile.
      let pace = max(1 / promise, 1 / (figure.bytesPerSecond * min(1, conditions.coreCount)))
      cost = Double(rawByteCount) * max(pace - 1 / choice.goodput, 0) * 1e9
    }
    guard cost <= creditNanoseconds else { return }
    creditNanoseconds -= cost
    pendingTrial = candidate.index
    blocksSinceTrial = 0
    if isSample {
      choice.sample = setting
    } else {
      choice.setting = setting
      choice.reason = .trial
      choice.goodput = promise
    }
  }

  private func isFresh(_ index: Int) -> Bool {
    guard let seen = knowledge.seen[index] else { return false }
    return elapsedNanoseconds - seen.nanoseconds < Self.freshNanoseconds * Double(min(seen.count, 8))
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
    if index == currentIndex { link.noteBlock() }
    noteChange(of: index, to: wireFraction)
    knowledge.learn(index, wireFraction: wireFraction, pace: pace, now: elapsedNanoseconds)
  }

  /// Forgets what was learned from other data: the rung in use comes to something else than it did, or than others made expect.
  private mutating func noteChange(of index: Int, to wireFraction: Double) {
    let isSample = currentIndex == 0
    guard index == currentIndex || isSample else { return }
    let expected = 1 / knowledge.figures[index].ratio
    let isFirst = knowledge.seen[index] == nil
    // What differs as much as these blocks do anyway is no change.
    let factor = max(Self.changeFactor, 1 + 3 * knowledge.blockSpread)
    let isDenser = wireFraction * factor < expected
    let isLooser = wireFraction > expected * factor
    guard isDenser || isLooser else {
      changeRun = 0
      return
    }
    let direction = isDenser ? 1 : -1
    changeRun = changeRun.signum() == direction ? changeRun + direction : direction
    // Samples are too rare to wait for the next.
    guard isSample || isFirst || abs(changeRun) >= Self.changeRunLength else { return }
    changeRun = 0
    knowledge.forget()
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
