import ArgumentParser
import Foundation

@main
struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dwcp-bench",
    abstract: "Measures DWCP v3 against what it is built on.",
    discussion: """
      EXAMPLES
        dwcp-bench list
        dwcp-bench run
        dwcp-bench run --filter bulk-none --rounds 9
        dwcp-bench run --filter engine-memory --json > engine.json

      EXIT CODES
        0 measured, whatever the figures; 1 a scenario failed; 64 wrong usage
      """,
    subcommands: [ListCommand.self, RunCommand.self])

  static let scenarios = [BulkNone.scenario, BulkZstd.scenario, EngineMemory.scenario]
}

struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Names the scenarios.", discussion: "EXAMPLE\n  dwcp-bench list")

  func run() {
    for scenario in BenchCommand.scenarios { print("\(scenario.name): \(scenario.summary)") }
  }
}

struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Runs scenarios and prints their figures.",
    discussion: """
      EXAMPLES
        dwcp-bench run
        dwcp-bench run --filter message-64 --rounds 3
      """)

  @Flag(help: "Print one JSON document instead of text.")
  var json = false

  @Option(
    help: ArgumentHelp(
      "Only scenarios whose name contains NAME, or else only such contenders, with what they are compared to.",
      valueName: "name"))
  var filter: String?

  @Option(help: ArgumentHelp("How often each contender runs.", valueName: "n"))
  var rounds = 7

  func validate() throws {
    guard (1...1_000).contains(rounds) else { throw ValidationError("--rounds takes a number from 1 to 1000") }
    if let filter, !BenchCommand.scenarios.contains(where: { $0.matches(filter) }) {
      throw ValidationError("no scenario or contender has '\(filter)' in its name; see 'dwcp-bench list'")
    }
  }

  func run() async throws {
    var reports: [ScenarioReport] = []
    for scenario in BenchCommand.scenarios {
      guard filter.map(scenario.matches) ?? true else { continue }
      do {
        let report = try await scenario.run(filter: filter, roundCount: rounds)
        if !json { print(report.text) }
        reports.append(report)
      } catch {
        FileHandle.standardError.write(Data("dwcp-bench: \(scenario.name) failed: \(error)\n".utf8))
        throw ExitCode.failure
      }
    }
    guard json else { return }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    print(String(decoding: try encoder.encode(reports), as: UTF8.self))
  }
}
