/// What every output shows: a result's metrics and verdicts as rows by suite, and which rows need somebody's attention.
struct Report {
  struct Row {
    let scenario: String
    let metric: String
    let metricClass: MetricClass
    let unit: String
    let old: String?
    let new: String?
    /// Around the new value, in its unit.
    let interval: Interval?
    /// Nil for a metric that nobody judged.
    let outcome: Verdict.Outcome?
    let text: String
    let ratio: Double?
    let ratioInterval: Interval?
    let direction: Direction
    /// `FILE:LINE` of the baseline.
    let location: String?

    /// The scenario without its suite.
    var place: String {
      let rest = scenario.drop { $0 != "/" }.dropFirst()
      return rest.isEmpty ? scenario : String(rest)
    }
    var name: String { "\(scenario) \(metric)" }
    /// `=` where nothing changed, so that what did stands out.
    var change: String {
      if let old, old == new { return "=" }
      return ratio.map(changeText) ?? ""
    }
  }

  struct Suite {
    let name: String
    var rows: [Row]
  }

  let result: BenchmarkResult
  /// In the order of the run.
  let suites: [Suite]

  var rows: [Row] { suites.flatMap(\.rows) }
  var isJudged: Bool { !result.verdicts.isEmpty }

  /// Rows that somebody should look at, the gravest first, in the order of the run where equally grave.
  var attention: [Row] {
    let rows = rows
    return Verdict.Outcome.byGravity.filter { $0 != .pass }.flatMap { outcome in
      rows.filter { $0.outcome == outcome }
    }
  }

  /// For instance `2 regressions, 1 missing, 57 pass; 3 not judged`, the gravest first.
  var summary: String {
    let rows = rows
    let counts = Verdict.Outcome.byGravity.compactMap { outcome -> String? in
      let count = rows.count { $0.outcome == outcome }
      return count == 0 ? nil : "\(count) \(outcome.label(count: count))"
    }
    let unjudged = rows.count { $0.outcome == nil }
    guard !counts.isEmpty else { return "\(rows.count) metrics, not judged" }
    return counts.joined(separator: ", ") + (unjudged == 0 ? "" : "; \(unjudged) not judged")
  }

  init(_ result: BenchmarkResult) {
    self.result = result
    var verdicts: [String: [Verdict]] = Dictionary(grouping: result.verdicts) { Self.key($0.scenario, $0.metric) }
    var suites: [Suite] = []
    func add(_ row: Row, to suite: String) {
      guard let index = suites.firstIndex(where: { $0.name == suite }) else {
        suites.append(Suite(name: suite, rows: [row]))
        return
      }
      // What was not measured stands with the rest of its scenario.
      let last = suites[index].rows.lastIndex { $0.scenario == row.scenario }
      suites[index].rows.insert(row, at: last.map { $0 + 1 } ?? suites[index].rows.endIndex)
    }
    for scenario in result.scenarios {
      for metric in scenario.metrics {
        let found = verdicts.removeValue(forKey: Self.key(scenario.name, metric.name)) ?? []
        if found.isEmpty { add(Row(scenario.name, metric), to: scenario.suite) }
        for verdict in found { add(Row(verdict, metric), to: scenario.suite) }
      }
    }
    for verdict in result.verdicts where verdicts[Self.key(verdict.scenario, verdict.metric)] != nil {
      add(Row(verdict, nil), to: String(verdict.scenario.prefix { $0 != "/" }))
    }
    self.suites = suites
  }

  private static func key(_ scenario: String, _ metric: String) -> String { "\(scenario)\n\(metric)" }
}

extension Report.Row {
  fileprivate init(_ scenario: String, _ metric: Metric) {
    // What is unavailable shows as that, judged or not.
    let unavailability = metric.unavailability
    self.init(
      scenario: scenario, metric: metric.name, metricClass: metric.metricClass, unit: metric.unit, old: nil,
      new: metric.storableValue?.text, interval: metric.interval,
      outcome: unavailability == nil ? nil : .unavailable, text: unavailability ?? "", ratio: nil, ratioInterval: nil,
      direction: metric.direction, location: nil)
  }

  fileprivate init(_ verdict: Verdict, _ metric: Metric?) {
    self.init(
      scenario: verdict.scenario, metric: verdict.metric, metricClass: verdict.metricClass, unit: verdict.unit,
      old: verdict.old, new: verdict.new, interval: metric?.interval, outcome: verdict.outcome, text: verdict.text,
      ratio: verdict.ratio, ratioInterval: verdict.interval, direction: metric?.direction ?? .lowerIsBetter,
      location: verdict.file.map { file in verdict.line.map { "\(file):\($0)" } ?? file })
  }
}

extension Verdict.Outcome {
  /// The gravest first.
  static let byGravity: [Self] = [
    .regression, .missing, .incomparable, .improvement, .inconclusive, .unavailable, .advisory, .noted, .pass,
  ]

  /// Whether the gate fails for it: exit codes 2, 4 and 5.
  var isFailure: Bool { [.regression, .missing, .incomparable, .improvement].contains(self) }

  /// Whether nothing was decided.
  var isSkipped: Bool { [.inconclusive, .unavailable].contains(self) }

  func label(count: Int) -> String {
    switch self {
    case .regression, .improvement: rawValue + (count == 1 ? "" : "s")
    default: rawValue
    }
  }
}
