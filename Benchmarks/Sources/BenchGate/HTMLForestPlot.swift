import Foundation

/// Intervals of ratios on one scale, a row for each. Positions are percentages, so a plot is as wide as its place and
/// its text is never scaled.
struct HTMLForestPlot {
  /// A line across all rows, with what it means.
  struct Limit {
    let ratio: Double
    let style: String
    let meaning: String
  }

  let title: String
  let rows: [Report.Row]
  let limits: [Limit]
  private let low: Double
  private let high: Double

  /// The plots of the classes that have ratios: paired times, and stored times.
  static func sections(_ report: Report) -> String {
    let paired = report.rows.filter { $0.metricClass == .pairedTime && $0.ratio != nil }
    let stored = report.rows.filter { $0.metricClass == .storedTime && $0.ratio != nil }
    let plots = [
      HTMLForestPlot(
        "Time against the base", paired,
        [
          Limit(ratio: 1.02, style: "fail", meaning: "1.02: fails when the whole interval lies above it, twice"),
          Limit(ratio: 1.03, style: "accept", meaning: "1.03: passes when the whole interval lies below it"),
        ]),
      HTMLForestPlot(
        "Time and throughput against what is stored", stored,
        [
          Limit(ratio: 1.1, style: "fail", meaning: "1.10: fails above it, where lower is better"),
          Limit(ratio: 0.9, style: "fail below", meaning: "0.90: fails below it, where higher is better"),
        ]),
    ]
    return plots.filter { !$0.rows.isEmpty }.map(\.section).joined(separator: "\n")
  }

  init(_ title: String, _ rows: [Report.Row], _ limits: [Limit]) {
    self.title = title
    self.rows = rows
    self.limits = limits
    let ends = rows.flatMap { [$0.ratio, $0.ratioInterval?.low, $0.ratioInterval?.high].compactMap(\.self) }
    let wanted = ends + limits.map(\.ratio)
    // Far outliers are cut, or they would press all others together.
    low = max(0.4, min(0.95, (wanted.min() ?? 1) * 0.99))
    high = min(2.5, max(1.05, (wanted.max() ?? 1) * 1.01))
  }

  var section: String {
    let legend = limits.map { limit in
      "<span><svg width=\"14\" height=\"14\">"
        + "<line class=\"\(limit.style)\" x1=\"7\" y1=\"0\" x2=\"7\" y2=\"14\"/></svg> \(htmlEscaped(limit.meaning))</span>"
    }
    return """
      <section>
      <h2>\(htmlEscaped(title))</h2>
      <p class="legend">\(legend.joined(separator: " "))</p>
      <div class="plot">
      \(axis)
      \(rows.map(plotRow).joined(separator: "\n"))
      \(axis)
      </div>
      </section>
      """
  }

  /// Equal factors are equally far apart, so that twice as fast lies as far from 1 as half as fast.
  private func position(_ ratio: Double) -> Double {
    let share = log(min(max(ratio, low), high) / low) / log(high / low)
    return 4 + 92 * share
  }

  private func percent(_ ratio: Double) -> String { String(format: "%.2f%%", position(ratio)) }

  private var ticks: [Double] {
    let candidates = [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.05, 1.1, 1.2, 1.3, 1.5, 1.75, 2, 2.5]
    var ticks = [1.0]
    for candidate in candidates.sorted(by: { abs(log($0)) < abs(log($1)) })
    where candidate >= low && candidate <= high {
      // Closer together, their labels would touch on a telephone.
      if ticks.allSatisfy({ abs(position($0) - position(candidate)) > 11 }) { ticks.append(candidate) }
    }
    return ticks.sorted()
  }

  private var axis: String {
    let labels = ticks.map { "<text x=\"\(percent($0))\" y=\"14\">\(String(format: "%.2f", $0))</text>" }
    return """
      <div class="row axis"><div class="label"></div>\
      <div class="bars"><svg aria-hidden="true">\(labels.joined())</svg></div><div class="figure"></div></div>
      """
  }

  private func plotRow(_ row: Report.Row) -> String {
    let ratio = row.ratio ?? 1
    let outcome = row.outcome?.rawValue ?? ""
    var shapes = ticks.map { vertical($0, style: $0 == 1 ? "one" : "tick") }
    shapes += limits.map { vertical($0.ratio, style: $0.style) }
    var figure = ratioText(ratio)
    if let interval = row.ratioInterval {
      figure += " <small>\(ratioText(interval.low)) to \(ratioText(interval.high))</small>"
      shapes.append(
        "<line class=\"interval \(outcome)\" x1=\"\(percent(interval.low))\" x2=\"\(percent(interval.high))\" "
          + "y1=\"50%\" y2=\"50%\"/>")
      for end in [interval.low, interval.high] where end >= low && end <= high {
        shapes.append(
          "<line class=\"interval \(outcome)\" x1=\"\(percent(end))\" x2=\"\(percent(end))\" y1=\"32%\" y2=\"68%\"/>")
      }
    }
    let ends = [row.ratioInterval?.low, row.ratioInterval?.high, ratio].compactMap(\.self)
    if ends.contains(where: { $0 > high }) { shapes.append(arrow(high, "0,-5 8,0 0,5", outcome)) }
    if ends.contains(where: { $0 < low }) { shapes.append(arrow(low, "0,-5 -8,0 0,5", outcome)) }
    if (low...high).contains(ratio) {
      shapes.append("<circle class=\"\(outcome)\" cx=\"\(percent(ratio))\" cy=\"50%\" r=\"4.5\"/>")
    }
    let description = "\(row.name): ratio \(ratioText(ratio)), \(outcome)"
    return """
      <div class="row"><div class="label">\(htmlEscaped(row.scenario)) <span>\(htmlEscaped(row.metric))</span></div>\
      <div class="bars"><svg role="img" aria-label="\(htmlEscaped(description))">\(shapes.joined())</svg></div>\
      <div class="figure">\(figure) \(HTMLSections.badge(row.outcome))</div></div>
      """
  }

  private func vertical(_ ratio: Double, style: String) -> String {
    "<line class=\"\(style)\" x1=\"\(percent(ratio))\" x2=\"\(percent(ratio))\" y1=\"0\" y2=\"100%\"/>"
  }

  /// Where something lies beyond the scale.
  private func arrow(_ ratio: Double, _ points: String, _ outcome: String) -> String {
    "<svg x=\"\(percent(ratio))\" y=\"50%\" overflow=\"visible\">"
      + "<polygon class=\"\(outcome)\" points=\"\(points)\"/></svg>"
  }
}
