import ArgumentParser
import BenchGate
import Foundation

/// Where a result goes, and what its verdicts come to.
struct Outputs: ParsableArguments {
  @Flag(help: "Print the result as one JSON document instead of a table.")
  var json = false

  @Flag(help: "Exit 3 when something is not decided or cannot be measured here.")
  var strict = false

  @Option(help: ArgumentHelp("Write the result as JSON, for 'report' and for later.", valueName: "file"))
  var output: String?

  @Option(help: ArgumentHelp("Append the result as Markdown, for instance to $GITHUB_STEP_SUMMARY.", valueName: "file"))
  var markdown: String?

  @Option(help: ArgumentHelp("Write the verdicts as JUnit XML.", valueName: "file"))
  var junit: String?

  @Flag(help: "Print the findings as annotations of GitHub's workflows, on the lines of the baselines.")
  var annotations = false

  func write(_ result: BenchmarkResult) throws {
    if let output { try result.write(to: output) }
    if let markdown { try append(result.markdown, to: markdown) }
    if let junit { try result.junitXML.write(toFile: junit, atomically: true, encoding: .utf8) }
    if annotations { print(result.annotations, terminator: "") }
    print(json ? String(decoding: try result.json(), as: UTF8.self) : result.terminalText, terminator: "")
    let status = GateStatus.of(result.verdicts, isStrict: strict)
    if status != .pass { throw ExitCode(status.rawValue) }
  }

  private func append(_ text: String, to file: String) throws {
    let before = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
    try (before + text).write(toFile: file, atomically: true, encoding: .utf8)
  }
}

/// Which scenarios a command takes.
struct Selection: ParsableArguments {
  @Option(help: ArgumentHelp("Only scenarios whose name contains NAME.", valueName: "name"))
  var filter: String?

  var scenarios: [Scenario] { Scenarios.matching(filter) }

  func validate() throws {
    if scenarios.isEmpty {
      throw ValidationError("no scenario has '\(filter ?? "")' in its name; see 'dwcp-bench list'")
    }
  }
}

/// Turns any error into one sentence on standard error, and exit 1.
func reportingErrors<Result>(_ body: () throws -> Result) throws -> Result {
  do {
    return try body()
  } catch let error as ExitCode {
    throw error
  } catch {
    FileHandle.standardError.write(Data("dwcp-bench: \(error)\n".utf8))
    throw ExitCode(GateStatus.toolError.rawValue)
  }
}
