/// Judges a run against stored baselines, by the rule of each metric's class. Paired times have no baseline and no
/// verdict here.
///
/// - Parameters:
///   - baselines: by suite; a suite without one has all its metrics missing.
///   - classes: the classes to judge.
///   - isWhole: whether all scenarios of the suites ran, so that a stored metric that nothing measured is missing.
/// - Returns: a verdict for each metric of those classes in the order of the result, and then one for each that was
///   not measured. A regression of a stored time is a first finding: measure that metric again before you believe it.
public func check(
  result: BenchmarkResult, against baselines: [String: Baseline], classes: Set<MetricClass>, isWhole: Bool
) -> [Verdict] {
  var verdicts: [Verdict] = []
  var measured: Set<String> = []
  for scenario in result.scenarios {
    for metric in scenario.metrics {
      measured.insert(Baseline.entryName(scenario: scenario.name, metric: metric.name))
      guard metric.metricClass != .pairedTime, classes.contains(metric.metricClass) else { continue }
      let comparison = BaselineComparison(
        scenario: scenario, metric: metric, fingerprint: result.fingerprint, baseline: baselines[scenario.suite])
      verdicts.append(comparison.verdict())
    }
  }
  guard isWhole else { return verdicts }
  for baseline in baselines.values.sorted(by: { $0.suite < $1.suite }) {
    for (name, entry) in baseline.entries.sorted(by: { $0.key < $1.key })
    where classes.contains(entry.metricClass) && !measured.contains(name) {
      let isSuiteGone = !result.scenarios.contains { $0.suite == baseline.suite }
      verdicts.append(baseline.verdictOfUnmeasured(name, entry, isSuiteGone: isSuiteGone))
    }
  }
  return verdicts
}

/// How far each class may move.
private enum Limit {
  static let instructionsFail = 0.005
  static let instructionsNote = 0.001
  static let growth = 0.05
  static let storedTime = 0.10
}

private let updateAdvice = "'dwcp-bench baseline update --reason \"...\"'"

extension Baseline {
  fileprivate func verdictOfUnmeasured(_ name: String, _ entry: Entry, isSuiteGone: Bool) -> Verdict {
    let slash = name.lastIndex(of: "/") ?? name.startIndex
    let scenario = String(name[..<slash])
    let metric = String(name[slash...].drop { $0 == "/" })
    // An update writes the suites that it measured, so it never removes a file.
    let advice = isSuiteGone ? "delete \(file)" : "run \(updateAdvice)"
    return Verdict(
      scenario: scenario, metric: metric, metricClass: entry.metricClass, unit: entry.unit, outcome: .missing,
      old: entry.value.text,
      text: "\(scenario) \(metric) is in the baseline, and nothing measured it; if that is meant, \(advice).",
      file: file, line: lines[name])
  }
}

/// One metric beside what is stored of it.
private struct BaselineComparison {
  let scenario: ScenarioResult
  let metric: Metric
  let fingerprint: Fingerprint
  let baseline: Baseline?

  private var name: String { Baseline.entryName(scenario: scenario.name, metric: metric.name) }
  private var entry: Baseline.Entry? { baseline?.entries[name] }

  func verdict() -> Verdict {
    if let reason = metric.unavailability { return verdict(.unavailable, "\(title) is unavailable: \(reason).") }
    guard let baseline else {
      let file = Baseline.file(suite: scenario.suite, key: fingerprint.key)
      return verdict(.missing, "\(title) has no baseline: there is no \(file); \(updateAdvice) makes it.")
    }
    guard let entry, let value = metric.storableValue else {
      return verdict(.missing, "\(title) is not in the baseline; \(updateAdvice) stores it.")
    }
    if let difference = difference(from: entry, value) {
      return verdict(.incomparable, "\(title) cannot be compared: \(difference); \(updateAdvice) stores it anew.")
    }
    let conditions = fingerprint.difference(
      from: baseline.fingerprint, metricClass: metric.metricClass, suite: scenario.suite)
    if let conditions, metric.metricClass == .storedTime {
      return verdict(.advisory, "\(moved(entry, value)); not judged, since \(conditions).")
    }
    if let conditions {
      return verdict(.incomparable, "\(title) cannot be compared: \(conditions); \(updateAdvice) stores it anew.")
    }
    return judge(entry, value)
  }

