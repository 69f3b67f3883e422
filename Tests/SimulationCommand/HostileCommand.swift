import ArgumentParser
import Foundation
import HostileSimulation

struct HostileCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hostile",
    abstract: "A hostile peer against one engine, its memory counted.",
    discussion: """
      The peer knows the protocol and mixes what is legal with what is not; the application and the connection are unsteady too. The engine must \
      stay within the memory that SPEC section 15 (MEM-1) allows, end with a typed error, leave nothing behind, and not disturb the session beside \
      it. When the session ends, the peer connects again, until all operations are done.

      EXAMPLES
        dwcp-simulate hostile                                  100,000 seeds of 200 operations each
        dwcp-simulate hostile --seeds 100000 --operations 200  the same
        dwcp-simulate hostile --seed 4711                      that seed alone
        dwcp-simulate hostile --json > hostile.json            the figures for a program
      """)

  @OptionGroup var options: SeedOptions
  @Flag(help: "Prints the figures as JSON.") var json = false

  mutating func run() async throws {
    SeedNote.install()
    let operations = options.operations
    let started = ContinuousClock.now
    var totals = HostileTotals()
    var failure: HostileRun.Failure?
    let batches = SeedBatches(seeds: options.range) {
      HostileRun(seeds: $0, operationCount: operations)
    } hasFailed: {
      $0.failure != nil
    }
    await batches.merge { run in
      totals.merge(run.totals)
      failure = failure ?? run.failure
    }
    // A few seeds cannot meet everything.
    let gaps = failure == nil && options.range.count >= 5_000 ? totals.gaps : []
    let report = HostileReport(
      totals: totals, gaps: gaps, failure: failure, seconds: (ContinuousClock.now - started) / .seconds(1))
    print(json ? try report.json : report.text)
    if let failure, !json {
      print("again: dwcp-simulate hostile --seed \(failure.seed) --operations \(operations)")
    }
    if failure != nil || !gaps.isEmpty { throw ExitCode(1) }
  }
}
