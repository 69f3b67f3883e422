import BenchGate
import Foundation
import Testing

@Suite struct HTMLSuite {
  /// The page is written so that an XML parser reads it too, but for what HTML leaves open.
  private func parse(_ page: String) throws -> MarkupReader {
    var text = page.replacingOccurrences(of: "<!DOCTYPE html>\n", with: "").replacingOccurrences(
      of: "<br>", with: "<br/>")
    for line in page.split(separator: "\n") where line.hasPrefix("<meta ") {
      text = text.replacingOccurrences(of: line, with: line.dropLast() + "/>")
    }
    return try MarkupReader(xml: text)
  }

  @Test func `The page is well formed and needs nothing but itself`() throws {
    for page in [try Sample.judged().html(history: Sample.history), Sample.result.html()] {
      let document = try parse(page)
      #expect(!document.elements.contains { ["script", "link", "img", "iframe"].contains($0.name) })
      #expect(!document.elements.contains { $0.attributes.keys.contains { ["src", "href"].contains($0) } })
      #expect(!page.contains("url(") && !page.contains("@import"))
    }
  }

  @Test func `Every metric has a row`() throws {
    let judged = try Sample.judged()
    let rows = try parse(judged.html()).elements.count { $0.name == "tr" }
    let suites = Set((judged.scenarios.map(\.name) + judged.verdicts.map(\.scenario)).map { $0.prefix { $0 != "/" } })
    #expect(rows == judged.verdicts.count + suites.count)
    #expect(judged.verdicts.count > 50 && suites.count == 8)
  }

  @Test func `No text becomes markup`() throws {
    let hostile = "a/<script>alert(1)</script>\"'&<b>"
    var result = BenchmarkResult(
      fingerprint: Sample.fingerprint, date: hostile,
      scenarios: [ScenarioResult(name: hostile, metrics: [Metric(hostile, .exact, unit: hostile, 1)])])
    result.fingerprint.commit = hostile
    result.fingerprint.corpora = [hostile: hostile]
    result.verdicts = Verdict.Outcome.allCases.map {
      Verdict(
        scenario: hostile, metric: hostile, metricClass: .pairedTime, unit: hostile, outcome: $0, old: hostile,
        new: hostile, ratio: 1.2, interval: Interval(low: 0.1, high: 30), text: hostile, file: hostile, line: 3)
    }
    let document = try parse(result.html(history: [result]))
    #expect(!document.elements.contains { $0.name == "script" })
  }

  @Test func `A plot shows its interval where the scale says, and cuts what lies beyond`() throws {
    func plot(_ low: Double, _ high: Double) throws -> MarkupReader {
      var result = BenchmarkResult(fingerprint: Sample.fingerprint, date: "", scenarios: [])
      result.verdicts = [
        Verdict(
          scenario: "a/b", metric: "m", metricClass: .pairedTime, unit: "ratio", outcome: .pass, ratio: 1,
          interval: Interval(low: low, high: high))
      ]
      return try parse(result.html())
    }
    func position(_ text: String?) throws -> Double { try #require(Double((text ?? "").dropLast())) }
    let document = try plot(0.98, 1.02)
    let bar = try #require(document.elements.first { $0.attributes["class"] == "interval pass" })
    let dot = try #require(document.elements.first { $0.name == "circle" })
    let limit = try #require(
      document.elements.first { $0.attributes["class"] == "fail" && $0.attributes["y2"] == "100%" })
    let left = try position(bar.attributes["x1"])
    let right = try position(bar.attributes["x2"])
    let middle = try position(dot.attributes["cx"])
    #expect(left < middle && middle < right)
    // Equal factors to both sides are equally far; 0.98 is a little further than 1 / 1.02.
    #expect(abs((middle - left) / (right - middle) - log(1 / 0.98) / log(1.02)) < 0.02)
    #expect(abs(try position(limit.attributes["x1"]) - right) < 0.01)
    #expect(!document.elements.contains { $0.name == "polygon" })

    #expect(try plot(0.1, 30).elements.count { $0.name == "polygon" } == 2)
    #expect(try plot(0.9, 30).elements.count { $0.name == "polygon" } == 1)
  }

