extension BenchmarkResult {
  /// For a terminal: the conditions, what needs attention, and a table of all metrics. ASCII, at most 120 columns wide.
  public var terminalText: String {
    let report = Report(self)
    var lines = TerminalLayout.wrapped("dwcp-bench, \(date)", indentation: 0)
    lines += TerminalLayout.wrapped(fingerprint.text, indentation: 0)
    lines.append("")
    lines += TerminalLayout.wrapped(report.summary, indentation: 0)
    if report.isJudged || !report.attention.isEmpty { lines += attentionLines(report) }
    for suite in report.suites {
      lines.append("")
      lines += TerminalLayout(report).table(suite)
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func attentionLines(_ report: Report) -> [String] {
    report.attention.flatMap { row -> [String] in
      let outcome = row.outcome?.rawValue ?? ""
      let label = row.outcome?.isFailure == true ? outcome.uppercased() : outcome
      let text = row.text.isEmpty ? row.name : row.text
      let indentation = TerminalLayout.outcomeWidth + 4
      let wrapped = TerminalLayout.wrapped(text, indentation: indentation)
      let first = "  " + label.padded(to: TerminalLayout.outcomeWidth + 2) + (wrapped.first ?? "").drop { $0 == " " }
      return [first] + wrapped.dropFirst()
    }
  }
}

/// The columns of the terminal's table. Their widths are those of the widest cells up to a limit that keeps a line
/// within 120.
private struct TerminalLayout {
  static let width = 120
  static let outcomeWidth = 12

  private struct Column {
    let title: String
    let maximumWidth: Int
    let isNumber: Bool
    let cell: (Report.Row) -> String
    var width = 0
  }

  private var columns: [Column]

  init(_ report: Report) {
    let classColumn = Column(title: "", maximumWidth: 1, isNumber: false) { $0.metricClass.rawValue }
    let unit = Column(title: "unit", maximumWidth: 24, isNumber: false) { $0.unit }
    let name = Column(title: "metric", maximumWidth: 24, isNumber: false) { $0.metric }
    func value(_ title: String, _ cell: @escaping (Report.Row) -> String?) -> Column {
      Column(title: title, maximumWidth: 16, isNumber: true) { displayText(cell($0) ?? "-") }
    }
    if report.isJudged {
      columns = [
        name, classColumn, value("old") { $0.old }, value("new") { $0.new },
        Column(title: "change", maximumWidth: 11, isNumber: true) { $0.change }, unit,
        Column(title: "", maximumWidth: Self.outcomeWidth, isNumber: false) { $0.outcome?.rawValue ?? "not judged" },
      ]
    } else {
      columns = [
        name, classColumn, value("value") { $0.new },
        Column(title: "range", maximumWidth: 36, isNumber: false) { row in
          if row.outcome == .unavailable { return "unavailable" }
          return row.interval.map { "(\(displayText(exactText($0.low)))..\(displayText(exactText($0.high))))" } ?? ""
        }, unit,
      ]
    }
    let rows = report.rows
    for index in columns.indices {
      let cells = rows.map { Self.ascii(columns[index].cell($0)).count } + [columns[index].title.count]
      columns[index].width = min(cells.max() ?? 0, columns[index].maximumWidth)
    }
  }

  func table(_ suite: Report.Suite) -> [String] {
    var lines = [Self.cut(Self.ascii(suite.name), to: Self.width), line(columns.map { ($0.title, $0) })]
    var place: String?
    for row in suite.rows {
      if row.place != place { lines.append("  " + Self.cut(Self.ascii(row.place), to: Self.width - 2)) }
      place = row.place
      lines.append(line(columns.map { ($0.cell(row), $0) }))
    }
    return lines
  }

  private func line(_ cells: [(text: String, column: Column)]) -> String {
    let texts = cells.map { text, column in
      let text = Self.cut(Self.ascii(text), to: column.width)
      return column.isNumber ? text.leftPadded(to: column.width) : text.padded(to: column.width)
    }
    let line = "    " + texts.joined(separator: "  ")
    return String(line.reversed().drop { $0 == " " }.reversed())
  }

  /// The text in lines of at most 120 columns, each with the indentation.
  static func wrapped(_ text: String, indentation: Int) -> [String] {
    let space = width - indentation
    var lines: [String] = []
    var line = ""
    for word in ascii(text).split(separator: " ") {
      var word = word
      if !line.isEmpty, line.count + 1 + word.count > space {
        lines.append(line)
        line = ""
      }
      while word.count > space {
        lines.append(String(word.prefix(space)))
        word = word.dropFirst(space)
      }
      line += (line.isEmpty ? "" : " ") + word
    }
    return (lines + [line]).map { String(repeating: " ", count: indentation) + $0 }
  }

  private static func cut(_ text: String, to width: Int) -> String {
    guard text.count > width else { return text }
    guard width > 8 else { return String(text.prefix(width)) }
    let head = (width - 2) / 2
    return text.prefix(head) + ".." + text.suffix(width - 2 - head)
  }

  /// A control character would spoil the table, and a terminal might obey it.
  private static func ascii(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { scalar in
          switch scalar.value {
          case 0x20..<0x7F: scalar
          case 0..<0x20, 0x7F: " "
          default: "?"
          }
        }))
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
  fileprivate func leftPadded(to width: Int) -> String {
    String(repeating: " ", count: max(0, width - count)) + self
  }
}
