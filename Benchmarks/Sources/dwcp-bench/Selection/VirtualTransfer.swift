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
  }

  private static let blocksAheadCount = 8
  /// What the other end grants ahead of what it has decoded.
  private static let windowBlockCount = 128
  /// Of a DATA frame with its check.
  static let headerByteCount = 32.0
  /// Loopback, where the kernel's copies are the limit.
  static let unlimited = 10e9

  let table: RungTable
  let coreCount: Int
  private(set) var now = 0.0
  private(set) var changes = 0
  private(set) var samples = 0
  private var selector: CodecSelector
  private var cores: [Double]
  private var linkFree = 0.0
  private var decoderFree = 0.0
  /// Of the blocks so far: when each was ready, when the link took it, when it had arrived.
  private var ready: [Double] = []
  private var taken: [Double] = []
  private var arrived: [Double] = []
  private var wire: [Double] = []
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

  init(_ table: RungTable, coreCount: Int, _ ladder: CodecLadder) {
    self.table = table
    self.coreCount = coreCount
    selector = CodecSelector(ladder: ladder)
    cores = Array(repeating: 0, count: coreCount)
  }

  /// What has arrived by now.
  var rawByteCount: Double {
    let late = arrived.reversed().prefix { $0 > now }.count
    return Double((arrived.count - late) * Corpus.blockByteCount)
  }

  /// Lets a segment's time pass.
  mutating func run(_ segment: Segment) {
    let end = now + segment.seconds
    let entries = Dictionary(
      uniqueKeysWithValues: selector.ladder.rungs.map { ($0.setting, table.entry(segment.corpus, $0.setting)) })
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

  private mutating func send(_ segment: Segment, _ entries: [CompressionSetting: RungTable.Entry]) {
    let (setting, sample) = decide()
    let raw = Double(Corpus.blockByteCount)
    guard let entry = entries[setting] else { return }
    var done = now
    if let speed = entry.compressBytesPerSecond {
      done = work(setting, rawByteCount: Corpus.blockByteCount, entry, seconds: raw / speed)
    } else if let sample {
      let part = CodecSelector.sampleByteCount(rawByteCount: Corpus.blockByteCount)
      guard let entry = entries[sample] else { return }
      done = work(sample, rawByteCount: part, entry, seconds: Double(part) / (entry.compressBytesPerSecond ?? 1e12))
    }
    let wireByteCount = raw * entry.wireFraction + Self.headerByteCount
    let windowOpen = arrived.count < Self.windowBlockCount ? 0 : arrived[arrived.count - Self.windowBlockCount]
    let start = max(done, linkFree, windowOpen)
    linkFree = start + wireByteCount / segment.linkBytesPerSecond
    let decoding = entry.decompressBytesPerSecond.map { raw / ($0 * Double(coreCount)) } ?? 0
    decoderFree = max(linkFree, decoderFree) + decoding
    ready.append(done)
    taken.append(start)
    arrived.append(decoderFree)
    wire.append(wireByteCount)
  }

  private mutating func work(
    _ setting: CompressionSetting, rawByteCount: Int, _ entry: RungTable.Entry, seconds: Double
  ) -> Double {
    let core = cores.indices.min { cores[$0] < cores[$1] } ?? 0
    cores[core] = max(now, cores[core]) + seconds
    completions.append(
      Completion(
        at: cores[core], setting: setting, rawByteCount: rawByteCount,
        wireByteCount: Int(Double(rawByteCount) * entry.wireFraction + Self.headerByteCount),
        nanoseconds: UInt64(seconds * 1e9)))
    return cores[core]
  }

  private mutating func decide() -> (CompressionSetting, CompressionSetting?) {
    uncounted += Corpus.blockByteCount
    guard unasked <= 0 else {
      unasked -= Corpus.blockByteCount
      return (.none, nil)
    }
    for completion in completions where completion.at <= now {
      selector.learn(
        completion.setting, rawByteCount: completion.rawByteCount, wireByteCount: completion.wireByteCount,
        nanoseconds: completion.nanoseconds)
    }
    completions.removeAll { $0.at <= now }
    let choice = selector.choose(rawByteCount: uncounted, under: conditions())
    uncounted = 0
    if choice.isChange { changes += 1 }
    if choice.sample != nil || choice.reason == .trial { samples += 1 }
    if choice.setting.codec == .none, choice.sample == nil { unasked = choice.unaskedByteCount }
    return (choice.setting, choice.sample)
  }

  private mutating func conditions() -> CodecSelector.Conditions {
    measureLink()
    var conditions = CodecSelector.Conditions()
    conditions.coreCount = coreCount
    conditions.linkBytesPerSecond = [recentRate, earlierRate].compactMap(\.self).max().map { UInt64(min($0, 1e15)) }
    conditions.isLinkSettled = deliveredBlockCount >= Self.blocksAheadCount
    let isCodecBusy = cores.allSatisfy { $0 > now }
    conditions.bottleneck = isHeadWaiting ? .link : isCodecBusy ? .codec : .source
    return conditions
  }

  /// The next block for the link is ready and has to wait, or those before it have to.
  private var isHeadWaiting: Bool {
    var index = taken.count
    while index > 0, taken[index - 1] > now { index -= 1 }
    return index < taken.count && ready[index] <= now
  }

  /// What was delivered in the time of the last four blocks; the highest of the last 50 to 100 ms counts.
  private mutating func measureLink() {
    while deliveredBlockCount < arrived.count, arrived[deliveredBlockCount] <= now {
      let index = deliveredBlockCount
      deliveredBlockCount += 1
      guard index >= 4 else { continue }
      let seconds = arrived[index] - arrived[index - 4]
      let rate = wire[index - 3...index].reduce(0, +) / max(seconds, 1e-9)
      if arrived[index] - rateWindowStart > 0.05 {
        earlierRate = rateWindowStart == 0 ? nil : recentRate
        recentRate = nil
        rateWindowStart = arrived[index]
      }
      recentRate = max(recentRate ?? 0, rate)
    }
  }
}
