import Crypto
import DWCPLinkEmulation
import Foundation
import NIOCore
import Testing

@Suite(.timeLimit(.minutes(5)), .serialized) struct ToolSuiteTransfer {
  @Test(
    "a file arrives, digest equal, with each codec (SPEC FIL-1)",
    arguments: ["auto", "none", "lz4", "zstd:1", "zstd:19"])
  func sendFile(codec: String) async throws {
    let source = try TemporaryDirectory()
    let root = try TemporaryDirectory()
    let content = sampleContent(byteCount: 3_000_000)
    let path = try source.write(content, to: "disk.img")
    let server = try await ToolServer("--root", root.path)
    let sent = try await run("send", "--codec", codec, "--json", path, server.endpoint)
    #expect(sent.code == 0, "\(sent.errors)")
    #expect(root.content(of: "disk.img") == content)
    let report = try #require(JSONSerialization.jsonObject(with: Data(sent.output.utf8)) as? [String: Any])
    #expect(report["rawBytes"] as? Int == 3_000_000)
    #expect(report["sha256"] as? String == sha256(content))
    let ratio = try #require(report["ratio"] as? Double)
    // What is worth its time over loopback depends on the machine, and on what else it does.
    if codec == "auto" { #expect(ratio > 0.99) } else { #expect(codec == "none" ? ratio < 1 : ratio > 2) }
    for field in [
      "wireBytes", "seconds", "goodputBytesPerSecond", "links", "streams", "codecs", "retransmittedBytes",
      "linkFailures",
    ] {
      #expect(report[field] != nil, "\(field) is missing")
    }
  }

  @Test("what crosses a slow link is made smaller without being asked for (SPEC FIL-1, CDC-7)")
  func sendOverSlowLink() async throws {
    let source = try TemporaryDirectory()
    let root = try TemporaryDirectory()
    // Much more than a few round trips carry: what the link can do is not known before, and the fewer turns a busy machine gives the sender the more of
    // them it takes to see it.
    let content = sampleContent(byteCount: 12_000_000)
    let path = try source.write(content, to: "disk.img")
    let server = try await ToolServer("--root", root.path)
    let emulation = LinkEmulation(LinkConditions(rateBitsPerSecond: 10_000_000), seed: 1)
    try await withLinkRelay(toHost: "127.0.0.1", port: server.port, emulation: emulation) { relay in
      let port = try #require(relay.localAddress.port)
      let sent = try await run("send", "--json", path, "127.0.0.1:\(port)")
      #expect(sent.code == 0, "\(sent.errors)")
      #expect(root.content(of: "disk.img") == content)
      let report = try #require(JSONSerialization.jsonObject(with: Data(sent.output.utf8)) as? [String: Any])
      #expect(try #require(report["ratio"] as? Double) > 2)
    }
  }

  @Test("directories, an empty file and awkward names arrive as they are")
  func sendDirectory() async throws {
    let source = try TemporaryDirectory()
    let root = try TemporaryDirectory()
    try source.write(Data(), to: "tree/empty")
    try source.write(Data("x".utf8), to: "tree/ä ö/name with spaces")
    for number in 0..<500 { try source.write(Data("file \(number)".utf8), to: "tree/many/\(number)") }
    let server = try await ToolServer("--root", root.path)
    let sent = try await run("send", source.path + "/tree", server.endpoint)
    #expect(sent.code == 0, "\(sent.errors)")
    #expect(root.files == source.files)
    #expect(root.content(of: "tree/many/499") == Data("file 499".utf8))
  }

  @Test("a file can be fetched, under another name too, and a missing one is named (SPEC FIL-2)")
  func fetch() async throws {
    let root = try TemporaryDirectory()
    let target = try TemporaryDirectory()
    let content = sampleContent(byteCount: 1_000_000)
    try root.write(content, to: "images/disk.img")
    let server = try await ToolServer("--root", root.path)
    let fetched = try await run("fetch", server.endpoint, "images/disk.img", "-o", target.path + "/copy.img")
    #expect(fetched.code == 0, "\(fetched.errors)")
    #expect(target.files == ["copy.img"])
    #expect(target.content(of: "copy.img") == content)
    let missing = try await run("fetch", server.endpoint, "images/none.img", "-o", target.path + "/none.img")
    #expect(missing.code == 1)
    #expect(missing.errors.contains("ENOENT"))
    #expect(target.files == ["copy.img"])
  }

  @Test(
    "names from a peer cannot leave the root (SPEC FIL-3)",
    arguments: [
      "../secret", "/etc/passwd", "a/../../secret", "", "a//b", "link/secret", "./x",
    ])
  func escapes(name: String) async throws {
    let outside = try TemporaryDirectory()
    try outside.write(Data("secret".utf8), to: "secret")
    let root = outside.path + "/root"
    try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(atPath: root + "/link", withDestinationPath: outside.path)
    let server = try await ToolServer("--root", root)
    let target = try TemporaryDirectory()
    let fetched = try await run("fetch", server.endpoint, name, "-o", target.path + "/stolen")
    #expect(fetched.code == 1)
    #expect(target.files.isEmpty)
  }

  @Test("the receiver killed in mid-transfer: the sender says so, exit 1, and nothing stands under the final name")
  func killedReceiver() async throws {
    let source = try TemporaryDirectory()
    let root = try TemporaryDirectory()
    let path = try source.write(sampleContent(byteCount: 60_000_000), to: "disk.img")
    let server = try await ToolServer("--root", root.path)
    let sender = try ToolProcess(["send", "--codec", "zstd:19", path, server.endpoint])
    try await waitForPartialFile(in: root)
    server.process.kill(SIGKILL)
    #expect(try await sender.waitForExit() == 1)
    #expect(sender.errors.contains("LINK_LOST"))
    #expect(!root.files.contains("disk.img"))
  }

  @Test("the sender killed in mid-transfer: the receiver says so and removes what there was")
  func killedSender() async throws {
    let source = try TemporaryDirectory()
    let root = try TemporaryDirectory()
    let path = try source.write(sampleContent(byteCount: 60_000_000), to: "disk.img")
    let server = try await ToolServer("--root", root.path)
    let sender = try ToolProcess(["send", "--codec", "zstd:19", path, server.endpoint])
    try await waitForPartialFile(in: root)
    sender.kill(SIGKILL)
    try await server.process.waitForErrors(containing: "disk.img did not arrive in full")
    #expect(root.files.isEmpty)
    #expect(try await run("health", server.endpoint).code == 0)
  }

  private func waitForPartialFile(in root: TemporaryDirectory) async throws {
    for _ in 0..<2_000 where root.files.isEmpty { try await Task.sleep(for: .milliseconds(2)) }
    try #require(root.files.count == 1)
    #expect(root.files[0].hasPrefix(".dwcp-partial-"))
  }

  @Test("a full disk at the receiver is reported at the sender by name", .enabled(if: getuid() == 0))
  func fullDisk() async throws {
    let source = try TemporaryDirectory()
    let root = try TemporaryDirectory()
    let path = try source.write(sampleContent(byteCount: 8_000_000), to: "disk.img")
    // Without the right to mount there is no small disk to fill; the write path is the same for all errors.
    guard mount("tmpfs", root.path, "tmpfs", 0, "size=1m") == 0 else { return }
    defer { umount(root.path) }
    let server = try await ToolServer("--root", root.path)
    let sent = try await run("send", "--codec", "none", path, server.endpoint)
    #expect(sent.code == 1)
    #expect(sent.errors.contains("ENOSPC"), "\(sent.errors)")
    #expect(root.files.isEmpty)
  }

  private func sha256(_ content: Data) -> String {
    SHA256.hash(data: content).map { String(format: "%02x", $0) }.joined()
  }
}
