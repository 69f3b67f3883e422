import ArgumentParser
import DWCPCore
import Foundation
import Simulation

struct SessionsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sessions",
    abstract: "Two engines beside a model (the default).",
    discussion: """
      Two engines, a virtual clock, partial reads and writes, delays, stalled readers, cuts.

      EXAMPLES
        dwcp-simulate                      100,000 seeds of 200 operations each
        dwcp-simulate --seed 4711          that session alone
        dwcp-simulate --seeds 1000000      as many as one likes
        dwcp-simulate --coverage           also prints which operation met which phase, and how often
      """)

  @OptionGroup var options: SeedOptions
  @Flag(help: "Prints what the sessions met, rarest first.") var coverage = false

  mutating func run() async throws {
    let operations = options.operations
    let started = ContinuousClock.now
    var met = Coverage()
    var failure: SimulationRun.Failure?
    let batches = SeedBatches(seeds: options.range) {
      SimulationRun(seeds: $0, operationCount: operations)
    } hasFailed: {
      $0.failure != nil
    }
    await batches.merge { run in
      met.merge(run.coverage)
      failure = failure ?? run.failure
    }
    if coverage { print(met.table) }
    if let failure {
      print(failure)
      print("again: dwcp-simulate --seed \(failure.seed) --operations \(operations)")
      throw ExitCode(1)
    }
    let count = options.range.count
    let seconds = String(format: "%.1f", (ContinuousClock.now - started) / .seconds(1))
    print(
      """
      \(count) sessions of \(operations) operations each held, in \(seconds) s; they met \(met.kindCount) kinds of \
      operation and event (--coverage lists them)
      """)
    // A few seeds cannot meet everything.
    let gaps = count >= 1_000 ? met.gaps : []
    guard gaps.isEmpty else {
      print("never met: \(gaps.joined(separator: ", "))")
      throw ExitCode(1)
    }
  }
}
