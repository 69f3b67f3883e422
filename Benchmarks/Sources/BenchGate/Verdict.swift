/// What became of one metric against its baseline or its base.
public struct Verdict: Codable, Sendable, Equatable {
  public enum Outcome: String, Codable, Sendable, CaseIterable {
    case pass
    /// Instructions moved by more than 0.1 %, within the limit; or a stored time is better by more than 10 %.
    case noted
    case regression
    case improvement
    /// More rounds did not decide it.
    case inconclusive
    case unavailable
    /// The baseline has no such metric, or has one that nothing measured.
    case missing
    /// The baseline was taken under conditions that this class needs to be equal.
    case incomparable
    /// A stored time under a fingerprint that does not match: told, not judged.
    case advisory
  }

  public let scenario: String
  public let metric: String
  public let metricClass: MetricClass
  public let unit: String
  public let outcome: Outcome
  /// The stored value, or what the base measured; nil where there is none.
  public let old: String?
  public let new: String?
  /// New divided by old, where both are numbers and old is not zero.
  public let ratio: Double?
  /// The 99 % interval of `ratio`, for classes P and R.
  public let interval: Interval?
  /// What to know or do, as one sentence; empty for a pass.
  public let text: String
  /// Where the baseline stands: a path from the root of the repository, and a line. Nil without one.
  public let file: String?
  public let line: Int?

  public init(
    scenario: String, metric: String, metricClass: MetricClass, unit: String, outcome: Outcome, old: String? = nil,
    new: String? = nil, ratio: Double? = nil, interval: Interval? = nil, text: String = "", file: String? = nil,
    line: Int? = nil
  ) {
    self.scenario = scenario
    self.metric = metric
    self.metricClass = metricClass
    self.unit = unit
    self.outcome = outcome
    self.old = old
    self.new = new
    self.ratio = ratio
    self.interval = interval
    self.text = text
    self.file = file
    self.line = line
  }
}

/// The exit codes of `dwcp-bench`.
public enum GateStatus: Int32, Sendable {
  case pass = 0
  case toolError = 1
  case regression = 2
  case undecided = 3
  case improvement = 4
  case incomparable = 5
  case usage = 64

  /// The first of 2, 5, 3 (under `--strict`), 4 and 0 that applies.
  public static func of(_ verdicts: [Verdict], isStrict: Bool) -> GateStatus {
    func has(_ outcomes: Verdict.Outcome...) -> Bool { verdicts.contains { outcomes.contains($0.outcome) } }
    if has(.regression) { return .regression }
    if has(.missing, .incomparable) { return .incomparable }
    if isStrict, has(.inconclusive, .unavailable) { return .undecided }
    if has(.improvement) { return .improvement }
    return .pass
  }
}
