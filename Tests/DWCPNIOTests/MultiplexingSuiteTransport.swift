import DWCPCore
import DWCPNIO
import NIOCore
import Testing

@Suite(.timeLimit(.minutes(2))) struct MultiplexingSuiteTransport {
  @Test("more streams at once than the other end allows: they take turns, each gets its own bytes (SPEC STR-3)")
  func manyStreams() async throws {
    try await withTestServer(onStream: echo) { port in
      try await withSession(host: "127.0.0.1", port: port, configuration: .silent()) { session in
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

  @Test("cancelling a task resets its stream, and only that one (SPEC STR-9, STR-10)")
  func cancellation() async throws {
    let (failures, report) = AsyncStream<ErrorCode>.makeStream()
    try await withTestServer { stream in
      do {
        try await echo(stream)
      } catch let error as SessionError {
        report.yield(error.code)
        throw error
      }
    } body: { port in
      try await withSession(host: "127.0.0.1", port: port, configuration: .silent()) { session in
        let (opened, open) = AsyncStream<Void>.makeStream()
        let waiting = Task {
          try await session.withStream { stream in
            try await stream.write(ByteBuffer(string: "x"))
            _ = try await stream.read()
            open.yield()
            _ = try await stream.read()
          }
        }
        for await _ in opened { break }
        waiting.cancel()
        let outcome = await waiting.result
        #expect(throws: CancellationError.self) { try outcome.get() }
        for await code in failures {
          #expect(code == .cancelled)
          break
        }
        _ = try await session.ping()
      }
    }
  }

  @Test("both ends may open streams on one session (SPEC STR-1)")
  func serverOpens() async throws {
    try await withTestServer { stream in
      let answer = try await stream.session.withStream(StreamOpening(metadata: ["from": "server"])) { back in
        try await back.write(ByteBuffer(string: "ping"), endsMessage: true)
        return try await back.readMessage()
      }
      try await stream.write(answer ?? ByteBuffer(), endsMessage: true)
    } body: { port in
      let answer = try await withSession(
        host: "127.0.0.1", port: port, configuration: .silent(), onStream: echo
      ) { session in
        try await session.withStream { try await $0.readMessage() }
      }
      #expect(answer == ByteBuffer(string: "ping"))
    }
  }

  @Test("the channel-level API carries streams without tasks")
  func channelLevel() async throws {
    try await withTestServer(onStream: echo) { port in
      let promise = TransportConfiguration.silent().group.any().makePromise(of: [UInt8].self)
      let channel = try await SessionChannels.connect(host: "127.0.0.1", port: port, configuration: .silent()) { _ in
        EchoAsker(question: Array("without tasks".utf8), promise: promise)
      }.get()
      #expect(try await promise.futureResult.get() == Array("without tasks".utf8))
      try await channel.closeFuture.get()
    }
  }
}

/// Opens one stream, sends, and collects the answer, from the event loop alone.
private final class EchoAsker: SessionDelegate {
  private let question: [UInt8]
  private let promise: EventLoopPromise<[UInt8]>
  private var answer: [UInt8] = []

  init(question: [UInt8], promise: EventLoopPromise<[UInt8]>) {
    self.question = question
    self.promise = promise
  }

  func attached(to handler: SessionHandler) {}

  func session(_ handler: SessionHandler, received event: SessionEvent) {
    do {
      switch event {
      case .established: try handler.perform { try ask(&$0) }
      case .readable(let id): handler.perform { collect(id, &$0) }
      case .ended(let error?): promise.fail(error)
      default: break
      }
    } catch {
      promise.fail(error)
    }
  }

  private func ask(_ session: inout Session) throws {
    let id = try session.open()
    _ = try session.write(ByteBuffer(bytes: question), to: id)
    try session.finish(id)
  }

  private func collect(_ id: StreamID, _ session: inout Session) {
    while true {
      switch session.read(id) {
      case .bytes(let bytes, _):
        answer += Array(bytes.readableBytesView)
      case .end:
        session.release(id)
        session.close(.noError, text: "")
        return promise.succeed(answer)
      case .failed(let error):
        return promise.fail(error)
      case .notReady:
        return
      }
    }
  }
}
