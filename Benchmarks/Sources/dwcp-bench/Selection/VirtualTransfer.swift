import DWCPCore

/// One stream's blocks on their way through cores, a link and the other end, in virtual time: no thread and no clock.
///
/// It does with blocks what a session does: as many as eight are cut ahead of the link, they leave in order, and results of jobs are told when they are
/// done. The link's rate is measured as a sender can see it, by what was delivered.
struct VirtualTransfer {
  /// What the world is like for a while.
  struct Segment {
    var corpus: String
    var linkBytesPerSecond: Double
    var seconds: Double
    /// By how much blocks are longer or shorter than the corpus's mean on the wire, at most, relative to it.
    var unevenness = 0.0
    /// Until news of what arrived is back.
    var roundTripSeconds = 0.0
  }

  /// What a stream begins with, of what those before it learned of their data.
  enum Beginning: String, CaseIterable {
    case nothing, kind
  }

  private static let blocksAheadCount = 8
  /// What the other end grants ahead of what it has decoded.
  private static let windowBlockCount = 128
  /// What may be on its way at first, and by how much it grows in each round trip until the link is full.
  private static let initialByteCount = 65_536.0
  private static let rampGrowth = 3.0
  private static let leastSampleSeconds = 0.000_5
  private static let handoverSeconds = 50e-6
  /// Of a DATA frame with its check.
  static let headerByteCount = 32.0
  /// Loopback, where the kernel's copies are the limit.
  static let unlimited = 10e9

  let table: RungTable
  let coreCount: Int
  private(set) var now = 0.0
  private(set) var changes = 0
  private(set) var samples = 0
  private let fixed: CompressionSetting?
  private var selector: CodecSelector
  private var cores: [Double]
  private var codecCores: GrantedCores
  private var generator = SeededGenerator(seed: 1)
  private var linkFree = 0.0
  private var readyRun = 0
  private var decoderFree = 0.0
  /// Of the blocks so far: when each was ready, when the link took it, when the other end had it, when it was decoded.
  private var ready: [Double] = []
  private var taken: [Double] = []
  private var delivered: [Double] = []
  private var arrived: [Double] = []
  private var wire: [Double] = []
  private var raw: [Double] = []
  private var isRampOver = false
  private var rampBound = VirtualTransfer.initialByteCount
  private var sentByteCount = 0.0
  private var rampOpen = 0.0
  private var busySince = 0.0
  private var roundTripSeconds = 0.0
  private var completions: [Completion] = []
  private var unasked = 0
  private var uncounted = 0
  private var deliveredBlockCount = 0
  private var recentRate: Double?
  private var earlierRate: Double?
  private var rateWindowStart = 0.0

  private struct Completion {
    var at: Double
    var setting: CompressionSetting
    var rawByteCount: Int
    var wireByteCount: Int
    var nanoseconds: UInt64
  }

  /// - Parameter presumedCoreCount: what the sender believes to have; not less.
  /// - Parameter fixed: takes the selector's place.
  init(
    _ table: RungTable, coreCount: Int, presumedCoreCount: Int? = nil, _ ladder: CodecLadder,
    fixed: CompressionSetting? = nil
  ) {
    self.fixed = fixed
    codecCores = GrantedCores(limit: presumedCoreCount ?? coreCount)
    self.table = table
    self.coreCount = coreCount
    selector = CodecSelector(ladder: ladder)
    cores = Array(repeating: 0, count: coreCount)
  }

  /// What has arrived by now.
  var rawByteCount: Double {
    let late = arrived.reversed().prefix { $0 > now }.count
    return raw.dropLast(late).reduce(0, +)
  }

  /// Lets a segment's time pass.
  mutating func run(_ segment: Segment) {
    let end = now + segment.seconds
    let entries = entries(segment.corpus)
    while now < end {
      let index = ready.count
      let cut = index >= Self.blocksAheadCount ? max(now, taken[index - Self.blocksAheadCount]) : now
      guard cut < end else {
        now = end
        return
      }
      now = cut
      send(segment, entries)
    }
  }

