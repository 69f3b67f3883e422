import DWCPCore
import DWCPNIO
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

@testable import dwcp

/// `serve --metrics`: what an operator's tools see.
@Suite(.timeLimit(.minutes(5)), .serialized) struct ToolSuiteMetrics {
  @Test("a scrape after a transfer tells it, and promtool finds nothing to say about it")
  func scrape() async throws {
    let source = try TemporaryDirectory()
    let root = try TemporaryDirectory()
    let path = try source.write(sampleContent(byteCount: 3_000_000), to: "disk.img")
    let server = try await ToolServer("--root", root.path, "--metrics", "127.0.0.1:0")
    let port = try await server.metricsPort()
    let before = try await ask("/metrics", port: port)
    #expect(before.body.contains("\ndwcp_raw_bytes_total{direction=\"received\"} 0\n"))
    #expect(try await run("send", "--codec", "zstd", path, server.endpoint).code == 0)
    #expect(try await run("send", "--baseline", path, path, server.endpoint).code == 0)
    #expect(try await run("health", server.endpoint).code == 0)
    try await Task.sleep(for: .milliseconds(1_100))
    let after = try await ask("/metrics", port: port)
    #expect(after.status == 200)
    #expect(after.head.contains("content-type: text/plain; version=0.0.4"))
    #expect(after.body.contains("\ndwcp_codec_raw_bytes_total{codec=\"zstd\",direction=\"received\"} 3000000\n"))
    #expect(after.body.contains("\ndwcp_sessions_closed_total{outcome=\"orderly\"} 3\n"))
    #expect(
      after.body.contains("\ndwcp_object_versions_total{direction=\"received\",outcome=\"stood\"} 1\n"))
    #expect(after.body.contains("\ndwcp_object_version_bytes_total{direction=\"received\"} 3000000\n"))
    #expect(after.body.contains("\ndwcp_object_held_bytes{direction=\"received\"} 0\n"))
    #expect(after.body.contains("\ndwcp_goodput_bytes_per_second{direction=\"received\"} "))
    for text in [before.body, after.body] {
      let verdict = try await promtoolVerdict(text)
      #expect(verdict.code == 0 && verdict.output.isEmpty, "\(verdict.output)")
    }
    let spoilt = try await promtoolVerdict("dwcp_milliseconds_total 1\n")
    #expect(spoilt.code != 0 || !spoilt.output.isEmpty, "promtool finds nothing wrong with anything")
  }

  @Test("only GET and HEAD of the three paths are answered")
  func methods() async throws {
    let server = try await ToolServer("--metrics", ":0")
    let port = try await server.metricsPort()
    #expect(try await ask("/health", port: port).body == "alive\n")
    #expect(try await ask("/ready?verbose=1", port: port).body == "ready\n")
    #expect(try await ask("/", port: port).status == 404)
    #expect(try await ask("/metrics/x", port: port).status == 404)
    let post = try await ask("/metrics", method: "POST", port: port)
    #expect(post.status == 405 && post.head.contains("allow: get, head"))
    let head = try await ask("/metrics", method: "HEAD", port: port)
    #expect(head.status == 200 && head.body.isEmpty && !head.head.contains("content-length: 0"))
    let garbage = try await talkPlainTCP(port: port, "\u{1}\u{2}\u{3}\r\n\r\n")
    #expect(HTTPAnswer(garbage)?.status == 400)
    let endless = "GET /metrics HTTP/1.1\r\nX: " + String(repeating: "x", count: 100_000)
    #expect(HTTPAnswer(try await talkPlainTCP(port: port, endless))?.status != 200)
    #expect(try await run("health", server.endpoint).code == 0)
  }

  @Test("many scrapes at once are all answered")
  func concurrent() async throws {
    let server = try await ToolServer("--metrics", "127.0.0.1:0")
    let port = try await server.metricsPort()
    let answers = try await withThrowingTaskGroup(of: HTTPAnswer.self) { group in
      for _ in 0..<30 { group.addTask { try await ask("/metrics", port: port) } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(answers.count == 30)
    #expect(answers.allSatisfy { $0.status == 200 && $0.body.contains("\ndwcp_sessions_open 0\n") })
  }

  @Test("while it drains the server is alive and not ready, and its metrics can still be read")
  func draining() async throws {
    let server = try await ToolServer("--metrics", "127.0.0.1:0")
    let port = try await server.metricsPort()
    #expect(try await ask("/ready", port: port).status == 200)
    try await withSession(host: "127.0.0.1", port: server.port, configuration: .quiet()) { session in
      try await session.withStream(StreamOpening(metadata: ["service": "echo"])) { stream in
        try await stream.write(ByteBuffer(string: "x"))
        _ = try await stream.read()
        server.process.kill(SIGTERM)
        try await server.process.waitForErrors(containing: "draining")
        let ready = try await ask("/ready", port: port)
        #expect(ready.status == 503 && ready.body == "draining\n")
        #expect(try await ask("/health", port: port).status == 200)
        #expect(try await ask("/metrics", port: port).body.contains("\ndwcp_sessions_open 1\n"))
      }
    }
    #expect(try await server.process.waitForExit() == 0)
  }

  @Test("an address that is taken is an error that names --metrics; without the option nothing listens")
  func addressTaken() async throws {
    let server = try await ToolServer("--metrics", "127.0.0.1:0")
    let port = try await server.metricsPort()
    let second = try await run("serve", "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:\(port)")
    #expect(second.code == 1)
    #expect(second.errors.contains("--metrics"))
    let silent = try await ToolServer()
    try await silent.process.waitForErrors(containing: "codec initialized")
    #expect(!silent.process.errors.contains("/metrics"))
  }

  @Test("a client that asks for nothing is cut off")
  func silentClient() async throws {
    let listener = try await Self.operatorServer(timeout: .milliseconds(300))
    let port = try #require(listener.localAddress?.port)
    #expect(try await talkPlainTCP(port: port, "GET / HT").isEmpty)
    try await listener.close()
  }

  @Test("one connection too many is cut off at once, and there is room again when others have gone")
  func connectionLimit() async throws {
    let listener = try await Self.operatorServer(timeout: .minutes(4))
    let port = try #require(listener.localAddress?.port)
    var idle: [any Channel] = []
    func openIdle() async throws {
      idle.append(
        try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connect(host: "127.0.0.1", port: port)
          .get())
    }
    for _ in 0..<OperatorServer.maximumConnectionCount { try await openIdle() }
    // Until all of them have been taken in, one more is answered, and may have cut off one of them in its place.
    try await untilTrue {
      if try await talkPlainTCP(port: port, "GET / HTTP/1.1\r\n\r\n").isEmpty { return true }
      try await openIdle()
      return false
    }
    for channel in idle { try? await channel.close() }
    try await untilTrue { try await ask("/", port: port).body == "here\n" }
    try await listener.close()
  }

  private static func operatorServer(timeout: TimeAmount) async throws -> any Channel {
    try await OperatorServer.listen(
      on: Endpoint(host: "127.0.0.1", port: 0), group: MultiThreadedEventLoopGroup.singleton, timeout: timeout
    ) { _ in
      OperatorAnswer(status: .ok, text: "here\n")
    }
  }

  /// For as long as a busy machine may take.
  private func untilTrue(_ condition: () async throws -> Bool) async throws {
    for _ in 0..<1_000 {
      if (try? await condition()) == true { return }
      try await Task.sleep(for: .milliseconds(20))
    }
    Issue.record("it did not become true")
  }
}
