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
    (50, 24 << 20), (500, 192 << 20), (nil, 2_048 << 20),
  ]
  static let linkNames = links.map { name($0.megabits) }
  private static let settings = ["auto", "none", "lz4:1", "zstd:-3", "zstd:1", "zstd:3", "zstd:7", "zstd:9"]

  var runs: [Run] = []

  /// - Parameter links: by name; all if empty.
  /// - Parameter explain: hears of every change of the automatic choice.
  init(
    _ corpora: [Corpus], roundCount: Int, links: [String] = [], explain: (@Sendable (String) -> Void)? = nil
  ) async throws {
    for corpus in corpora {
      for (megabits, byteCount) in Self.links where links.isEmpty || links.contains(Self.name(megabits)) {
        let load = BulkLoad(corpus: corpus, blockCount: byteCount / Corpus.blockByteCount)
        let link = megabits.map {
          LinkEmulation(LinkConditions(delayNanoseconds: 5_000_000, rateBitsPerSecond: $0 * 1_000_000), seed: 1)
        }
        // On loopback only what is sent raw is a rival: codecs come to less than the virtual runs already show.
        let settings = megabits == nil ? ["auto", "none", "lz4:1", "zstd:-3"] : Self.settings
        var runs = settings.map {
          Run(
            corpus: corpus.name, link: Self.name(megabits), setting: $0, rawBytesPerSecond: [], processorSeconds: [],
            changes: [], trials: [])
        }
        for round in 0..<roundCount {
          // Each begins in turn, so that none always follows the same one.
          for index in runs.indices.map({ ($0 + round) % runs.count }) {
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
      guard let best = rivals.max(by: { $0.median < $1.median }),
        let none = rivals.first(where: { $0.setting == "none" })
      else { continue }
      let speeds = "auto \(Int(auto.median / 1e6)) MB/s, best \(best.setting) \(Int(best.median / 1e6)) MB/s"
      let ofBest = ratios(auto, best) { $0.rawBytesPerSecond }
      let ofNone = ratios(auto, none) { $0.rawBytesPerSecond }
      let processor = ratios(auto, none) { $0.processorSeconds }
      lines.append("\(auto.corpus), \(auto.link): \(speeds), of the best \(ofBest), of none \(ofNone)")
      lines.append("  processor time of none \(processor), changes \(auto.changes), trials \(auto.trials)")
      lines.append("  " + rivals.map { "\($0.setting) \(Int($0.median / 1e6))" }.joined(separator: ", "))
    }
    return lines.map { $0 + "\n" }.joined()
  }

  /// Median, and the lowest and highest, of what the two were in the same round.
  private func ratios(_ run: Run, _ other: Run, _ value: (Run) -> [Double]) -> String {
    let ratios = zip(value(run), value(other)).map { $0 / $1 }.sorted()
    return String(format: "%.3f (%.3f..%.3f)", ratios[ratios.count / 2], ratios[0], ratios[ratios.count - 1])
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
