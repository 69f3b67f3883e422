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
        dwcp-bench selector --json > selector.json; dwcp-bench report --html bench.html --selector selector.json new.json
      """)

  @Option(help: ArgumentHelp("The page to write; it needs no other file.", valueName: "file"))
  var html: String

  @Option(
    help: ArgumentHelp(
      "Show heat maps of the automatic choice of codecs, in virtual time on the figures of this result of 'selector --json'.",
      valueName: "file"))
  var selector: String?

  @Argument(help: "Results of 'run', 'check' or 'compare' with --output or --json.")
  var results: [String]

  func run() throws {
    try reportingErrors {
      var history = try results.map { try BenchmarkResult.read(from: $0) }
      guard let newest = history.popLast() else { throw ValidationError("name at least one result") }
      let maps = try selector.map { [SelectionProof(try RungTable(recordedIn: $0), ladder: .standard).section] } ?? []
      try newest.html(history: history, heatMaps: maps).write(toFile: html, atomically: true, encoding: .utf8)
      FileHandle.standardError.write(Data("dwcp-bench: \(html)\n".utf8))
    }
  }
}
