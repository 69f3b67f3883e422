import ArgumentParser
import Crypto
import DWCPCore
import DWCPNIO
import Foundation

struct SendCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "send",
    abstract: "Sends files or directories to `dwcp serve --root`.",
    discussion: """
      Each file appears at the receiver under its name only after its SHA-256 was verified there. A directory's files are sent below its \
      name; symbolic links in it, empty directories, holes and times of change are not. A file that has the name already is replaced. With --json one object is printed; its sha256 is the file's, or for several files that \
      of the lines `SHA-256, two spaces, name` sorted by name; when the work fails nothing is printed on standard output.

      EXAMPLES
        dwcp send disk.img 10.0.0.5:7373
        dwcp send --codec auto --explain disk.img 10.0.0.5:7373
        dwcp send --codec zstd:3 --json images/ notes.txt 10.0.0.5:7373
        dwcp send --codec zstd:9:chained files/ 10.0.0.5:7373
        dwcp dictionary train -o messages.dict samples/*.json
        dwcp send --dictionary messages.dict messages/ 10.0.0.5:7373
        dwcp send --baseline yesterday/disk.img disk.img 10.0.0.5:7373
      """)

  private static let filesAtOnce = 16

  @Argument(help: ArgumentHelp("Files or directories, and last HOST:PORT.", valueName: "path ... host:port"))
  var arguments: [String]

  @OptionGroup var codec: CodecOption

  @Option(
    help: ArgumentHelp(
      """
      Compress files of up to 16 KiB with zstd against this dictionary, which `dwcp dictionary train` makes. It is sent once, ahead of the files, and pays \
      where there are many; receivers that hold no dictionaries take the files without.
      """, valueName: "file"))
  var dictionary: String?

  @Option(
    help: ArgumentHelp(
      """
      A file with the content that the receiver has under the name that is sent: what both share is not sent. Where the receiver has another one, which is \
      found out first, all of the file is sent.
      """, valueName: "old"))
  var baseline: String?

  @Flag(help: "Print the result as one JSON object.")
  var json = false

  func validate() throws {
    if dictionary != nil, let setting = codec.codec.setting, setting.codec != .zstd || setting.isChained {
      throw ValidationError("--dictionary goes with --codec auto or zstd[:LEVEL]: no other codec uses one")
    }
    guard arguments.count >= 2, let last = arguments.last else {
      throw ValidationError("give at least one path, and the receiver's HOST:PORT last")
    }
    guard Endpoint(argument: last) != nil else {
      throw ValidationError("'\(last)' is not the receiver's HOST:PORT, which comes last; ports are 0 to 65535")
    }
  }

  func run() async throws {
    try await reportingFailures {
      guard let endpoint = arguments.last.flatMap(Endpoint.init(argument:)) else { return }
      let tree: FileTree
      do {
        tree = try FileTree(paths: Array(arguments.dropLast()))
      } catch let error as SystemError {
        throw ToolError("\(error.message); check the path")
      }
      for path in tree.skipped { standardError("dwcp: left out \(path): neither a file nor a directory\n") }
      guard !tree.files.isEmpty else { throw ToolError("there is no file to send; check the paths") }
      var configuration = TransportConfiguration.quiet()
      codec.apply(to: &configuration.session)
      configuration.session.sendDictionary = try dictionary.map(CompressionDictionary.init(contentsOf:))
      if codec.explain { configuration.explainCodecs() }
      if baseline != nil, tree.files.count != 1 { throw ToolError("--baseline goes with one file; send others apart") }
      let report = try await Self.send(
        tree.files, baseline: baseline, to: endpoint, configuration: configuration, progress: Progress())
      let files = report.files == 1 ? "1 file" : "\(report.files) files"
      standardOutput(json ? try report.json() : "sent \(files): \(report.line)\nSHA-256 \(report.sha256)\n")
    }
  }

  /// Sends files over one session and reports what it came to.
  ///
  /// - Parameter baseline: a path to what the receiver has of the only file.
  static func send(
    _ files: [SourceFile], baseline: String? = nil, to endpoint: Endpoint, configuration: TransportConfiguration,
    progress: Progress
  ) async throws -> TransferReport {
    progress.begin(byteCount: files.reduce(0) { $0 + $1.byteCount }, fileCount: files.count)
    let start = ContinuousClock.now
    return try await connected(to: endpoint, configuration: configuration) { session in
      let hasDictionary = configuration.session.sendDictionary != nil
      let client = FileClient(session: session, progress: progress, hasDictionary: hasDictionary)
      _ = try await session.agreement()
      let digests = try await progress.follow(session) { try await sendAll(files, baseline, client) }
      return TransferReport(
        sent: true, counters: try await session.counters(), rawByteCount: files.reduce(0) { $0 + $1.byteCount },
        seconds: (ContinuousClock.now - start).inSeconds, sha256: summary(of: digests), fileCount: files.count)
    }
  }

  private static func sendAll(
    _ files: [SourceFile], _ baseline: String?, _ client: FileClient
  ) async throws -> [String: [UInt8]] {
    if let baseline, let file = files.first {
      if let digest = try await client.update(file, from: baseline) { return [file.name: digest] }
      standardError("dwcp: the receiver has no \(file.name) like \(baseline); all of it is sent\n")
    }
    return try await sendEach(files, client)
  }

  private static func sendEach(_ files: [SourceFile], _ client: FileClient) async throws -> [String: [UInt8]] {
    try await withThrowingTaskGroup(of: (String, [UInt8]).self) { group in
      var digests: [String: [UInt8]] = [:]
      for (index, file) in files.enumerated() {
        if index >= filesAtOnce, let (name, digest) = try await group.next() { digests[name] = digest }
        group.addTask { (file.name, try await client.put(file)) }
      }
      for try await (name, digest) in group { digests[name] = digest }
      return digests
    }
  }

  private static func summary(of digests: [String: [UInt8]]) -> String {
    if digests.count == 1, let digest = digests.values.first { return hex(digest) }
    var hash = SHA256()
    for (name, digest) in digests.sorted(by: { $0.key < $1.key }) {
      hash.update(data: Data("\(hex(digest))  \(name)\n".utf8))
    }
    return hex(hash.finalize())
  }
}

/// Connects, and says what to check when that fails.
func connected<Result: Sendable>(
  to endpoint: Endpoint, configuration: TransportConfiguration, _ body: (LiveSession) async throws -> Result
) async throws -> Result {
  var hasConnected = false
  do {
    return try await withSession(host: endpoint.host, port: endpoint.port, configuration: configuration) { session in
      hasConnected = true
      return try await body(session)
    }
  } catch  where !hasConnected {
    throw ToolError(
      "cannot connect to \(endpoint): \(reason(of: error)); check the address and that `dwcp serve` runs there")
  } catch let error as SystemError {
    throw ToolError("\(error.name): \(error.message)")
  }
}
