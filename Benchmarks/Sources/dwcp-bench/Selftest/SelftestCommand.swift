import ArgumentParser
import BenchGate
import BenchStatistics
import Foundation

struct SelftestCommand: ParsableCommand {
  enum Part: String, ExpressibleByArgument, CaseIterable {
    case faults, repeats, times, layout
  }

  static let configuration = CommandConfiguration(
    commandName: "selftest",
    abstract: "Puts faults in, and shows how often the gate finds them and how often it cries wolf.",
    discussion: """
      Parts:
        faults   one allocation, one byte on the wire or 1 % of the instructions more: classes E and I have to fail
        repeats  nothing changed: classes E, I and S must not fail, against a second build with --other
        times    0, 2, 5, 10 and 25 % more work: how often class P fails
        layout   builds with other code in front (--other): classes I and P must not fail

      What is in the log is not done again, so an interrupted run goes on where it was. Exit code 2 when the log, as a whole, has a false alarm or a
      fault that was missed more than once in twenty times; +2 % lies on the border of the rule, and either answer is right.

      EXAMPLES
        dwcp-bench selftest --part faults --trials 10
        dwcp-bench selftest --part repeats --trials 10 --other /tmp/second/dwcp-bench --neighbour
        dwcp-bench selftest --part times --percent 0 --percent 5 --trials 100
        dwcp-bench selftest --table
      """)

  @Option(
    help: ArgumentHelp(
      "Only this part: faults, repeats, times or layout; several times for several.", valueName: "part"))
  var part: [Part] = [.faults, .repeats, .times]

  @Option(help: ArgumentHelp("Part 'times' with only so much more work; several times for several.", valueName: "n"))
  var percent = [0, 2, 5, 10, 25]

  @Option(help: ArgumentHelp("How many trials of each kind the log is to have.", valueName: "n"))
  var trials = 10

  @Option(help: ArgumentHelp("Another build of the same commit; this one without.", valueName: "path-to-binary"))
  var other: String?

  @Flag(help: "Keep all processors busy with other work meanwhile.")
  var neighbour = false

  @Option(help: ArgumentHelp("Where trials are kept.", valueName: "file"))
  var log = "Benchmarks/Selftest/trials.jsonl"

  @Flag(help: "Only print the table of the trials that the log has.")
  var table = false

  func run() throws {
    try reportingErrors {
      var trialLog = try TrialLog(path: log)
      if !table {
        let noise = neighbour ? try NoisyNeighbour() : nil
        defer { noise?.stop() }
        let selftest = Selftest(
          trialCount: trials, otherPath: other ?? ChildProcess.ownPath, percents: percent, isNoisy: neighbour,
          fingerprint: try .current())
        for part in part { try selftest.run(part, &trialLog) }
      }
      print(trialLog.table)
      let unmet = trialLog.unmetConditions
      guard !unmet.isEmpty else { return }
      for condition in unmet {
        FileHandle.standardError.write(Data("dwcp-bench: the gate failed its self-test: \(condition)\n".utf8))
      }
      throw ExitCode(GateStatus.regression.rawValue)
    }
  }
}

/// Runs trials until the log has as many as wanted.
struct Selftest {
  let trialCount: Int
  let otherPath: String
  let percents: [Int]
  let isNoisy: Bool
  let fingerprint: Fingerprint

  private var place: String { isNoisy ? "beside a neighbour" : "idle" }
  /// Small messages: many frames in little time, and every fault shows in each.
  private static let scenarioName = "engine/message-64"

  func run(_ part: SelftestCommand.Part, _ log: inout TrialLog) throws {
    switch part {
    case .faults:
      for (injection, name, metricClass) in [
        ("allocation", "one allocation more a frame", MetricClass.exact),
        ("wire-byte", "one byte more on the wire a frame", .exact),
        ("work:1", "1 % more instructions", .instructions),
      ] {
        try repeatTrials("\(name), \(place)", isFault: true, &log) { try fault(injection, metricClass) }
      }
    case .repeats:
      let builds = otherPath == ChildProcess.ownPath ? "one build" : "two builds"
      let condition = "nothing changed, classes E, I and S, \(builds), \(place)"
      guard log.count(condition) < trialCount else { return }
      let classes: Set<MetricClass> = [.exact, .instructions, .scaling]
      let scenarios = Scenarios.all.filter { !$0.classes.isDisjoint(with: classes) }
      let bases = try inParallel(scenarios) { try result($0, path: otherPath, classes) }
      try repeatTrials(condition, isFault: false, &log) { try unchanged(scenarios, bases, classes) }
    case .times:
      for percent in percents {
        // 2 % lies on the border of the rule, so either answer is right.
        let isFault: Bool? = percent == 0 ? false : percent < 5 ? nil : true
        try repeatTrials("time +\(percent) %, \(place)", isFault: isFault, &log) { try slowdown(Double(percent)) }
      }
    case .layout:
      let name = URL(fileURLWithPath: otherPath).lastPathComponent
      try repeatTrials("layout of \(name), classes I and P, \(place)", isFault: false, &log) { try layout() }
    }
  }

