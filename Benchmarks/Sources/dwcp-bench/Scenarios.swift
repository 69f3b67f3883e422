import BenchGate
import DWCPCore

/// One line of the list.
struct Scenario: Sendable {
  enum Kind: Sendable {
    /// Deterministic work: classes E, I, P and R.
    case workload(Workload)
    /// Exact figures that are not of turns: class E.
    case exact(@Sendable () throws -> [Metric])
    /// Work at growing sizes: class S.
    case scaling(Workload, sizes: [Int])
    /// Sockets and threads: class R, as ratios to something in the same run where there is such a thing.
    case live(LiveScenario)
  }

  let name: String
  let summary: String
  let kind: Kind

  var suite: String { String(name.prefix { $0 != "/" }) }

  /// The classes that it has metrics of, with P for those that `compare` takes.
  var classes: Set<MetricClass> {
    switch kind {
    case .workload: [.exact, .instructions, .pairedTime, .storedTime]
    case .exact: [.exact]
    case .scaling: [.scaling]
    case .live: [.storedTime]
    }
  }

  var workload: Workload? {
    switch kind {
    case .workload(let workload), .scaling(let workload, _): workload
    case .exact, .live: nil
    }
  }
}

/// All scenarios. To add one: append a line here; Benchmarks/README.md has an example.
enum Scenarios {
  static let all: [Scenario] = header + engine + handshake + codec + heap + scaling + live + baselines

  static func named(_ name: String) -> Scenario? { all.first { $0.name == name } }

  /// Those whose name contains the text; all without one.
  static func matching(_ filter: String?) -> [Scenario] {
    all.filter { scenario in filter.map { scenario.name.contains($0) } ?? true }
  }

  private static let header = [
    work("header/encode", "frame headers written", unit: "header", turns: (200, 3_000)) {
      try HeaderWork(isDecoding: false, $1)
    },
    work("header/decode", "frame headers read and verified", unit: "header", turns: (200, 3_000)) {
      try HeaderWork(isDecoding: true, $1)
    },
  ]

  private static let engine = [
    engine("engine/block-64k", "blocks of 64 KiB on 4 streams", turns: (100, 1_000)) {
      .init(streamCount: 4, unitByteCount: 64 << 10, isMessage: false)
    },
    engine("engine/block-256k", "blocks of 256 KiB on 4 streams", turns: (40, 300)) {
      .init(streamCount: 4, unitByteCount: 256 << 10, isMessage: false)
    },
    engine("engine/slice-128k", "blocks of 128 KiB that are slices of one large buffer", turns: (60, 500)) {
      .init(streamCount: 4, unitByteCount: 128 << 10, isMessage: false, isSliced: true)
    },
    engine("engine/cut-64k", "writes of 64 KiB in blocks of 40,000 bytes and reads of 50,000", turns: (100, 1_000)) {
      .init(unitsPerTurn: 4, unitByteCount: 64 << 10, isMessage: false, blockByteCount: 40_000, readByteCount: 50_000)
    },
    engine("engine/message-64", "messages of 64 bytes on 16 streams", turns: (100, 150)) {
      .init(streamCount: 16, unitsPerTurn: 16, unitByteCount: 64)
    },
    engine("engine/message-1k", "messages of 1 KiB on 16 streams", turns: (100, 120)) {
      .init(streamCount: 16, unitsPerTurn: 16)
    },
    engine("engine/streams-100", "a message of 1 KiB on each of 100 streams", turns: (100, 250)) {
      .init(streamCount: 100)
    },
    engine("engine/streams-10000", "a message of 1 KiB on each of 10,000 streams", turns: (2, 8)) {
      .init(streamCount: 10_000)
    },
    work("engine/open-close", "streams opened, with one message, and closed", unit: "stream", turns: (100, 100)) {
      OpenCloseWork($1)
    },
  ]

  private static let handshake = [
    work("handshake/full", "handshakes between two new engines", unit: "handshake", turns: (100, 2_000)) {
      HandshakeWork($1)
    }
  ]

  private static let codec: [Scenario] =
    SeededCorpora.names.map { name in
      Scenario(
        name: "codec/sizes-\(name)", summary: "what each codec and level makes of the corpus '\(name)'",
        kind: .exact {
          guard let corpus = try SeededCorpora.named(name) else { throw BenchmarkError("no corpus '\(name)'") }
          return try CodecSizes.metrics(of: corpus)
        })
    }
    + ["json", "pages", "random"].flatMap { corpus in
      ["lz4:1", "zstd:1", "zstd:3"].flatMap { setting in
        [false, true].map { codec(corpus, setting, isDecoding: $0) }
      }
    }

  private static let heap = [
    Scenario(
      name: "heap/idle-stream", summary: "heap per open stream, both ends together", kind: .exact(IdleHeap.perStream)),
    Scenario(
      name: "heap/session", summary: "heap per session without streams, both ends together",
      kind: .exact(IdleHeap.perSession)),
  ]

  private static let scaling = [
    Scenario(
      name: "scaling/streams", summary: "a message on each of N, 2N and 4N streams",
      kind: .scaling(
        Workload(
          name: "scaling/streams", summary: "", unit: "message", countedTurns: 4, timedTurns: 40,
          make: { size, measuring in try EngineWork(.init(streamCount: size), measuring) }), sizes: [250, 500, 1_000]))
  ]

