import BenchGate
import Foundation

extension SelectionProof {
  /// What the selector reaches of the best fixed setting, a line for each corpus, and the worst cells.
  var terminalText: String {
    var lines: [String] = []
    for coreCount in Self.coreCounts {
      lines.append("of the best fixed setting, \(Self.text(coreCount: coreCount))")
      lines.append(row("", Self.rates.map(Self.text)))
      for corpus in table.corpora {
        let cells = self.cells.filter { $0.corpus == corpus && $0.coreCount == coreCount }
        lines.append(row(corpus, cells.map { String(format: "%.3f %@", $0.ofOracle, $0.oracle) }))
      }
    }
    lines.append("blocks that differ by half (uneven), and one core where four are presumed (busy)")
    for corpus in table.corpora.flatMap({ ["\($0) uneven", "\($0) busy"] }) {
      let cells = hardCells.filter { $0.corpus == corpus }
      lines.append(
        row(corpus, cells.map { String(format: "%@ %.3f", Self.text($0.linkBitsPerSecond), $0.ofOracle) }))
    }
    lines.append(
      "short streams, by what each begins with of what those before it learned; mean and worst of the corpora")
    for byteCount in ShortStreams.byteCounts { lines.append(shortText(byteCount)) }
    lines.append("when rate and data change, of the best of each moment")
    for trace in traces {
      lines.append(
        row("\(trace.corpus), \(trace.coreCount)", [String(format: "%.3f, %d changes", trace.ofOracle, trace.changes)]))
    }
    let worst = (cells + hardCells).min { $0.ofOracle < $1.ofOracle }
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

  private func shortText(_ byteCount: Int) -> String {
    row(
      "\(byteCount / 1_024) KiB",
      VirtualTransfer.Beginning.allCases.map { beginning in
        let values = shortStreams.filter { $0.byteCount == byteCount }.compactMap { $0.ofBest[beginning.rawValue] }
        let mean = values.reduce(0, +) / Double(max(1, values.count))
        return String(format: "%@ %.3f, %.3f", beginning.rawValue, mean, values.min() ?? .nan)
      })
  }

  private func row(_ head: String, _ cells: [String]) -> String {
    ([head] + cells).map { $0.padding(toLength: max($0.count, 15), withPad: " ", startingAt: 0) }.joined(separator: " ")
  }

  /// What the selector reaches of the best fixed setting, by corpus and link, a map for each number of cores.
  var heatMaps: [HeatMap] {
    Self.coreCounts.map { coreCount in
      let rows = table.corpora.map { corpus in
        let cells = Self.rates.map { rate in
          self.cells.first { $0.corpus == corpus && $0.coreCount == coreCount && $0.linkBitsPerSecond == rate }
            .map { HeatMap.Cell($0.ofOracle, note: $0.oracle) }
        }
        return HeatMap.Row(corpus, cells)
      }
      return HeatMap(
        Self.text(coreCount: coreCount), columns: Self.rates.map(Self.text), rows: rows, bar: Self.leastOfOracle)
    }
  }

  /// The heat maps on a page, with what changes of rate and data come to.
  var section: HeatMapSection {
    let changing = Self.coreCounts.map { coreCount in
      let shares = traces.filter { $0.coreCount == coreCount }.map(\.ofOracle)
      let range = String(format: "%.3f to %.3f", shares.min() ?? .nan, shares.max() ?? .nan)
      return "\(Self.text(coreCount: coreCount)) \(range)"
    }
    let never = cells.filter { Self.incompressible.contains($0.corpus) }.map(\.ofNone).min()
    return HeatMapSection(
      title: "Automatic choice of codecs against the best fixed one",
      explanation: [
        """
        Goodput of automatic compression over that of the best fixed codec and level, which is named below it: in virtual time, on recorded speeds and \
        ratios, for each corpus and link.
        """,
        """
        When corpus and rate change every few seconds, of the best of each moment: \(changing.joined(separator: "; ")) \
        (bar \(String(format: "%.2f", Self.leastOfOracleWhenChanging))). \
        \(never.map { String(format: "On data that does not shrink, of none: %.3f at least (bar %.2f).", $0, Self.leastOfNone) } ?? "")
        """,
      ], maps: heatMaps)
  }

  private static func text(coreCount: Int) -> String { coreCount == 1 ? "1 core" : "\(coreCount) cores" }
}
