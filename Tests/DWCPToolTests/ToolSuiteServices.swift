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
    try await withStream(StreamOpening(metadata: metadata), serverArguments: [], body)
  }

  private func withStream<Result: Sendable>(
    _ opening: StreamOpening, serverArguments: [String],
    _ body: @escaping @Sendable (SessionStream) async throws -> Result
  ) async throws -> Result {
    let server = try await ToolServer(serverArguments)
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
    "put: values that make no sense and wrong digests are answered by name (SPEC FIL-4)",
    arguments: [
      BadPut(["size": "many"], "EINVAL"), BadPut(["size": "3", "mode": "999"], "EINVAL"),
      BadPut(["size": "2"], "EFBIG"),
      BadPut(["size": "4"], "EINVAL"), BadPut(["size": "3"], isDigestRight: false, "EDIGEST"),
      BadPut(name: "../x", ["size": "3"], "EINVAL"),
    ])
  func badPut(_ put: BadPut) async throws {
    let root = try TemporaryDirectory()
    let answer = try await withStream(put.opening, serverArguments: ["--root", root.path]) { stream in
      try? await stream.write(ByteBuffer(string: "abc"), endsMessage: true)
      try? await stream.write(ByteBuffer(bytes: put.digest), endsMessage: true)
      return try await stream.readMessage()
    }
    #expect(answer.map { String(buffer: $0) }?.hasPrefix("error \(put.error) ") == true)
    #expect(root.files.isEmpty)
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

/// A `put` of the three bytes `abc` that the receiver cannot take.
struct BadPut: Sendable {
  let opening: StreamOpening
  let digest: [UInt8]
  let error: String

  init(name: String = "x", _ more: KeyValuePairs<String, String>, isDigestRight: Bool = true, _ error: String) {
    var opening = StreamOpening(metadata: ["service": "put", "name": name])
    opening.metadata += more.map { StreamOpening.Entry(key: $0.key, value: $0.value) }
    self.opening = opening
    digest = isDigestRight ? Array(SHA256.hash(data: Data("abc".utf8))) : [UInt8](repeating: 0, count: 32)
    self.error = error
  }
}
