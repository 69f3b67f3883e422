import DWCPCore
import NIOCore
import Testing

@testable import DWCPNIO

/// Tasks that are cancelled wherever they wait: each ends, nothing of them is left at either end, and the session goes on.
@Suite(.timeLimit(.minutes(2))) struct MultiplexingSuiteCancellation {
  /// Where a task waits when it is cancelled.
  enum Place: String, CaseIterable, Sendable {
    /// For the other end to allow another stream.
    case opening
    /// For bytes that never come, and for the rest of a message.
    case reading, readingMessage
    /// For the reader at the other end.
    case writing
    /// For a pong, or for the session to be established; both are short.
    case pinging
  }

  @Test(
    "a task that is cancelled at any point ends, and leaves nothing behind (SPEC STR-4, STR-9)",
    arguments: Place.allCases, [TaskPlacement.inherited, .eventLoop])
  func everyPlace(place: Place, placement: TaskPlacement) async throws {
    let statistics = SessionStatistics()
    var server = Self.server(statistics)
    server.taskPlacement = placement
    try await withTestServer(server, onStream: Self.serve) { port in
      var configuration = TransportConfiguration.silent()
      configuration.taskPlacement = placement
      configuration.session.compression = .fixed(.none)
      configuration.statistics = statistics
      try await withSession(host: "127.0.0.1", port: port, configuration: configuration) { session in
        _ = try await session.agreement()
        for round in 0..<12 {
          let task = Task(executorPreference: session.bridge.executor) { try await Self.wait(at: place, session) }
          // Some are cancelled before they begin, some on the way, some when they wait.
          if round % 3 > 0 { try await Task.sleep(for: .microseconds(round * round * 100)) }
          task.cancel()
          let outcome = await task.result
          if place != .pinging { #expect(throws: (any Error).self) { try outcome.get() } }
        }
        try await Self.expectNothingLeft(statistics)
        let answer = try await session.withStream { stream in
          try await stream.write(ByteBuffer(string: "echo"))
          try await stream.finish()
          return try await stream.readToEnd()
        }
        #expect(answer == Array("echo".utf8))
      }
    }
  }

  /// Few streams, small windows and no limit on resets: cancelling is what is tested.
  private static func server(_ statistics: SessionStatistics) -> TransportConfiguration {
    var configuration = TransportConfiguration.silent()
    configuration.statistics = statistics
    configuration.session.maximumPeerStreamCount = 16
    configuration.session.streamWindowByteCount = 65_536
    configuration.session.abuseBudgets.resets = .init(capacity: 100_000, perSecond: 100_000)
    return configuration
  }

  /// Answers "echo", listens to what begins with "x", and does not read anything else. It leaves when its peer has left.
  @Sendable private static func serve(_ stream: SessionStream) async throws {
    guard let first = try await stream.read() else { return }
    if first.bytes == ByteBuffer(string: "echo") {
      try await stream.write(first.bytes)
      return try await stream.finish()
    }
    if first.bytes == ByteBuffer(string: "x") { while try await stream.read() != nil {} }
    while true {
      try await Task.sleep(for: .milliseconds(20))
      try await stream.write(ByteBuffer(string: "still here"))
    }
  }

  private static func wait(at place: Place, _ session: LiveSession) async throws {
    switch place {
    case .opening:
      // The last of these waits for the others, which wait for answers that never come.
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<20 { group.addTask { try await wait(at: .reading, session) } }
        try await group.waitForAll()
      }
    case .reading:
      try await session.withStream { stream in
        try await stream.write(ByteBuffer(string: "x"))
        _ = try await stream.read()
      }
    case .readingMessage:
      try await session.withStream { stream in
        try await stream.write(ByteBuffer(string: "x"), endsMessage: true)
        _ = try await stream.readMessage()
      }
    case .writing:
      try await session.withStream { stream in
        while true { try await stream.write(ByteBuffer(repeating: 7, count: 100_000)) }
      }
    case .pinging:
      _ = try await session.ping()
    }
  }

  /// At either end, of which the other one learns of it in its own time.
  private static func expectNothingLeft(_ statistics: SessionStatistics) async throws {
    var snapshot = await statistics.snapshot()
    for _ in 0..<500 where snapshot.localStreams.openCount + snapshot.peerStreams.openCount > 0 {
      try await Task.sleep(for: .milliseconds(10))
      snapshot = await statistics.snapshot()
    }
    #expect(snapshot.openSessionCount == 2)
    #expect(snapshot.localStreams.openCount == 0)
    #expect(snapshot.peerStreams.openCount == 0)
  }
}
