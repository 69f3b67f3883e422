import BenchGate
import Foundation
import Testing

@Suite struct BaselineCheckSuite {
  /// The verdict on one metric of one scenario.
  private func verdict(
    _ metricClass: MetricClass, _ direction: Direction = .lowerIsBetter, old: Baseline.Value, new: Reading,
    interval: Interval? = nil, suite: String = "engine", changing change: (inout Fingerprint) -> Void = { _ in }
  ) throws -> Verdict {
    let metric = Metric("m", metricClass, unit: "bytes", direction: direction, new, interval: interval)
    let entry = Baseline.Entry(metricClass: metricClass, unit: "bytes", direction: direction, value: old)
    var fingerprint = Sample.fingerprint
    change(&fingerprint)
    let baseline = Baseline(
      suite: suite, fingerprint: fingerprint, reason: "", date: "", entries: ["\(suite)/s/m": entry])
    let verdicts = check(
      result: result(suite, [metric]), against: [suite: try Baseline(json: Data(baseline.json.utf8), file: "f.json")],
      classes: [metricClass], isWhole: true)
    #expect(verdicts.count == 1)
    return try #require(verdicts.first)
  }

  private func result(_ suite: String, _ metrics: [Metric]) -> BenchmarkResult {
    BenchmarkResult(
      fingerprint: Sample.fingerprint, date: "", scenarios: [ScenarioResult(name: "\(suite)/s", metrics: metrics)])
  }

  /// What becomes of a stored 1000 that goes to another value, when lower is better; and when higher is.
  @Test(arguments: [
    (MetricClass.exact, 1000.0, Verdict.Outcome.pass, Verdict.Outcome.pass),
    (.exact, 1000.0.nextUp, .regression, .improvement),
    (.exact, 1000.0.nextDown, .improvement, .regression),
    (.instructions, 1000.9, .pass, .pass),
    (.instructions, 1001.1, .noted, .noted),
    (.instructions, 1004.9, .noted, .noted),
    (.instructions, 1005, .noted, .noted),
    (.instructions, 1005.1, .regression, .improvement),
    (.instructions, 999.1, .pass, .pass),
    (.instructions, 998.9, .noted, .noted),
    (.instructions, 995.1, .noted, .noted),
    (.instructions, 994.9, .improvement, .regression),
    (.scaling, 1049, .pass, .pass),
    (.scaling, 1051, .regression, .improvement),
    (.scaling, 951, .pass, .pass),
    (.scaling, 949, .improvement, .regression),
    (.storedTime, 1099, .pass, .pass),
    (.storedTime, 1101, .regression, .noted),
    (.storedTime, 901, .pass, .pass),
    (.storedTime, 899, .noted, .regression),
  ])
  func `Each class has its limits`(
    metricClass: MetricClass, new: Double, lower: Verdict.Outcome, higher: Verdict.Outcome
  ) throws {
    let old = Baseline.Value.number(1000)
    #expect(try verdict(metricClass, .lowerIsBetter, old: old, new: .number(new)).outcome == lower)
    #expect(try verdict(metricClass, .higherIsBetter, old: old, new: .number(new)).outcome == higher)
    let unchanged: Verdict.Outcome = new == 1000 ? .pass : .regression
    #expect(try verdict(metricClass, .unchanged, old: old, new: .number(new)).outcome == unchanged)
  }

  @Test(arguments: [MetricClass.exact, .instructions, .scaling, .storedTime])
  func `A step from zero is as large as can be`(_ metricClass: MetricClass) throws {
    #expect(try verdict(metricClass, old: .number(0), new: 0).outcome == .pass)
    let risen = try verdict(metricClass, old: .number(0), new: 1)
    #expect(risen.outcome == .regression)
    #expect(risen.ratio == nil)
  }

  @Test func `A digest passes only when it is equal`() throws {
    #expect(try verdict(.exact, .unchanged, old: .digest("ab"), new: .digest("ab")).outcome == .pass)
    let changed = try verdict(.exact, .unchanged, old: .digest("ab"), new: .digest("ac"))
    #expect(changed.outcome == .regression)
    #expect(changed.text == "engine/s m was ab, is ac, and any change of it fails.")
  }

  @Test func `A regression names the scenario, the metric, old and new, and its line`() throws {
    let verdict = try verdict(.exact, old: .number(0.25), new: 1.25)
    #expect(verdict.text == "engine/s m was 0.25, is 1.25 bytes (+400 %); only an equal value passes.")
    #expect(verdict.old == "0.25" && verdict.new == "1.25" && verdict.ratio == 5)
    #expect(verdict.file == "f.json")
    #expect(verdict.line == 20)
    #expect(GateStatus.of([verdict], isStrict: false) == .regression)
  }

  @Test func `An improvement says how to store it`() throws {
    let verdict = try verdict(.exact, old: .number(2), new: 1)
    #expect(verdict.text.contains("dwcp-bench baseline update --reason"))
    #expect(GateStatus.of([verdict], isStrict: true) == .improvement)
  }

