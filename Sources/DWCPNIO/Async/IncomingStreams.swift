internal import Synchronization

/// The streams that the other end of a session opened, on their way to the tasks that serve them.
final class IncomingStreams: Sendable {
  private struct State {
    var streams: [SessionStream] = []
    var waiter: CheckedContinuation<Void, Never>?
    var isOver = false

    mutating func takeWaiter() -> CheckedContinuation<Void, Never>? {
      defer { waiter = nil }
      return waiter
    }
  }

  private let state = Mutex(State())

  /// False when nobody takes any more.
  func add(_ stream: SessionStream) -> Bool {
    let (isTaken, waiter) = state.withLock { state -> (Bool, CheckedContinuation<Void, Never>?) in
      guard !state.isOver else { return (false, nil) }
      state.streams.append(stream)
      return (true, state.takeWaiter())
    }
    waiter?.resume()
    return isTaken
  }

  /// No more will come.
  func finish() {
    state.withLock { state in
      state.isOver = true
      return state.takeWaiter()
    }?.resume()
  }

  /// Runs `body` for every stream that comes, each in a task of its own, until there are no more or the task is cancelled.
  func serve(_ body: @escaping @Sendable (SessionStream) async throws -> Void) async {
    await withTaskCancellationHandler {
      await withDiscardingTaskGroup { group in
        while let streams = await next() {
          for stream in streams {
            // What the body throws has reset its stream; nobody else waits for it.
            group.addTask { try? await stream.use(body) }
          }
        }
      }
    } onCancel: {
      finish()
    }
  }

  /// All that have come; nil behind the last.
  private func next() async -> [SessionStream]? {
    while true {
      let (streams, isOver) = state.withLock { state in
        defer { state.streams = [] }
        return (state.streams, state.isOver)
      }
      if !streams.isEmpty { return streams }
      if isOver { return nil }
      await withCheckedContinuation { continuation in
        let mayGoOn = state.withLock { state in
          guard state.streams.isEmpty, !state.isOver else { return true }
          state.waiter = continuation
          return false
        }
        if mayGoOn { continuation.resume() }
      }
    }
  }
}
