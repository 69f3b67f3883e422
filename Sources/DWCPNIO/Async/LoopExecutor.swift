internal import DequeModule
internal import NIOCore

/// Runs tasks on an event loop: jobs from the loop itself in turn and without a lock, those from elsewhere in the order of
/// everything else that is sent to the loop, so that a task never comes there before what it has sent.
final class LoopExecutor: TaskExecutor {
  private struct Queue {
    var jobs: Deque<UnownedJob> = []
    var isTurnScheduled = false
  }

  private static let jobCountPerTurn = 32

  private let eventLoop: any EventLoop
  private let queue: NIOLoopBoundBox<Queue>

  init(_ eventLoop: any EventLoop) {
    self.eventLoop = eventLoop
    queue = NIOLoopBoundBox.makeBoxSendingValue(Queue(), eventLoop: eventLoop)
  }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    guard eventLoop.inEventLoop else {
      return eventLoop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
    queue.value.jobs.append(job)
    scheduleTurn()
  }

  private func scheduleTurn() {
    guard !queue.value.isTurnScheduled else { return }
    queue.value.isTurnScheduled = true
    eventLoop.execute { self.runTurn() }
  }

  /// Some of what was waiting when the turn began: tasks that wake each other leave room for the loop's own work, and what the first ones have written
  /// goes while the rest still run. Otherwise two ends that both have many tasks take turns, and half of the time neither does anything.
  private func runTurn() {
    for _ in 0..<min(queue.value.jobs.count, Self.jobCountPerTurn) {
      guard let job = queue.value.jobs.popFirst() else { break }
      job.runSynchronously(on: asUnownedTaskExecutor())
    }
    queue.value.isTurnScheduled = false
    if !queue.value.jobs.isEmpty { scheduleTurn() }
  }
}