  @Test(arguments: [MetricClass.exact, .instructions, .scaling, .storedTime])
  func `What cannot be measured is unavailable with its reason, also when it is no number`(
    _ metricClass: MetricClass
  ) throws {
    let absent = try verdict(metricClass, old: .number(1), new: .unavailable("there is no valgrind"))
    #expect(absent.outcome == .unavailable)
    #expect(absent.text.contains("there is no valgrind"))
    #expect(absent.old == "1" && absent.new == nil)
    #expect(try verdict(metricClass, old: .number(1), new: .number(.nan)).outcome == .unavailable)
    #expect(GateStatus.of([absent], isStrict: true) == .undecided)
  }

  @Test func `Conditions that a class needs make it incomparable`() throws {
    func outcome(
      _ metricClass: MetricClass, _ suite: String, _ change: (inout Fingerprint) -> Void
    ) throws -> Verdict.Outcome {
      // Far worse, so that a missed difference would read as a regression.
      try verdict(metricClass, old: .number(1), new: 9, suite: suite, changing: change).outcome
    }
    #expect(try outcome(.exact, "codec") { $0.zstdVersion = "1.5.5" } == .incomparable)
    #expect(try outcome(.exact, "engine") { $0.zstdVersion = "1.5.5" } == .regression)
    #expect(try outcome(.instructions, "engine") { $0.valgrindVersion = "3.22" } == .incomparable)
    #expect(try outcome(.exact, "engine") { $0.valgrindVersion = "3.22" } == .regression)
    #expect(try outcome(.scaling, "engine") { $0.cpuFeatures = [] } == .incomparable)
    #expect(try outcome(.exact, "engine") { $0.commit = "other" } == .regression)
    #expect(try outcome(.storedTime, "engine") { $0.cpuFeatures = [] } == .advisory)
    let text = try verdict(.exact, old: .number(1), new: 2) { $0.toolchain = "6.2" }.text
    #expect(text.contains("toolchain was '6.2', is '6.3.1'") && text.contains("baseline update"))
  }

  @Test func `A metric that means something else now is incomparable`() throws {
    let entry = Baseline.Entry(metricClass: .exact, unit: "bytes", direction: .lowerIsBetter, value: .number(1))
    let baseline = Baseline(
      suite: "a", fingerprint: Sample.fingerprint, reason: "", date: "", entries: ["a/s/m": entry])
    for metric in [
      Metric("m", .exact, unit: "bytes/frame", 1), Metric("m", .instructions, unit: "bytes", 1),
      Metric("m", .exact, unit: "bytes", direction: .higherIsBetter, 1),
      Metric("m", .exact, unit: "bytes", .digest("1")),
    ] {
      let verdicts = check(
        result: result("a", [metric]), against: ["a": baseline], classes: Set(MetricClass.allCases), isWhole: true)
      #expect(verdicts.map(\.outcome) == [.incomparable], "\(metric)")
    }
  }

  @Test func `What is on one side only is missing`() throws {
    let entry = Baseline.Entry(metricClass: .exact, unit: "bytes", direction: .lowerIsBetter, value: .number(1))
    let baseline = Baseline(
      suite: "a", fingerprint: Sample.fingerprint, reason: "", date: "",
      entries: ["a/s/deep/gone": entry, "a/s/m": entry])
    let run = result("a", [Metric("m", .exact, unit: "bytes", 1), Metric("new", .exact, unit: "bytes", 1)])
    func outcomes(_ baselines: [String: Baseline], _ classes: Set<MetricClass>, isWhole: Bool) -> [String] {
      check(result: run, against: baselines, classes: classes, isWhole: isWhole).map {
        "\($0.scenario) \($0.metric) \($0.outcome)"
      }
    }
    let measured = ["a/s m pass", "a/s new missing"]
    #expect(outcomes(["a": baseline], [.exact], isWhole: false) == measured)
    #expect(outcomes(["a": baseline], [.exact], isWhole: true) == measured + ["a/s/deep gone missing"])
    #expect(outcomes(["a": baseline], [.scaling], isWhole: true) == [])
    let gone = Baseline(
      suite: "z", fingerprint: Sample.fingerprint, reason: "", date: "", entries: ["z/s/m": entry], file: "z.json")
    let unmeasured = check(result: run, against: ["a": baseline, "z": gone], classes: [.exact], isWhole: true)
    #expect(
      unmeasured.last?.text == "z/s m is in the baseline, and nothing measured it; if that is meant, delete z.json.")
    #expect(outcomes([:], [.exact], isWhole: true) == ["a/s m missing", "a/s new missing"])
    let missing = check(result: run, against: [:], classes: [.exact], isWhole: true)
    #expect(missing.allSatisfy { $0.text.contains("baseline update --reason") })
    #expect(GateStatus.of(missing, isStrict: false) == .incomparable)
  }

  @Test func `A stored time carries the interval of its ratio, and a paired one is not judged here`() throws {
    let time = try verdict(.storedTime, old: .number(2), new: 3, interval: Interval(low: 2.5, high: 4))
    #expect(time.interval == Interval(low: 1.25, high: 2))
    let run = result("a", [Metric("m", .pairedTime, unit: "ratio", 1)])
    #expect(check(result: run, against: [:], classes: [.pairedTime], isWhole: true).isEmpty)
  }
}
