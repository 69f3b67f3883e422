import Crypto
import DWCPCore
import DWCPNIO
import Foundation
import Logging
import NIOCore
import Testing

/// The services of SPEC appendices A and B, asked over DWCP.
@Suite(.timeLimit(.minutes(2))) struct ToolSuiteServices {
  private func withStream<Result: Sendable>(
    _ metadata: KeyValuePairs<String, String>, _ body: @escaping @Sendable (SessionStream) async throws -> Result
  ) async throws -> Result {
    let server = try await ToolServer()
    let opening = StreamOpening(metadata: metadata)
    var configuration = TransportConfiguration()
    configuration.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    return try await withSession(host: "127.0.0.1", port: server.port, configuration: configuration) { session in
      try await session.withStream(opening, body)
    }
  }

  @Test("echo gives back every byte and every mark (SPEC SVC-1)")
  func echo() async throws {
    let answers = try await withStream(["service": "echo"]) { stream in
      for text in ["one", "", "three"] { try await stream.write(ByteBuffer(string: text), endsMessage: true) }
      try await stream.finish()
      var answers: [String] = []
      while let message = try await stream.readMessage() { answers.append(String(buffer: message)) }
      return answers
    }
    #expect(answers == ["one", "", "three"])
  }

  @Test("sink counts and hashes raw bytes, not marks (SPEC SVC-2)")
  func sink() async throws {
    let answer = try await withStream(["service": "sink"]) { stream in
      try await stream.write(ByteBuffer(string: "ab"), endsMessage: true)
      try await stream.write(ByteBuffer(string: "c"))
      try await stream.finish()
      return try await stream.readMessage()
    }
    var bytes = try #require(answer)
    #expect(bytes.readInteger(as: UInt64.self) == 3)
    #expect(Array(bytes.readableBytesView) == Array(SHA256.hash(data: Data("abc".utf8))))
  }

  @Test("source sends the bytes asked for (SPEC SVC-3)", arguments: [0, 1, 7, 8, 9, 100_003])
  func source(count: Int) async throws {
    let bytes = try await withStream(["service": "source", "bytes": String(count)]) { stream in
      try await stream.finish()
      var bytes: [UInt8] = []
      while let chunk = try await stream.read() { bytes += Array(chunk.bytes.readableBytesView) }
      return bytes
    }
    #expect(bytes.count == count)
    let wanted = (0..<count).map { UInt8(truncatingIfNeeded: ($0 / 8) >> (8 * (7 - $0 % 8))) }
    #expect(bytes == wanted)
  }

  @Test(
    "unknown services, and values that make no sense, are turned away (SPEC SVC-4)",
    arguments: [
      ["service": "nothing"], [:], ["service": "source"], ["service": "source", "bytes": "-1"],
      ["service": "source", "bytes": "1234567890123456789"], ["service": "get", "name": "x"],
    ] as [KeyValuePairs<String, String>])
  func unknown(metadata: KeyValuePairs<String, String>) async throws {
    let error = await #expect(throws: SessionError.self) {
      try await withStream(metadata) { stream in
        while try await stream.read() != nil {}
      }
    }
    #expect(error?.code == .unknownService)
  }
}
