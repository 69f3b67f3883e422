import ArgumentParser
import Foundation
import Simulation

struct ObjectsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "objects",
    abstract: "Versions of objects between two engines, beside a model.",
    discussion: """
      Late answers, bases that are dropped or differ, versions cut short, jobs in any order. What is read and what is held is exact, or its end is said.

      EXAMPLES
        dwcp-simulate objects                  50,000 seeds of 200 operations each
        dwcp-simulate objects --seed 4711      that seed alone
      """)

  @Option(help: "Sessions to run.") var seeds: UInt64 = 50_000
  @Option(help: "The first seed.") var first: UInt64 = 0
  @Option(help: "Runs this seed alone.") var seed: UInt64?
  @Option(help: "Operations in each session.") var operations = 200

  mutating func run() async throws {
    let operations = operations
    let range = seed.map { $0..<$0 + 1 } ?? first..<first + seeds
    let started = ContinuousClock.now
    var total = ObjectsRun(seeds: 0..<0, operationCount: 0)
    let batches = SeedBatches(seeds: range) {
      ObjectsRun(seeds: $0, operationCount: operations)
    } hasFailed: {
      $0.failure != nil
    }
    await batches.merge { total.merge($0) }
    if let failure = total.failure {
      print(
        "seed \(failure.seed): \(failure.problem)\nagain: dwcp-simulate objects --seed \(failure.seed) --operations \(operations)"
      )
      throw ExitCode(1)
    }
    let seconds = String(format: "%.1f", (ContinuousClock.now - started) / .seconds(1))
    print("\(range.count) exchanges of objects, of \(operations) operations each, held, in \(seconds) s")
    for (what, count) in total.counts.sorted(by: { $0.key < $1.key }) { print("  \(what): \(count)") }
    // A few seeds cannot meet everything.
    let gaps = range.count >= 1_000 ? total.gaps : []
    guard gaps.isEmpty else {
      print("never met: \(gaps.joined(separator: ", "))")
      throw ExitCode(1)
    }
  }
}
