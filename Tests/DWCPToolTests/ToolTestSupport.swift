import Foundation
import Testing

/// Set by scripts/sanitize: the program under test takes ten times as long as its time limits expect.
let isSlowBuild = ProcessInfo.processInfo.environment["DWCP_SLOW_BUILD"] != nil

/// A directory that is gone with its owner.
final class TemporaryDirectory {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("dwcp-test-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  @discardableResult
  func write(_ content: Data, to name: String) throws -> String {
    let url = URL(fileURLWithPath: path).appendingPathComponent(name)
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try content.write(to: url)
    return url.path
  }

  func content(of name: String) -> Data? {
    FileManager.default.contents(atPath: path + "/" + name)
  }

  /// Names of all files below, hidden ones too.
  var files: [String] {
    let all = FileManager.default.subpaths(atPath: path) ?? []
    return all.filter { name in
      var isDirectory = ObjCBool(false)
      _ = FileManager.default.fileExists(atPath: path + "/" + name, isDirectory: &isDirectory)
      return !isDirectory.boolValue
    }.sorted()
  }
}

/// The tool itself, as a process.
final class ToolProcess {
  private let process = Process()
  private let directory: TemporaryDirectory

  init(_ arguments: [String]) throws {
    directory = try TemporaryDirectory()
    let binary = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appendingPathComponent(
      "dwcp")
    process.executableURL = binary
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try file("out")
    process.standardError = try file("err")
    try process.run()
  }

  private func file(_ name: String) throws -> FileHandle {
    try directory.write(Data(), to: name)
    return try FileHandle(forWritingTo: URL(fileURLWithPath: directory.path + "/" + name))
  }

  var output: String { String(decoding: directory.content(of: "out") ?? Data(), as: UTF8.self) }
  var errors: String { String(decoding: directory.content(of: "err") ?? Data(), as: UTF8.self) }
  var isRunning: Bool { process.isRunning }

  func waitForExit() async throws -> Int32 {
    while process.isRunning { try await Task.sleep(for: .milliseconds(5)) }
    return process.terminationStatus
  }

  func kill(_ signal: Int32) {
    Foundation.kill(process.processIdentifier, signal)
  }

  /// Waits until the standard error contains a text.
  func waitForErrors(containing text: String) async throws {
    for _ in 0..<2_000 where !errors.contains(text) { try await Task.sleep(for: .milliseconds(5)) }
    try #require(errors.contains(text), "no \(text) in: \(errors)")
  }
}

/// Runs the tool to its end.
func run(_ arguments: String...) async throws -> (code: Int32, output: String, errors: String) {
  let tool = try ToolProcess(arguments)
  return (try await tool.waitForExit(), tool.output, tool.errors)
}

/// `dwcp serve` on a free port.
final class ToolServer {
  let process: ToolProcess
  let endpoint: String

  convenience init(_ arguments: String...) async throws {
    try await self.init(arguments)
  }

  init(_ arguments: [String]) async throws {
    process = try ToolProcess(["serve", "--listen", "127.0.0.1:0"] + arguments)
    let prefix = "listening on "
    for _ in 0..<2_000 where !process.output.hasSuffix("\n") { try await Task.sleep(for: .milliseconds(5)) }
    let line = process.output.split(separator: "\n").first { $0.hasPrefix(prefix) }
    endpoint = String(try #require(line, "the server does not listen: \(process.errors)").dropFirst(prefix.count))
  }

  var port: Int { Int(endpoint.split(separator: ":").last ?? "") ?? 0 }

  deinit {
    process.kill(SIGKILL)
  }
}

/// Bytes that compress about as well as text does, the same for the same count.
func sampleContent(byteCount: Int) -> Data {
  var state: UInt64 = 88_172_645_463_325_252
  var bytes = [UInt8]()
  bytes.reserveCapacity(byteCount + 16)
  while bytes.count < byteCount {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    bytes += Array("entry \(state % 5_000) ".utf8)
  }
  return Data(bytes.prefix(byteCount))
}
