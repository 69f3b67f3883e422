import BenchGate
import Foundation

/// A run of eight suites with every outcome, as a real one could look.
enum Sample {
  struct Figure {
    let scenario: String
    let metric: String
    let metricClass: MetricClass
    let unit: String
    var direction = Direction.lowerIsBetter
    let old: Reading?
    let new: Reading?
    var spread = 0.0

    init(
      _ scenario: String, _ metric: String, _ metricClass: MetricClass, _ unit: String, _ old: Reading?,
      _ new: Reading?, _ direction: Direction = .lowerIsBetter, spread: Double = 0
    ) {
      self.scenario = scenario
      self.metric = metric
      self.metricClass = metricClass
      self.unit = unit
      self.old = old
      self.new = new
      self.direction = direction
      self.spread = spread
    }
  }

  static let fingerprint = Fingerprint(
    commit: "9476f6a41c22", buildFlags: "release aligned", toolchain: "6.3.1", platform: "linux-x86_64",
    cpuFeatures: ["avx2", "pclmul", "sse4.2"], zstdVersion: "1.5.4", lz4Version: "1.9.4", cLibrary: "glibc 2.36",
    valgrindVersion: "valgrind-3.19.0",
    corpora: [
      "json": "5f2b1e9ad6c04a7b8f5e0d1c2b3a495867768594a3b2c1d0e0f1a2b3c4d5e6f7",
      "log": "0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a1b0c9d",
      "memory": "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90",
    ])

  static let figures: [Figure] = header + engine + codec + time + scaling

  private static let header = [
    Figure("header/encode", "instructions", .instructions, "instructions/frame", 148.25, 148.27),
    Figure("header/decode", "instructions", .instructions, "instructions/frame", 212.5, 212.9),
    Figure("header/decode", "allocations", .exact, "allocations/frame", 0, 0),
    Figure("header/encode", "digest", .exact, "", .digest("9f86d081884c7d65"), .digest("9f86d081884c7d65"), .unchanged),
    Figure("handshake/memory", "wire-bytes", .exact, "bytes", 412, 412),
    Figure("handshake/memory", "frames", .exact, "frames", 6, 6),
    Figure("handshake/memory", "allocations", .exact, "allocations", 318, 311),
    Figure("handshake/memory", "instructions", .instructions, "instructions", 1_204_518, 1_208_032),
    Figure("handshake/memory", "heap-per-session", .exact, "bytes", 21_504, 21_504),
  ]

  private static let engine = ["bulk-64k", "bulk-256k", "message-64", "message-1k", "streams-100", "streams-10000"]
    .enumerated().flatMap { index, name in
      let size = Double(64 << index)
      return [
        Figure("engine/\(name)", "wire-bytes", .exact, "bytes/frame", .number(size + 9), .number(size + 9)),
        Figure(
          "engine/\(name)", "allocations", .exact, "allocations/frame", 0.25, index == 2 ? 1.25 : 0.25),
        Figure(
          "engine/\(name)", "instructions", .instructions, "instructions/frame", .number(1_811.5 * Double(index + 1)),
          index == 5
            ? .unavailable("valgrind is not installed; apt-get install valgrind") : .number(1_811.5 * Double(index + 1))
        ),
        Figure("engine/\(name)", "peak-memory", .exact, "bytes", 262_144, index == 3 ? nil : 262_144),
        Figure(
          "engine/\(name)", "thread-time", .pairedTime, "ratio", 1, .number(0.994 + 0.0125 * Double(index)),
          spread: 0.011
        ),
      ]
    }

  private static let codec = ["json", "log", "memory", "zeros"].flatMap { corpus in
    [
      Figure(
        "codec/zstd-3-\(corpus)", "compressed-bytes", .exact, "bytes", 33_554_432,
        corpus == "memory" ? 33_554_441 : 33_554_432),
      Figure(
        "codec/zstd-3-\(corpus)", "ratio", .exact, "raw/wire", 3.2451171875,
        corpus == "log" ? 3.25 : 3.2451171875, .higherIsBetter),
      Figure(
        "codec/zstd-3-\(corpus)", "output-digest", .exact, "",
        .digest("2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"),
        .digest("2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"), .unchanged),
    ]
  }

  private static let time = [
    Figure(
      "loopback/bulk-1", "throughput", .storedTime, "ratio to nio-sink", 0.412, 0.405, .higherIsBetter, spread: 0.03),
    Figure(
      "loopback/bulk-100", "throughput", .storedTime, "ratio to nio-sink", 0.38, 0.31, .higherIsBetter, spread: 0.02),
    Figure("loopback/bulk-1", "processor-time", .storedTime, "ratio to memory kernel", 2.1, 2.15, spread: 0.2),
    Figure("request/concurrency-1", "p50", .storedTime, "ratio to branchy kernel", 14.2, 14.9, spread: 1.1),
    Figure("request/concurrency-1", "p99", .storedTime, "ratio to branchy kernel", 31.5, 26.1, spread: 5),
    Figure("request/concurrency-100", "p99.9", .storedTime, "ratio to branchy kernel", 88, 310, spread: 90),
    Figure("echo/idle", "p99", .storedTime, "ratio to branchy kernel", nil, 42, spread: 3),
  ]

