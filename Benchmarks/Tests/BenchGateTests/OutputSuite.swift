import BenchGate
import Foundation
import Testing

@Suite struct OutputSuite {
  private static let hostile = "a/,<b onload=\"x\">|&'\r\n::error::%0A`*[c](d)\u{1}\u{1B}[31m\u{E9}"

  /// A verdict of each outcome, whose every text attacks.
  private static var attack: BenchmarkResult {
    let metric = Metric(
      hostile, .exact, unit: hostile, .digest(hostile), interval: Interval(low: -1.2345678e200, high: 1.2345678e200))
    var result = BenchmarkResult(
      fingerprint: Sample.fingerprint, date: hostile, scenarios: [ScenarioResult(name: hostile, metrics: [metric])])
    result.fingerprint.commit = hostile
    result.verdicts = Verdict.Outcome.allCases.map {
      Verdict(
        scenario: hostile, metric: hostile, metricClass: .pairedTime, unit: hostile, outcome: $0, old: hostile,
        new: hostile, ratio: 1.01, interval: Interval(low: 0.1, high: 30), text: hostile, file: hostile, line: 3)
    }
    return result
  }

  private static func one(_ outcome: Verdict.Outcome, file: String? = "f.json") -> BenchmarkResult {
    var result = BenchmarkResult(
      fingerprint: Sample.fingerprint, date: "2026-11-25T01:02:03Z",
      scenarios: [
        ScenarioResult(name: "engine/bulk", metrics: [Metric("frames", .exact, unit: "frames", 11_000)])
      ])
    result.verdicts = [
      Verdict(
        scenario: "engine/bulk", metric: "frames", metricClass: .exact, unit: "frames", outcome: outcome, old: "10000",
        new: "11000", ratio: 1.1, text: "engine/bulk frames was 10000, is 11000.", file: file, line: 7)
    ]
    return result
  }

