internal import DWCPCore
internal import DequeModule
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
  /// What waits for the chains that a thread is busy with.
  private let busyChains = Mutex<[ObjectIdentifier: Deque<Work>]>([:])

  private struct Work: Sendable {
    let job: CodecJob
    let done: @Sendable (TimedResult) -> Void
  }

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
    let work = Work(job: job, done: done)
    if let chain = job.chain {
      guard begin(work, of: ObjectIdentifier(chain)) else { return }
    }
    threads.submit { _ in
      self.run(work)
    }
  }

  /// Whether a thread is busy with a chain: its next job has to wait for it.
  func isBusy(_ chain: CodecChain) -> Bool {
    busyChains.withLock { $0[ObjectIdentifier(chain)] != nil }
  }

  /// One job, or those of a chain one after the other: they continue one history.
  private func run(_ work: Work) {
    work.done(run(work.job))
    guard let chain = work.job.chain else { return }
    while let next = takeNext(of: ObjectIdentifier(chain)) { next.done(run(next.job)) }
  }

  /// False when a thread is busy with the chain already, and will come to this job too.
  private func begin(_ work: Work, of chain: ObjectIdentifier) -> Bool {
    busyChains.withLock { chains in
      guard chains[chain] != nil else {
        chains[chain] = []
        return true
      }
      chains[chain]?.append(work)
      return false
    }
  }

  private func takeNext(of chain: ObjectIdentifier) -> Work? {
    busyChains.withLock { chains in
      guard let next = chains[chain]?.popFirst() else {
        chains[chain] = nil
        return nil
      }
      return next
    }
  }
}

/// What came of a job, and what a processor spent on it; more than 0.
struct TimedResult: Sendable {
  let result: CodecJobResult
  let durationNanoseconds: UInt64

  init(running job: CodecJob, in context: CodecContext) {
    let start = ProcessorClock.nanoseconds
    result = job.run(in: context)
    durationNanoseconds = max(1, ProcessorClock.nanoseconds &- start)
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
    guard job.rawByteCount <= Self.maximumInlineByteCount else { return nil }
    if let chain = job.chain, pool.isBusy(chain) { return nil }
    return pool.run(job)
  }

  func runOnPool(_ job: CodecJob, _ done: @escaping @Sendable (TimedResult) -> Void) {
    pool.submit(job, done)
  }
}
