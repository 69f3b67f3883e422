import Foundation
import HostileSimulation

/// The figures of a hostile run, for people and for programs.
struct HostileReport {
  let totals: HostileTotals
  let gaps: [String]
  let failure: HostileRun.Failure?
  let seconds: Double

  private struct Document: Encodable {
    struct Shares: Encodable {
      let highest: Double
      let highestSeed: UInt64
      /// How many lay in each twentieth of the bound.
      let histogram: [Int]

      init(_ shares: HostileTotals.Shares) {
        (highest, highestSeed, histogram) = (shares.highest, shares.highestSeed, shares.histogram)
      }
    }

    struct Failure: Encodable {
      let seed: UInt64
      let problem: String
      let operations: [String]
    }

    let seeds: Int
    let operations: Int
    let seconds: Double
    let isHeapCounted: Bool
    let wireBytes: Int
    let sessions: Int
    let established: Int
    let sessionsOfAtLeast: [String: Int]
    let operationsBehind: [String: Int]
    let peakInBound: Shares
    let heldInBoundAtRest: Shares
    let ends: [String: Int]
    let moves: [String: Int]
    let neverMet: [String]
    let failure: Failure?
  }

  var json: String {
    get throws {
      func keyed(_ counts: [Int: Int]) -> [String: Int] {
        Dictionary(uniqueKeysWithValues: counts.map { ("\($0.key)", $0.value) })
      }
      let document = Document(
        seeds: totals.seedCount, operations: totals.operationCount, seconds: seconds, isHeapCounted: Heap.isCounted,
        wireBytes: totals.wireByteCount, sessions: totals.sessionCount, established: totals.establishedCount,
        sessionsOfAtLeast: keyed(totals.survivors), operationsBehind: keyed(totals.operationsBehind),
        peakInBound: Document.Shares(totals.memory), heldInBoundAtRest: Document.Shares(totals.memoryAtRest),
        ends: totals.ends, moves: Dictionary(uniqueKeysWithValues: totals.moves.map { ($0.key.rawValue, $0.value) }),
        neverMet: gaps,
        failure: failure.map {
          Document.Failure(
            seed: $0.seed, problem: $0.problem, operations: $0.operations.map { "\($0.move) \($0.seed)" })
        })
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      return String(decoding: try encoder.encode(document), as: UTF8.self)
    }
  }

  var text: String {
    var lines = [
      """
      \(totals.seedCount) seeds, \(totals.operationCount) operations, \(totals.wireByteCount >> 20) MiB from the peer, in \
      \(String(format: "%.1f", seconds)) s
      \(totals.sessionCount) sessions, \(totals.establishedCount) with a handshake
      """
    ]
    for (mark, count) in totals.survivors.sorted(by: { $0.key < $1.key }) {
      let behind = totals.operationsBehind[mark] ?? 0
      let (sessions, operations) = (percent(count, of: totals.sessionCount), percent(behind, of: totals.operationCount))
      lines.append(
        "  \(mark) operations or more: \(sessions) of the sessions; operations that late or later: \(operations) of all"
      )
    }
    if Heap.isCounted {
      lines += memoryLines("peak in the bound of MEM-1, by seed", totals.memory)
      lines += memoryLines("held in the bound for what the session has, by operation", totals.memoryAtRest)
    } else {
      lines.append("no memory was measured: \(Heap.whyNot)")
    }
    lines.append("how sessions ended:")
    lines += table(totals.ends.map { ($0.key, $0.value) }, of: totals.sessionCount)
    lines.append("operations:")
    lines += table(totals.moves.map { ($0.key.rawValue, $0.value) }, of: totals.operationCount)
    if !gaps.isEmpty { lines.append("never met: \(gaps.joined(separator: ", "))") }
    if let failure { lines.append("\(failure)") }
    return lines.joined(separator: "\n")
  }

  private func percent(_ count: Int, of whole: Int) -> String {
    String(format: "%.2f %%", 100 * Double(count) / Double(max(1, whole)))
  }

  private func memoryLines(_ title: String, _ shares: HostileTotals.Shares) -> [String] {
    let highest = String(format: "%.1f %%", 100 * shares.highest)
    let counts = shares.histogram.enumerated().filter { $0.element > 0 }
      .map { "  \(5 * $0.offset)-\(5 * $0.offset + 5) %: \($0.element)" }
    return ["\(title): at most \(highest) (seed \(shares.highestSeed))"] + counts
  }

  private func table(_ counts: [(String, Int)], of whole: Int) -> [String] {
    counts.sorted { ($1.1, $0.0) < ($0.1, $1.0) }.map { "  \($0.1)\t\(percent($0.1, of: whole))\t\($0.0)" }
  }
}
