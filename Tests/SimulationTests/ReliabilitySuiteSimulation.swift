import DWCPCore
import Foundation
import Testing

/// Seeded random sessions: two engines, a virtual clock, partial reads and writes, delays, stalled readers, cuts. A failure is shrunk and
/// names its seed; `DWCP_SEED=N swift test --filter Simulation` runs that one alone, and `DWCP_SEED_COUNT=N` as many as one likes.
@Suite struct ReliabilitySuiteSimulation {
  private static let seedCount: UInt64 = 4_000
  private static let batchSeedCount: UInt64 = 200
  private static let operationCount = 200

  static var batches: [ClosedRange<UInt64>] {
    let environment = ProcessInfo.processInfo.environment
    if let seed = environment["DWCP_SEED"].flatMap({ UInt64($0) }) { return [seed...seed] }
    let seedCount = environment["DWCP_SEED_COUNT"].flatMap { UInt64($0) } ?? seedCount
    return stride(from: 0, to: seedCount, by: Int(batchSeedCount)).map { $0...$0 + batchSeedCount - 1 }
  }

  @Test(
    "what is written arrives once, whole and in order, or its end is told (SPEC DAT-7, STR-9, CRD-6, END-2)",
    arguments: batches)
  func sessions(seeds: ClosedRange<UInt64>) {
    let codecs = CodecContext()
    var coverage = Coverage()
    for seed in seeds {
      let scenario = Scenario(seed: seed, operationCount: Self.operationCount)
      var world = World(scenario, codecs: codecs)
      world.run(scenario.operations)
      coverage.merge(world.coverage)
      guard let problem = world.problem else { continue }
      let shrunk = shrink(scenario, codecs: codecs)
      Issue.record("seed \(seed): \(problem)\nshrunk to \(shrunk.operations.count) operations:\n\(shrunk.listing)")
      return
    }
    if seeds.count > 1 { check(coverage) }
  }

  /// Each operation and each event has to have been met, or the simulation tests less than it says.
  private func check(_ coverage: Coverage) {
    if ProcessInfo.processInfo.environment["DWCP_COVERAGE"] != nil { print(coverage.table) }
    let expected = [
      "event established", "event streamOpened", "event readable", "event writable", "event stopped", "event closed",
      "event streamLimitRaised", "event pong", "event goingAway", "event ended",
    ]
    for event in expected { #expect(coverage.hasMet(event: event), "\(event)") }
    for operation in [
      "open", "write", "finish", "reset", "stop", "release", "read", "send", "arrive", "runJobs", "advance", "ping",
    ] {
      for phase in [Session.Phase.awaitingPreface, .open] {
        #expect(coverage.hasMet(operation, in: phase), "\(operation) while \(phase)")
      }
    }
  }

  /// Removes what the problem does not need: first large parts of the list, then smaller ones.
  private func shrink(_ scenario: Scenario, codecs: CodecContext) -> Scenario {
    var best = scenario
    var length = scenario.operations.count / 2
    while length > 0 {
      var start = 0
      while start < best.operations.count {
        var candidate = best
        candidate.operations.removeSubrange(start..<min(start + length, candidate.operations.count))
        var world = World(candidate, codecs: codecs)
        world.run(candidate.operations)
        if world.problem == nil { start += length } else { best = candidate }
      }
      length /= 2
    }
    return best
  }
}

extension Scenario {
  fileprivate var listing: String { operations.map { "  \($0)" }.joined(separator: "\n") }
}
