import DWCPCore
import DWCPNIO
import Logging
import NIOCore
import NIOPosix

/// What is asked in one round.
struct ExecutorLoad: Sendable {
  static let question = ByteBuffer(repeating: 0x51, count: 64)

  let name: String
  let streamCount: Int
  let requestsPerStream: Int
  /// Each request has a stream of its own.
  let opensPerRequest: Bool

  var requestCount: Int { streamCount * requestsPerStream }
}

/// One way to ask; the time each answer took, in nanoseconds.
protocol Asking: Sendable {
  func ask(_ load: ExecutorLoad) async throws -> [Int64]
}

/// Events and commands on the event loop, without tasks.
struct DelegateAsking: Asking {
  let delegate: NIOLoopBound<AskingDelegate>
  let eventLoop: any EventLoop

  func ask(_ load: ExecutorLoad) async throws -> [Int64] {
    let done = eventLoop.makePromise(of: [Int64].self)
    eventLoop.execute { delegate.value.run(load, done) }
    return try await done.futureResult.get()
  }
}

/// A task for each stream, on the executor that is preferred, or on the global one.
struct TaskAsking: Asking {
  let session: LiveSession
  let executor: LoopExecutor?

  func ask(_ load: ExecutorLoad) async throws -> [Int64] {
    try await withTaskExecutorPreference(executor) {
      try await withThrowingTaskGroup(of: [Int64].self) { group in
        for _ in 0..<load.streamCount { group.addTask { try await askOnOneTask(load) } }
        return try await group.reduce(into: []) { $0 += $1 }
      }
    }
  }

  private func askOnOneTask(_ load: ExecutorLoad) async throws -> [Int64] {
    load.opensPerRequest ? try await openForEach(load.requestsPerStream) : try await keepOpen(load.requestsPerStream)
  }

  private func keepOpen(_ requestCount: Int) async throws -> [Int64] {
    var latencies: [Int64] = []
    return try await session.withStream { stream in
      for _ in 0..<requestCount {
        let sentAt = NIODeadline.now()
        try await stream.write(ExecutorLoad.question, endsMessage: true)
        _ = try await stream.read()
        latencies.append((NIODeadline.now() - sentAt).nanoseconds)
      }
      return latencies
    }
  }

  private func openForEach(_ requestCount: Int) async throws -> [Int64] {
    var latencies: [Int64] = []
    for _ in 0..<requestCount {
      let sentAt = NIODeadline.now()
      try await session.withStream { stream in
        try await stream.write(ExecutorLoad.question, endsMessage: true)
        try await stream.finish()
        while try await stream.read() != nil {}
      }
      latencies.append((NIODeadline.now() - sentAt).nanoseconds)
    }
    return latencies
  }
}

extension TransportConfiguration {
  static func quiet(on group: any EventLoopGroup) -> TransportConfiguration {
    var configuration = TransportConfiguration()
    configuration.logger = Logger(label: "prototypes") { _ in SwiftLogNoOpLogHandler() }
    configuration.group = group
    configuration.session.compression = .fixed(.none)
    return configuration
  }
}
