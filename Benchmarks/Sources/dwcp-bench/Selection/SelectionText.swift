import DWCPCore
import Foundation

extension SelectionProof {
  /// What the selector reaches of the best fixed setting, a line for each corpus, and the worst cells.
  var terminalText: String {
    var lines: [String] = []
    for coreCount in Self.coreCounts {
      lines.append("of the best fixed setting, \(coreCount == 1 ? "1 core" : "\(coreCount) cores")")
      lines.append(row("", Self.rates.map(Self.text)))
      for corpus in table.corpora {
        let cells = self.cells.filter { $0.corpus == corpus && $0.coreCount == coreCount }
        lines.append(row(corpus, cells.map { String(format: "%.3f %@", $0.ofOracle, $0.oracle) }))
      }
    }
    lines.append("when rate and data change, of the best of each moment")
    for trace in traces {
      lines.append(
        row("\(trace.corpus), \(trace.coreCount)", [String(format: "%.3f, %d changes", trace.ofOracle, trace.changes)]))
    }
    let worst = cells.min { $0.ofOracle < $1.ofOracle }
    let wasteful = cells.filter { Self.incompressible.contains($0.corpus) }.min { $0.ofNone < $1.ofNone }
    let late = traces.min { $0.ofOracle < $1.ofOracle }
    lines.append(String(format: "worst of the oracle %.3f (bar %.2f)", worst?.ofOracle ?? .nan, Self.leastOfOracle))
    lines.append(
      String(
        format: "worst of none on what does not shrink %.3f (bar %.2f)", wasteful?.ofNone ?? .nan, Self.leastOfNone))
    lines.append(
      String(format: "worst when changing %.3f (bar %.2f)", late?.ofOracle ?? .nan, Self.leastOfOracleWhenChanging))
    lines += failures.map { "BELOW \($0)" }
    return lines.map { $0 + "\n" }.joined()
  }

  private func row(_ head: String, _ cells: [String]) -> String {
    ([head] + cells).map { $0.padding(toLength: 15, withPad: " ", startingAt: 0) }.joined(separator: " ")
  }

  /// Cells by corpus and link, coloured by what the selector reaches, 0.90 and less to 1.
  var heatMap: String {
    let (left, top, width, height) = (110, 40, 78, 22)
    let columns = Self.coreCounts.flatMap { coreCount in Self.rates.map { (coreCount, $0) } }
    var parts: [String] = []
    for (column, (coreCount, rate)) in columns.enumerated() {
      let x = left + column * width + width / 2
      parts.append("<text x=\"\(x)\" y=\"16\" text-anchor=\"middle\">\(Self.text(rate))</text>")
      let cores = coreCount == 1 ? "1 core" : "\(coreCount) cores"
      parts.append("<text x=\"\(x)\" y=\"32\" text-anchor=\"middle\">\(cores)</text>")
    }
    for (row, corpus) in table.corpora.enumerated() {
      let y = top + row * height
      parts.append("<text x=\"\(left - 6)\" y=\"\(y + 15)\" text-anchor=\"end\">\(corpus)</text>")
      for (column, (coreCount, rate)) in columns.enumerated() {
        guard
          let cell = cells.first(where: {
            $0.corpus == corpus && $0.coreCount == coreCount && $0.linkBitsPerSecond == rate
          })
        else { continue }
        let hue = Int(120 * min(1, max(0, (cell.ofOracle - 0.9) / 0.1)))
        let x = left + column * width
        parts.append(
          "<rect x=\"\(x)\" y=\"\(y)\" width=\"\(width - 2)\" height=\"\(height - 2)\" fill=\"hsl(\(hue) 60% 75%)\"/>"
            + "<text x=\"\(x + width / 2)\" y=\"\(y + 15)\" text-anchor=\"middle\" fill=\"#111\">"
            + String(format: "%.2f", cell.ofOracle) + "<title>\(cell.oracle)</title></text>")
      }
    }
    let size = (left + columns.count * width, top + table.corpora.count * height)
    return """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(size.0) \(size.1)" font-family="sans-serif" font-size="11" fill="currentColor">
      \(parts.joined(separator: "\n"))
      </svg>

      """
  }
}
