import ArgumentParser
import BenchGate
import Foundation

struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare", abstract: "Compares the time of this binary with that of another one.",
    discussion: """
      Each scenario runs in fresh processes of both, in turns, until the 99 % interval of the median ratio says enough.

      EXAMPLES
        dwcp-bench compare --base ../old/Benchmarks/.build/release/dwcp-bench
        dwcp-bench compare --base /tmp/dwcp-bench --filter engine/message --strict
      """)

  @Option(help: ArgumentHelp("The other dwcp-bench.", valueName: "path-to-binary"))
  var base: String

  @OptionGroup var selection: Selection
  @OptionGroup var outputs: Outputs

  func validate() throws {
    guard FileManager.default.isExecutableFile(atPath: base) else {
      throw ValidationError("--base: there is no program at \(base)")
    }
    guard selection.scenarios.contains(where: { $0.classes.contains(.pairedTime) }) else {
      throw ValidationError("none of these scenarios is compared by time; see class P in 'dwcp-bench list'")
    }
  }

  func run() throws {
    try reportingErrors {
      let scenarios = selection.scenarios.filter { $0.classes.contains(.pairedTime) }
      let progress = ProgressLine(total: scenarios.count, "compared")
      var result = BenchmarkResult(fingerprint: try .current(), date: Date.now.formatted(.iso8601), scenarios: [])
      for scenario in scenarios {
        result.verdicts.append(Verdict(scenario, try PairedTimes(scenario: scenario, basePath: base).run()))
        progress.step(scenario.name)
      }
      try outputs.write(result)
    }
  }
}
