import Foundation

/// The table in README.md beside this folder: what each attack meets, and after how many operations. `DWCP_RECORD=1 swift test --filter HostileTests`
/// writes it anew.
struct AttackTable: Sendable {
  struct Row: Hashable, Sendable {
    let attack: String
    let rule: String
    let operations: String

    var line: String { "| \(attack) | \(rule) | \(operations) |" }
  }

  static let isRecorded = ProcessInfo.processInfo.environment["DWCP_RECORD"] == "1"
  static let stored = AttackTable()
  private static let begin = "| attack | ended by | operations until then |\n|---|---|---|\n"

  let rows: [String: Row]
  private let path: String
  private let text: String

  init() {
    let folder = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2).joined(separator: "/")
    path = folder + "/README.md"
    text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    var rows: [String: Row] = [:]
    for line in text.split(separator: "\n") {
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      if cells.count == 3 { rows[cells[0]] = Row(attack: cells[0], rule: cells[1], operations: cells[2]) }
    }
    self.rows = rows
  }

  func write(_ rows: [Row]) throws {
    let head = text.range(of: Self.begin).map { String(text[..<$0.lowerBound]) } ?? text
    let table = Self.begin + rows.map(\.line).joined(separator: "\n") + "\n"
    try (head + table).write(toFile: path, atomically: true, encoding: .utf8)
  }
}
