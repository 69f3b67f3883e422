import BenchGate
import Foundation
import Testing

@Suite struct ResultSuite {
  @Test(arguments: [Reading.number(12.5), .digest("ab12"), .unavailable("no valgrind here")])
  func `A metric is read as it was written`(_ reading: Reading) throws {
    let metric = Metric(
      "instructions", .instructions, unit: "instructions/frame", reading, interval: Interval(low: 1, high: 2))
    #expect(try JSONDecoder().decode(Metric.self, from: JSONEncoder().encode(metric)) == metric)
  }

  @Test(arguments: [
    ([Verdict.Outcome.pass, .noted, .advisory], GateStatus.pass, GateStatus.pass),
    ([.pass, .improvement], .improvement, .improvement),
    ([.improvement, .unavailable], .improvement, .undecided),
    ([.unavailable], .pass, .undecided),
    ([.inconclusive, .missing], .incomparable, .incomparable),
    ([.incomparable, .regression, .improvement], .regression, .regression),
  ])
  func `The exit code is the first that applies`(outcomes: [Verdict.Outcome], lax: GateStatus, strict: GateStatus) {
    let verdicts = outcomes.map { Verdict(scenario: "a/b", metric: "c", metricClass: .exact, unit: "", outcome: $0) }
    #expect(GateStatus.of(verdicts, isStrict: false) == lax)
    #expect(GateStatus.of(verdicts, isStrict: true) == strict)
  }
}
