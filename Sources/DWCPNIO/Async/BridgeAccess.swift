internal import DWCPCore
internal import NIOCore
internal import Synchronization

/// A bridge as seen from other threads. One object, since everything that belongs to a stream holds it.
final class BridgeAccess: Sendable {
  private static let nextToken = Atomic<UInt64>(0)

  private let eventLoop: any EventLoop
  private let bridge: NIOLoopBound<SessionBridge>
  /// For tasks that are to run on the bridge's event loop.
  let executor: LoopExecutor?
  let remoteAddress: SocketAddress?

  /// On the bridge's event loop.
  init(_ bridge: SessionBridge, eventLoop: any EventLoop, executor: LoopExecutor?, remoteAddress: SocketAddress?) {
    self.eventLoop = eventLoop
    self.remoteAddress = remoteAddress
    self.bridge = NIOLoopBound(bridge, eventLoop: eventLoop)
    self.executor = executor
  }

  /// The bridge itself, when this is its event loop.
  var here: SessionBridge? { eventLoop.inEventLoop ? bridge.value : nil }

  /// At once on the event loop, otherwise behind what was sent there before.
  func run(_ body: @escaping @Sendable (SessionBridge) -> Void) {
    if let here { body(here) } else { send(body) }
  }

  /// Behind what was sent to the event loop before.
  func send(_ body: @escaping @Sendable (SessionBridge) -> Void) {
    eventLoop.execute { body(self.bridge.value) }
  }

  func call<Result: Sendable>(_ body: @escaping @Sendable (SessionBridge) throws -> Result) async throws -> Result {
    if let here { return try body(here) }
    return try await withCheckedThrowingContinuation { continuation in
      send { bridge in continuation.resume(with: Swift.Result { try body(bridge) }) }
    }
  }

  /// Waits for an answer that is not bound to a stream; gives up when the task is cancelled.
  nonisolated(nonsending) func cancellable<Result: Sendable>(
    _ body: @escaping @Sendable (SessionBridge, UInt64, CheckedContinuation<Result, any Error>) -> Void
  ) async throws -> Result {
    let token = Self.nextToken.wrappingAdd(1, ordering: .relaxed).newValue
    return try await withTaskCancellationHandler {
      try Task.checkCancellation()
      return try await withCheckedThrowingContinuation { continuation in
        run { body($0, token, continuation) }
        // What was to give it up may have come before it.
        if Task.isCancelled { run { $0.cancel(token: token) } }
      }
    } onCancel: {
      run { $0.cancel(token: token) }
    }
  }

  func awaitEnd() async {
    await withCheckedContinuation { continuation in
      run { $0.awaitEnd(continuation) }
    }
  }

  /// Ends the session in good order (SPEC END-2), or at once when that takes too long or the task is cancelled.
  func drain(timeout: TimeAmount) async {
    let deadline = eventLoop.scheduleTask(in: timeout) {
      self.bridge.value.close(.shutdown, text: "streams did not finish in time")
    }
    await withTaskCancellationHandler {
      // Behind what the streams of other threads have sent.
      send { $0.drain() }
      await awaitEnd()
    } onCancel: {
      giveUp()
    }
    deadline.cancel()
  }

  /// Ends the session at once.
  func giveUp() {
    run { $0.close(.cancelled, text: "the application gave up") }
  }
}