  /// Whether the metric still means what it meant when it was stored.
  private func difference(from entry: Baseline.Entry, _ value: Baseline.Value) -> String? {
    if entry.metricClass != metric.metricClass {
      return "its class was \(entry.metricClass.rawValue), is \(metric.metricClass.rawValue)"
    }
    if entry.unit != metric.unit { return "its unit was '\(entry.unit)', is '\(metric.unit)'" }
    if entry.direction != metric.direction {
      return "the better direction was '\(entry.direction.rawValue)', is '\(metric.direction.rawValue)'"
    }
    switch (entry.value, value) {
    case (.number, .number), (.digest, .digest): return nil
    case (.number, .digest): return "it was a number, is a digest"
    case (.digest, .number): return "it was a digest, is a number"
    }
  }

  private func judge(_ entry: Baseline.Entry, _ value: Baseline.Value) -> Verdict {
    guard entry.value != value else { return verdict(.pass, "") }
    guard case .number(let old) = entry.value, case .number(let new) = value, metric.direction != .unchanged else {
      return verdict(.regression, "\(moved(entry, value)), and any change of it fails.")
    }
    // How much worse, as a share of the old value: below zero is better. From zero every step is infinite.
    let worsening = (metric.direction == .lowerIsBetter ? new - old : old - new) / abs(old)
    switch metric.metricClass {
    case .exact: return judge(worsening, entry, value, limit: 0, rule: "only an equal value passes")
    case .scaling: return judge(worsening, entry, value, limit: Limit.growth, rule: "the limit is 5 %")
    case .instructions:
      let verdict = judge(worsening, entry, value, limit: Limit.instructionsFail, rule: "the limit is 0.5 %")
      guard verdict.outcome == .pass, abs(worsening) > Limit.instructionsNote else { return verdict }
      return self.verdict(.noted, "\(moved(entry, value)), within the limit of 0.5 %.")
    case .storedTime, .pairedTime:
      let verdict = judge(worsening, entry, value, limit: Limit.storedTime, rule: "the limit is 10 %")
      guard verdict.outcome == .improvement else { return verdict }
      // A time is not exact enough to ask for a new baseline whenever the machine has a good day.
      return self.verdict(.noted, "\(moved(entry, value)), which is better; if it stays so, run \(updateAdvice).")
    }
  }

  private func judge(
    _ worsening: Double, _ entry: Baseline.Entry, _ value: Baseline.Value, limit: Double, rule: String
  ) -> Verdict {
    if worsening > limit { return verdict(.regression, "\(moved(entry, value)); \(rule).") }
    if worsening < -limit {
      return verdict(.improvement, "\(moved(entry, value)), which is better; store it with \(updateAdvice).")
    }
    return verdict(.pass, "")
  }

  private var title: String { "\(scenario.name) \(metric.name)" }

  private func moved(_ entry: Baseline.Entry, _ value: Baseline.Value) -> String {
    let unit = if case .number = value, !metric.unit.isEmpty { " \(metric.unit)" } else { "" }
    let change = ratio.map { " (\(changeText(ratio: $0)))" } ?? ""
    return "\(title) was \(entry.value.text), is \(value.text)\(unit)\(change)"
  }

  private var ratio: Double? {
    guard case .number(let old)? = entry?.value, case .number(let new) = metric.reading, old != 0, new.isFinite,
      (new / old).isFinite
    else { return nil }
    return new / old
  }

  private func verdict(_ outcome: Verdict.Outcome, _ text: String) -> Verdict {
    var interval: Interval?
    if metric.metricClass == .storedTime, let range = metric.interval, ratio != nil,
      case .number(let old)? = entry?.value, old > 0
    {
      interval = Interval(low: range.low / old, high: range.high / old)
    }
    return Verdict(
      scenario: scenario.name, metric: metric.name, metricClass: metric.metricClass, unit: metric.unit,
      outcome: outcome, old: entry?.value.text, new: metric.storableValue?.text, ratio: ratio, interval: interval,
      text: text, file: baseline?.file, line: baseline?.lines[name])
  }
}
