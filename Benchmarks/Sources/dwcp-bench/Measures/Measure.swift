import BenchGate
import Foundation

/// Measures scenarios: what does not depend on time on all processors at once, times each by itself.
func measure(_ scenarios: [Scenario], _ classes: Set<MetricClass>, roundCount: Int) throws -> BenchmarkResult {
  let wanted = scenarios.filter { !$0.classes.isDisjoint(with: classes) }
  var metrics = try inParallel(wanted) { scenario in
    try Measurements(scenario: scenario).metrics(classes.subtracting([.storedTime]), roundCount: roundCount)
  }
  if classes.contains(.storedTime) {
    let progress = ProgressLine(total: wanted.count, "timed")
    for (index, scenario) in wanted.enumerated() {
      metrics[index] += try Measurements(scenario: scenario).metrics([.storedTime], roundCount: roundCount)
      progress.step(scenario.name)
    }
  }
  return BenchmarkResult(
    fingerprint: try .current(), date: Date.now.formatted(.iso8601),
    scenarios: zip(wanted, metrics).map { ScenarioResult(name: $0.name, metrics: $1) })
}
