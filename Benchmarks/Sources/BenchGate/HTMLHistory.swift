import Foundation

/// A small line for each metric over some runs, the oldest first and the page's own last.
struct HTMLHistory {
  private struct Line {
    let scenario: ScenarioResult
    let metric: Metric
    /// For each run, what it measured; nil where it has no figure.
    let values: [Double?]
    /// Whether each run can be compared with the one before it.
    let isJoined: [Bool]
  }

  private static let width = 180.0
  private static let height = 30.0
  private static let margin = 5.0
  /// A line spans at least this share of its value in each direction, or noise would look like news.
  private static let leastReach = 0.02

  let runs: [BenchmarkResult]

  var section: String {
    guard runs.count > 1, let first = runs.first, let last = runs.last else { return "" }
    let lines = lines(of: last)
    guard !lines.isEmpty else { return "" }
    return """
      <section>
      <h2>History</h2>
      <p>\(runs.count) runs, from \(title(first)) to \(title(last)). A line is broken where a figure is unavailable, \
      or where the conditions changed so that it cannot be compared. \
      First is the oldest figure that can be compared with the last.</p>
      <div class="scroll" tabindex="0"><table>
      <thead><tr><th>Metric</th><th>Runs</th><th class="number">First</th><th class="number">Last</th>\
      <th class="number">Change</th><th>Unit</th></tr></thead>
      <tbody>
      \(lines.map(row).joined(separator: "\n"))
      </tbody>
      </table></div>
      </section>
      """
  }

  private func title(_ run: BenchmarkResult) -> String {
    htmlEscaped("\(run.fingerprint.commit) of \(run.date.prefix(10))")
  }

  private func lines(of last: BenchmarkResult) -> [Line] {
    let figures = runs.map { run in
      var figures: [String: Double] = [:]
      for scenario in run.scenarios {
        for metric in scenario.metrics {
          guard case .number(let number)? = metric.storableValue else { continue }
          // Another unit is another metric.
          figures["\(scenario.name)\n\(metric.name)\n\(metric.unit)"] = number
        }
      }
      return figures
    }
    return last.scenarios.flatMap { scenario in
      scenario.metrics.compactMap { metric in
        let values = figures.map { $0["\(scenario.name)\n\(metric.name)\n\(metric.unit)"] }
        guard values.count(where: { $0 != nil }) > 1 else { return nil }
        let isJoined = runs.indices.map { index in
          index > 0
            && runs[index].fingerprint.difference(
              from: runs[index - 1].fingerprint, metricClass: metric.metricClass, suite: scenario.suite) == nil
        }
        return Line(scenario: scenario, metric: metric, values: values, isJoined: isJoined)
      }
    }
  }

  private func row(_ line: Line) -> String {
    // A change across a break would compare what cannot be compared.
    let start = line.isJoined.lastIndex(of: false) ?? 0
    let known = line.values[start...].compactMap(\.self)
    guard let first = known.first, let last = known.last else { return "" }
    let ratio = last / first
    let change = first == last ? "=" : ratio.isFinite ? changeText(ratio: ratio) : ""
    return """
      <tr><td>\(htmlEscaped(line.scenario.name))<br><small>\(htmlEscaped(line.metric.name))</small></td>\
      <td>\(drawing(line))</td><td class="number">\(displayText(exactText(first)))</td>\
      <td class="number">\(displayText(exactText(last)))</td>\
      <td class="number">\(change)</td><td>\(htmlEscaped(line.metric.unit))</td></tr>
      """
  }

  private func drawing(_ line: Line) -> String {
    let known = line.values.compactMap(\.self)
    let least = known.min() ?? 0
    let greatest = known.max() ?? 0
    let middle = (least + greatest) / 2
    let reach = max((greatest - least) / 2, abs(middle) * Self.leastReach, .leastNonzeroMagnitude)
    func point(_ index: Int, _ value: Double) -> (x: Double, y: Double) {
      let step = (Self.width - 2 * Self.margin) / Double(max(1, line.values.count - 1))
      let share = (value - middle) / reach
      return (Self.margin + step * Double(index), Self.height / 2 - share * (Self.height / 2 - Self.margin))
    }
    var segments: [[String]] = []
    var dots: [String] = []
    let lastIndex = line.values.lastIndex { $0 != nil }
    for (index, value) in line.values.enumerated() {
      guard let value else { continue }
      let (x, y) = point(index, value)
      let continues = line.isJoined[index] && line.values[index - 1] != nil
      if !continues { segments.append([]) }
      segments[segments.count - 1].append(String(format: "%.1f,%.1f", x, y))
      let commit = htmlEscaped(runs[index].fingerprint.commit)
      let title = "<title>\(commit): \(exactText(value)) \(htmlEscaped(line.metric.unit))</title>"
      let radius = index == lastIndex ? 3 : 1.8
      dots.append(String(format: "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\">", x, y, radius) + title + "</circle>")
    }
    let polylines = segments.filter { $0.count > 1 }.map { "<polyline points=\"\($0.joined(separator: " "))\"/>" }
    let label = "\(line.scenario.name) \(line.metric.name) over \(line.values.count) runs"
    return """
      <svg class="history" width="180" height="30" viewBox="0 0 180 30" role="img" aria-label="\(htmlEscaped(label))">\
      \(polylines.joined())\(dots.joined())</svg>
      """
  }
}
