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
