import DWCPCore
import DWCPNIO
import NIOCore
import Testing

@Suite(.timeLimit(.minutes(2))) struct ConnectionSuiteTransport {
  @Test("a session over TCP negotiates, answers pings and counts")
  func session() async throws {
    try await withTestServer(onStream: echo) { port in
      try await withSession(host: "127.0.0.1", port: port, configuration: .silent()) { session in
        let agreement = try await session.agreement()
        #expect(agreement.sendCodecs == [.zstd, .lz4, .none])
        #expect(try await session.ping() > .zero)
        let answer = try await session.withStream { stream in
          try await stream.write(ByteBuffer(string: "hello"), endsMessage: true)
          try await stream.finish()
          return try await stream.readToEnd()
        }
        #expect(answer == Array("hello".utf8))
        #expect(try await session.counters().rawBytesSent == 5)
      }
    }
  }

  @Test("a ping that is asked for before the handshake is answered after it, at once (SPEC LIV-1)")
  func earlyPing() async throws {
    try await withTestServer(onStream: echo) { port in
      try await withSession(host: "127.0.0.1", port: port, configuration: .silent()) { session in
        // Far below the time after which an idle session is probed.
        let roundTrip = try await session.ping()
        #expect(roundTrip < .seconds(5))
      }
    }
  }

  @Test("a session's scope ends with its connection, so that a program that exits then has sent CLOSE (SPEC END-4)")
  func closeIsSent() async throws {
    var clientSide = TransportConfiguration.silent()
    let statistics = SessionStatistics()
    clientSide.statistics = statistics
    try await withTestServer(onStream: echo) { [clientSide] port in
      for _ in 0..<20 {
        try await withSession(host: "127.0.0.1", port: port, configuration: clientSide) { session in
          _ = try await session.agreement()
        }
        #expect(statistics.connectionCount == 0)
      }
    }
    #expect(await statistics.snapshot().counters.sessionsClosed.orderly == 20)
  }

  @Test("a refusal reaches the caller with both ends' lists (SPEC HS-4, HS-7)")
  func refusal() async throws {
    var serverSide = TransportConfiguration.silent()
    serverSide.session.decodableCodecs = [.lz4, .none]
    try await withTestServer(serverSide, onStream: echo) { port in
      var clientSide = TransportConfiguration.silent()
      clientSide.session.acceptableCodecs = [.zstd]
      let error = try await #require(throws: SessionError.self) {
        try await withSession(host: "127.0.0.1", port: port, configuration: clientSide) { session in
          _ = try await session.agreement()
        }
      }
      #expect(error.code == .noCommonCodec)
      #expect(error.refusal?.refusedCodecIDs == [1, 0])
    }
  }

  @Test(
    "strangers are turned away and the server goes on serving (SPEC PRE-2)",
    arguments: [
      Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8), [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00],
      (0..<64).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) },
    ])
  func strangers(bytes: [UInt8]) async throws {
    try await withTestServer(onStream: echo) { port in
      #expect(try await talkPlainTCP(port: port, sending: bytes) == [])
      try await withSession(host: "127.0.0.1", port: port, configuration: .silent()) { session in
        _ = try await session.ping()
      }
    }
  }

  @Test("silence is closed at the handshake timeout (SPEC HS-6)")
  func silence() async throws {
    var serverSide = TransportConfiguration.silent()
    serverSide.session.handshakeTimeoutNanoseconds = 200_000_000
    try await withTestServer(serverSide, onStream: echo) { port in
      let answer = try await talkPlainTCP(port: port, sending: [])
      #expect(answer.isEmpty)
    }
  }

  @Test("connecting to nobody is an error, not a wait")
  func nobody() async throws {
    let port = try await withTestServer(onStream: echo) { $0 }
    await #expect(throws: (any Error).self) {
      try await withSession(host: "127.0.0.1", port: port, configuration: .silent()) { _ in }
    }
  }

  @Test("the end of a server's scope lets streams under way finish (SPEC END-2)")
  func gracefulShutdown() async throws {
    let (started, start) = AsyncStream<Void>.makeStream()
    let client = try await withTestServer(onStream: echo) { port in
      let client = Task {
        try await withSession(host: "127.0.0.1", port: port, configuration: .silent()) { session in
          try await session.withStream { stream in
            try await stream.write(ByteBuffer(string: "one "))
            _ = try await stream.read()
            start.yield()
            try await Task.sleep(for: .milliseconds(300))
            try await stream.write(ByteBuffer(string: "two"))
            try await stream.finish()
            return try await stream.readToEnd()
          }
        }
      }
      for await _ in started { break }
      return client
    }
    #expect(try await client.value == Array("two".utf8))
  }
}