  private static let scaling = [
    Figure("scaling/streams", "growth-2n", .scaling, "times", 2.01, 2.02),
    Figure("scaling/streams", "growth-4n", .scaling, "times", 4.05, 4.61),
    Figure("scaling/open-close", "growth-2n", .scaling, "times", 2.2, 2.05),
  ]

  /// The run, without verdicts.
  static let result = result(figures.compactMap { figure in figure.new.map { (figure, $0) } })

  /// What was stored before.
  static let baselines = Dictionary(
    uniqueKeysWithValues: Baseline.baselines(
      of: result(figures.compactMap { figure in figure.old.map { (figure, $0) } }), reason: "First figures."
    ).filter { $0.suite != "scaling" }.map { ($0.suite, $0) })

  /// The run with the verdicts of a check and of a comparison, its baselines as read from their files.
  static func judged() throws -> BenchmarkResult {
    var judged = result
    var stored: [String: Baseline] = [:]
    for (suite, baseline) in baselines {
      var fingerprint = baseline.fingerprint
      if suite == "loopback" { fingerprint.cpuFeatures = ["avx2", "avx512f", "sse4.2"] }
      if suite == "header" { fingerprint.valgrindVersion = "3.22.0" }
      let foreign = Baseline(
        suite: suite, fingerprint: fingerprint, reason: baseline.reason, date: baseline.date, entries: baseline.entries)
      stored[suite] = try Baseline(json: Data(foreign.json.utf8), file: foreign.file)
    }
    judged.verdicts = check(result: result, against: stored, classes: Set(MetricClass.allCases), isWhole: true)
    judged.verdicts += figures.filter { $0.metricClass == .pairedTime }.map(paired)
    return judged
  }

  private static func paired(_ figure: Figure) -> Verdict {
    guard case .number(let ratio)? = figure.new else {
      return Verdict(
        scenario: figure.scenario, metric: figure.metric, metricClass: .pairedTime, unit: "ratio", outcome: .unavailable
      )
    }
    let low = ratio - figure.spread
    let high = ratio + figure.spread
    let outcome: Verdict.Outcome = low > 1.02 ? .regression : high < 1.03 ? .pass : .inconclusive
    let text =
      switch outcome {
      case .regression: "\(figure.scenario) \(figure.metric): head takes \(ratio) of the base's time."
      case .inconclusive: "120 pairs did not decide it."
      default: ""
      }
    return Verdict(
      scenario: figure.scenario, metric: figure.metric, metricClass: .pairedTime, unit: "ratio", outcome: outcome,
      old: "1", new: "\(ratio)", ratio: ratio, interval: Interval(low: low, high: high), text: text)
  }

  /// Earlier runs: figures that wander towards today's, one toolchain ago at first, and one run without valgrind.
  static var history: [BenchmarkResult] {
    (0..<9).map { age in
      let share = Double(9 - age) / 9
      var run = result(
        figures.compactMap { figure -> (Figure, Reading)? in
          guard case .number(let new)? = figure.new else { return nil }
          if figure.metricClass == .instructions, age == 5 { return (figure, .unavailable("no valgrind")) }
          let wobble = figure.spread * ([0.4, -0.7, 0.1, 0.9, -0.3][(age + figure.scenario.count) % 5])
          guard case .number(let old)? = figure.old else { return (figure, .number(new + wobble)) }
          return (figure, .number(age > 2 && figure.metricClass == .exact ? old : new + (old - new) * share + wobble))
        })
      run.fingerprint.commit = "c0ffee\(age)"
      run.date = "2026-11-\(10 + age)T04:00:00Z"
      if age < 2 { run.fingerprint.toolchain = "6.2" }
      return run
    }
  }

  private static func result(_ readings: [(Figure, Reading)]) -> BenchmarkResult {
    var scenarios: [ScenarioResult] = []
    for (figure, reading) in readings {
      var interval: Interval?
      if case .number(let number) = reading, figure.spread > 0 {
        interval = Interval(low: number - figure.spread, high: number + figure.spread)
      }
      let metric = Metric(
        figure.metric, figure.metricClass, unit: figure.unit, direction: figure.direction, reading, interval: interval)
      if let index = scenarios.firstIndex(where: { $0.name == figure.scenario }) {
        scenarios[index].metrics.append(metric)
      } else {
        scenarios.append(ScenarioResult(name: figure.scenario, metrics: [metric]))
      }
    }
    return BenchmarkResult(fingerprint: fingerprint, date: "2026-11-25T01:02:03Z", scenarios: scenarios)
  }
}

extension Reading: ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral {
  public init(floatLiteral value: Double) { self = .number(value) }
  public init(integerLiteral value: Int) { self = .number(Double(value)) }
}
