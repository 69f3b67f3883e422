import BenchGate
import NIOCore

/// A piece of work that follows from its seed to the byte, in one thread: what classes E, I, P, R and S are measured on.
struct Workload: Sendable {
  /// `SUITE/NAME`.
  let name: String
  let summary: String
  /// What figures are given for, in the singular: `frame`, `block`, `stream`.
  let unit: String
  /// Turns for exact counts and under callgrind, where a turn takes some fifty times as long.
  let countedTurns: Int
  /// Turns that take about 50 ms, for times.
  let timedTurns: Int
  /// Prepares everything, once for each process. Its argument is the size for scaling, 1 otherwise.
  let make: @Sendable (_ size: Int, Measuring) throws -> any Work
}

/// Prepared work.
protocol Work: AnyObject {
  /// Does one turn and returns how many units it was.
  func turn() throws -> Int
  /// Facts about all turns since `beginCounting`, beside what the allocation meter saw.
  func metrics(unitCount: Int) -> [Metric]
  /// The steady state begins.
  func beginCounting()
}

/// How work is being looked at.
struct Measuring: Sendable {
  let meter: AllocationMeter
  /// Whether facts are wanted that take work of their own, such as digests.
  let isExact: Bool
  let injection: Injection

  init(isExact: Bool, injection: Injection) {
    self.isExact = isExact
    self.injection = injection
    meter = AllocationMeter(isOn: isExact)
  }
}

/// A fault put in on purpose, for the self-test.
enum Injection: Equatable, Sendable {
  case none
  /// One allocation more for each unit.
  case allocation
  /// One byte more on the wire for each unit.
  case wireByte
  /// So many hundredths of the turns are done twice.
  case work(percent: Double)

  /// Reads `allocation`, `wire-byte` or `work:PERCENT`.
  init?(_ text: String) {
    switch text {
    case "": self = .none
    case "allocation": self = .allocation
    case "wire-byte": self = .wireByte
    default:
      guard text.hasPrefix("work:"), let percent = Double(text.dropFirst(5)), (0...100).contains(percent) else {
        return nil
      }
      self = .work(percent: percent)
    }
  }
}

/// A run did not do its work.
struct BenchmarkError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}
