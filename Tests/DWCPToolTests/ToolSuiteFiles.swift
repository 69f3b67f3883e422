import Crypto
import DWCPCore
import Foundation
import NIOCore
import Testing

@testable import dwcp

@Suite struct ToolSuiteFiles {
  @Test("a file gets its name only with the right digest, and its temporary file never stays")
  func incomingFile() throws {
    let directory = try TemporaryDirectory()
    let root = try RootDirectory(path: directory.path)
    var file: IncomingFile? = try root.create("a/b", mode: 0o600)
    try file?.write(ByteBuffer(string: "content"))
    #expect(throws: SystemError.self) { try file?.commit(expectedDigest: [UInt8](repeating: 0, count: 32)) }
    #expect(directory.files.count == 1)
    file = nil
    #expect(directory.files.isEmpty)

    let good = try root.create("a/b", mode: 0o600)
    try good.write(ByteBuffer(string: "abc"))
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    let bytes = stride(from: 0, to: 64, by: 2).compactMap { index in
      UInt8(digest.dropFirst(index).prefix(2), radix: 16)
    }
    #expect(try good.commit(expectedDigest: bytes) == digest)
    #expect(directory.files == ["a/b"])
  }

  @Test("endpoints are read as people write them")
  func endpoints() {
    #expect(Endpoint(argument: "host:80")?.host == "host")
    #expect(Endpoint(argument: "[::1]:80")?.host == "::1")
    #expect(Endpoint(argument: ":80")?.host == "127.0.0.1")
    #expect(Endpoint(argument: "[::1]:80")?.description == "[::1]:80")
    for text in ["host", "host:", "host:x", "host:70000", "host:-1"] { #expect(Endpoint(argument: text) == nil) }
  }

  @Test("numbers are shown as people read them")
  func texts() {
    #expect(Text.bytes(1_023) == "1023 B")
    #expect(Text.bytes(1_536) == "1.5 KiB")
    #expect(Text.bytes(4 << 30) == "4.0 GiB")
    #expect(Text.clock(61) == "1:01")
    #expect(Text.clock(3_725) == "1:02:05")
  }

  @Test("a report adds up")
  func report() throws {
    var counters = SessionCounters()
    counters.wireBytesSent = 50
    let report = TransferReport(
      sent: true, counters: counters, rawByteCount: 100, seconds: 2, sha256: "x", fileCount: 1)
    #expect(report.ratio == 2)
    #expect(report.goodputBytesPerSecond == 50)
    #expect(try report.json().hasSuffix("\"wireBytes\":50}\n"))
  }
}

/// What an attacker and a careless user tried once.
@Suite(.timeLimit(.minutes(2))) struct ToolSuiteHostileFiles {
  @Test(
    "names are bytes: a slash that Swift takes for another character is still a slash (SPEC FIL-3)",
    arguments: ["../\u{301}x", "lnk/\u{301}y", "/\u{301}x", "a\u{600}/../x", ".dwcp-partial-\u{301}", "\u{FFFD}"])
  func namesAreBytes(name: String) throws {
    #expect(throws: SystemError.self) {
      let outside = try TemporaryDirectory()
      try FileManager.default.createDirectory(atPath: outside.path + "/root", withIntermediateDirectories: true)
      try FileManager.default.createSymbolicLink(atPath: outside.path + "/root/lnk", withDestinationPath: outside.path)
      let root = try RootDirectory(path: outside.path + "/root")
      let file = try root.create(name, mode: 0o600)
      _ = try file.commit(expectedDigest: Array(SHA256.hash(data: Data())))
      Issue.record("\(outside.files)")
    }
  }

  @Test("directories and devices are not replaced")
  func specialFiles() throws {
    let directory = try TemporaryDirectory()
    let root = try RootDirectory(path: directory.path)
    mkfifo(directory.path + "/fifo", 0o600)
    try directory.write(Data(), to: "directory/file")
    #expect(throws: SystemError.self) { try root.create("fifo", mode: 0o600) }
    #expect(throws: SystemError.self) { try root.create("directory", mode: 0o600) }
    #expect(directory.files == ["directory/file", "fifo"])
  }

  @Test("two files that would arrive under one name are not sent")
  func duplicateNames() async throws {
    let source = try TemporaryDirectory()
    let one = try source.write(Data("1".utf8), to: "a/x")
    let other = try source.write(Data("2".utf8), to: "b/x")
    let sent = try await run("send", one, other, "127.0.0.1:1")
    #expect(sent.code == 1)
    #expect(sent.errors.contains("would both arrive as x"))
  }

  @Test("numbers have digits alone, and shown text obeys nobody")
  func strictness() {
    for text in ["+5", "-0", " 5", "5 ", "", "0x5"] { #expect(UInt64(digits: text, radix: 10) == nil) }
    #expect(UInt64(digits: "007", radix: 10) == 7)
    #expect(Text.printable("a\u{1B}\n\u{202E}\u{2028}ä") == "a\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}ä")
  }

  @Test("an output that cannot be written ends the tool, without a trap", arguments: ["/dev/full"])
  func fullOutput(path: String) async throws {
    let server = try await ToolServer()
    let process = Process()
    process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
      .appendingPathComponent("dwcp")
    process.arguments = ["health", server.endpoint]
    process.standardOutput = FileHandle(forWritingAtPath: path)
    process.standardError = FileHandle.nullDevice
    try process.run()
    while process.isRunning { try await Task.sleep(for: .milliseconds(5)) }
    #expect(process.terminationReason == .exit)
    #expect(process.terminationStatus == 1)
  }
}
