import CoreMetrics
import DWCPPrometheus
import Foundation
import Testing

/// The text format, and what promtool has to say about it.
@Suite struct PrometheusSuiteExposition {
  @Test("each kind of handle is exposed as what it is, in a fixed order")
  func kinds() {
    let registry = PrometheusRegistry(timerBounds: [0.1, 1], recorderBounds: [10])
    registry.describe(["requests_total": "Requests\nby \\ path.", "queue": "Waiting."])
    Counter(label: "requests", dimensions: [("path", "a\"b\\c\nd")], factory: registry).increment(by: 3)
    Counter(label: "requests_total", dimensions: [("path", "/")], factory: registry).increment()
    FloatingPointCounter(label: "work_seconds_total", factory: registry).increment(by: 0.25)
    Gauge(label: "queue", factory: registry).record(7.5)
    Meter(label: "level", factory: registry).increment(by: 2)
    Recorder(label: "size_bytes", factory: registry).record(10)
    Recorder(label: "size_bytes", factory: registry).record(11)
    Timer(label: "delay", factory: registry).recordMilliseconds(500)
    #expect(
      registry.exposition() == """
        # HELP delay_seconds Not described by the program.
        # TYPE delay_seconds histogram
        delay_seconds_bucket{le="0.1"} 0
        delay_seconds_bucket{le="1"} 1
        delay_seconds_bucket{le="+Inf"} 1
        delay_seconds_sum 0.5
        delay_seconds_count 1
        # HELP level Not described by the program.
        # TYPE level gauge
        level 2
        # HELP queue Waiting.
        # TYPE queue gauge
        queue 7.5
        # HELP requests_total Requests\\nby \\\\ path.
        # TYPE requests_total counter
        requests_total{path="/"} 1
        requests_total{path="a\\"b\\\\c\\nd"} 3
        # HELP size_bytes Not described by the program.
        # TYPE size_bytes histogram
        size_bytes_bucket{le="10"} 1
        size_bytes_bucket{le="+Inf"} 2
        size_bytes_sum 21
        size_bytes_count 2
        # HELP work_seconds_total Not described by the program.
        # TYPE work_seconds_total counter
        work_seconds_total 0.25

        """)
  }

  @Test("a gauge shows nothing until it has a value, and then what it was given, numbers beyond all others too")
  func gaugeValues() {
    let registry = PrometheusRegistry()
    let gauge = Gauge(label: "g", factory: registry)
    #expect(registry.exposition() == "")
    for (value, text) in [
      (Double.nan, "NaN"), (.infinity, "+Inf"), (-.infinity, "-Inf"), (0.1, "0.1"), (-3, "-3"), (1e300, "1e+300"),
    ] {
      gauge.record(value)
      #expect(registry.exposition().hasSuffix("\ng \(text)\n"))
    }
    gauge.record(Int64.max)
    #expect(registry.exposition().hasSuffix("\ng 9.223372036854776e+18\n"))
  }

  @Test("counters are exact up to 64 bits and never fall")
  func counters() {
    let registry = PrometheusRegistry()
    let counter = Counter(label: "c_total", factory: registry)
    counter.increment(by: Int64.max)
    counter.increment(by: Int64.max)
    counter.increment(by: Int64(-5))
    #expect(registry.exposition().hasSuffix("\nc_total 18446744073709551614\n"))
    let real = FloatingPointCounter(label: "f_total", factory: registry)
    for amount in [1.5, -1, .nan, .infinity] { real.increment(by: amount) }
    #expect(registry.exposition().hasSuffix("\nf_total 1.5\n"))
    counter.reset()
    #expect(registry.exposition().contains("\nc_total 0\n"))
  }

  @Test("names and labels that Prometheus does not allow are brought into form")
  func names() {
    let registry = PrometheusRegistry()
    Counter(label: "9 lives.of-cats", dimensions: [("a-b", "1"), ("a_b", "2"), ("__own", "x")], factory: registry)
      .increment()
    Recorder(label: "h", dimensions: [("le", "mine")], factory: registry).record(1)
    let text = registry.exposition()
    #expect(text.contains("\n_9_lives_of_cats_total{_own=\"x\",a_b=\"2\"} 1\n"))
    #expect(text.contains("\nh_count{_le=\"mine\"} 1\n"))
  }

  @Test("a name keeps the kind that took it first; a destroyed handle is gone, and its name free")
  func conflicts() {
    let registry = PrometheusRegistry()
    let gauge = Gauge(label: "x", factory: registry)
    gauge.record(1)
    Recorder(label: "x", factory: registry).record(5)
    #expect(registry.exposition().hasSuffix("# TYPE x gauge\nx 1\n"))
    gauge.destroy()
    #expect(registry.exposition() == "")
    Recorder(label: "x", factory: registry).record(5)
    #expect(registry.exposition().contains("# TYPE x histogram"))
  }

  @Test("what many threads feed at once is all there")
  func threads() async {
    let registry = PrometheusRegistry()
    await withTaskGroup(of: Void.self) { group in
      for worker in 0..<8 {
        group.addTask {
          for round in 0..<2_000 {
            Counter(label: "n_total", dimensions: [("worker", "\(worker % 2)")], factory: registry).increment()
            Timer(label: "t", factory: registry).recordSeconds(1)
            if round.isMultiple(of: 500) { _ = registry.exposition() }
          }
        }
      }
    }
    let text = registry.exposition()
    #expect(text.contains("n_total{worker=\"0\"} 8000\n") && text.contains("n_total{worker=\"1\"} 8000\n"))
    #expect(text.contains("t_seconds_count 16000\n") && text.contains("t_seconds_sum 16000\n"))
  }
}
