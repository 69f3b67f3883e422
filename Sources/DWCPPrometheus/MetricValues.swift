internal import CoreMetrics
internal import Synchronization

/// The value behind one series.
protocol MetricValue: AnyObject, Sendable {
  /// Appends the lines of the series; none while there is no value.
  func write(name: String, labels: LabelSet, to text: inout String)
}

/// Whole numbers, exact over the whole range of 64 bits.
final class IntegerCounter: CounterHandler, MetricValue {
  private let value = Atomic<UInt64>(0)

  /// A counter never falls: what is not above 0 changes nothing.
  func increment(by amount: Int64) {
    guard amount > 0 else { return }
    value.wrappingAdd(UInt64(amount), ordering: .relaxed)
  }

  func reset() {
    value.store(0, ordering: .relaxed)
  }

  func write(name: String, labels: LabelSet, to text: inout String) {
    text += "\(name)\(labels.braced()) \(value.load(ordering: .relaxed))\n"
  }
}

final class RealCounter: FloatingPointCounterHandler, MetricValue {
  private let value = Mutex(0.0)

  /// A counter never falls: what is not above 0, or not a number, changes nothing.
  func increment(by amount: Double) {
    guard amount > 0, amount.isFinite else { return }
    value.withLock { $0 += amount }
  }

  func reset() {
    value.withLock { $0 = 0 }
  }

  func write(name: String, labels: LabelSet, to text: inout String) {
    text += "\(name)\(labels.braced()) \(TextFormat.number(value.withLock { $0 }))\n"
  }
}

final class GaugeValue: RecorderHandler, MeterHandler, MetricValue {
  private let value = Mutex<Double?>(nil)

  func record(_ value: Int64) { set(Double(value)) }
  func record(_ value: Double) { set(value) }
  func set(_ value: Int64) { set(Double(value)) }
  func set(_ value: Double) { self.value.withLock { $0 = value } }
  func increment(by amount: Double) { value.withLock { $0 = ($0 ?? 0) + amount } }
  func decrement(by amount: Double) { increment(by: -amount) }

  func write(name: String, labels: LabelSet, to text: inout String) {
    guard let value = value.withLock({ $0 }) else { return }
    text += "\(name)\(labels.braced()) \(TextFormat.number(value))\n"
  }
}

final class Histogram: RecorderHandler, TimerHandler, MetricValue {
  private struct State {
    /// Observations for each bound, and those above all of them.
    var counts: [UInt64]
    var sum = 0.0
  }

  private let bounds: [Double]
  private let state: Mutex<State>

  init(bounds: [Double]) {
    self.bounds = Set(bounds.filter(\.isFinite)).sorted()
    state = Mutex(State(counts: Array(repeating: 0, count: self.bounds.count + 1)))
  }

  func record(_ value: Int64) { record(Double(value)) }
  func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }

  func record(_ value: Double) {
    let place = bounds.firstIndex { value <= $0 } ?? bounds.count
    state.withLock { state in
      state.counts[place] &+= 1
      state.sum += value
    }
  }

  func write(name: String, labels: LabelSet, to text: inout String) {
    let state = state.withLock { $0 }
    var count: UInt64 = 0
    for (place, bound) in (bounds + [.infinity]).enumerated() {
      count &+= state.counts[place]
      text += "\(name)_bucket\(labels.braced(adding: "le=\"\(TextFormat.number(bound))\"")) \(count)\n"
    }
    text += "\(name)_sum\(labels.braced()) \(TextFormat.number(state.sum))\n"
    text += "\(name)_count\(labels.braced()) \(count)\n"
  }
}
