import BenchGate
import Foundation
import Testing

@Suite struct BaselineFileSuite {
  private static let file = "Benchmarks/Baselines/engine/linux-x86_64.json"

  private func baseline(_ entries: [String: Baseline.Entry]) -> Baseline {
    Baseline(
      suite: "engine", fingerprint: Sample.fingerprint, reason: "A \"quoted\"\nreason", date: "2026-11-25T00:00:00Z",
      entries: entries)
  }

  private func number(_ value: Double) -> Baseline.Entry {
    Baseline.Entry(metricClass: .exact, unit: "bytes", direction: .lowerIsBetter, value: .number(value))
  }

  private func read(_ text: String) throws -> Baseline { try Baseline(json: Data(text.utf8), file: Self.file) }

  private func error(of text: String) throws -> BenchmarkFileError {
    try #require(throws: BenchmarkFileError.self) { try read(text) }
  }

  /// A baseline of two metrics, one line each.
  private var text: String {
    baseline(["engine/a/bytes": number(0.25), "engine/b/bytes": number(2)]).json
  }

  private func line(_ needle: String, in text: String) -> Int {
    (text.components(separatedBy: "\n").lastIndex { $0.contains(needle) } ?? -1) + 1
  }

  @Test func `A metric takes one line, in the order of the names`() {
    let lines = text.components(separatedBy: "\n").filter { $0.contains("engine/") }
    #expect(
      lines == [
        #"    "engine/a/bytes": {"class": "E", "direction": "lower", "unit": "bytes", "value": 0.25},"#,
        #"    "engine/b/bytes": {"class": "E", "direction": "lower", "unit": "bytes", "value": 2}"#,
      ])
    let digest = Baseline.Entry(metricClass: .exact, unit: "", direction: .unchanged, value: .digest("ab\"12"))
    #expect(
      baseline(["engine/d": digest]).json.contains(
        #"    "engine/d": {"class": "E", "digest": "ab\"12", "direction": "unchanged", "unit": ""}"#))
  }

