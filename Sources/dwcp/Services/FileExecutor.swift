import NIOPosix

/// Threads for tasks that block on files, so that those waiting on the network keep theirs.
final class FileExecutor: TaskExecutor {
  static let shared = FileExecutor()

  private let threads = NIOThreadPool(numberOfThreads: 4)

  private init() {
    threads.start()
  }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    threads.submit { _ in job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}