  @Test func `The terminal's table is this`() {
    #expect(
      Self.one(.regression).terminalText == """
        dwcp-bench, 2026-11-25T01:02:03Z
        commit 9476f6a41c22; build release aligned; toolchain 6.3.1; platform linux-x86_64; CPU avx2 pclmul sse4.2; C library
        glibc 2.36; libzstd 1.5.4; liblz4 1.9.4; valgrind 3.19.0; corpora json 5f2b1e9ad6c0, log 0c9d8e7f6a5b, memory
        a1b2c3d4e5f6

        1 regression
          REGRESSION    engine/bulk frames was 10000, is 11000.

        engine
            metric        old     new   change  unit
          bulk
            frames  E  10,000  11,000  +10.0 %  frames  regression

        """)
  }

  @Test func `A run without verdicts shows values, ranges and what is unavailable`() {
    let text = Sample.result.terminalText
    #expect(text.contains("59 not judged"))
    #expect(text.contains("(0.375..0.435)"))
    #expect(text.contains("  unavailable   valgrind is not installed"))
    #expect(!text.contains(" pass"))
  }

  @Test(arguments: [
    ("10000", 10_000.0, "33554441", 33_554_441.0, "10,000  33,554,441  +335444 %"),
    ("33554432", 33_554_432, "33554441", 33_554_441, "33,554,432  33,554,441  +0.00003 %"),
    ("1000.123456789", 1000.123456789, "999.9", 999.9, "1000.12  999.9  -0.02 %"),
    ("12345.675", 12_345.675, "-20000", -20_000, "12,345.7  -20,000  -262 %"),
    ("1000000000", 1_000_000_000, "1000000001", 1_000_000_001, "1,000,000,000  1,000,000,001  +<0.00001 %"),
    ("8", 8, "8", 8, "8    8       =  "),
  ])
  func `A change is never shown as none`(old: String, before: Double, new: String, after: Double, row: String) {
    var result = Self.one(.noted)
    result.verdicts = [
      Verdict(
        scenario: "engine/bulk", metric: "frames", metricClass: .exact, unit: "frames", outcome: .noted, old: old,
        new: new, ratio: after / before)
    ]
    #expect(result.terminalText.contains(row), "\(result.terminalText)")
  }

  @Test func `A terminal's line is ASCII and has 120 columns at most`() throws {
    var unjudged = Self.attack
    unjudged.verdicts = []
    for result in [try Sample.judged(), Sample.result, Self.attack, unjudged] {
      for line in result.terminalText.split(separator: "\n", omittingEmptySubsequences: false) {
        #expect(line.utf8.count <= 120, "\(line)")
        #expect(line.utf8.allSatisfy { (0x20..<0x7F).contains($0) }, "\(line)")
      }
    }
  }

  @Test func `What needs attention comes first, the gravest first, in every output`() throws {
    let judged = try Sample.judged()
    let words = ["regression", "missing", "incomparable", "improvement", "unavailable", "advisory", "noted"]
    for text in [judged.terminalText.lowercased(), judged.markdown, judged.annotations, judged.html()] {
      let places = words.map { text.range(of: $0)?.lowerBound }
      #expect(places.allSatisfy { $0 != nil })
      #expect(places.compactMap(\.self) == places.compactMap(\.self).sorted())
    }
  }

  @Test func `Everything for people names what the figures were taken under`() throws {
    let judged = try Sample.judged()
    let fields = [
      "9476f6a41c22", "release aligned", "6.3.1", "x86", "glibc 2.36", "1.5.4", "1.9.4", "3.19.0", "5f2b1e9ad6c0",
    ]
    for text in [
      judged.terminalText.replacingOccurrences(of: "\n", with: " "), judged.markdown, judged.html(), judged.junitXML,
    ] {
      for field in fields { #expect(text.contains(field), "\(field)") }
    }
  }

  @Test func `Markdown's tables keep their cells apart`() {
    let lines = Self.attack.markdown.split(separator: "\n").filter { $0.hasPrefix("|") }
    var expected = 0
    for line in lines {
      var cells = 0
      var previous: Character = " "
      for character in line {
        if character == "|", previous != "\\" { cells += 1 }
        #expect(!(character == "<" && previous != "\\"), "\(line)")
        previous = character == "\\" && previous == "\\" ? " " : character
      }
      if line.hasPrefix("| Outcome") || line.hasPrefix("| Scenario") { expected = cells }
      #expect(cells == expected, "\(line)")
    }
    #expect(lines.count > 2 * Verdict.Outcome.allCases.count)
    #expect(
      Self.one(.regression).markdown.contains("| **regression** | engine/bulk frames | 10,000 | 11,000 | +10.0 % |"))
  }

  @Test func `JUnit's file counts what it holds and survives a parser`() throws {
    let judged = try Sample.judged()
    for result in [judged, Self.attack, Sample.result] {
      let document = try MarkupReader(xml: result.junitXML)
      let cases = document.elements.filter { $0.name == "testcase" }
      let total = try #require(document.elements.first { $0.name == "testsuites" })
      let failures = document.elements.count { $0.name == "failure" }
      let skipped = document.elements.count { $0.name == "skipped" }
      #expect(total.attributes["tests"] == "\(cases.count)")
      #expect(total.attributes["failures"] == "\(failures)")
      #expect(total.attributes["skipped"] == "\(skipped)")
      func has(_ outcomes: Verdict.Outcome...) -> Int { result.verdicts.count { outcomes.contains($0.outcome) } }
      if !result.verdicts.isEmpty {
        #expect(cases.count == result.verdicts.count)
        #expect(failures == has(.regression, .missing, .incomparable, .improvement))
        #expect(skipped == has(.unavailable, .inconclusive))
      }
    }
    let attacked = try MarkupReader(xml: Self.attack.junitXML)
    let failure = try #require(attacked.elements.first { $0.name == "failure" })
    let seen = Self.hostile.replacingOccurrences(of: "\u{1}", with: "\u{FFFD}")
      .replacingOccurrences(of: "\u{1B}", with: "\u{FFFD}")
    #expect(failure.attributes["message"] == seen)
  }

  @Test func `An annotation stands on the baseline's line`() {
    let conditions = "[linux-x86_64, commit 9476f6a41c22]"
    #expect(
      Self.one(.regression).annotations
        == "::error file=f.json,line=7,title=regression%3A engine/bulk frames::"
        + "engine/bulk frames was 10000, is 11000. \(conditions)\n")
    #expect(Self.one(.noted).annotations.hasPrefix("::warning file=f.json,line=7,"))
    #expect(Self.one(.unavailable).annotations.hasPrefix("::warning "))
    #expect(Self.one(.advisory).annotations.hasPrefix("::notice "))
    #expect(Self.one(.improvement, file: nil).annotations.hasPrefix("::error title=improvement%3A "))
    #expect(Self.one(.pass).annotations.isEmpty)
  }

  @Test func `An annotation stays one command whatever it holds`() {
    let lines = Self.attack.annotations.unicodeScalars.split { $0 == "\n" || $0 == "\r" }
    #expect(lines.count == Verdict.Outcome.allCases.count - 1)
    for line in lines {
      let line = String(String.UnicodeScalarView(line))
      #expect(["::error ", "::warning ", "::notice "].contains { line.hasPrefix($0) })
      let properties = line.components(separatedBy: "::")[1]
      #expect(properties.components(separatedBy: ",").count == 3)
      #expect(line.contains("%0D%0A::error::%250A"))
    }
  }
}
