import ArgumentParser
import BenchGate
import Foundation

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Measures scenarios and prints their figures; judges nothing.",
    discussion: """
      EXAMPLES
        dwcp-bench run
        dwcp-bench run --filter live/bulk-1 --rounds 9
        dwcp-bench run --filter engine/ --json > engine.json
      """)

  @OptionGroup var selection: Selection
  @OptionGroup var outputs: Outputs

  @Option(help: ArgumentHelp("How often each contender of a live scenario runs.", valueName: "n"))
  var rounds = 7

  func validate() throws {
    guard (1...1_000).contains(rounds) else { throw ValidationError("--rounds takes a number from 1 to 1000") }
  }

  func run() throws {
    try reportingErrors {
      try outputs.write(try measure(selection.scenarios, Set(MetricClass.allCases), roundCount: rounds))
    }
  }
}
