import Foundation

/// What each input does in each state, written as a text table: states across, inputs down.
///
/// A table is a decision, so a missing row or column is an error, not a default: `problems` compares its names with those that
/// the code has.
struct StateTable {
  let states: [String]
  private let rows: [String: [String]]

  init(_ text: String) {
    let lines = text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    states = Array(lines.first?.dropFirst() ?? [])
    rows = Dictionary(lines.dropFirst().map { ($0[0], Array($0.dropFirst())) }, uniquingKeysWith: { first, _ in first })
  }

  /// One sentence for each state or input that the table does not decide, or that is no longer there.
  func problems(states expectedStates: [String], inputs: [String]) -> [String] {
    var problems: [String] = []
    if Set(states) != Set(expectedStates) {
      problems.append("states \(Set(states).symmetricDifference(expectedStates).sorted()) are not in both")
    }
    if Set(rows.keys) != Set(inputs) {
      problems.append("inputs \(Set(rows.keys).symmetricDifference(inputs).sorted()) are not in both")
    }
    for (input, cells) in rows where cells.count != states.count {
      problems.append("the row of \(input) has \(cells.count) cells for \(states.count) states")
    }
    return problems
  }

  subscript(state: String, input: String) -> String? {
    guard let column = states.firstIndex(of: state), let row = rows[input], column < row.count else { return nil }
    return row[column]
  }
}

/// The names of the mutating methods of a source file: whatever can move a state machine.
func mutatingMethods(ofSource path: String) throws -> Set<String> {
  Set(try source(path).matches(of: /\n  mutating func (\w+)/).map { String($0.1) })
}

/// The same, of those that callers outside the module can reach.
func publicMutatingMethods(ofSource path: String) throws -> Set<String> {
  Set(try source(path).matches(of: /\n  public mutating func (\w+)/).map { String($0.1) })
}

private func source(_ path: String) throws -> String {
  let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(4).joined(separator: "/")
  return try String(contentsOfFile: root + "/Sources/DWCPCore/" + path, encoding: .utf8)
}
