import Foundation

/// How a metric is judged; the table in Benchmarks/README.md has the rules.
public enum MetricClass: String, Codable, Sendable, CaseIterable, Comparable {
  case exact = "E"
  /// Instructions that callgrind counts in a marked region.
  case instructions = "I"
  /// The ratio of two binaries' thread time, from interleaved processes.
  case pairedTime = "P"
  /// A time as a ratio to a reference kernel or to a peer in the same run.
  case storedTime = "R"
  /// How the work grows when its size doubles.
  case scaling = "S"

  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// Which way a metric is meant to go.
public enum Direction: String, Codable, Sendable {
  case lowerIsBetter = "lower"
  case higherIsBetter = "higher"
  /// Any change is a regression, as of a digest.
  case unchanged
}

/// What was measured of a metric.
public enum Reading: Sendable, Equatable {
  case number(Double)
  case digest(String)
  /// Never a zero and never a pass: why it could not be measured here.
  case unavailable(String)
}

/// A range around a metric's value, in its unit.
public struct Interval: Codable, Sendable, Equatable {
  public let low: Double
  public let high: Double

  public init(low: Double, high: Double) {
    self.low = low
    self.high = high
  }
}

/// One metric of one scenario.
public struct Metric: Sendable, Equatable {
  public let name: String
  public let metricClass: MetricClass
  /// The unit in words: `bytes`, `allocations/frame`, `instructions/block`, `ratio`.
  public let unit: String
  public let direction: Direction
  public var reading: Reading
  /// The 99 % interval or, where there are too few samples, the range; nil where a value is exact.
  public var interval: Interval?

  public init(
    _ name: String, _ metricClass: MetricClass, unit: String, direction: Direction = .lowerIsBetter, _ reading: Reading,
    interval: Interval? = nil
  ) {
    self.name = name
    self.metricClass = metricClass
    self.unit = unit
    self.direction = direction
    self.reading = reading
    self.interval = interval
  }
}

/// What one scenario measured.
public struct ScenarioResult: Codable, Sendable, Equatable {
  /// `SUITE/REST`; the suite names the file of its baseline.
  public let name: String
  public var metrics: [Metric]

  public init(name: String, metrics: [Metric]) {
    self.name = name
    self.metrics = metrics
  }

  public var suite: String { String(name.prefix { $0 != "/" }) }
}

/// A whole run: the document behind every table and page.
public struct BenchmarkResult: Codable, Sendable, Equatable {
  public static let currentSchema = 1

  public var schema = Self.currentSchema
  public var fingerprint: Fingerprint
  /// ISO 8601, UTC.
  public var date: String
  public var scenarios: [ScenarioResult]
  /// What a check or a comparison said of the metrics; empty after a mere run.
  public var verdicts: [Verdict] = []

  public init(fingerprint: Fingerprint, date: String, scenarios: [ScenarioResult]) {
    self.fingerprint = fingerprint
    self.date = date
    self.scenarios = scenarios
  }
}

extension Metric: Codable {
  private enum Key: String, CodingKey {
    case metricClass = "class"
    case name, unit, direction, value, digest, unavailable, interval
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    name = try container.decode(String.self, forKey: .name)
    metricClass = try container.decode(MetricClass.self, forKey: .metricClass)
    unit = try container.decode(String.self, forKey: .unit)
    direction = try container.decode(Direction.self, forKey: .direction)
    interval = try container.decodeIfPresent(Interval.self, forKey: .interval)
    if let value = try container.decodeIfPresent(Double.self, forKey: .value) {
      reading = .number(value)
    } else if let digest = try container.decodeIfPresent(String.self, forKey: .digest) {
      reading = .digest(digest)
    } else {
      reading = .unavailable(try container.decode(String.self, forKey: .unavailable))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(name, forKey: .name)
    try container.encode(metricClass, forKey: .metricClass)
    try container.encode(unit, forKey: .unit)
    try container.encode(direction, forKey: .direction)
    try container.encodeIfPresent(interval, forKey: .interval)
    switch reading {
    case .number(let value): try container.encode(value, forKey: .value)
    case .digest(let digest): try container.encode(digest, forKey: .digest)
    case .unavailable(let reason): try container.encode(reason, forKey: .unavailable)
    }
  }
}
