import ArgumentParser
import Foundation
import NIOCore

struct CorporaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "corpora", abstract: "Names the corpora with size, SHA-256 and source, and writes them.",
    discussion: """
      Seeded corpora are the same everywhere. What the machine has, real files and the memory of a real process at two
      instants, is told with its digest and is part of no baseline.

      EXAMPLES
        dwcp-bench corpora
        dwcp-bench corpora --write /tmp/corpora
      """)

  @Option(help: ArgumentHelp("Write each to a file of its name in this folder.", valueName: "folder"))
  var write: String?

  func run() throws {
    try reportingErrors {
      var corpora = try SeededCorpora.all() + MachineCorpora.realFiles()
      do {
        corpora += try MachineCorpora.processMemory()
      } catch {
        FileHandle.standardError.write(Data("dwcp-bench: process memory is unavailable: \(error)\n".utf8))
      }
      for corpus in corpora {
        print("\(corpus.name): \(corpus.byteCount) bytes, SHA-256 \(corpus.sha256), \(corpus.source)")
        if let write { try save(corpus, in: write) }
      }
    }
  }

  private func save(_ corpus: Corpus, in folder: String) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let data = corpus.blocks.reduce(into: Data()) { $0 += Data($1.readableBytesView) }
    try data.write(to: URL(fileURLWithPath: folder).appendingPathComponent(corpus.name))
  }
}
