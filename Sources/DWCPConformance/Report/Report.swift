internal import Foundation

/// The verdicts on one peer, and how they are told.
public struct Report: Sendable {
  public let target: String
  public let verdicts: [Verdict]
  public let seconds: Double

  public init(target: String, verdicts: [Verdict], seconds: Double) {
    self.target = target
    self.verdicts = verdicts
    self.seconds = seconds
  }

  /// Whether no required case failed. A required case that was skipped does not apply to the peer.
  public var isConforming: Bool { !verdicts.contains { $0.outcome == .failed && $0.case.isRequired } }

  public func count(_ outcome: Verdict.Outcome) -> Int { verdicts.count { $0.outcome == outcome } }

  private struct JSONCase: Encodable {
    let id: String
    let clauses: [String]
    let required: Bool
    let outcome: String
    let seconds: Double
    let message: String
  }

  private struct JSONReport: Encodable {
    let target: String
    let conforming: Bool
    let passed: Int
    let failed: Int
    let skipped: Int
    let seconds: Double
    let cases: [JSONCase]
  }

  /// One JSON object on one line.
  public func json() throws -> String {
    let report = JSONReport(
      target: target, conforming: isConforming, passed: count(.passed), failed: count(.failed),
      skipped: count(.skipped),
      seconds: seconds,
      cases: verdicts.map { verdict in
        JSONCase(
          id: verdict.case.id, clauses: verdict.case.clauses, required: verdict.case.isRequired,
          outcome: verdict.outcome.rawValue, seconds: verdict.seconds, message: verdict.message)
      })
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(report), as: UTF8.self) + "\n"
  }

  /// JUnit XML, one suite for each group. An optional case that failed counts as skipped, since it fails nothing.
  public func junit() -> String {
    var groups: [(name: String, verdicts: [Verdict])] = []
    for verdict in verdicts {
      let name = String(verdict.case.id.prefix { $0 != "/" })
      if let index = groups.firstIndex(where: { $0.name == name }) {
        groups[index].verdicts.append(verdict)
      } else {
        groups.append((name, [verdict]))
      }
    }
    let suites = groups.map { group in
      "  <testsuite \(attributes(group.name, group.verdicts))>\n" + group.verdicts.map(element).joined()
        + "  </testsuite>\n"
    }
    return
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites \(attributes("dwcp conformance \(target)", verdicts))>\n"
      + suites.joined() + "</testsuites>\n"
  }

  private func attributes(_ name: String, _ verdicts: [Verdict]) -> String {
    let failures = verdicts.count { $0.outcome == .failed && $0.case.isRequired }
    let skipped = verdicts.count { $0.outcome != .passed } - failures
    let seconds = verdicts.reduce(0) { $0 + $1.seconds }
    return
      "name=\"\(escaped(name))\" tests=\"\(verdicts.count)\" failures=\"\(failures)\" errors=\"0\" skipped=\"\(skipped)\" "
      + "time=\"\(String(format: "%.3f", seconds))\""
  }

  private func element(_ verdict: Verdict) -> String {
    let clauses = verdict.case.clauses.joined(separator: " ")
    let opening =
      "    <testcase name=\"\(escaped(verdict.case.id))\" classname=\"\(escaped(clauses))\" "
      + "time=\"\(String(format: "%.3f", verdict.seconds))\""
    let first = verdict.message.split(separator: "\n").first.map(String.init) ?? ""
    switch verdict.outcome {
    case .passed: return opening + "/>\n"
    case .failed where verdict.case.isRequired:
      return opening
        + ">\n      <failure message=\"\(escaped(first))\">\(escaped(verdict.message))</failure>\n    </testcase>\n"
    case .failed, .skipped: return opening + ">\n      <skipped message=\"\(escaped(first))\"/>\n    </testcase>\n"
    }
  }

  /// What XML 1.0 takes; what it cannot hold at all becomes a replacement character.
  private func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "\n", "\t": result.unicodeScalars.append(scalar)
      case _ where scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF: result += "\u{FFFD}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
