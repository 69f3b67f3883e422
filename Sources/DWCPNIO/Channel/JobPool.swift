internal import DWCPCore
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Threads that run codec jobs, and the codec contexts they use. A context is taken for a job and given back, so that there are never
/// more of them than threads, however many sessions there are (SPEC MEM-1).
public final class JobPool: Sendable {
  /// One thread for each core, shared by all sessions that name no other pool.
  public static let shared = JobPool(threadCount: System.coreCount)

  let threadCount: Int
  private let threads: NIOThreadPool
  private let idleContexts = Mutex<[CodecContext]>([])

  /// Starts the threads; they live as long as the process.
  public init(threadCount: Int) {
    self.threadCount = max(1, threadCount)
    threads = NIOThreadPool(numberOfThreads: self.threadCount)
    threads.start()
  }

  /// Runs a job on the calling thread.
  func run(_ job: CodecJob) -> TimedResult {
    let context = idleContexts.withLock { $0.popLast() } ?? CodecContext()
    defer { idleContexts.withLock { $0.append(context) } }
    return TimedResult(running: job, in: context)
  }

  func submit(_ job: CodecJob, _ done: @escaping @Sendable (TimedResult) -> Void) {
    threads.submit { _ in
      done(self.run(job))
    }
  }
}

/// What came of a job, and how long it ran.
struct TimedResult: Sendable {
  let result: CodecJobResult
  let durationNanoseconds: UInt64

  init(running job: CodecJob, in context: CodecContext) {
    let start = Instant.current
    result = job.run(in: context)
    durationNanoseconds = Instant.current.nanoseconds - start.nanoseconds
  }
}

/// Decides where the jobs of one session run: small ones at once, on the event loop; the others on the pool.
struct JobRunner {
  /// A block of this size costs an event loop less time than two thread switches.
  static let maximumInlineByteCount = 4_096

  private let pool: JobPool

  init(pool: JobPool) {
    self.pool = pool
  }

  /// Runs a small job; nil when it is too large for an event loop.
  func runInline(_ job: CodecJob) -> TimedResult? {
    job.rawByteCount <= Self.maximumInlineByteCount ? pool.run(job) : nil
  }

  func runOnPool(_ job: CodecJob, _ done: @escaping @Sendable (TimedResult) -> Void) {
    pool.submit(job, done)
  }
}
