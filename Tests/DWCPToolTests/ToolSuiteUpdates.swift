import Crypto
import DWCPCore
import DWCPNIO
import Foundation
import NIOCore
import Testing

@testable import dwcp

/// `dwcp send --baseline`: what the receiver has already is not sent (SPEC FIL-5, FIL-6, BAS-1).
@Suite struct ToolSuiteUpdates {
  private static let byteCount = 3_000_000

  private static func content(seed: UInt8) -> Data {
    var state = UInt64(seed) &+ 1
    return Data(
      (0..<byteCount).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 33)
      })
  }

  private struct Report: Decodable {
    var wireBytes: Int
    var sha256: String
  }

  private static func send(
    _ path: String, baseline: String, to server: ToolServer
  ) async throws -> (report: Report, errors: String) {
    let sent = try await run("send", "--baseline", baseline, "--json", path, server.endpoint)
    #expect(sent.code == 0, "\(sent.errors)")
    return (try JSONDecoder().decode(Report.self, from: Data(sent.output.utf8)), sent.errors)
  }

  @Test(
    "changed, inserted, cut off and appended bytes are sent, and little else",
    arguments: ["changed", "inserted", "shorter", "longer"])
  func updates(change: String) async throws {
    let (source, root) = (try TemporaryDirectory(), try TemporaryDirectory())
    let old = Self.content(seed: 1)
    var new = old
    switch change {
    case "changed": for place in stride(from: 1_000, to: Self.byteCount, by: 300_000) { new[place] ^= 1 }
    case "inserted": new.insert(contentsOf: Data("inserted".utf8), at: 1_234_567)
    case "shorter": new.removeLast(12_345)
    default: new.append(contentsOf: Data(repeating: 7, count: 12_345))
    }
    let baseline = try source.write(old, to: "old")
    try root.write(old, to: "image")
    let server = try await ToolServer("--root", root.path)
    let path = try source.write(new, to: "image")
    let sent = try await Self.send(path, baseline: baseline, to: server)
    #expect(root.content(of: "image") == new)
    #expect(sent.report.wireBytes < Self.byteCount / 50, "\(sent.report.wireBytes)")
    #expect(root.files == ["image"])
    // The next one goes on from what there is now.
    var newer = new
    newer[77] ^= 1
    let next = try await Self.send(
      try source.write(newer, to: "image"), baseline: try source.write(new, to: "old"), to: server)
    #expect(root.content(of: "image") == newer)
    #expect(next.report.wireBytes < 20_000)
  }

  @Test("a receiver that has another file, none, or no room gets all of it, and is told apart before a byte is applied")
  func differs() async throws {
    let (source, root) = (try TemporaryDirectory(), try TemporaryDirectory())
    let old = Self.content(seed: 2)
    let new = old + Data("more".utf8)
    let baseline = try source.write(old, to: "old")
    let path = try source.write(new, to: "image")
    for theirs in [nil, Self.content(seed: 3), Data(old.dropLast())] {
      if let theirs { try root.write(theirs, to: "image") }
      let server = try await ToolServer("--root", root.path)
      let sent = try await Self.send(path, baseline: baseline, to: server)
      #expect(sent.errors.contains("all of it is sent"))
      #expect(root.content(of: "image") == new)
    }
    try root.write(old, to: "image")
    let small = try await ToolServer("--root", root.path, "--update-budget", "1")
    _ = try await Self.send(path, baseline: baseline, to: small)
    #expect(root.content(of: "image") == new)
  }

  @Test("a file that was updated makes room for the next one of its session before it is answered")
  func room() async throws {
    let root = try TemporaryDirectory()
    let server = try await ToolServer("--root", root.path, "--update-budget", "3")
    let old = Self.content(seed: 4)
    let new = Data(old.dropLast())
    try await withSession(host: "127.0.0.1", port: server.port, configuration: .quiet()) { session in
      for number in 1...3 as ClosedRange<UInt64> {
        let name = ObjectName(number: number)
        let version = number * 2
        try root.write(old, to: "\(number)")
        let question = StreamOpening(metadata: [
          "service": "base", "name": "\(number)", "size": String(Self.byteCount), "object": String(number),
          "version": String(version), "sha256": hex(SHA256.hash(data: old)),
        ])
        let agreed = try await ask(session, question)
        #expect(agreed == "ok")
        #expect(try await session.adoptOutgoing(ObjectImage(ByteBuffer(bytes: old)), of: name, version: version))
        let opening = StreamOpening(metadata: [
          "service": "update", "name": "\(number)", "size": String(new.count), "sha256": hex(SHA256.hash(data: new)),
        ])
        let sent = try await session.withVersion(of: name, byteCount: new.count, opening: opening) { stream in
          try await stream.finish()
          return try await stream.readMessage().map { String(buffer: $0) }
        }
        #expect(sent.result == "ok \(hex(SHA256.hash(data: new)))")
        #expect(root.content(of: "\(number)") == new)
      }
    }
  }

  private func ask(_ session: LiveSession, _ opening: StreamOpening) async throws -> String? {
    try await session.withStream(opening) { stream in
      try await stream.finish()
      return try await stream.readMessage().map { String(buffer: $0) }
    }
  }
}
