import DWCPCore
import DWCPLinkEmulation

/// The same on sockets: automatic compression against fixed settings over an emulated link, or none.
struct SelectionLive: Codable {
  struct Run: Codable {
    var corpus: String
    var link: String
    var setting: String
    /// Median of the rounds.
    var rawBytesPerSecond: Double
  }

  /// Megabits a second, with raw bytes that take a second or some.
  private static let links: [(megabits: UInt64?, byteCount: Int)] = [
    (50, 24 << 20), (500, 192 << 20), (nil, 2_048 << 20),
  ]
  private static let settings = ["auto", "none", "lz4:1", "zstd:-3", "zstd:1", "zstd:3", "zstd:7", "zstd:9"]

  var runs: [Run] = []

  init(_ corpora: [Corpus], roundCount: Int) async throws {
    for corpus in corpora {
      for (megabits, byteCount) in Self.links {
        let load = BulkLoad(corpus: corpus, blockCount: byteCount / Corpus.blockByteCount)
        let link = megabits.map {
          LinkEmulation(LinkConditions(delayNanoseconds: 5_000_000, rateBitsPerSecond: $0 * 1_000_000), seed: 1)
        }
        var speeds: [String: [Double]] = [:]
        for _ in 0..<roundCount {
          // On loopback only what is sent raw is a rival: codecs come to less than the virtual runs already show.
          for setting in Self.settings where megabits != nil || ["auto", "none", "lz4:1", "zstd:-3"].contains(setting) {
            let choice = CompressionSetting(setting).map(CompressionChoice.fixed) ?? .automatic
            speeds[setting, default: []].append(try await Bulk.rawBytesPerSecond(load, choice, over: link))
          }
        }
        for (setting, speeds) in speeds.sorted(by: { $0.key < $1.key }) {
          runs.append(
            Run(
              corpus: corpus.name, link: megabits.map { "\($0) Mb/s" } ?? "no limit", setting: setting,
              rawBytesPerSecond: speeds.sorted()[speeds.count / 2]))
        }
      }
    }
  }

  var terminalText: String {
    var text = ""
    for (corpus, link) in runs.map({ ($0.corpus, $0.link) }) where !text.contains("\(corpus), \(link):") {
      let rivals = runs.filter { $0.corpus == corpus && $0.link == link && $0.setting != "auto" }
      let auto = runs.first { $0.corpus == corpus && $0.link == link && $0.setting == "auto" }?.rawBytesPerSecond ?? 0
      guard let best = rivals.max(by: { $0.rawBytesPerSecond < $1.rawBytesPerSecond }) else { continue }
      let none = rivals.first { $0.setting == "none" }?.rawBytesPerSecond ?? .nan
      text +=
        "\(corpus), \(link): auto \(Int(auto / 1e6)) MB/s, best \(best.setting) \(Int(best.rawBytesPerSecond / 1e6)) MB/s, "
      text += "of the best \(hundredths(auto / best.rawBytesPerSecond)), of none \(hundredths(auto / none))\n"
    }
    return text
  }

  private func hundredths(_ ratio: Double) -> Double { (ratio * 1_000).rounded() / 1_000 }
}
