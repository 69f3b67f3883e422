import Foundation

/// The stored figures of one suite on one platform, `Benchmarks/Baselines/SUITE/KEY.json`.
public struct Baseline: Sendable {
  public static let currentSchema = 1
  /// From the root of the repository.
  public static let folder = "Benchmarks/Baselines"

  /// One stored figure, with what it meant when it was stored.
  public struct Entry: Sendable, Equatable {
    public let metricClass: MetricClass
    public let unit: String
    public let direction: Direction
    public let value: Value

    public init(metricClass: MetricClass, unit: String, direction: Direction, value: Value) {
      self.metricClass = metricClass
      self.unit = unit
      self.direction = direction
      self.value = value
    }
  }

  /// There is no third case: what was unavailable is not stored.
  public enum Value: Sendable, Equatable {
    case number(Double)
    case digest(String)

    /// The shortest text that reads back as the same value.
    public var text: String {
      switch self {
      case .number(let number): exactText(number)
      case .digest(let digest): digest
      }
    }
  }

  public let suite: String
  /// What the figures were taken under.
  public let fingerprint: Fingerprint
  /// Why they were stored, in the words of whoever did.
  public let reason: String
  /// ISO 8601, UTC.
  public let date: String
  /// By `SCENARIO/METRIC`.
  public let entries: [String: Entry]
  /// Where it stands, from the root of the repository.
  public let file: String
  /// The line of each entry in `file`; empty unless it was read from there.
  public let lines: [String: Int]

  public init(
    suite: String, fingerprint: Fingerprint, reason: String, date: String, entries: [String: Entry],
    file: String? = nil, lines: [String: Int] = [:]
  ) {
    self.suite = suite
    self.fingerprint = fingerprint
    self.reason = reason
    self.date = date
    self.entries = entries
    self.file = file ?? Self.file(suite: suite, key: fingerprint.key)
    self.lines = lines
  }

  /// The path of a suite's baseline, from the root of the repository.
  public static func file(suite: String, key: String) -> String { "\(folder)/\(suite)/\(key).json" }

  /// The name of a metric in a baseline. A metric's own name has no slash.
  public static func entryName(scenario: String, metric: String) -> String { "\(scenario)/\(metric)" }

  /// What a run would store: a baseline for each suite, in the order of their names. Left out are paired times, which
  /// are only ever compared with a base of the same day, and whatever was unavailable.
  public static func baselines(of result: BenchmarkResult, reason: String) -> [Baseline] {
    let suites = Dictionary(grouping: result.scenarios, by: \.suite)
    return suites.sorted { $0.key < $1.key }.compactMap { suite, scenarios in
      var entries: [String: Entry] = [:]
      for scenario in scenarios {
        for metric in scenario.metrics where metric.metricClass != .pairedTime {
          guard let value = metric.storableValue else { continue }
          entries[entryName(scenario: scenario.name, metric: metric.name)] = Entry(
            metricClass: metric.metricClass, unit: metric.unit, direction: metric.direction, value: value)
        }
      }
      guard !entries.isEmpty else { return nil }
      return Baseline(
        suite: suite, fingerprint: result.fingerprint, reason: reason, date: result.date, entries: entries)
    }
  }
}

extension Metric {
  /// Nil when it is unavailable, or no finite number: that is not a figure either.
  var storableValue: Baseline.Value? {
    switch reading {
    case .number(let number): number.isFinite ? .number(number) : nil
    case .digest(let digest): .digest(digest)
    case .unavailable: nil
    }
  }

  /// Why there is no figure; nil when there is one.
  var unavailability: String? {
    switch reading {
    case .number(let number): number.isFinite ? nil : "it was measured as \(number), which is no figure"
    case .digest: nil
    case .unavailable(let reason): reason
    }
  }
}