  private static let live = [
    live("live/bulk-1", "1 GB over loopback TCP on one stream, against a SwiftNIO sink", Bulk.stored(streamCount: 1)),
    live("live/bulk-100", "the same on 100 streams", Bulk.stored(streamCount: 100)),
    live("live/bulk-zstd1", "zstd 1 over loopback TCP, against one thread that only compresses", Bulk.zstd1),
    live("live/exchange-1", "open, 1 KiB, 1 KiB, close: one at a time", Exchange.scenario(concurrency: 1)),
    live("live/exchange-100", "the same, 100 at a time", Exchange.scenario(concurrency: 100)),
    live("live/echo-idle", "64-byte round trips on an idle session", Echo.scenario(bulkStreamCount: 0)),
    live("live/echo-bulk-1", "64-byte round trips beside one bulk stream", Echo.scenario(bulkStreamCount: 1)),
    live("live/echo-bulk-4", "64-byte round trips beside four bulk streams", Echo.scenario(bulkStreamCount: 4)),
    live("live/echo-other-session", "64-byte round trips beside another session's bulk", Echo.otherSession),
    live("live/bulk-far", "131 MB over an emulated link of 1 Gb/s and 60 ms, against a SwiftNIO sink", Bulk.far),
    live("live/echo-slow-link", "64-byte round trips over an emulated link of 100 Mb/s, beside bulk", Echo.slowLink),
    live(
      "live/codec-paths", "128 KiB blocks through the engine, each codec both ways, beside the bare libraries",
      CodecPaths.scenario),
    live("live/codec-cores", "one stream's blocks on one thread and on two", CodecCores.scenario),
    live("live/codec-files", "codecs on files of this machine", MachineCodecs.files),
    live(
      "live/chains-3", "chained blocks at zstd 3 beside one streaming context of libzstd", Chains.scenario(level: 3)),
    live("live/chains-9", "the same at zstd 9", Chains.scenario(level: 9)),
    live(
      "live/dictionary-256", "JSON messages of 256 bytes at zstd 1, with a trained dictionary and without",
      Dictionaries.scenario(messageByteCount: 256)),
    live("live/dictionary-1024", "the same of 1 KiB", Dictionaries.scenario(messageByteCount: 1_024)),
    live("live/codec-memory", "codecs on the memory of a process, at two instants", MachineCodecs.memory),
  ]

  private static let baselines: [Scenario] =
    [
      live(
        "baselines/process", "changed pages of a Python process that serves",
        PageGroups.process(ProcessMemory.servingTables)),
      live("baselines/database", "changed pages of a database in memory", PageGroups.process(ProcessMemory.database)),
      live(
        "baselines/busy", "changed pages of a process that replaces all it has",
        PageGroups.process(ProcessMemory.busyTables)),
      live("baselines/inserted", "pages with bytes inserted", PageGroups.seeded(.inserted, percent: 0)),
    ]
    + [SeededPairs.Change.bytes, .words, .lines].flatMap { change in
      [1, 5, 10].map { percent in
        live(
          "baselines/\(change)-\(percent)", "pages with \(percent) % of their \(change) changed",
          PageGroups.seeded(change, percent: percent))
      }
    }
    + [(16, 1, 1), (16, 1, 3), (16, 2, 1), (1_024, 2, 1)].map { mebibytes, blockMebibytes, level in
      live(
        "baselines/patch-\(mebibytes)-mib-blocks-\(blockMebibytes)-zstd-\(level)",
        "an object of \(mebibytes) MiB with insertions, beside zstd --patch-from",
        Patches.scenario(
          byteCount: mebibytes << 20, blockByteCount: blockMebibytes << 20, spacing: 65_536, level: level))
    }

  private static func live(_ name: String, _ summary: String, _ scenario: LiveScenario) -> Scenario {
    Scenario(name: name, summary: summary, kind: .live(scenario))
  }

  /// Turns: under callgrind and for exact counts, and for times (about 50 ms).
  private static func work(
    _ name: String, _ summary: String, unit: String, turns: (Int, Int),
    _ make: @escaping @Sendable (Int, Measuring) throws -> any Work
  ) -> Scenario {
    Scenario(
      name: name, summary: summary,
      kind: .workload(
        Workload(
          name: name, summary: summary, unit: unit, countedTurns: turns.0, timedTurns: turns.1, make: make)))
  }

  private static func engine(
    _ name: String, _ summary: String, turns: (Int, Int), _ load: @escaping @Sendable () -> EngineWork.Load
  ) -> Scenario {
    work(name, "engine to engine in memory: \(summary)", unit: load().isMessage ? "message" : "block", turns: turns) {
      try EngineWork(load(), $1)
    }
  }

  private static func codec(_ corpusName: String, _ text: String, isDecoding: Bool) -> Scenario {
    let name = "codec/\(isDecoding ? "decode" : "encode")-\(text.replacing(":", with: "-"))-\(corpusName)"
    return work(name, "\(text) on blocks of '\(corpusName)'", unit: "block", turns: (8, 100)) { _, measuring in
      guard let corpus = try SeededCorpora.named(corpusName), let setting = CompressionSetting(text) else {
        throw BenchmarkError("no corpus '\(corpusName)' or no codec '\(text)'")
      }
      return try CodecWork(corpus, setting, isDecoding: isDecoding, measuring)
    }
  }
}
