import Foundation
import HostileSimulation
import Testing

extension ReliabilitySuiteHostile {
  /// A share of the hostile simulation in a debug build; `dwcp-simulate hostile` runs as many seeds as one likes, and `Results` has what 100,000 came to.
  @Suite struct Sequences {
    /// Sanitizers take ten times as long.
    static let seedCount: UInt64 = ProcessInfo.processInfo.environment["DWCP_SLOW_BUILD"] == nil ? 40 : 10

    @Test(
      "whatever order a hostile peer does things in: bounded memory, a typed end, no trace, no harm to others (SPEC MEM-1, ERR-1, LIV-2)",
      arguments: stride(from: 0, to: seedCount, by: 10).map { $0..<$0 + 10 })
    func sequences(seeds: Range<UInt64>) {
      let run = HostileRun(seeds: seeds, operationCount: HostileRun.leastOperationCount)
      if let failure = run.failure { Issue.record("\(failure)") }
      #expect(run.totals.operationCount == 10 * HostileRun.leastOperationCount)
    }

    @Test("the same seed is the same session")
    func isRepeatable() {
      let first = HostileRun(seeds: 7..<9, operationCount: 200).totals
      let second = HostileRun(seeds: 7..<9, operationCount: 200).totals
      #expect(first.ends == second.ends)
      #expect(first.wireByteCount == second.wireByteCount)
      // The allocator rounds as it likes.
      #expect(abs(first.memory.highest - second.memory.highest) < 0.02)
    }
  }
}
