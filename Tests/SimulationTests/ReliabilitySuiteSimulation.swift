import Simulation
import Testing

/// A small share of the simulated sessions in a debug build, where more is checked; `make test` runs 100,000 in a release build
/// (`dwcp-simulate`).
@Suite struct ReliabilitySuiteSimulation {
  @Test(
    "what is written arrives once, whole and in order, or its end is told (SPEC DAT-7, STR-9, CRD-6, END-2)",
    arguments: stride(from: UInt64(0), to: 400, by: 50).map { $0..<$0 + 50 })
  func sessions(seeds: Range<UInt64>) {
    let run = SimulationRun(seeds: seeds, operationCount: SimulationRun.leastOperationCount)
    if let failure = run.failure { Issue.record("\(failure)") }
  }

  @Test("the same seed is the same session")
  func isRepeatable() {
    let first = SimulationRun(seeds: 7..<8, operationCount: 200)
    #expect(first.coverage.table == SimulationRun(seeds: 7..<8, operationCount: 200).coverage.table)
    #expect(Scenario(seed: 7, operationCount: 200).operations == Scenario(seed: 7, operationCount: 200).operations)
    #expect(Scenario(seed: 7, operationCount: 200).operations != Scenario(seed: 8, operationCount: 200).operations)
  }
}

/// The same for versions of objects; `make test` runs 50,000 in a release build (`dwcp-simulate objects`).
@Suite struct ReliabilitySuiteObjects {
  @Test(
    "a version that is read and held is exact, or its end is told (SPEC BAS-1 to BAS-5)",
    arguments: stride(from: UInt64(0), to: 80, by: 20).map { $0..<$0 + 20 })
  func objects(seeds: Range<UInt64>) {
    let run = ObjectsRun(seeds: seeds, operationCount: 200)
    if let failure = run.failure { Issue.record("seed \(failure.seed): \(failure.problem)") }
  }
}
