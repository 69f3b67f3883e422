extension BenchmarkResult {
  /// A page that needs nothing but itself, for a desktop and for a telephone, in light and dark: what needs
  /// attention, the intervals of ratios, all metrics by suite, and how they went over earlier runs.
  ///
  /// - Parameters:
  ///   - history: earlier runs, the oldest first. A figure's line is broken where its runs cannot be compared.
  ///   - heatMaps: what else is shown, behind the intervals.
  public func html(history: [BenchmarkResult] = [], heatMaps: [HeatMapSection] = []) -> String {
    let report = Report(self)
    let title = "Benchmarks of \(fingerprint.commit.isEmpty ? date : fingerprint.commit)"
    let sections =
      [HTMLSections.attention(report), HTMLForestPlot.sections(report)] + heatMaps.map(\.section)
      + [HTMLSections.suites(report), HTMLHistory(runs: history + [self]).section]
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <title>\(htmlEscaped(title))</title>
      <style>
      \(HTMLStyle.text)
      </style>
      </head>
      <body>
      <main>
      \(HTMLSections.header(report, title: title))
      \(sections.filter { !$0.isEmpty }.joined(separator: "\n"))
      </main>
      </body>
      </html>

      """
  }
}

/// The parts of the page that are text.
enum HTMLSections {
  static func header(_ report: Report, title: String) -> String {
    let counts = Verdict.Outcome.byGravity.compactMap { outcome -> String? in
      let count = report.rows.count { $0.outcome == outcome }
      guard count > 0 else { return nil }
      return "<li class=\"\(outcome.rawValue)\"><b>\(count)</b> \(outcome.label(count: count))</li>"
    }
    let unjudged = report.rows.count { $0.outcome == nil }
    let remaining = unjudged == 0 ? [] : ["<li><b>\(unjudged)</b> not judged</li>"]
    let fields = report.result.fingerprint.fields.map {
      "<div><dt>\(htmlEscaped($0.name))</dt><dd>\(htmlEscaped($0.value))</dd></div>"
    }
    return """
      <header>
      <h1>\(htmlEscaped(title))</h1>
      <p class="muted">\(htmlEscaped(report.result.date))</p>
      <ul class="counts">\((counts + remaining).joined())</ul>
      <dl>\(fields.joined())</dl>
      </header>
      """
  }

  static func attention(_ report: Report) -> String {
    let rows = report.attention
    guard !rows.isEmpty else { return "" }
    let items = rows.map { row in
      let location = row.location.map { "<div class=\"muted\">\(htmlEscaped($0))</div>" } ?? ""
      // Most texts begin with the name themselves.
      let isNamed = row.text.hasPrefix(row.name)
      let text = isNamed ? htmlEscaped(String(row.text.dropFirst(row.name.count))) : ": \(htmlEscaped(row.text))"
      return "<li>\(badge(row.outcome)) <b>\(htmlEscaped(row.name))</b>\(row.text.isEmpty ? "" : text)\(location)</li>"
    }
    return """
      <section>
      <h2>What needs attention</h2>
      <ul class="attention">
      \(items.joined(separator: "\n"))
      </ul>
      </section>
      """
  }

  static func suites(_ report: Report) -> String {
    // A telephone shows the first columns only: what a stranger asks first stands there.
    let judged = ["Scenario", "Metric", "Outcome", "Old", "New", "Ratio", "Unit", "Class"]
    let titles = report.isJudged ? judged : ["Scenario", "Metric", "New", "Unit", "Class"]
    let head = titles.map { title in
      let isNumber = ["Old", "New", "Ratio"].contains(title)
      return "<th\(isNumber ? " class=\"number\"" : "")>\(title == "New" && !report.isJudged ? "Value" : title)</th>"
    }
    return report.suites.map { suite in
      """
      <section>
      <h2>\(htmlEscaped(suite.name))</h2>
      <div class="scroll" tabindex="0"><table>
      <thead><tr>\(head.joined())</tr></thead>
      <tbody>
      \(rows(suite, titles).joined(separator: "\n"))
      </tbody>
      </table></div>
      </section>
      """
    }.joined(separator: "\n")
  }

  private static func rows(_ suite: Report.Suite, _ titles: [String]) -> [String] {
    var place: String?
    return suite.rows.map { row in
      // A scenario's name stands once, and a line above it parts it from the one before.
      let isNext = row.place == place
      place = row.place
      let cells = titles.map { title in
        switch title {
        case "Scenario": "<td>\(isNext ? "" : htmlEscaped(row.place))</td>"
        case "Metric": "<td>\(htmlEscaped(row.metric))</td>"
        case "Outcome": "<td>\(badge(row.outcome))</td>"
        case "Old": "<td class=\"number\">\(value(row.old))</td>"
        case "New": "<td class=\"number\">\(newValue(row))</td>"
        case "Ratio": "<td class=\"number\">\(ratio(row))</td>"
        case "Unit": "<td>\(htmlEscaped(row.unit))</td>"
        default: "<td>\(row.metricClass.rawValue)</td>"
        }
      }
      return "<tr\(isNext ? "" : " class=\"first\"")>\(cells.joined())</tr>"
    }
  }

  private static func newValue(_ row: Report.Row) -> String {
    if row.new == nil, row.outcome == .unavailable { return "<span class=\"muted\">unavailable</span>" }
    return value(row.new) + range(row.interval) { displayText(exactText($0)) }
  }

  private static func ratio(_ row: Report.Row) -> String {
    guard let ratio = row.ratio, row.old != row.new else { return row.change }
    guard let interval = row.ratioInterval else { return "\(ratioText(ratio))<br><small>\(row.change)</small>" }
    return ratioText(ratio) + range(interval, ratioText)
  }

  private static func value(_ text: String?) -> String {
    guard let text else { return "" }
    let shown = displayText(text)
    // The whole of what was cut or rounded, for whoever points at it.
    return shown == text ? htmlEscaped(text) : "<span title=\"\(htmlEscaped(text))\">\(htmlEscaped(shown))</span>"
  }

  private static func range(_ interval: Interval?, _ text: (Double) -> String) -> String {
    interval.map { "<br><small>\(text($0.low)) to \(text($0.high))</small>" } ?? ""
  }

  static func badge(_ outcome: Verdict.Outcome?) -> String {
    guard let outcome else { return "<span class=\"muted\">not judged</span>" }
    return "<span class=\"badge \(outcome.rawValue)\">\(outcome.rawValue)</span>"
  }
}
