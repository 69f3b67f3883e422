import Foundation

/// Values by row and column: a picture whose cells are coloured by their values and show them, and the same as a table.
public struct HeatMap: Sendable {
  /// One value, and a few words that explain it.
  public struct Cell: Sendable {
    public let value: Double
    public let note: String

    public init(_ value: Double, note: String) {
      self.value = value
      self.note = note
    }
  }

  /// A line of cells; nil where there is no value.
  public struct Row: Sendable {
    public let name: String
    public let cells: [Cell?]

    public init(_ name: String, _ cells: [Cell?]) {
      self.name = name
      self.cells = cells
    }
  }

  /// The scale's ends: what is lower or higher looks like them.
  private static let scale = 0.9...1.0
  /// Orange, pale yellow, blue: apart for those who do not tell red from green, and dark text is read on all of them.
  private static let colours: [(red: Double, green: Double, blue: Double)] = [
    (244, 165, 130), (253, 240, 205), (146, 197, 222),
  ]
  private static let labelWidth = 118
  private static let cellWidth = 76
  private static let cellHeight = 36
  private static let headHeight = 24

  public let title: String
  public let columns: [String]
  public let rows: [Row]
  /// Cells below it are framed.
  public let bar: Double

  public init(_ title: String, columns: [String], rows: [Row], bar: Double) {
    self.title = title
    self.columns = columns
    self.rows = rows
    self.bar = bar
  }

  private func colour(_ value: Double) -> String {
    let share = (value - Self.scale.lowerBound) / (Self.scale.upperBound - Self.scale.lowerBound)
    let place = min(1, max(0, share.isFinite ? share : 0)) * Double(Self.colours.count - 1)
    let first = min(Self.colours.count - 2, Int(place))
    let (from, to, part) = (Self.colours[first], Self.colours[first + 1], place - Double(first))
    func mix(_ left: Double, _ right: Double) -> Int { Int((left + (right - left) * part).rounded()) }
    return "rgb(\(mix(from.red, to.red)),\(mix(from.green, to.green)),\(mix(from.blue, to.blue)))"
  }

  private func isLow(_ cell: Cell) -> Bool { !(cell.value >= bar) }

  private static func text(_ value: Double) -> String { String(format: "%.3f", value) }

  /// The picture alone, for a page or a file of its own; labels have the colour of the text around it.
  public var svg: String {
    let width = Self.labelWidth + columns.count * Self.cellWidth
    let height = Self.headHeight + rows.count * Self.cellHeight
    let heads = columns.enumerated().map { column, name in
      let x = Self.labelWidth + column * Self.cellWidth + (Self.cellWidth - 2) / 2
      return "<text x=\"\(x)\" y=\"15\" text-anchor=\"middle\" fill=\"currentColor\">\(htmlEscaped(name))</text>"
    }
    return """
      <svg xmlns="http://www.w3.org/2000/svg" width="\(width)" height="\(height)" viewBox="0 0 \(width) \(height)" \
      font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="\(htmlEscaped(title))">
      \((heads + rows.enumerated().map(drawing)).joined(separator: "\n"))
      </svg>
      """
  }

  private func drawing(_ number: Int, _ row: Row) -> String {
    let y = Self.headHeight + number * Self.cellHeight
    var parts = [
      "<text x=\"\(Self.labelWidth - 8)\" y=\"\(y + 21)\" text-anchor=\"end\" fill=\"currentColor\">"
        + "\(htmlEscaped(row.name))</text>"
    ]
    for (column, cell) in row.cells.enumerated() {
      guard let cell else { continue }
      let x = Self.labelWidth + column * Self.cellWidth
      let middle = x + (Self.cellWidth - 2) / 2
      let frame = isLow(cell) ? " stroke=\"#d92d20\" stroke-width=\"2.5\"" : ""
      parts.append(
        "<rect x=\"\(x + 1)\" y=\"\(y + 1)\" width=\"\(Self.cellWidth - 4)\" height=\"\(Self.cellHeight - 4)\" rx=\"3\" "
          + "fill=\"\(colour(cell.value))\"\(frame)/>"
          + "<text x=\"\(middle)\" y=\"\(y + 15)\" text-anchor=\"middle\" fill=\"#111\">\(Self.text(cell.value))</text>"
          + "<text x=\"\(middle)\" y=\"\(y + 28)\" text-anchor=\"middle\" font-size=\"10\" fill=\"#333\">"
          + "\(htmlEscaped(cell.note))</text>")
    }
    return parts.joined(separator: "\n")
  }

  /// The scale, from its lower end to its upper one.
  fileprivate var legend: String {
    let steps = stride(from: 0, through: 5, by: 1).map { step in
      let value = Self.scale.lowerBound + Double(step) * 0.02
      let text = String(format: step == 0 ? "%.2f or less" : step == 5 ? "%.2f or more" : "%.2f", value)
      return
        "<span><svg width=\"16\" height=\"14\"><rect width=\"16\" height=\"14\" rx=\"3\" fill=\"\(colour(value))\"/>"
        + "</svg> \(text)</span>"
    }
    let frame =
      "<span><svg width=\"16\" height=\"14\"><rect x=\"1.5\" y=\"1.5\" width=\"13\" height=\"11\" rx=\"2\" fill=\"none\" "
      + "stroke=\"#d92d20\" stroke-width=\"2.5\"/></svg> below the bar of \(String(format: "%.2f", bar))</span>"
    return "<p class=\"legend\">\((steps + [frame]).joined(separator: " "))</p>"
  }

  fileprivate var table: String {
    let head = columns.map { "<th class=\"number\">\(htmlEscaped($0))</th>" }.joined()
    let lines = rows.map { row in
      let cells = row.cells.map { cell in
        guard let cell else { return "<td></td>" }
        let badge = isLow(cell) ? " class=\"regression\"" : ""
        return "<td class=\"number\"><span\(badge)>\(Self.text(cell.value))</span><br>"
          + "<small>\(htmlEscaped(cell.note))</small></td>"
      }
      return "<tr><td>\(htmlEscaped(row.name))</td>\(cells.joined())</tr>"
    }
    return """
      <details><summary>As a table</summary>
      <div class="scroll" tabindex="0"><table>
      <thead><tr><th></th>\(head)</tr></thead>
      <tbody>
      \(lines.joined(separator: "\n"))
      </tbody>
      </table></div>
      </details>
      """
  }
}

/// Heat maps of one question, as a part of the page.
public struct HeatMapSection: Sendable {
  public let title: String
  /// What the values are; a paragraph each.
  public let explanation: [String]
  public let maps: [HeatMap]

  public init(title: String, explanation: [String], maps: [HeatMap]) {
    self.title = title
    self.explanation = explanation
    self.maps = maps
  }

  var section: String {
    let drawings = maps.map { map in
      """
      <h3>\(htmlEscaped(map.title))</h3>
      <div class="scroll heat" tabindex="0">
      \(map.svg)
      </div>
      \(map.table)
      """
    }
    return """
      <section>
      <h2>\(htmlEscaped(title))</h2>
      \(explanation.map { "<p>\(htmlEscaped($0))</p>" }.joined(separator: "\n"))
      \(maps.first?.legend ?? "")
      \(drawings.joined(separator: "\n"))
      </section>
      """
  }
}
