import BenchStatistics
import DWCPCore
import DWCPLinkEmulation
import Foundation
import NIOCore
import Synchronization

/// The same on sockets: automatic compression against fixed settings over an emulated link, or none.
struct SelectionLive: Codable {
  struct Run: Codable {
    var corpus: String
    var link: String
    var setting: String
    /// Of each round.
    var rawBytesPerSecond: [Double]
    /// Seconds of processor time, both ends and the emulated link together, of each round.
    var processorSeconds: [Double]
    /// What the choice of a codec did, of each round; nothing for fixed settings.
    var changes: [UInt64]
    var trials: [UInt64]

    var median: Double { rawBytesPerSecond.sorted()[rawBytesPerSecond.count / 2] }
  }

  /// Megabits a second, with raw bytes that take a second or some.
  private static let links: [(megabits: UInt64?, byteCount: Int)] = [
    (50, 24 << 20), (500, 192 << 20), (nil, 8_192 << 20),
  ]
  static let linkNames = links.map { name($0.megabits) }
  private static let settings = ["none", "lz4:1", "zstd:-3", "zstd:1", "zstd:3", "zstd:7", "zstd:9"]

  var runs: [Run] = []

  /// - Parameter links: by name; all if empty.
  /// - Parameter rivals: fixed settings to compare with; if empty, those that suit the link.
  /// - Parameter byteCount: of each transfer; if nil, what takes a second or some on the link.
  /// - Parameter explain: hears of every change of the automatic choice.
  init(
    _ corpora: [Corpus], roundCount: Int, links: [String] = [], rivals: [String] = [], byteCount: Int? = nil,
    explain: (@Sendable (String) -> Void)? = nil
  ) async throws {
    for corpus in corpora {
      // The first one would pay for cold memory and for threads that start.
      let all = BulkLoad(corpus: corpus, blockCount: corpus.blocks.count)
      for _ in 0..<2 { _ = try await Bulk.rawBytesPerSecond(all, .automatic) }
      for (megabits, usualByteCount) in Self.links where links.isEmpty || links.contains(Self.name(megabits)) {
        let load = BulkLoad(corpus: corpus, blockCount: (byteCount ?? usualByteCount) / Corpus.blockByteCount)
        let link = megabits.map {
          LinkEmulation(LinkConditions(delayNanoseconds: 5_000_000, rateBitsPerSecond: $0 * 1_000_000), seed: 1)
        }
        // On loopback only what is sent raw is a rival: codecs come to less than the virtual runs already show.
        let suitable = megabits == nil ? ["none", "lz4:1", "zstd:-3"] : Self.settings
        let settings = ["auto"] + (rivals.isEmpty ? suitable : rivals)
        var runs = settings.map {
          Run(
            corpus: corpus.name, link: Self.name(megabits), setting: $0, rawBytesPerSecond: [], processorSeconds: [],
            changes: [], trials: [])
        }
        for round in 0..<roundCount {
          // Each begins in turn, and two rounds have opposite orders, so that none always follows the same one.
          let order = runs.indices.map { ($0 + round / 2) % runs.count }
          for index in round.isMultiple(of: 2) ? order : order.reversed() {
            let setting = runs[index].setting
            let choice = CompressionSetting(setting).map(CompressionChoice.fixed) ?? .automatic
            let log = ChoiceLog(explain)
            let stopwatch = Stopwatch()
            runs[index].rawBytesPerSecond.append(try await Bulk.rawBytesPerSecond(load, choice, over: link, log))
            runs[index].processorSeconds.append(stopwatch.processorSeconds)
            runs[index].changes.append(log.counters.changes)
            runs[index].trials.append(log.counters.trials)
          }
        }
        self.runs += runs
      }
    }
  }

  private static func name(_ megabits: UInt64?) -> String { megabits.map { "\($0) Mb/s" } ?? "no limit" }

  /// A line for each link and corpus: medians, the range of what automatic reaches of the best and of `none` in the same round, and the processor time.
  var terminalText: String {
    var lines: [String] = []
    for auto in runs where auto.setting == "auto" {
      let rivals = runs.filter { $0.corpus == auto.corpus && $0.link == auto.link && $0.setting != "auto" }
      guard let best = rivals.max(by: { $0.median < $1.median }) else { continue }
      let none = rivals.first { $0.setting == "none" } ?? best
      let speeds = "auto \(Int(auto.median / 1e6)) MB/s, best \(best.setting) \(Int(best.median / 1e6)) MB/s"
      let ofBest = ratios(auto, best) { $0.rawBytesPerSecond }
      let ofNone = ratios(auto, none) { $0.rawBytesPerSecond }
      let processor = ratios(auto, none) { $0.processorSeconds }
      lines.append("\(auto.corpus), \(auto.link): \(speeds), of the best \(ofBest), of none \(ofNone)")
      let choices = "changes \(Self.range(auto.changes)), trials \(Self.range(auto.trials))"
      lines.append("  processor time of none \(processor), \(choices), \(auto.rawBytesPerSecond.count) rounds")
      lines.append("  " + rivals.map { "\($0.setting) \(Int($0.median / 1e6))" }.joined(separator: ", "))
    }
    return lines.map { $0 + "\n" }.joined()
  }

  private static func range(_ values: [UInt64]) -> String { "\(values.min() ?? 0)..\(values.max() ?? 0)" }

  /// Of what the two were in the same round the median, and the interval that holds the true one with 95 % confidence, or with few rounds the range.
  private func ratios(_ run: Run, _ other: Run, _ value: (Run) -> [Double]) -> String {
    let ratios = zip(value(run), value(other)).map { $0 / $1 }
    let range = (ratios.min() ?? .nan)...(ratios.max() ?? .nan)
    let interval = medianInterval(of: ratios, confidence: 0.95) ?? range
    return String(
      format: "%.3f (%.3f..%.3f)", median(of: ratios) ?? .nan, interval.lowerBound, interval.upperBound)
  }
}

/// What a session's choices were.
final class ChoiceLog: Sendable {
  private let explain: (@Sendable (String) -> Void)?
  private let stopwatch = Stopwatch()
  private let last = Mutex(CodecChoiceCounters())

  var counters: CodecChoiceCounters { last.withLock { $0 } }
  var isExplaining: Bool { explain != nil }

  init(_ explain: (@Sendable (String) -> Void)? = nil) {
    self.explain = explain
  }

  func note(_ decision: CodecDecision) {
    explain?(String(format: "%8.2f ms ", stopwatch.elapsedSeconds * 1e3) + "\(decision)")
  }

  func note(_ counters: SessionCounters) {
    last.withLock { $0 = counters.codecChoices }
    let choices = counters.codecChoices
    if choices.changes > 0 {
      explain?(
        String(format: "%8.2f ms ", stopwatch.elapsedSeconds * 1e3)
          + "end: \(choices.changes) changes, \(choices.trials) trials, \(choices.lostNanoseconds / 1_000) us regret")
    }
  }
}
