import DWCPCore
import DWCPNIO
import Logging
import NIOCore
import Testing

extension TransportConfiguration {
  /// Small windows and short timeouts.
  static var tight: TransportConfiguration {
    var configuration = TransportConfiguration()
    configuration.session = .tight
    configuration.session.handshakeTimeoutNanoseconds = 1_000_000_000
    configuration.session.idleTimeoutMilliseconds = 10_000
    configuration.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    configuration.drainTimeout = .seconds(2)
    return configuration
  }
}

/// A server whose streams echo, pour without end, or swallow, as their opening says.
func withHostileServer(
  _ configuration: TransportConfiguration = .tight, body: @Sendable (Server, Int) async throws -> Void
) async throws {
  try await withServer(host: "127.0.0.1", port: 0, configuration: configuration) { stream in
    switch stream.opening["service"] {
    case "echo":
      while let chunk = try await stream.read() { try await stream.write(chunk.bytes, endsMessage: chunk.endsMessage) }
    case "pour":
      let chunk = ByteBuffer(repeating: 1, count: 65_536)
      while true { try await stream.write(chunk) }
    default:
      while try await stream.read() != nil {}
    }
  } body: { server in
    try await body(server, try #require(server.localAddress?.port))
  }
}

extension Server {
  /// Waits until so many sessions are open; false when that takes more than 15 seconds.
  func reaches(sessionCount: Int) async throws -> Bool {
    for _ in 0..<1_500 {
      if self.sessionCount == sessionCount { return true }
      try await Task.sleep(for: .milliseconds(10))
    }
    return false
  }
}

/// One message there and back, checked.
func exchange(_ number: Int, over session: LiveSession, byteCount: Int = 8) async throws {
  let request = ByteBuffer(bytes: (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ number) })
  let answer = try await session.withStream(StreamOpening(metadata: ["service": "echo"])) { stream in
    async let writing: Void = stream.write(request, endsMessage: true)
    let answer = try await stream.readMessage(maximumByteCount: byteCount)
    try await writing
    return answer
  }
  #expect(answer == request)
}