  private static let heatMap = HeatMap(
    "1 core & more", columns: ["10 Mb/s", "no <limit>"],
    rows: [
      HeatMap.Row("\"json\"", [HeatMap.Cell(0.5, note: "zstd:3"), HeatMap.Cell(0.9499, note: "none")]),
      HeatMap.Row("pages", [HeatMap.Cell(1.25, note: "<b>"), nil]),
    ], bar: 0.95)

  @Test func `A heat map shows every value in its colour and as a table, and frames what is below its bar`() throws {
    let section = HeatMapSection(title: "Choice & cost", explanation: ["Of <the> best."], maps: [Self.heatMap])
    let page = Sample.result.html(heatMaps: [section])
    let document = try parse(page)
    let with = document.elements.count { $0.name == "rect" }
    let legend = 7
    #expect(with == 3 + legend)
    let cells = document.elements.filter { $0.name == "rect" && $0.attributes["height"] == "32" }
    #expect(cells.map { $0.attributes["fill"] } == ["rgb(244,165,130)", "rgb(253,240,205)", "rgb(146,197,222)"])
    #expect(cells.map { $0.attributes["stroke"] != nil } == [true, true, false])
    #expect(document.elements.filter { $0.name == "span" && $0.attributes["class"] == "regression" }.count == 2)
    for text in ["0.500", "0.950", "1.250", "zstd:3"] {
      #expect(page.components(separatedBy: text).count == 3, "\(text)")
    }
    #expect(page.contains("&lt;b&gt;") && page.contains("no &lt;limit&gt;") && page.contains("Of &lt;the&gt; best."))
    #expect(!page.contains("no <limit>"))
    #expect(try !parse(Sample.result.html()).elements.contains { $0.name == "h3" })
    // A picture of its own has a size and names what it is.
    let picture = try MarkupReader(xml: Self.heatMap.svg).elements
    #expect(picture.first?.attributes["aria-label"] == "1 core & more")
    #expect(picture.first?.attributes["viewBox"] == "0 0 270 96")
  }

  @Test func `A history is broken where its runs cannot be compared`() throws {
    func run(_ commit: String, _ reading: Reading, toolchain: String = "6.3.1") -> BenchmarkResult {
      var result = BenchmarkResult(
        fingerprint: Sample.fingerprint, date: "2026-11-25",
        scenarios: [ScenarioResult(name: "a/b", metrics: [Metric("m", .exact, unit: "bytes", reading)])])
      result.fingerprint.commit = commit
      result.fingerprint.toolchain = toolchain
      return result
    }
    func counts(_ history: [BenchmarkResult], _ last: BenchmarkResult) throws -> (lines: Int, dots: Int, page: String) {
      let page = last.html(history: history)
      let elements = try parse(page).elements
      return (elements.count { $0.name == "polyline" }, elements.count { $0.name == "circle" }, page)
    }
    let whole = try counts([run("c1", 1), run("c2", 2), run("c3", 3)], run("c4", 4))
    #expect(whole.lines == 1 && whole.dots == 4)
    #expect(whole.page.contains("<title>c2: 2 bytes</title>") && whole.page.contains("+300 %"))
    let gap = try counts([run("c1", 1), run("c2", 2), run("c3", .unavailable("x")), run("c4", 3)], run("c5", 4))
    #expect(gap.lines == 2 && gap.dots == 4)
    let changed = try counts(
      [run("c1", 1, toolchain: "6.2"), run("c2", 2, toolchain: "6.2"), run("c3", 3)], run("c4", 4))
    #expect(changed.lines == 2 && changed.page.contains("+33.3 %"))
    let alone = try counts([], run("c1", 1))
    #expect(alone.lines == 0 && !alone.page.contains("History"))
  }
}
