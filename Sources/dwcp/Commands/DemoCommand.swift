import ArgumentParser
import Crypto
import DWCPCore
import DWCPNIO
import Foundation
import NIOCore

struct DemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Moves real files between two endpoints on this machine, once with each codec.",
    discussion: """
      Starts a server on loopback, negotiates, sends the files with each codec, and compares every byte that arrived. Without paths it \
      takes files that every machine has.

      EXAMPLES
        dwcp demo
        dwcp demo --json /usr/share/doc
      """)

  @Argument(help: "Files or directories to send.")
  var paths: [String] = []

  @Flag(help: "Print the result as one JSON object.")
  var json = false

  @Flag(help: "Say on standard error why a stream's codec was chosen, each time that it changes.")
  var explain = false

  private static let defaultPaths = [
    CommandLine.arguments.first ?? "", "/bin/bash", "/usr/bin/git", "/usr/share/common-licenses", "/etc/services",
    "/usr/share/zoneinfo/tzdata.zi",
  ]

  func run() async throws {
    try await reportingFailures {
      let chosen = paths.isEmpty ? Self.defaultPaths.filter { FileManager.default.isReadableFile(atPath: $0) } : paths
      let files: [SourceFile]
      do {
        files = try FileTree(paths: chosen).files
      } catch let error as SystemError {
        throw ToolError("\(error.message); check the path")
      }
      let directory = FileManager.default.temporaryDirectory.appendingPathComponent("dwcp-demo-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: directory) }
      let reports = try await transfer(files, through: directory)
      if json {
        standardOutput(try reports.automatic.json())
      } else {
        standardOutput(table(reports.rows + [("auto", reports.automatic)]))
      }
    }
  }

  private typealias Row = (name: String, report: TransferReport)

  private func transfer(
    _ files: [SourceFile], through directory: URL
  ) async throws -> (rows: [Row], automatic: TransferReport) {
    let configuration = TransportConfiguration.quiet()
    let router = ServiceRouter(root: try RootDirectory(path: directory.path), logger: configuration.logger)
    return try await withServer(host: "127.0.0.1", port: 0, configuration: configuration) { stream in
      try await router.serve(stream)
    } body: { server in
      guard let port = server.localAddress?.port, let endpoint = Endpoint(argument: "127.0.0.1:\(port)") else {
        throw ToolError("the server has no address")
      }
      let total = files.reduce(0) { $0 + $1.byteCount }
      say(
        "\(files.count == 1 ? "1 file" : "\(files.count) files"), \(Text.bytes(total)), over TCP to \(endpoint) in this process"
      )
      var rows: [Row] = []
      for name in ["none", "lz4", "zstd"] {
        rows.append((name, try await send(files, to: endpoint, codec: CodecChoice(argument: name), through: directory)))
      }
      return (rows, try await send(files, to: endpoint, codec: .auto, through: directory))
    }
  }

  private func send(
    _ files: [SourceFile], to endpoint: Endpoint, codec: CodecChoice?, through directory: URL
  ) async throws -> TransferReport {
    var configuration = TransportConfiguration.quiet()
    if let setting = codec?.setting {
      configuration.session.compression = .fixed(setting)
      configuration.session.acceptableCodecs = [setting.codec]
    }
    if explain { configuration.explainCodecs() }
    let report = try await SendCommand.send(files, to: endpoint, configuration: configuration, progress: Progress())
    for file in files { try verify(file, in: directory) }
    return report
  }

  /// Compares what arrived with its source, byte by byte, and makes room for the next round.
  private func verify(_ file: SourceFile, in directory: URL) throws {
    let copy = directory.appendingPathComponent(file.name)
    // The comparison would take a link itself for the file.
    guard
      FileManager.default.contentsEqual(
        atPath: URL(fileURLWithPath: file.path).resolvingSymlinksInPath().path, andPath: copy.path)
    else {
      throw ToolError("\(file.name) arrived different from its source")
    }
    try FileManager.default.removeItem(at: copy)
  }

  private func say(_ line: String) {
    if !json { standardOutput(line + "\n") }
  }

  private func table(_ rows: [Row]) -> String {
    let head = ["codec", "raw", "wire", "ratio", "goodput", "blocks went as"]
    let lines =
      [head]
      + rows.map { row in
        let report = row.report
        return [
          row.name, Text.bytes(report.rawBytes), Text.bytes(report.wireBytes), String(format: "%.2f", report.ratio),
          Text.bytes(UInt64(report.goodputBytesPerSecond)) + "/s", report.codecShares,
        ]
      }
    let widths = head.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
    let body = lines.map { line in
      zip(line, widths).map { $0.padding(toLength: $1 + 2, withPad: " ", startingAt: 0) }.joined()
    }
    return body.joined(separator: "\n") + "\nevery file arrived, verified by SHA-256 and byte by byte\n"
  }
}