  @Test func `A baseline is read as it was written, with the line of each metric`() throws {
    for stored in Sample.baselines.values {
      let text = stored.json
      let read = try Baseline(json: Data(text.utf8), file: stored.file)
      #expect(read.entries == stored.entries)
      #expect(read.fingerprint == stored.fingerprint)
      #expect(read.reason == stored.reason)
      #expect(read.date == stored.date)
      #expect(read.suite == stored.suite)
      #expect(read.json == text)
      for name in stored.entries.keys { #expect(read.lines[name] == line("\"\(name)\"", in: text)) }
    }
  }

  @Test func `Every number survives the file to the last bit`() throws {
    var random = SystemRandomNumberGenerator()
    var values = [
      0, 0.1, 1e16, 9_007_199_254_740_992, .leastNonzeroMagnitude, Double.greatestFiniteMagnitude, 1 / 3.0, -2.5e-7,
    ]
    for _ in 0..<2_000 {
      let value = Double(bitPattern: random.next())
      if value.isFinite { values.append(value) }
    }
    let entries = Dictionary(
      uniqueKeysWithValues: values.enumerated().map { ("engine/a/\($0.offset)", number($0.element)) })
    let read = try read(baseline(entries).json)
    for (name, entry) in entries {
      guard case .number(let old) = entry.value, case .number(let new)? = read.entries[name]?.value else {
        Issue.record("\(name) is no number any more")
        continue
      }
      #expect(old.bitPattern == new.bitPattern)
    }
  }

  @Test func `Lines are found in a file that another tool laid out`() throws {
    let object = try JSONSerialization.jsonObject(with: Data(text.utf8))
    let spread = String(
      decoding: try JSONSerialization.data(withJSONObject: object, options: [.prettyPrinted, .sortedKeys]),
      as: UTF8.self
    ).replacingOccurrences(of: "\n", with: "\r\n")
    let name = #"engine\/b\/bytes"#
    let expected = (spread.components(separatedBy: "\r\n").firstIndex { $0.contains(name) } ?? -1) + 1
    #expect(try read(spread).lines["engine/b/bytes"] == expected)
  }

  /// Each kind of damage: what to replace, by what, a word of the line that is to be named, and of the text.
  @Test(arguments: [
    ("0.25},", "0.25}", "engine/b/", "',' or '}'"),
    ("\"value\": 2}", "\"value\": 2},", "  },", "a key in quotes"),
    ("0.25", "0.2.5", "engine/a/", "'0.2.5' is not a number"),
    ("0.25", "025", "engine/a/", "'025' is not a number"),
    ("0.25", "1e999", "engine/a/", "'1e999' is not a number"),
    ("0.25", "NaN", "engine/a/", "'N' where a value"),
    ("0.25", "", "engine/a/", "'}' where a value"),
    ("    \"engine/b", "<<<<<<< HEAD\n    \"engine/b", "<<<<<<<", "merge conflict"),
    ("engine/b/", "engine/a/", "\"value\": 2}", "stands here again"),
    ("\"bytes\", \"value\": 0.25", "\"bytes, \"value\": 0.25", "engine/a/", "',' or '}'"),
    (
      "\"lower\", \"unit\": \"bytes\", \"value\": 0.25", "\"lo\nwer\", \"unit\": \"bytes\", \"value\": 0.25",
      "engine/a/", "control"
    ),
    ("\"unit\": \"bytes\", \"value\": 0.25", "\"unit\": \"\\q\", \"value\": 0.25", "engine/a/", "escape"),
    ("0.25", "\"0.25\"", "engine/a/", "another type than Double"),
    ("0.25", "null", "engine/a/", "null"),
    ("\"unit\": \"bytes\", \"value\": 0.25", "\"value\": 0.25", "engine/a/", "\"unit\" is missing"),
    (", \"value\": 0.25", "", "engine/a/", "\"value\" is missing"),
    (
      "\"class\": \"E\", \"direction\": \"lower\", \"unit\": \"bytes\", \"value\": 0.25",
      "\"class\": \"X\", \"direction\": \"lower\", \"unit\": \"bytes\", \"value\": 0.25", "engine/a/", "\"class\""
    ),
    ("\"toolchain\": \"6.3.1\"", "\"toolchain\": 6.3", "toolchain", "another type than String"),
    ("\"toolchain\"", "\"tolchain\"", "\"fingerprint\"", "\"toolchain\" is missing"),
    ("\"schema\": 1", "\"schema\": \"1\"", "schema", "another type than Int"),
    ("\"suite\": \"engine\"\n}", "\"suite\": \"engine\"\n}}", "}}", "after the closing brace"),
  ])
  func `Damage is told with its line`(old: String, new: String, lineMark: String, word: String) throws {
    let damaged = text.replacingOccurrences(of: old, with: new)
    try #require(damaged != text)
    let error = try error(of: damaged)
    #expect(error.code == .damaged)
    #expect(error.text.contains(word), "\(error)")
    #expect(error.line == line(lineMark, in: damaged), "\(error)")
    #expect(error.text.contains("git checkout -- \(Self.file)") && error.text.contains("baseline update"))
    #expect(error.description.hasPrefix("\(Self.file):\(error.line ?? 0): "))
  }

  @Test func `A file cut anywhere is damaged at its end`() throws {
    let bytes = Array(text.utf8.dropLast(2))  // The last brace and its line break.
    for count in 0...bytes.count {
      let cut = Data(bytes.prefix(count))
      let error = try #require(throws: BenchmarkFileError.self) { try Baseline(json: cut, file: Self.file) }
      #expect(error.code == .damaged)
      #expect(error.line == cut.count { $0 == UInt8(ascii: "\n") } + 1, "\(count): \(error)")
    }
  }

  @Test func `Bytes that are not UTF-8, another schema and deep nesting have their lines`() throws {
    var bytes = Data(text.utf8)
    let place = try #require(bytes.firstRange(of: Data("engine/b".utf8)))
    bytes[place.lowerBound] = 0xFF
    let broken = bytes
    let encoding = try #require(throws: BenchmarkFileError.self) { try Baseline(json: broken, file: Self.file) }
    #expect(encoding.line == line("engine/b", in: text))

    let schema = try error(of: text.replacingOccurrences(of: "\"schema\": 1", with: "\"schema\": 2"))
    #expect(schema.code == .foreignSchema)
    #expect(schema.line == line("\"schema\"", in: text))

    #expect(try error(of: String(repeating: "[", count: 100_000)).line == 1)
  }

  @Test func `A baseline lies where its suite and platform say`() throws {
    let root = FileManager.default.temporaryDirectory.appendingPathComponent("BaselineFileSuite-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: root) }
    #expect(try Baseline.read(suite: "engine", key: "linux-x86_64", root: root) == nil)
    let engine = try #require(Sample.baselines["engine"])
    try engine.write(root: root)
    let read = try #require(try Baseline.read(suite: "engine", key: "linux-x86_64", root: root))
    #expect(read.entries == engine.entries)
    #expect(read.file == Self.file)
    #expect(Array(try Baseline.read(for: Sample.result, root: root).keys) == ["engine"])
    let empty = BenchmarkResult(fingerprint: Sample.fingerprint, date: "", scenarios: [])
    #expect(Array(try Baseline.read(for: empty, root: root).keys) == ["engine"])

    try Data("{".utf8).write(to: URL(fileURLWithPath: "\(root)/\(Self.file)"))
    let error = #expect(throws: BenchmarkFileError.self) { try Baseline.read(for: Sample.result, root: root) }
    #expect(error?.file == Self.file)
    #expect(error?.line == 1)

    let result = try Sample.judged()
    try result.write(to: "\(root)/runs/one.json")
    #expect(try BenchmarkResult.read(from: "\(root)/runs/one.json") == result)
    let absent = #expect(throws: BenchmarkFileError.self) { try BenchmarkResult.read(from: "\(root)/none.json") }
    #expect(absent?.code == .inaccessible)
    let folder = #expect(throws: BenchmarkFileError.self) { try result.write(to: "\(root)/runs/one.json/two.json") }
    #expect(folder?.code == .inaccessible)
  }

  @Test func `What is unavailable, no number, or only compared in pairs is not stored`() {
    let metrics = [
      Metric("kept", .exact, unit: "bytes", 1), Metric("absent", .exact, unit: "bytes", .unavailable("why")),
      Metric("infinite", .exact, unit: "bytes", .number(.infinity)), Metric("time", .pairedTime, unit: "ratio", 1),
    ]
    let result = BenchmarkResult(
      fingerprint: Sample.fingerprint, date: "", scenarios: [ScenarioResult(name: "a/b", metrics: metrics)])
    let baselines = Baseline.baselines(of: result, reason: "")
    #expect(baselines.map { Array($0.entries.keys) } == [["a/b/kept"]])
  }

  @Test func `Changes are told a line each`() {
    let old = baseline(["a/b/c": number(0.25), "a/b/gone": number(3), "a/b/same": number(7)])
    var fingerprint = Sample.fingerprint
    fingerprint.zstdVersion = "1.5.5"
    fingerprint.commit = "0ther"
    let new = Baseline(
      suite: "engine", fingerprint: fingerprint, reason: "", date: "",
      entries: ["a/b/c": number(0.5), "a/b/same": number(7), "a/b/added": number(1)])
    #expect(
      changes(old: old, new: new) == [
        "libzstd: 1.5.4 -> 1.5.5", "a/b/added: none -> 1 bytes", "a/b/c: 0.25 -> 0.5 bytes (+100 %)",
        "a/b/gone: 3 bytes -> none",
      ])
    #expect(changes(old: new, new: new).isEmpty)
    #expect(changes(old: nil, new: baseline(["a/b/c": number(1)])) == ["a/b/c: none -> 1 bytes"])
  }
}
