import ArgumentParser
import BenchGate
import Foundation

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report", abstract: "Makes a page of results that were written as JSON.",
    discussion: """
      The last file is what the page is of; those before it are its history, oldest first.

      EXAMPLES
        dwcp-bench check --output new.json; dwcp-bench report --html bench.html new.json
        dwcp-bench report --html bench.html monday.json tuesday.json wednesday.json
      """)

  @Option(help: ArgumentHelp("The page to write; it needs no other file.", valueName: "file"))
  var html: String

  @Argument(help: "Results of 'run', 'check' or 'compare' with --output or --json.")
  var results: [String]

  func run() throws {
    try reportingErrors {
      var history = try results.map { try BenchmarkResult.read(from: $0) }
      guard let newest = history.popLast() else { throw ValidationError("name at least one result") }
      try newest.html(history: history).write(toFile: html, atomically: true, encoding: .utf8)
      FileHandle.standardError.write(Data("dwcp-bench: \(html)\n".utf8))
    }
  }
}
