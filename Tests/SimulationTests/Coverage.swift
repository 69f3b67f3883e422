import DWCPCore

/// Which operations met which phases of the session, and which events came of it.
struct Coverage {
  private var counts: [String: Int] = [:]

  mutating func note(_ operation: Operation, phases: [End: Session.Phase]) {
    let phase = phases[.client].map { "\($0)" } ?? "?"
    counts["\(operation.name) while the client is \(phase)", default: 0] += 1
  }

  mutating func note(_ event: SessionEvent) {
    counts["event \("\(event)".prefix { $0 != "(" })", default: 0] += 1
  }

  mutating func merge(_ other: Coverage) {
    counts.merge(other.counts, uniquingKeysWith: +)
  }

  var keys: Set<String> { Set(counts.keys) }

  /// One line for each, rarest first.
  var table: String {
    counts.sorted { ($0.value, $0.key) < ($1.value, $1.key) }.map { "\($0.value)\t\($0.key)" }.joined(separator: "\n")
  }
}
