import ArgumentParser
import BenchGate
import Foundation

extension MetricClass: ExpressibleByArgument {}

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Measures, and judges against the stored baselines.",
    discussion: """
      Classes: E exact counts, I instructions under callgrind, S scaling, R stored times. P is what 'compare' does.

      EXAMPLES
        dwcp-bench check
        dwcp-bench check --filter engine/ --class E
        dwcp-bench check --strict --junit gate.xml --markdown "$GITHUB_STEP_SUMMARY" --annotations
      """)

  @OptionGroup var selection: Selection
  @OptionGroup var outputs: Outputs

  @Option(
    name: .customLong("class"),
    help: ArgumentHelp("A class to judge; several times for several. E, I and S without.", valueName: "class"))
  var classes: [MetricClass] = [.exact, .instructions, .scaling]

  func validate() throws {
    guard !classes.contains(.pairedTime) else {
      throw ValidationError("class P has no baseline: use 'dwcp-bench compare --base PATH'")
    }
    guard selection.scenarios.contains(where: { !$0.classes.isDisjoint(with: classes) }) else {
      throw ValidationError("none of these scenarios has metrics of these classes; see 'dwcp-bench list'")
    }
  }

  func run() throws {
    try reportingErrors {
      let scenarios = selection.scenarios.filter { $0.isStored }
      var result = try measure(scenarios, Set(classes), roundCount: 15)
      let baselines = try Baseline.read(for: result, root: Repository.root)
      result.scenarios = result.scenarios.map { $0.keepingStoredTimes(of: baselines[$0.suite]) }
      result.verdicts = check(
        result: result, against: baselines, classes: Set(classes), isWhole: selection.filter == nil)
      try confirmTimes(&result, baselines)
      try outputs.write(result)
    }
  }

  /// A time that is worse is measured again, and believed when it is worse again.
  private func confirmTimes(_ result: inout BenchmarkResult, _ baselines: [String: Baseline]) throws {
    for (index, verdict) in result.verdicts.enumerated()
    where verdict.metricClass == .storedTime && verdict.outcome == .regression {
      guard let scenario = Scenarios.named(verdict.scenario) else { continue }
      let again = try measure([scenario], [.storedTime], roundCount: 15)
      let second = check(result: again, against: baselines, classes: [.storedTime], isWhole: false)
      if let second = second.first(where: { $0.metric == verdict.metric }), second.outcome != .regression {
        result.verdicts[index] = second
      }
    }
  }
}

extension Scenario {
  /// Whether its figures have a baseline: those of live scenarios depend on the day.
  var isStored: Bool {
    if case .live = kind { false } else { true }
  }
}

extension ScenarioResult {
  /// Times in proportion to each reference kernel are measured; of these only the one counts that the baseline was taken with.
  fileprivate func keepingStoredTimes(of baseline: Baseline?) -> ScenarioResult {
    var result = self
    result.metrics.removeAll { metric in
      let entry = Baseline.entryName(scenario: name, metric: metric.name)
      return metric.metricClass == .storedTime && baseline.map { $0.entries[entry] == nil } ?? false
    }
    return result
  }

  /// Of the times, the one whose kernel moves with it best: with the narrowest interval. The one that is stored stays unless another is twice as
  /// good, so that a baseline says what has changed and not which kernel happened to be calmer.
  func keepingBestMatchedTime(storedIn baseline: Baseline?) -> ScenarioResult {
    func width(_ metric: Metric) -> Double {
      guard case .number(let value) = metric.reading, let interval = metric.interval else { return .infinity }
      return (interval.high - interval.low) / value
    }
    let times = metrics.filter { $0.metricClass == .storedTime }
    var best = times.min { width($0) < width($1) }
    let stored = times.first { baseline?.entries[Baseline.entryName(scenario: name, metric: $0.name)] != nil }
    if let stored, let narrowest = best, width(stored) <= 2 * width(narrowest) { best = stored }
    var result = self
    result.metrics.removeAll { $0.metricClass == .storedTime && $0 != best }
    return result
  }
}
