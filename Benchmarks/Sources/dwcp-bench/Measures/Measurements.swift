import BenchGate
import BenchStatistics
import Foundation

/// Asks child processes for the metrics of one scenario.
struct Measurements {
  let scenario: Scenario
  /// What the child is told to break; empty outside the self-test.
  var injection = ""
  var path = ChildProcess.ownPath

  /// All metrics of these classes that the scenario has.
  func metrics(_ classes: Set<MetricClass>, roundCount: Int) throws -> [Metric] {
    var metrics: [Metric] = []
    for metricClass in MetricClass.allCases where classes.contains(metricClass) {
      switch (scenario.kind, metricClass) {
      case (.workload, .exact), (.exact, .exact): metrics += try child(as: "exact")
      case (.workload(let workload), .instructions): metrics.append(try instructions(workload))
      case (.workload, .storedTime): metrics += try child(as: "kernels", "--rounds", "\(max(roundCount, 15))")
      case (.scaling(_, let sizes), .scaling): metrics += try growth(sizes)
      case (.live, .storedTime): metrics += try child(as: "live", "--rounds", "\(roundCount)")
      default: break
      }
    }
    return metrics
  }

  /// One timed region in a fresh process.
  func time() throws -> RegionTime {
    try decode(RegionTime.self, as: "time", [])
  }

  private func child(as kind: String, _ arguments: String...) throws -> [Metric] {
    try decode([Metric].self, as: kind, arguments)
  }

  private func decode<Value: Decodable>(_ type: Value.Type, as kind: String, _ arguments: [String]) throws -> Value {
    let output = try ChildProcess.run(
      path, ["measure", scenario.name, "--as", kind, "--inject", injection] + arguments)
    guard output.status == 0 else {
      throw BenchmarkError("\(scenario.name) failed (\(output.status)): \(output.standardError.suffix(800))")
    }
    return try JSONDecoder().decode(type, from: output.standardOutput)
  }

  private func instructions(_ workload: Workload) throws -> Metric {
    try counted("instructions", .instructions, unit: "instructions/\(workload.unit)") {
      let count = try count(size: 1)
      return count.instructionCount / Double(count.unitCount)
    }
  }

  private func growth(_ sizes: [Int]) throws -> [Metric] {
    var counts: [Int: Double] = [:]
    return try zip(sizes, sizes.dropFirst()).map { small, large in
      try counted("growth.\(small)-\(large)", .scaling, unit: "x") {
        let before = try counts[small] ?? count(size: small).instructionCount
        let after = try count(size: large).instructionCount
        counts[large] = after
        return after / before
      }
    }
  }

  private func count(size: Int) throws -> (instructionCount: Double, unitCount: Int) {
    try Callgrind.count(path, scenario.name, size: size, injection: injection)
  }

  private func counted(
    _ name: String, _ metricClass: MetricClass, unit: String, _ value: () throws -> Double
  ) rethrows -> Metric {
    guard Callgrind.version != nil else {
      return Metric(name, metricClass, unit: unit, .unavailable("valgrind is not installed (apt-get install valgrind)"))
    }
    return Metric(name, metricClass, unit: unit, .number(try value()))
  }
}
