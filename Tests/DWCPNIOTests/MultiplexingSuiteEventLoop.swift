import DWCPCore
import DWCPNIO
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// Tasks that use streams on the event loop of their session, and together with others.
@Suite(.timeLimit(.minutes(2))) struct MultiplexingSuiteEventLoop {
  private static func configuration(_ placement: TaskPlacement = .eventLoop) -> TransportConfiguration {
    var configuration = TransportConfiguration.silent()
    configuration.taskPlacement = placement
    return configuration
  }

  private static let isOnEventLoop: @Sendable () -> Bool = { MultiThreadedEventLoopGroup.currentEventLoop != nil }

  @Test("bodies, their child tasks and served streams run where the placement says", arguments: [true, false])
  func placement(isOnEventLoop: Bool) async throws {
    let configuration = Self.configuration(isOnEventLoop ? .eventLoop : .inherited)
    try await withTestServer(configuration) { stream in
      #expect(Self.isOnEventLoop() == isOnEventLoop)
      let chunk = try await stream.read()
      #expect(Self.isOnEventLoop() == isOnEventLoop)
      try await stream.write(chunk?.bytes ?? ByteBuffer())
    } body: { port in
      #expect(!Self.isOnEventLoop())
      try await withSession(host: "127.0.0.1", port: port, configuration: configuration) { session in
        #expect(Self.isOnEventLoop() == isOnEventLoop)
        async let isChildThere = Self.isOnEventLoop()
        let answer = try await session.withStream { stream in
          try await stream.write(ByteBuffer(string: "here"))
          try await stream.finish()
          let answer = try await stream.readToEnd()
          #expect(Self.isOnEventLoop() == isOnEventLoop)
          return answer
        }
        #expect(answer == Array("here".utf8))
        #expect(await isChildThere == isOnEventLoop)
      }
    }
  }

  @Test("many streams at once, more than the other end allows, each get their own bytes (SPEC STR-3)")
  func manyStreams() async throws {
    try await withTestServer(Self.configuration(), onStream: echo) { port in
      try await withSession(host: "127.0.0.1", port: port, configuration: Self.configuration()) { session in
        try await withThrowingTaskGroup(of: Void.self) { group in
          for number in 0..<600 {
            group.addTask {
              let content = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: number * 40)
              let answer = try await session.withStream { stream in
                try await stream.write(ByteBuffer(bytes: content))
                try await stream.finish()
                return try await stream.readToEnd()
              }
              #expect(answer == content)
            }
          }
          try await group.waitForAll()
        }
      }
    }
  }

  @Test("a writer waits for its reader, and goes on when there is room (SPEC CRD-5)")
  func backpressure() async throws {
    let content = [UInt8](repeating: 3, count: 100_000)
    var server = Self.configuration()
    server.session.streamWindowByteCount = 65_536
    try await withTestServer(server) { stream in
      try await Task.sleep(for: .milliseconds(50))
      let byteCount = try await stream.readToEnd().count
      try await stream.write(ByteBuffer(integer: byteCount))
    } body: { port in
      var client = Self.configuration()
      client.session.compression = .fixed(.none)
      let answer = try await withSession(host: "127.0.0.1", port: port, configuration: client) { session in
        try await session.withStream { stream in
          for _ in 0..<200 { try await stream.write(ByteBuffer(bytes: content)) }
          try await stream.finish()
          return try await stream.readToEnd()
        }
      }
      #expect(ByteBuffer(bytes: answer) == ByteBuffer(integer: 200 * content.count))
    }
  }

  @Test("what a task writes keeps its order when it moves between the event loop and other threads (SPEC DAT-7)")
  func order() async throws {
    try await withTestServer(Self.configuration(), onStream: echo) { port in
      try await withSession(host: "127.0.0.1", port: port, configuration: Self.configuration()) { session in
        for _ in 0..<50 {
          let answer = try await session.withStream { stream in
            for number in 0..<64 as Range<UInt8> {
              if number % 3 == 0 {
                try await stream.write(ByteBuffer(bytes: [number]))
              } else {
                try await Elsewhere.shared.write(ByteBuffer(bytes: [number]), to: stream)
              }
            }
            try await stream.finish()
            return try await stream.readToEnd()
          }
          #expect(answer == Array(0..<64))
        }
      }
    }
  }

  @Test("direct calls do not overtake what another thread sent to the loop for the same stream (SPEC DAT-7)")
  func overtaking() async throws {
    // A loop of its own, since it is kept busy.
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    try await withTestServer(Self.configuration(), onStream: echo) { port in
      var configuration = Self.configuration()
      configuration.group = group
      try await withSession(host: "127.0.0.1", port: port, configuration: configuration) { session in
        for _ in 0..<20 {
          let answer = try await session.withStream { stream in
            // The loop is kept busy until the other thread has written, and goes on before it has heard of that.
            let hasWritten = Mutex(false)
            let writer = Task { @Elsewhere in
              try await stream.write(ByteBuffer(string: "first "))
              hasWritten.withLock { $0 = true }
            }
            while !hasWritten.withLock({ $0 }) {}
            try await stream.write(ByteBuffer(string: "second"))
            try await stream.finish()
            try await writer.value
            return try await stream.readToEnd()
          }
          #expect(answer == Array("first second".utf8))
        }
      }
    }
    try await group.shutdownGracefully()
  }

  @Test("calls behind the end of a direction or of the session are refused (SPEC STR-8, END-4)")
  func afterTheEnd() async throws {
    for placement in [TaskPlacement.eventLoop, .inherited] {
      let configuration = Self.configuration(placement)
      try await withTestServer(configuration, onStream: echo) { port in
        try await withSession(host: "127.0.0.1", port: port, configuration: configuration) { session in
          try await session.withStream { stream in
            try await stream.finish()
            await #expect(throws: SessionError.self) { try await stream.finish() }
            #expect(try await stream.readToEnd() == [])
          }
        }
      }
    }
  }

  @Test("a second reader is told so, the first one goes on (SPEC DAT-7)")
  func secondReader() async throws {
    try await withTestServer(Self.configuration(), onStream: echo) { port in
      try await withSession(host: "127.0.0.1", port: port, configuration: Self.configuration()) { session in
        try await session.withStream { stream in
          async let first = stream.read()
          // The first comes to its wait before this task has its next turn.
          await Task.yield()
          await #expect(throws: SessionError.self) { _ = try await stream.read() }
          try await stream.write(ByteBuffer(string: "x"))
          #expect(try await first?.bytes == ByteBuffer(string: "x"))
        }
      }
    }
  }
}

/// Not on any event loop.
@globalActor private actor Elsewhere {
  static let shared = Elsewhere()

  private static let executor = SerialQueue()
  nonisolated var unownedExecutor: UnownedSerialExecutor { Self.executor.asUnownedSerialExecutor() }

  func write(_ bytes: ByteBuffer, to stream: SessionStream) async throws {
    try await stream.write(bytes)
  }
}

/// A thread of its own.
private final class SerialQueue: SerialExecutor {
  private let threads = NIOThreadPool(numberOfThreads: 1)

  init() {
    threads.start()
  }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    threads.submit { _ in job.runSynchronously(on: self.asUnownedSerialExecutor()) }
  }
}