  /// Sends a stream of so many bytes when all that was sent before has arrived, and the other end has said so.
  mutating func runStream(_ segment: Segment, byteCount: Int, _ beginning: Beginning) {
    let entries = entries(segment.corpus)
    now = max(now, decoderFree)
    learn()
    switch beginning {
    case .nothing: selector = CodecSelector(ladder: selector.ladder)
    case .kind: selector = selector.forNextStream()
    }
    (unasked, uncounted) = (0, 0)
    var rest = Double(byteCount)
    while rest > 0 {
      let index = ready.count
      if index >= Self.blocksAheadCount { now = max(now, taken[index - Self.blocksAheadCount]) }
      send(segment, entries, atMost: Int(rest))
      rest -= raw[index]
    }
    now = decoderFree + segment.roundTripSeconds
  }

  private func entries(_ corpus: String) -> [CompressionSetting: RungTable.Entry] {
    Dictionary(uniqueKeysWithValues: selector.ladder.rungs.map { ($0.setting, table.entry(corpus, $0.setting)) })
  }

  private mutating func send(
    _ segment: Segment, _ entries: [CompressionSetting: RungTable.Entry], atMost rest: Int = .max
  ) {
    roundTripSeconds = segment.roundTripSeconds
    measureLink()
    let choice = decide()
    let setting = choice.setting
    let byteCount = min(
      rest, setting.codec == .none ? Self.storedByteCount(measured) : Self.codecByteCount(measured))
    uncounted += byteCount
    if unasked > 0 { unasked -= 1 }
    let raw = Double(byteCount)
    guard let entry = entries[setting] else { return }
    let length = 1 + segment.unevenness * (Double(generator.next() >> 11) / 0x1p52 - 1)
    var done = now
    if let speed = entry.compressBytesPerSecond {
      done = work(setting, rawByteCount: byteCount, entry, seconds: raw / speed, length)
    } else if let sample = choice.sample {
      let part = CodecSelector.sampleByteCount(rawByteCount: byteCount)
      guard let entry = entries[sample] else { return }
      // The block itself waits for nothing.
      let seconds = Double(part) / (entry.compressBytesPerSecond ?? 1e12)
      _ = work(sample, rawByteCount: part, entry, seconds: seconds, length, delay: Self.handoverSeconds)
    }
    let wireByteCount = raw * fraction(entry, length) + Self.headerByteCount
    let windowOpen = arrived.count < Self.windowBlockCount ? 0 : arrived[arrived.count - Self.windowBlockCount]
    let start = max(done, linkFree, windowOpen, ramp(wireByteCount, from: max(done, linkFree)))
    readyRun = done > linkFree ? 0 : readyRun + 1
    linkFree = start + wireByteCount / segment.linkBytesPerSecond
    let decoding = entry.decompressBytesPerSecond.map { raw / ($0 * Double(coreCount)) } ?? 0
    decoderFree = max(linkFree, decoderFree) + decoding
    ready.append(done)
    taken.append(start)
    delivered.append(linkFree)
    arrived.append(decoderFree)
    wire.append(wireByteCount)
    self.raw.append(raw)
  }

  /// What a block that goes stored is cut to, and one that is compressed: as a session does, by the rate that it has measured (SPEC ACK-4).
  static func storedByteCount(_ rate: Double?) -> Int { blockByteCount(rate, seconds: 0.00025) }
  static func codecByteCount(_ rate: Double?) -> Int { blockByteCount(rate, seconds: 0.02) }

  private static func blockByteCount(_ rate: Double?, seconds: Double) -> Int {
    guard let rate else { return 16_384 }
    return min(Corpus.blockByteCount, max(4_096, Int(rate * seconds)))
  }

  private func fraction(_ entry: RungTable.Entry, _ length: Double) -> Double {
    entry.compressBytesPerSecond == nil ? 1 : min(1, entry.wireFraction * length)
  }

  /// At first little may be on its way, and more after each round trip, until the link is full.
  private mutating func ramp(_ wireByteCount: Double, from start: Double) -> Double {
    guard !isRampOver else { return 0 }
    sentByteCount += wireByteCount
    if start > rampOpen + roundTripSeconds, sentByteCount < rampBound { rampOpen = start }
    while sentByteCount > rampBound {
      rampBound += rampBound * (Self.rampGrowth - 1)
      rampOpen += roundTripSeconds
    }
    let isIdle = max(start, rampOpen) > linkFree
    if isIdle { busySince = max(start, rampOpen) }
    // For some round trips nothing but the link held anything up: it is full.
    if !isIdle, linkFree - busySince >= 3 * roundTripSeconds { isRampOver = true }
    return rampOpen
  }

