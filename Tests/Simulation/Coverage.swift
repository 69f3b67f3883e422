public import DWCPCore

/// Which operations met which phases of the session, and which events came of it.
public struct Coverage: Sendable {
  private struct Key: Hashable {
    let operation: String
    let phase: Session.Phase?
  }

  private var counts: [Key: Int] = [:]

  public init() {}

  mutating func note(_ operation: Operation, phase: Session.Phase) {
    counts[Key(operation: "\(operation.name)", phase: phase), default: 0] += 1
  }

  mutating func note(_ event: SessionEvent) {
    counts[Key(operation: Self.name(of: event), phase: nil), default: 0] += 1
  }

  private static func name(of event: SessionEvent) -> String {
    switch event {
    case .established: "event established"
    case .streamOpened: "event streamOpened"
    case .readable: "event readable"
    case .writable: "event writable"
    case .stopped: "event stopped"
    case .closed: "event closed"
    case .streamLimitRaised: "event streamLimitRaised"
    case .pong: "event pong"
    case .goingAway: "event goingAway"
    case .codecChosen: "event codecChosen"
    case .sendCodecsChanged: "event sendCodecsChanged"
    case .objectStands: "event objectStands"
    case .ended: "event ended"
    }
  }

  public mutating func merge(_ other: Coverage) {
    counts.merge(other.counts, uniquingKeysWith: +)
  }

  public func hasMet(event: String) -> Bool { counts[Key(operation: event, phase: nil)] != nil }
  public func hasMet(_ operation: String, in phase: Session.Phase) -> Bool {
    counts[Key(operation: operation, phase: phase)] != nil
  }

  /// How many kinds of operation in a phase, and of event, were met.
  public var kindCount: Int { counts.count }

  /// One line for each, rarest first.
  public var table: String {
    let lines = counts.map { key, count in
      (count, key.operation + (key.phase.map { " while the client is \($0)" } ?? ""))
    }
    return lines.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map { "\($0.0)\t\($0.1)" }.joined(separator: "\n")
  }
}
