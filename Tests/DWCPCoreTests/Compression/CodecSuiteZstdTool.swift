import Foundation
import Testing

@testable import DWCPCore

/// Blocks are exchanged with the zstd program, where it is installed.
@Suite(.enabled(if: ZstdTool.isInstalled))
struct CodecSuiteZstdTool {
  @Test(arguments: ["zstd:-7", "zstd:1", "zstd:19"])
  func theToolDecodesOurFrames(text: String) throws {
    for kind in SampleKind.allCases {
      for byteCount in [0, 1, 1000, 300_000] {
        let raw = kind.bytes(byteCount)
        let encoded = try #require(try encode(raw, setting(text)))
        #expect(try ZstdTool.run(["-d"], input: encoded) == raw)
      }
    }
  }

  @Test(arguments: ["-1", "-9", "--fast=3"])
  func weDecodeTheToolsFrames(level: String) throws {
    for kind in SampleKind.allCases {
      for byteCount in [0, 1, 1000, 262_144] {
        let raw = kind.bytes(byteCount)
        let sized = try ZstdTool.run([level, "--stream-size=\(byteCount)", "--no-check"], input: raw)
        #expect(try decode(sized, .zstd, rawByteCount: byteCount) == raw)
        let unsized = try ZstdTool.run([level, "--zstd=wlog=18", "--check"], input: raw)
        #expect(try decode(unsized, .zstd, rawByteCount: byteCount) == raw)
      }
    }
  }

  @Test func theToolsLongWindowIsRefused() throws {
    let raw = SampleKind.text.bytes(100_000)
    let long = try ZstdTool.run(["--long=27"], input: raw)
    #expect(decodeFailure(long, .zstd, rawByteCount: raw.count) == .windowTooLarge)
    #expect(try decode(long, .zstd, rawByteCount: raw.count, maximumWindowLog: 27) == raw)
  }

  @Test func theToolsConcatenationIsRefused() throws {
    let raw = SampleKind.text.bytes(1000)
    let frame = try ZstdTool.run(["--zstd=wlog=18"], input: raw)
    #expect(decodeFailure(frame + frame, .zstd, rawByteCount: 2000) == .notASingleFrame)
  }
}

private enum ZstdTool {
  static let path = ["/usr/bin/zstd", "/usr/local/bin/zstd", "/opt/homebrew/bin/zstd"].first {
    FileManager.default.isExecutableFile(atPath: $0)
  }
  static var isInstalled: Bool { path != nil }

  /// The input goes through a file, because a pipe that nobody empties would fill up.
  static func run(_ arguments: [String], input: [UInt8]) throws -> [UInt8] {
    let file = FileManager.default.temporaryDirectory.appending(path: "codec-suite-\(UUID().uuidString)")
    try Data(input).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let process = Process()
    process.executableURL = URL(filePath: try #require(path))
    process.arguments = arguments + ["-q", "-c"]
    process.standardInput = try FileHandle(forReadingFrom: file)
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return Array(bytes)
  }
}
