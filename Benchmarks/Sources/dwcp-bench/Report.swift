import Foundation

/// The middle of some samples and how far they reach.
struct Spread: Codable {
  let median: Double
  let minimum: Double
  let maximum: Double

  init(_ samples: [Double]) {
    let sorted = samples.sorted()
    minimum = sorted.first ?? 0
    maximum = sorted.last ?? 0
    let middle = sorted.count / 2
    guard !sorted.isEmpty, sorted.count.isMultiple(of: 2) else {
      median = sorted.isEmpty ? 0 : sorted[middle]
      return
    }
    median = (sorted[middle - 1] + sorted[middle]) / 2
  }

  var text: String { "\(Self.format(median)) (\(Self.format(minimum))..\(Self.format(maximum)))" }

  private static func format(_ value: Double) -> String {
    if value >= 1_000 { return String(format: "%.0f", value) }
    return value >= 10 ? String(format: "%.1f", value) : String(format: "%.3f", value)
  }
}

struct FigureReport: Codable {
  let name: String
  let spread: Spread
}

struct ContenderReport: Codable {
  let name: String
  let figures: [FigureReport]
  /// Of the first figure to the baseline's, taken within each round.
  let ratio: Spread?
}

struct ScenarioReport: Codable {
  let name: String
  let rounds: Int
  let baseline: String?
  let bar: Double?
  let contenders: [ContenderReport]

  /// For people: the median and, in parentheses, the least and the greatest value.
  var text: String {
    var lines = ["\(name), \(rounds) rounds"]
    for contender in contenders {
      lines.append("  \(contender.name)")
      lines += contender.figures.map { "    \($0.name.padded(to: 34)) \($0.spread.text)" }
      guard let ratio = contender.ratio, let baseline, let bar else { continue }
      let verdict = ratio.median >= bar ? "reaches" : "misses"
      lines.append("    \("ratio to \(baseline)".padded(to: 34)) \(ratio.text), \(verdict) the bar of \(bar)")
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension String {
  fileprivate func padded(to length: Int) -> String {
    padding(toLength: max(length, count), withPad: " ", startingAt: 0)
  }
}
