import DWCPCore
import Dispatch
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import DWCPNIO

/// Tasks that are cancelled where they wait for something other than a stream: they end at once, whatever the other end does.
@Suite(.timeLimit(.minutes(1))) struct MultiplexingSuiteGivingUp {
  /// Waits far longer than any of these tests may take.
  private static var patient: TransportConfiguration {
    var configuration = TransportConfiguration.silent()
    configuration.connectTimeout = .minutes(10)
    configuration.drainTimeout = .minutes(10)
    return configuration
  }

  @Test("a task that is cancelled while it connects ends, and a connection that comes all the same is closed")
  func connecting() async throws {
    let listener = try await DeafListener()
    let task = Task {
      try await withSession(host: "127.0.0.1", port: listener.port, configuration: Self.patient) { _ in
        Issue.record("a listener whose queue is full took a connection")
      }
    }
    try await Task.sleep(for: .milliseconds(50))
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    try await listener.expectLateConnectionIsClosed()
  }

  @Test("a task that is cancelled before it connects makes no session")
  func beforeConnecting() async throws {
    try await withTestServer(onStream: echo) { port in
      let task = Task {
        withUnsafeCurrentTask { $0?.cancel() }
        try await withSession(host: "127.0.0.1", port: port, configuration: .silent()) { _ in
          Issue.record("a task that was cancelled got a session")
        }
      }
      await #expect(throws: CancellationError.self) { try await task.value }
    }
  }

  @Test("a task that is cancelled while its session lets streams finish ends it at once (SPEC END-2)")
  func draining() async throws {
    try await withTestServer(onStream: Self.readWithoutEnd) { port in
      let opened = AsyncStream<Task<Void, any Error>>.makeStream()
      let task = Task {
        try await withSession(host: "127.0.0.1", port: port, configuration: Self.patient) { session in
          opened.continuation.yield(await Self.keepStream(of: session))
        }
      }
      let stream = try #require(await opened.stream.first { _ in true })
      try await Task.sleep(for: .milliseconds(50))
      task.cancel()
      _ = await task.result
      await #expect(throws: (any Error).self) { try await stream.value }
    }
  }

  @Test("a task that is cancelled while its server lets streams finish ends the sessions at once (SPEC END-2)")
  func drainingServer() async throws {
    let clients = AsyncStream<Task<Void, any Error>>.makeStream()
    let task = Task {
      try await withTestServer(Self.patient, onStream: Self.readWithoutEnd) { port in
        let isOpen = AsyncStream<Void>.makeStream()
        let client = Task {
          try await withSession(host: "127.0.0.1", port: port, configuration: .silent()) { session in
            let stream = await Self.keepStream(of: session)
            isOpen.continuation.finish()
            try await stream.value
          }
        }
        for await _ in isOpen.stream {}
        clients.continuation.yield(client)
      }
    }
    let client = try #require(await clients.stream.first { _ in true })
    try await Task.sleep(for: .milliseconds(50))
    task.cancel()
    _ = await task.result
    await #expect(throws: (any Error).self) { try await client.value }
  }

  /// A stream that the other end has begun to serve, in a task of its own.
  private static func keepStream(of session: LiveSession) async -> Task<Void, any Error> {
    let isServed = AsyncStream<Void>.makeStream()
    let task = Task {
      try await session.withStream { stream in
        _ = try await stream.read()
        isServed.continuation.finish()
        try await readToEnd(stream)
      }
    }
    for await _ in isServed.stream {}
    return task
  }

  /// So many streams are open while the body runs.
  private static func withStreams(
    _ count: Int, of session: LiveSession, _ body: () async throws -> Void
  ) async throws {
    guard count > 0 else { return try await body() }
    try await session.withStream { _ in try await withStreams(count - 1, of: session, body) }
  }

  private final class Beginning: Sendable {
    let hasBegun = Atomic(false)
  }

  @Test("a task that is cancelled just as it begins to wait ends all the same", arguments: [1, 2, 3, 4])
  func beginningToWait(_: Int) async throws {
    var server = TransportConfiguration.silent()
    server.session.maximumPeerStreamCount = 16
    try await withTestServer(server, onStream: Self.readWithoutEnd) { port in
      try await withSession(host: "127.0.0.1", port: port, configuration: .silent()) { session in
        try await Self.withStreams(16, of: session) {
          for round in 0..<2_000 {
            let beginning = Beginning()
            let task = Task {
              beginning.hasBegun.store(true, ordering: .releasing)
              try await session.withStream { _ in }
            }
            while !beginning.hasBegun.load(ordering: .acquiring) { await Task.yield() }
            // Some reach their wait before, some meet it.
            for _ in 0..<round % 64 { _ = beginning.hasBegun.load(ordering: .acquiring) }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
          }
        }
      }
    }
  }

  @Test("a task that is cancelled while its version is on its way ends, and the object stands later (SPEC BAS-3)")
  func standing() async throws {
    let object = ObjectName(number: 1)
    let serverGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    var server = TransportConfiguration.silent()
    server.group = serverGroup
    server.session.receiveObjectByteCount = 1 << 20
    try await withTestServer(server, onStream: Self.readToEnd) { port in
      try await withSession(host: "127.0.0.1", port: port, configuration: .silent()) { session in
        @Sendable func send(_ byte: UInt8) async throws -> UInt64 {
          try await session.withVersion(of: object, byteCount: 4_096) { stream in
            try await stream.writePages(ByteBuffer(repeating: byte, count: 4_096), at: 0)
          }.version
        }
        #expect(try await send(1) == 1)
        let (isHeld, mayGoOn) = (AsyncStream<Void>.makeStream(), DispatchSemaphore(value: 0))
        serverGroup.next().execute {
          isHeld.continuation.finish()
          mayGoOn.wait()
        }
        for await _ in isHeld.stream {}
        let task = Task { try await send(2) }
        try await eventually("the version waits for its answer") {
          try await session.bridge.call { !$0.standWaiters.isEmpty }
        }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        mayGoOn.signal()
        try await eventually("the version stands") {
          try await session.bridge.call { try $0.session { $0.standingVersion(of: object) } == 2 }
        }
        #expect(try await send(3) == 3)
      }
    }
    try await serverGroup.shutdownGracefully()
  }

  @Sendable private static func readToEnd(_ stream: SessionStream) async throws {
    while try await stream.read() != nil {}
  }

  /// Says something first, so that the other end knows the stream is served.
  @Sendable private static func readWithoutEnd(_ stream: SessionStream) async throws {
    try await stream.write(ByteBuffer(string: "x"))
    try await readToEnd(stream)
  }
}

