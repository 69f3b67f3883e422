public import CoreMetrics
internal import Synchronization

/// A metrics backend of one registry, for services that bring none of their own: what is fed through swift-metrics is kept here and written out in
/// Prometheus' text format 0.0.4.
///
/// Counters are exposed as counters (`_total` is added where it is missing), gauges and meters as gauges, aggregating recorders as histograms, timers as
/// histograms in seconds (`_seconds` is added where it is missing). A gauge has no value until it is given one, and is not exposed until then.
/// Names and labels that Prometheus does not allow are brought into form. Two handles of the same kind, name and labels share one
/// value; a handle whose name is taken by another kind counts nowhere, since no scrape could tell them apart.
///
/// Use it from any thread.
public final class PrometheusRegistry: MetricsFactory {
  /// What to answer as `Content-Type` together with ``exposition()``.
  public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  /// Upper bounds that suit times from a tenth of a millisecond to a minute.
  public static let defaultTimerBounds: [Double] = [
    0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60,
  ]
  /// Upper bounds that suit sizes: powers of four from 1 to 2^30.
  public static let defaultRecorderBounds: [Double] = (0...15).map { Double(UInt64(1) << (2 * $0)) }

  private struct State {
    var families: [String: MetricFamily] = [:]
    var help: [String: String] = [:]
  }

  private let state = Mutex(State())
  private let timerBounds: [Double]
  private let recorderBounds: [Double]

  /// - Parameter timerBounds: upper bounds of the buckets of every timer, in seconds.
  /// - Parameter recorderBounds: the same of every aggregating recorder, in its own unit.
  public init(
    timerBounds: [Double] = PrometheusRegistry.defaultTimerBounds,
    recorderBounds: [Double] = PrometheusRegistry.defaultRecorderBounds
  ) {
    self.timerBounds = timerBounds
    self.recorderBounds = recorderBounds
  }

  /// Says what metrics mean, by name as exposed; swift-metrics has no place for it.
  public func describe(_ help: [String: String]) {
    state.withLock { $0.help.merge(help) { $1 } }
  }

  /// Everything fed so far, families and their series in the order of their names.
  public func exposition() -> String {
    let (families, help) = state.withLock { ($0.families, $0.help) }
    var text = ""
    for (name, family) in families.sorted(by: { $0.key < $1.key }) {
      let series = family.series.sorted { $0.key < $1.key }
      var lines = ""
      for (labels, value) in series { value.write(name: name, labels: labels, to: &lines) }
      guard !lines.isEmpty else { continue }
      text += "# HELP \(name) \(TextFormat.escapedHelp(help[name] ?? "Not described by the program."))\n"
      text += "# TYPE \(name) \(family.kind.rawValue)\n"
      text += lines
    }
    return text
  }

  /// The series of a name and labels: the one that is there, or a new one; nil when the name is taken by another kind.
  private func series<Value: MetricValue>(
    _ label: String, suffix: String, _ kind: MetricKind, _ dimensions: [(String, String)], _ make: () -> Value
  ) -> Value {
    let name = TextFormat.metricName(label, suffix: suffix)
    let labels = LabelSet(dimensions, reserved: kind == .histogram ? "le" : nil)
    return state.withLock { state in
      var family = state.families[name] ?? MetricFamily(kind: kind)
      if family.kind == kind, let value = family.series[labels] as? Value { return value }
      let value = make()
      guard family.kind == kind, family.series[labels] == nil else { return value }
      family.series[labels] = value
      state.families[name] = family
      return value
    }
  }

  private func remove(_ value: AnyObject) {
    state.withLock { state in
      for (name, family) in state.families {
        guard let labels = family.series.first(where: { $0.value === value })?.key else { continue }
        state.families[name]?.series[labels] = nil
        if state.families[name]?.series.isEmpty == true { state.families[name] = nil }
        return
      }
    }
  }
}

extension PrometheusRegistry {
  /// A counter of whole numbers.
  public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    series(label, suffix: "_total", .counter, dimensions) { IntegerCounter() }
  }

  /// A counter of real numbers.
  public func makeFloatingPointCounter(
    label: String, dimensions: [(String, String)]
  ) -> any FloatingPointCounterHandler {
    series(label, suffix: "_total", .counter, dimensions) { RealCounter() }
  }

  /// A gauge.
  public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    series(label, suffix: "", .gauge, dimensions) { GaugeValue() }
  }

  /// A histogram, or a gauge if values are not to be aggregated.
  public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
    guard aggregate else { return series(label, suffix: "", .gauge, dimensions) { GaugeValue() } }
    return series(label, suffix: "", .histogram, dimensions) { Histogram(bounds: recorderBounds) }
  }

  /// A histogram in seconds.
  public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    series(label, suffix: "_seconds", .histogram, dimensions) { Histogram(bounds: timerBounds) }
  }

  /// Forgets a counter.
  public func destroyCounter(_ handler: any CounterHandler) { remove(handler) }
  /// Forgets a counter.
  public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { remove(handler) }
  /// Forgets a gauge.
  public func destroyMeter(_ handler: any MeterHandler) { remove(handler) }
  /// Forgets a histogram or a gauge.
  public func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }
  /// Forgets a histogram.
  public func destroyTimer(_ handler: any TimerHandler) { remove(handler) }
}

enum MetricKind: String {
  case counter, gauge, histogram
}

/// All series of one name.
private struct MetricFamily {
  let kind: MetricKind
  var series: [LabelSet: any MetricValue] = [:]
}
