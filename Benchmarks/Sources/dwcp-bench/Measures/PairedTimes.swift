import BenchGate
import BenchStatistics

/// Times of two binaries on one scenario, each in a fresh process, in turns.
struct PairedTimes {
  let scenario: Scenario
  let basePath: String
  var headPath = ChildProcess.ownPath
  /// What the head is told to break; empty outside the self-test.
  var headInjection = ""
  var comparison = PairedComparison()

  /// Runs the rule of class P.
  ///
  /// - Throws: what a child that fails says.
  func run() throws -> PairedComparison.Summary {
    let base = Measurements(scenario: scenario, path: basePath)
    let head = Measurements(scenario: scenario, injection: headInjection, path: headPath)
    var headFirst = false
    return try comparison.run {
      headFirst.toggle()
      if headFirst {
        let headTime = try head.time().nanosecondsPerUnit
        return headTime / (try base.time().nanosecondsPerUnit)
      }
      let baseTime = try base.time().nanosecondsPerUnit
      return try head.time().nanosecondsPerUnit / baseTime
    }
  }
}

extension Verdict {
  /// What a paired comparison says.
  init(_ scenario: Scenario, _ summary: PairedComparison.Summary) {
    let outcome: Outcome
    let text: String
    switch summary.outcome {
    case .pass:
      outcome = summary.interval.upperBound < 0.98 ? .noted : .pass
      text = outcome == .noted ? "\(scenario.name) takes less time than the base" : ""
    case .regression:
      outcome = .regression
      text =
        "\(scenario.name) takes \(summary.median) times as long as the base: see what changed, for instance with perf diff"
    case .undecided:
      outcome = .inconclusive
      text = "\(summary.pairCount) pairs did not decide it: run it again on a quieter machine"
    }
    self.init(
      scenario: scenario.name, metric: "time", metricClass: .pairedTime, unit: "head/base", outcome: outcome,
      new: "\(summary.pairCount) pairs", ratio: summary.median,
      interval: Interval(low: summary.interval.lowerBound, high: summary.interval.upperBound), text: text)
  }
}
