extension BenchmarkResult {
  /// For a GitHub step summary: what needs attention as a table, everything else folded away.
  public var markdown: String {
    let report = Report(self)
    var lines = ["## Benchmarks: \(report.summary)", ""]
    lines.append("\(escaped(date)). \(escaped(fingerprint.text)).")
    let attention = report.attention
    if !attention.isEmpty {
      lines += ["", "| Outcome | Metric | Old | New | Change | What to know |", "|---|---|--:|--:|--:|---|"]
      lines += attention.map { row in
        let outcome = row.outcome?.rawValue ?? ""
        return cells([
          row.outcome?.isFailure == true ? "**\(outcome)**" : outcome, escaped(row.name), value(row.old),
          value(row.new), escaped(row.change), escaped(row.text),
        ])
      }
    }
    for suite in report.suites {
      lines += ["", "<details><summary>\(htmlEscaped(suite.name)): \(suite.rows.count) metrics</summary>", ""]
      lines += [
        "| Scenario | Metric | Class | Old | New | Change | Unit | Outcome |", "|---|---|---|--:|--:|--:|---|---|",
      ]
      lines += suite.rows.map { row in
        cells([
          escaped(row.place), escaped(row.metric), row.metricClass.rawValue, value(row.old), value(row.new),
          escaped(row.change), escaped(row.unit), row.outcome?.rawValue ?? "not judged",
        ])
      }
      lines += ["", "</details>"]
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func cells(_ cells: [String]) -> String { "| \(cells.joined(separator: " | ")) |" }

  private func value(_ text: String?) -> String { text.map { escaped(displayText($0)) } ?? "" }

  /// A backslash before any punctuation that Markdown could take for its own; line breaks would end a table's row.
  private func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      if "\\`*_[]<>&|#~!$@".unicodeScalars.contains(scalar) { result += "\\" }
      result.unicodeScalars.append(scalar.value < 0x20 || scalar.value == 0x7F ? " " : scalar)
    }
    return result
  }
}
