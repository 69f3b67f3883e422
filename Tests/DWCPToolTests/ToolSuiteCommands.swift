import Foundation
import Testing

@Suite(.timeLimit(.minutes(5)), .serialized) struct ToolSuiteCommands {
  @Test("serve logs the codecs, survives strangers with a clear line for each, and drains on SIGTERM")
  func strangers() async throws {
    let server = try await ToolServer("--handshake-timeout-seconds", "1")
    try await server.process.waitForErrors(containing: "DWCP v3 codec initialized: zstd, lz4, none")
    #expect(try talk(server, [UInt8]("GET / HTTP/1.0\r\n\r\n".utf8)).isEmpty)
    try await server.process.waitForErrors(containing: "HTTP client")
    #expect(try talk(server, [0x16, 0x03, 0x01, 0x00, 0x05, 0x01]).isEmpty)
    try await server.process.waitForErrors(containing: "TLS client")
    #expect(try talk(server, (0..<64).map { UInt8(truncatingIfNeeded: $0 &* 73 &+ 9) }).isEmpty)
    try await server.process.waitForErrors(containing: "DWCP magic")
    #expect(try talk(server, []).isEmpty)
    try await server.process.waitForErrors(containing: "HANDSHAKE_TIMEOUT")
    #expect(try await run("health", server.endpoint).code == 0)
    server.process.kill(SIGTERM)
    #expect(try await server.process.waitForExit() == 0)
  }

  @Test("no common codec and a version out of range: both lists, exit 1")
  func refusals() async throws {
    let server = try await ToolServer("--codecs", "lz4,none")
    let source = try TemporaryDirectory()
    let sent = try await run("send", "--codec", "zstd", try source.write(Data("x".utf8), to: "x"), server.endpoint)
    #expect(sent.code == 1)
    #expect(sent.errors.contains("NO_COMMON_CODEC"))
    #expect(sent.errors.contains("zstd, lz4, none") && sent.errors.contains("lz4, none"))
    let future = try OneAnswerServer(answer: futureVersionRefusal)
    let refused = try await run("health", "127.0.0.1:\(future.port)")
    #expect(refused.code == 1)
    #expect(refused.errors.contains("VERSION"))
    #expect(refused.errors.contains("version 4, minors 1 to 2") && refused.errors.contains("version 3, minors 0 to 0"))
  }

  @Test("listening where others can connect is said to be unprotected (SPEC SEC-1)")
  func unprotected() async throws {
    let process = try ToolProcess(["serve", "--listen", "0.0.0.0:0"])
    try await process.waitForErrors(containing: "without TLS")
    process.kill(SIGKILL)
    let onLoopback = try await ToolServer()
    try await onLoopback.process.waitForErrors(containing: "initialized")
    #expect(!onLoopback.process.errors.contains("TLS"))
    #expect(onLoopback.endpoint.hasPrefix("127.0.0.1:"))
  }

  @Test("ping, health and decode say what they found")
  func smallCommands() async throws {
    let server = try await ToolServer()
    let pinged = try await run("ping", "--count", "3", "--json", server.endpoint)
    #expect(pinged.code == 0)
    #expect(pinged.output.contains("medianMicroseconds"))
    let health = try await run("health", server.endpoint)
    #expect(health.output.hasPrefix("healthy: dwcp-swift speaks 3.0"))
    let directory = try TemporaryDirectory()
    let capture = try directory.write(
      Data([0x44, 0x57, 0x43, 0x50, 3, 0, 0, 0] + [UInt8](repeating: 0x55, count: 16)), to: "capture")
    let decoded = try await run("decode", capture)
    #expect(decoded.output.contains("PREFACE version 3"))
    #expect(decoded.code == 1 && decoded.errors.contains("HDR-1"))
  }

  @Test(
    "what is not built or makes no sense is a usage error, exit 64",
    arguments: [
      ["send", "x"], ["send", "x", "nowhere"], ["tunnel"], ["send", "--links", "4", "x", "h:1"],
      ["ping", "--count", "0", "h:1"],
      ["send", "--codec", "brotli", "x", "h:1"], ["frobnicate"],
    ])
  func usage(arguments: [String]) async throws {
    let tool = try ToolProcess(arguments)
    #expect(try await tool.waitForExit() == 64)
    #expect(!tool.errors.isEmpty)
  }

  @Test("errors are one sentence that says what to do next, exit 1")
  func failures() async throws {
    let nobody = try await run("health", "127.0.0.1:1")
    #expect(nobody.code == 1)
    #expect(nobody.errors.contains("check the address"))
    let missing = try await run("send", "/no/such/file", "127.0.0.1:1")
    #expect(missing.code == 1 && missing.errors.contains("check the path"))
    let rootless = try await run("serve", "--listen", "127.0.0.1:0", "--root", "/no/such/directory")
    #expect(rootless.code == 1 && rootless.errors.contains("--root"))
  }

  @Test(
    "help has examples", arguments: ["", "serve", "send", "fetch", "ping", "health", "decode", "demo", "dictionary"])
  func help(command: String) async throws {
    let tool = try ToolProcess(command.isEmpty ? ["--help"] : [command, "--help"])
    #expect(try await tool.waitForExit() == 0)
    #expect(tool.output.contains("EXAMPLE"))
  }

  @Test("demo moves files and checks every byte")
  func demo() async throws {
    let source = try TemporaryDirectory()
    try source.write(sampleContent(byteCount: 500_000), to: "tree/a")
    let shown = try await run("demo", source.path + "/tree")
    #expect(shown.code == 0, "\(shown.errors)")
    #expect(shown.output.contains("every file arrived"))
    let asJSON = try await run("demo", "--json", source.path + "/tree")
    let report = try #require(JSONSerialization.jsonObject(with: Data(asJSON.output.utf8)) as? [String: Any])
    #expect(report["rawBytes"] as? Int == 500_000)
  }

  /// A REFUSE as a peer of major version 4 would send it (SPEC HS-7).
  private var futureVersionRefusal: [UInt8] {
    let preface: [UInt8] = [0x44, 0x57, 0x43, 0x50, 4, 1, 2, 0]
    let body: [UInt8] = [0, 0, 0, 0x0A, 4, 1, 2, 0, 0x44, 0x57, 0x43, 0x50, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0]
    let header: [UInt8] = [3, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, UInt8(body.count)]
    return preface + header + bigEndian(crc32c(header)) + body + bigEndian(crc32c(body))
  }

  private func bigEndian(_ value: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
  }

  /// Bit by bit, apart from the engine's.
  private func crc32c(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~0) { state, byte in
      (0..<8).reduce(state ^ UInt32(byte)) { state, _ in state & 1 == 1 ? state >> 1 ^ 0x82F6_3B78 : state >> 1 }
    }
  }
}

