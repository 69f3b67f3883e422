import DWCPCore
import DWCPNIO
import Glibc
import NIOCore
import NIOPosix
import Synchronization

/// Where user code runs: round trips and openings with the delegate, with tasks on the pool, and with tasks on the event loop.
enum ExecutorExperiment {
  typealias Contender = (name: String, asking: any Asking)

  enum Failure: Error { case noPort }

  private static let loads = [
    ExecutorLoad(name: "kept open, 1 at once", streamCount: 1, requestsPerStream: 4_000, opensPerRequest: false),
    ExecutorLoad(name: "kept open, 100 at once", streamCount: 100, requestsPerStream: 200, opensPerRequest: false),
    ExecutorLoad(name: "opened for each, 1 at once", streamCount: 1, requestsPerStream: 2_000, opensPerRequest: true),
    ExecutorLoad(name: "opened for each, 100 at once", streamCount: 100, requestsPerStream: 100, opensPerRequest: true),
  ]

  /// One loop for each end, so that both ends of a session never share one.
  private static let clientGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  private static let serverGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)

  /// Changes when the handlers that block are to end.
  private static let blockingEpoch = Atomic<Int>(0)
  private static let blockMicroseconds: UInt32 = 5_000
  private static let blockedLoad = ExecutorLoad(
    name: "kept open, 1 at once; handlers of other streams block for half of their time", streamCount: 1,
    requestsPerStream: 1_000, opensPerRequest: false)

  static func run(roundCount: Int) async throws {
    try await withDelegates { delegates in
      try await withTasks(onLoop: false) { pool in
        try await withTasks(onLoop: true) { loop in
          let contenders: [Contender] = [("delegate", delegates), ("pool", pool), ("event loop", loop)]
          for load in loads { try await compare(contenders, load, roundCount) }
          try await compareBlocked(pool, loop, roundCount)
        }
      }
    }
  }

  /// Each way against itself without the blocking handler.
  private static func compareBlocked(_ pool: TaskAsking, _ loop: TaskAsking, _ roundCount: Int) async throws {
    for (name, asking) in [("pool", pool), ("event loop", loop)] {
      let contenders: [Contender] = [
        ("\(name), nobody blocks", asking), ("\(name), one blocks", BlockedAsking(asking: asking, blockerCount: 1)),
        ("\(name), two block", BlockedAsking(asking: asking, blockerCount: 2)),
      ]
      try await compare(contenders, blockedLoad, roundCount)
    }
  }

  /// Has handlers of the same session block meanwhile.
  private struct BlockedAsking: Asking {
    let asking: TaskAsking
    let blockerCount: Int

    func ask(_ load: ExecutorLoad) async throws -> [Int64] {
      let epoch = blockingEpoch.load(ordering: .relaxed)
      defer { blockingEpoch.add(1, ordering: .relaxed) }
      return try await withBlockers(blockerCount, epoch: epoch, load)
    }

    private func withBlockers(_ count: Int, epoch: Int, _ load: ExecutorLoad) async throws -> [Int64] {
      guard count > 0 else { return try await asking.ask(load) }
      return try await asking.session.withStream(StreamOpening(metadata: ["blocks": "\(epoch)"])) { _ in
        try await withBlockers(count - 1, epoch: epoch, load)
      }
    }
  }

  private static func withDelegates(_ body: (any Asking) async throws -> Void) async throws {
    let listener = try await SessionChannels.listen(
      host: "127.0.0.1", port: 0, configuration: .quiet(on: serverGroup)
    ) { _ in EchoDelegate() }.get()
    guard let port = listener.localAddress?.port else { throw Failure.noPort }
    let eventLoop = clientGroup.next()
    let established = eventLoop.makePromise(of: Void.self)
    let made = eventLoop.makePromise(of: NIOLoopBound<AskingDelegate>.self)
    _ = try await SessionChannels.connect(host: "127.0.0.1", port: port, configuration: .quiet(on: clientGroup)) { _ in
      let delegate = AskingDelegate(established: established)
      made.succeed(NIOLoopBound(delegate, eventLoop: eventLoop))
      return delegate
    }.get()
    try await established.futureResult.get()
    let delegate = try await made.futureResult.get()
    try await body(DelegateAsking(delegate: delegate, eventLoop: eventLoop))
    try await eventLoop.submit { delegate.value.close() }.get()
    try await listener.close()
  }

  private static func withTasks(onLoop: Bool, _ body: (TaskAsking) async throws -> Void) async throws {
    let serving = onLoop ? LoopExecutor(serverGroup.next()) : nil
    try await withServer(
      host: "127.0.0.1", port: 0, configuration: .quiet(on: serverGroup),
      onStream: { stream in
        try await withTaskExecutorPreference(serving) { try await echo(stream) }
      },
      body: { server in
        guard let port = server.localAddress?.port else { throw Failure.noPort }
        try await withSession(host: "127.0.0.1", port: port, configuration: .quiet(on: clientGroup)) { session in
          _ = try await session.agreement()
          try await body(TaskAsking(session: session, executor: onLoop ? LoopExecutor(clientGroup.next()) : nil))
        }
      })
  }

  private static func echo(_ stream: SessionStream) async throws {
    while let epoch = stream.opening["blocks"], epoch == "\(blockingEpoch.load(ordering: .relaxed))" {
      usleep(blockMicroseconds)
      try await Task.sleep(for: .microseconds(Int(blockMicroseconds)))
    }
    while let chunk = try await stream.read() {
      try await stream.write(chunk.bytes, endsMessage: chunk.endsMessage)
    }
  }

  private static func compare(_ contenders: [Contender], _ load: ExecutorLoad, _ roundCount: Int) async throws {
    var rates = contenders.map { _ in [Double]() }
    var medians = rates
    var tails = rates
    let clock = ContinuousClock()
    for contender in contenders { _ = try await contender.asking.ask(load) }
    for round in 0..<roundCount {
      for index in rotatedOrder(count: contenders.count, round: round) {
        let start = clock.now
        let latencies = try await contenders[index].asking.ask(load).sorted()
        rates[index].append(Double(load.requestCount) / ((clock.now - start) / .seconds(1)))
        medians[index].append(Double(latencies[latencies.count / 2]))
        tails[index].append(Double(latencies[latencies.count * 99 / 100]))
      }
    }
    print("\n\(load.name), \(roundCount) rounds of \(load.requestCount)")
    for (index, contender) in contenders.enumerated() {
      print(
        "| \(contender.name) | rate \(ratiosToFirst(rates)[index]) | p50 \(ratiosToFirst(medians)[index])",
        "| p99 \(ratiosToFirst(tails)[index]) |")
    }
  }
}