/// Listens, and takes no connection until it is told to; as many wait as its queue has room for.
private final class DeafListener: Sendable {
  private final class Children: Sendable {
    let channels = Mutex<[any Channel]>([])
  }

  private let channel: any Channel
  private let waiting: [any Channel]
  private let accepted = Children()

  var port: Int { channel.localAddress?.port ?? 0 }

  init() async throws {
    let group = MultiThreadedEventLoopGroup.singleton
    let accepted = accepted
    channel = try await ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 1)
      .serverChannelOption(.autoRead, value: false)
      .childChannelInitializer { child in
        accepted.channels.withLock { $0.append(child) }
        return child.eventLoop.makeSucceededVoidFuture()
      }
      .bind(host: "127.0.0.1", port: 0).get()
    let address = try #require(channel.localAddress)
    var waiting: [any Channel] = []
    for _ in 0..<2 { waiting.append(try await ClientBootstrap(group: group).connect(to: address).get()) }
    self.waiting = waiting
  }

  /// The kernel tries again after a second.
  func expectLateConnectionIsClosed() async throws {
    let (count, accepted) = (waiting.count, accepted)
    try await channel.setOption(.autoRead, value: true).get()
    try await eventually("the late connection comes") { accepted.channels.withLock(\.count) > count }
    try await eventually("it is closed") { accepted.channels.withLock { $0.filter(\.isActive).count } == count }
    for connection in waiting { try await connection.close() }
    try await channel.close()
  }
}
