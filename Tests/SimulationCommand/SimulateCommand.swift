import ArgumentParser
import DWCPCore
import Foundation
import Simulation

@main struct SimulateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dwcp-simulate",
    abstract: "Runs seeded sessions of two engines beside a model, and shrinks the first that fails.",
    discussion: """
      Two engines, a virtual clock, partial reads and writes, delays, stalled readers, cuts. The same seed is the same session everywhere.

      EXAMPLES
        dwcp-simulate                      100,000 seeds of 200 operations each
        dwcp-simulate --seed 4711          that session alone
        dwcp-simulate --seeds 1000000      as many as one likes
        dwcp-simulate --coverage           also prints which operation met which phase, and how often

      EXIT CODES
        0 all held, 1 one did not, or something was never met, 64 usage
      """,
    subcommands: [InterleavingsCommand.self])

  @Option(help: "Sessions to run.") var seeds: UInt64 = 100_000
  @Option(help: "The first seed.") var first: UInt64 = 0
  @Option(help: "Runs this seed alone.") var seed: UInt64?
  @Option(help: "Operations in each session.") var operations = SimulationRun.leastOperationCount
  @Flag(help: "Prints what the sessions met, rarest first.") var coverage = false

  private static let batchSeedCount: UInt64 = 100

  func validate() throws {
    guard operations > 0, seeds > 0 else { throw ValidationError("--seeds and --operations are at least 1") }
    guard first <= UInt64.max - seeds else { throw ValidationError("--first is too high for so many seeds") }
  }

  mutating func run() async throws {
    let all = seed.map { $0..<($0 &+ 1) } ?? first..<first + seeds
    let started = ContinuousClock.now
    let total = await simulate(all)
    if coverage { print(total.coverage.table) }
    if let failure = total.failure {
      print(failure)
      print("again: dwcp-simulate --seed \(failure.seed) --operations \(operations)")
      throw ExitCode(1)
    }
    let seconds = String(format: "%.1f", (ContinuousClock.now - started) / .seconds(1))
    print(
      """
      \(all.count) sessions of \(operations) operations each held, in \(seconds) s; they met \(total.coverage.kindCount) kinds of \
      operation and event (--coverage lists them)
      """)
    // A few seeds cannot meet everything.
    let gaps = all.count >= 1_000 ? total.coverage.gaps : []
    guard gaps.isEmpty else {
      print("never met: \(gaps.joined(separator: ", "))")
      throw ExitCode(1)
    }
  }

  struct Total {
    var coverage = Coverage()
    var failure: SimulationRun.Failure?
    var doneCount: UInt64 = 0
  }

  /// Runs batches on all cores; after a failure no more are begun.
  private func simulate(_ all: Range<UInt64>) async -> Total {
    let operations = operations
    var total = Total()
    var next = all.lowerBound
    let progress = SeedProgress(count: UInt64(all.count))
    await withTaskGroup(of: (UInt64, SimulationRun).self) { group in
      func add() {
        guard next < all.upperBound, total.failure == nil else { return }
        let batch = next..<min(all.upperBound, next + Self.batchSeedCount)
        next = batch.upperBound
        group.addTask { (UInt64(batch.count), SimulationRun(seeds: batch, operationCount: operations)) }
      }
      for _ in 0..<ProcessInfo.processInfo.activeProcessorCount { add() }
      for await (count, run) in group {
        total.coverage.merge(run.coverage)
        total.failure = total.failure ?? run.failure
        total.doneCount += count
        progress.show(total.doneCount)
        add()
      }
    }
    progress.end()
    return total
  }
}

/// Rate and time left, where a person looks.
private struct SeedProgress {
  let count: UInt64
  private let started = ContinuousClock.now
  private let isTerminal = isatty(STDERR_FILENO) == 1

  init(count: UInt64) {
    self.count = count
  }

  func show(_ done: UInt64) {
    guard isTerminal else { return }
    let rate = Double(done) / max(0.001, (ContinuousClock.now - started) / .seconds(1))
    let left = Double(count - done) / max(1, rate)
    FileHandle.standardError.write(
      Data(String(format: "\r%llu of %llu sessions, %.0f/s, %.0f s left ", done, count, rate, left).utf8))
  }

  func end() {
    if isTerminal { FileHandle.standardError.write(Data("\r\u{1B}[K".utf8)) }
  }
}