/// Connects, sends, and returns what comes back until the other end closes.
func talk(_ server: ToolServer, _ bytes: [UInt8]) throws -> [UInt8] {
  let descriptor = try connectTCP(port: server.port)
  defer { close(descriptor) }
  _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
  var answer: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 4_096)
  while true {
    let count = read(descriptor, &buffer, buffer.count)
    guard count > 0 else { return answer }
    answer += buffer[..<count]
  }
}

private func connectTCP(port: Int) throws -> Int32 {
  let descriptor = socket(AF_INET, streamType, 0)
  var address = loopback(port: port)
  let result = withUnsafePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
    }
  }
  try #require(result == 0)
  return descriptor
}

/// Accepts one connection and gives it the same bytes whatever it says.
private final class OneAnswerServer {
  private let descriptor: Int32
  let port: Int

  init(answer: [UInt8]) throws {
    let listener = socket(AF_INET, streamType, 0)
    descriptor = listener
    var address = loopback(port: 0)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(listener, address, size) + listen(listener, 1) + getsockname(listener, address, &size)
      }
    }
    try #require(result == 0)
    port = Int(UInt16(bigEndian: address.sin_port))
    Thread.detachNewThread {
      let connection = accept(listener, nil, nil)
      _ = answer.withUnsafeBytes { write(connection, $0.baseAddress, $0.count) }
      shutdown(connection, Int32(SHUT_WR))
      var buffer = [UInt8](repeating: 0, count: 4_096)
      while read(connection, &buffer, buffer.count) > 0 {}
      close(connection)
    }
  }

  deinit {
    close(descriptor)
  }
}

#if os(Linux)
  private let streamType = Int32(SOCK_STREAM.rawValue)
#else
  private let streamType = SOCK_STREAM
#endif

private func loopback(port: Int) -> sockaddr_in {
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = UInt16(truncatingIfNeeded: port).bigEndian
  address.sin_addr = in_addr(s_addr: UInt32(0x7F00_0001).bigEndian)
  return address
}