  private func repeatTrials(
    _ condition: String, isFault: Bool?, _ log: inout TrialLog, _ body: () throws -> (isFlagged: Bool, detail: String)
  ) throws {
    let missing = trialCount - log.count(condition)
    guard missing > 0 else { return }
    let progress = ProgressLine(total: missing, "trials of '\(condition)'")
    for _ in 0..<missing {
      let stopwatch = Stopwatch()
      let outcome = try body()
      try log.append(
        Trial(
          condition: condition, isFlagged: outcome.isFlagged, isFault: isFault, seconds: stopwatch.elapsedSeconds,
          detail: outcome.detail))
      progress.step(condition)
    }
  }

  /// Measures the base without and the head with the fault, and checks the one against the other.
  private func fault(_ injection: String, _ metricClass: MetricClass) throws -> (Bool, String) {
    let scenario = try scenario()
    let base = try result(scenario, path: otherPath, [metricClass])
    let head = try result(scenario, injection: injection, [metricClass])
    let regressions = verdicts(head, base, [metricClass]).filter { $0.outcome == .regression }
    return (!regressions.isEmpty, regressions.first?.text ?? "")
  }

  private func unchanged(
    _ scenarios: [Scenario], _ bases: [ScenarioResult], _ classes: Set<MetricClass>
  ) throws -> (Bool, String) {
    let heads = try inParallel(scenarios) { try result($0, classes) }
    let failures = zip(heads, bases).flatMap { verdicts($0, $1, classes) }
      .filter { ![.pass, .noted].contains($0.outcome) }
    return (!failures.isEmpty, failures.first?.text ?? "")
  }

  private func slowdown(_ percent: Double) throws -> (Bool, String) {
    let times = PairedTimes(
      scenario: try scenario(), basePath: otherPath, headInjection: percent == 0 ? "" : "work:\(percent)")
    let summary = try times.run()
    return (summary.outcome == .regression, "\(summary.outcome), \(summary.median), \(summary.pairCount) pairs")
  }

  private func layout() throws -> (Bool, String) {
    let instructions = verdicts(
      try result(try scenario(), [.instructions]), try result(try scenario(), path: otherPath, [.instructions]),
      [.instructions]
    ).filter { ![.pass, .noted].contains($0.outcome) }
    let summary = try PairedTimes(scenario: try scenario(), basePath: otherPath).run()
    return (
      !instructions.isEmpty || summary.outcome == .regression,
      instructions.first?.text ?? "\(summary.outcome), \(summary.median), \(summary.pairCount) pairs"
    )
  }

  private func scenario() throws -> Scenario {
    guard let scenario = Scenarios.named(Self.scenarioName) else {
      throw BenchmarkError("there is no scenario '\(Self.scenarioName)'")
    }
    return scenario
  }

  private func result(
    _ scenario: Scenario, injection: String = "", path: String = ChildProcess.ownPath, _ classes: Set<MetricClass>
  ) throws -> ScenarioResult {
    let measurements = Measurements(scenario: scenario, injection: injection, path: path)
    return ScenarioResult(name: scenario.name, metrics: try measurements.metrics(classes, roundCount: 1))
  }

  /// The rule of `check`, with the other measurement as the baseline.
  private func verdicts(_ head: ScenarioResult, _ base: ScenarioResult, _ classes: Set<MetricClass>) -> [Verdict] {
    let baselines = Baseline.baselines(of: document(base), reason: "self-test")
    return check(
      result: document(head), against: Dictionary(uniqueKeysWithValues: baselines.map { ($0.suite, $0) }),
      classes: classes, isWhole: true)
  }

  private func document(_ scenario: ScenarioResult) -> BenchmarkResult {
    BenchmarkResult(fingerprint: fingerprint, date: "", scenarios: [scenario])
  }
}
