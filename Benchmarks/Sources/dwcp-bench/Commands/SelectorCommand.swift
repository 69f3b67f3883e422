import ArgumentParser
import BenchGate
import DWCPCore
import Foundation
import NIOCore

struct SelectorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "selector",
    abstract: "Holds the choice of codecs against the best fixed one, in virtual time.",
    discussion: """
      Measures what each codec and level makes of each corpus, then lets the engine's selector and every fixed setting send over links from \
      10 Mb/s to no limit, with 1 and 4 cores, and over links whose rate and data change. Exit 2 when a cell is below its bar.

      EXAMPLES
        dwcp-bench selector
        dwcp-bench selector --live 3 --corpus json --corpus random
        dwcp-bench selector --live 25 --link "no limit" --rival none
        dwcp-bench selector --live 3 --link "50 Mb/s" --size 240 --rival zstd:3 --rival zstd:7 --rival zstd:9
        dwcp-bench selector --json > selector.json; dwcp-bench report --html bench.html --selector selector.json new.json
      """)

  @Flag(help: "Print the result as one JSON document instead of a table.")
  var json = false

  @Option(help: ArgumentHelp("Use the figures of an earlier result instead of measuring.", valueName: "file"))
  var figures: String?

  @Option(help: ArgumentHelp("Instead, send over sockets and emulated links, in so many rounds.", valueName: "rounds"))
  var live: Int?

  @Option(help: ArgumentHelp("With --live: a corpus to send; all seeded ones without.", valueName: "name"))
  var corpus: [String] = []

  @Option(
    help: ArgumentHelp(
      "With --live: a link, \(SelectionLive.linkNames.joined(separator: ", ")); all without.", valueName: "name"))
  var link: [String] = []

  @Option(help: ArgumentHelp("With --live: a fixed setting to compare with; some without.", valueName: "codec:level"))
  var rival: [String] = []

  @Option(
    help: ArgumentHelp(
      "With --live: what each transfer moves; without, what takes a second or some on the link.", valueName: "MiB"))
  var size: Int?

  @Flag(help: "With --live: tell every change of the automatic choice on standard error.")
  var explain = false

  func validate() throws {
    guard (1...1_048_576).contains(size ?? 1) else { throw ValidationError("--size is 1 to 1048576 MiB") }
  }

  func run() throws {
    if let live { return try reportingErrors { try runLive(roundCount: max(1, live)) } }
    try reportingErrors {
      let proof = SelectionProof(try table(), ladder: .standard)
      if json {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        print(String(decoding: try encoder.encode(proof), as: UTF8.self))
      } else {
        print(proof.terminalText, terminator: "")
      }
      if !proof.failures.isEmpty { throw ExitCode(GateStatus.regression.rawValue) }
    }
  }

  private func runLive(roundCount: Int) throws {
    let corpora = try (corpus.isEmpty ? SeededCorpora.names : corpus).compactMap {
      try SeededCorpora.named($0, blockCount: 256)
    }
    let explainer: (@Sendable (String) -> Void)? =
      explain ? { @Sendable in FileHandle.standardError.write(Data(($0 + "\n").utf8)) } : nil
    let (links, rivals, byteCount) = (link, rival, size.map { $0 << 20 })
    let result = try Transport.client.any().makeFutureWithTask {
      try await SelectionLive(
        corpora, roundCount: roundCount, links: links, rivals: rivals, byteCount: byteCount, explain: explainer)
    }.wait()
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      print(String(decoding: try encoder.encode(result), as: UTF8.self))
    } else {
      print(result.terminalText, terminator: "")
    }
  }

  private func table() throws -> RungTable {
    if let figures { return try RungTable(recordedIn: figures) }
    let settings = CodecLadder.candidates
    return try RungTable(measuring: SeededCorpora.all() + MachineCorpora.realFiles(), settings)
  }
}