  private mutating func work(
    _ setting: CompressionSetting, rawByteCount: Int, _ entry: RungTable.Entry, seconds: Double, _ length: Double,
    delay: Double = 0
  ) -> Double {
    let core = cores.indices.min { cores[$0] < cores[$1] } ?? 0
    cores[core] = max(now + delay, cores[core]) + seconds
    completions.append(
      Completion(
        at: cores[core], setting: setting, rawByteCount: rawByteCount,
        wireByteCount: Int(Double(rawByteCount) * fraction(entry, length) + Self.headerByteCount),
        nanoseconds: UInt64(seconds * 1e9)))
    return cores[core]
  }

  private mutating func decide() -> (setting: CompressionSetting, sample: CompressionSetting?) {
    if let fixed { return (fixed, nil) }
    guard unasked <= 0 else { return (.none, nil) }
    learn()
    let choice = selector.choose(rawByteCount: max(uncounted, 4_096), under: conditions())
    uncounted = 0
    if choice.isChange { changes += 1 }
    if choice.sample != nil || choice.reason == .trial { samples += 1 }
    // The block itself is one of them.
    if choice.setting.codec == .none { unasked = choice.unaskedBlockCount + 1 }
    return (choice.setting, choice.sample)
  }

  /// What jobs came to that are done.
  private mutating func learn() {
    let done = completions.filter { $0.at <= now }.sorted { $0.at < $1.at }
    for (index, completion) in done.enumerated() {
      codecCores.noteEncoded(
        nanoseconds: completion.nanoseconds, pendingCount: completions.count - index - 1,
        now: Instant(nanoseconds: UInt64(completion.at * 1e9)))
      selector.learn(
        completion.setting, rawByteCount: completion.rawByteCount, wireByteCount: completion.wireByteCount,
        nanoseconds: completion.nanoseconds)
    }
    completions.removeAll { $0.at <= now }
  }

  private var measured: Double? { [recentRate, earlierRate].compactMap(\.self).max() }

  private mutating func conditions() -> CodecSelector.Conditions {
    var conditions = CodecSelector.Conditions()
    conditions.coreCount = codecCores.count
    conditions.linkBytesPerSecond = measured.map { UInt64(min($0, 1e15)) }
    conditions.isLinkSettled = isRampOver && deliveredBlockCount >= Self.blocksAheadCount
    conditions.roundTripNanoseconds = UInt64(roundTripSeconds * 1e9)
    let isCodecBusy = completions.count { $0.at > now } >= codecCores.limit
    conditions.bottleneck = isHeadWaiting && readyRun >= 4 ? .link : isCodecBusy ? .codec : .source
    return conditions
  }

  /// The next block for the link is ready and has to wait, or those before it have to.
  private var isHeadWaiting: Bool {
    var index = taken.count
    while index > 0, taken[index - 1] > now { index -= 1 }
    return index < taken.count && ready[index] <= now
  }

  /// What was delivered in the time of the last four blocks, or in half a millisecond; the highest of the last 50 to 100 ms counts (SPEC ACK-4).
  private mutating func measureLink() {
    while deliveredBlockCount < delivered.count, delivered[deliveredBlockCount] + roundTripSeconds <= now {
      let index = deliveredBlockCount
      deliveredBlockCount += 1
      guard index >= 4 else { continue }
      var start = index - 4
      while start > 0, delivered[index] - delivered[start] < Self.leastSampleSeconds { start -= 1 }
      let rate = wire[start + 1...index].reduce(0, +) / max(delivered[index] - delivered[start], 1e-9)
      if delivered[index] - rateWindowStart > 0.05 {
        earlierRate = rateWindowStart == 0 ? nil : recentRate
        recentRate = nil
        rateWindowStart = delivered[index]
      }
      recentRate = max(recentRate ?? 0, rate)
    }
  }
}
