import BenchStatistics
import Foundation

/// What one trial of the self-test came to.
struct Trial: Codable {
  /// What was put in, and where: `time +5 %, idle`.
  let condition: String
  /// Whether the gate failed.
  let isFlagged: Bool
  /// Whether it should have; nil where either is right.
  let isFault: Bool?
  let seconds: Double
  /// For a fault: whether scenario, metric, old and new were named. For class P: the ratio.
  let detail: String
}

/// A file of trials, one a line, that grows: what is in it is not done again.
struct TrialLog {
  private let url: URL
  private(set) var trials: [Trial] = []

  init(path: String) throws {
    url = URL(fileURLWithPath: path)
    guard let text = try? String(contentsOf: url, encoding: .utf8) else { return }
    for (index, line) in text.split(separator: "\n").enumerated() {
      do {
        trials.append(try JSONDecoder().decode(Trial.self, from: Data(line.utf8)))
      } catch {
        throw BenchmarkError("\(path), line \(index + 1): this is no trial; mend or delete the line")
      }
    }
  }

  /// How many of these were done before.
  func count(_ condition: String) -> Int { trials.count { $0.condition == condition } }

  mutating func append(_ trial: Trial) throws {
    trials.append(trial)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var lines = Data()
    for trial in trials { lines += try encoder.encode(trial) + Data("\n".utf8) }
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try lines.write(to: url, options: .atomic)
  }

  /// A line for each condition, in the order of their first trials: how many were flagged, with Wilson's 95 % interval.
  var table: String {
    var order: [String] = []
    for trial in trials where !order.contains(trial.condition) { order.append(trial.condition) }
    let rows = order.map { condition -> [String] in
      let some = trials.filter { $0.condition == condition }
      let flagged = some.count(where: \.isFlagged)
      let interval = wilsonInterval(successCount: flagged, trialCount: some.count)
      let longest = some.map(\.seconds).max() ?? 0
      return [
        condition, expectation(some[0].isFault), "\(flagged) of \(some.count)",
        "\(percent(interval.lowerBound))..\(percent(interval.upperBound)) %", "\(Int(longest.rounded(.up))) s",
      ]
    }
    let head = ["Trial", "Expected", "Failed", "95 % interval", "Longest"]
    return ([head, head.map { _ in "---" }] + rows).map { "| \($0.joined(separator: " | ")) |" }
      .joined(separator: "\n")
  }

  private func expectation(_ isFault: Bool?) -> String {
    switch isFault {
    case true?: "has to fail"
    case false?: "must not fail"
    case nil: "either"
    }
  }

  /// Conditions under which the gate is not to be believed: with a false alarm, or with a fault that it missed more than once in twenty times.
  var unmetConditions: [String] {
    Dictionary(grouping: trials, by: \.condition).filter { _, some in
      let flagged = some.count(where: \.isFlagged)
      return switch some[0].isFault {
      case true?: flagged * 20 < some.count * 19
      case false?: flagged > 0
      case nil: false
      }
    }.keys.sorted()
  }

  private func percent(_ rate: Double) -> String { String(format: "%.1f", rate * 100) }
}
