import ArgumentParser
import DWCPCore
import DWCPNIO
import Foundation

struct FetchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fetch",
    abstract: "Fetches one file from `dwcp serve --root`.",
    discussion: """
      The file appears under its name only after its SHA-256 was verified, and replaces a file that has the name already. Until then its name \
      begins with .dwcp-partial-; such a file that an interrupted fetch left behind may be removed.

      EXAMPLES
        dwcp fetch 10.0.0.5:7373 disk.img
        dwcp fetch 10.0.0.5:7373 images/disk.img -o /tmp/copy.img
      """)

  @Argument(help: "The server's HOST:PORT.")
  var endpoint: Endpoint

  @Argument(help: "The file's name below the server's root.")
  var name: String

  @Option(name: .shortAndLong, help: "Where to put it; by default its own name in the current directory.")
  var output: String?

  @Flag(help: "Print the result as one JSON object.")
  var json = false

  func run() async throws {
    try await reportingFailures {
      let target = URL(fileURLWithPath: output ?? URL(fileURLWithPath: name).lastPathComponent)
      let directory: RootDirectory
      do {
        directory = try RootDirectory(path: target.deletingLastPathComponent().path)
      } catch let error as SystemError {
        throw ToolError("\(error.message); name an existing directory with -o")
      }
      let report = try await fetch(into: directory, as: target.lastPathComponent)
      standardOutput(json ? try report.json() : "fetched \(name): \(report.line)\nSHA-256 \(report.sha256)\n")
    }
  }

  private func fetch(into directory: RootDirectory, as localName: String) async throws -> TransferReport {
    let start = ContinuousClock.now
    let name = name
    return try await connected(to: endpoint, configuration: .quiet()) { session in
      _ = try await session.agreement()
      let progress = Progress()
      let client = FileClient(session: session, progress: progress)
      let file = try await progress.follow(session) { try await client.get(name, as: localName, into: directory) }
      return TransferReport(
        sent: false, counters: try await session.counters(), rawByteCount: file.byteCount,
        seconds: (ContinuousClock.now - start).inSeconds, sha256: file.sha256, fileCount: 1)
    }
  }
}
