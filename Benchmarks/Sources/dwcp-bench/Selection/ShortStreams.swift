import DWCPCore

/// Streams that are over before a selector has learned much, one after the other in one session, by what they begin with.
struct ShortStreams: Codable {
  private static let rates = [50e6, 0.5e9, 2.5e9]
  private static let coreCount = 2
  private static let streamCount = 40
  static let byteCounts = [131_072, 1_048_576, 8_388_608]

  var corpus: String
  var linkBitsPerSecond: Double
  var byteCount: Int
  /// Of the best fixed setting's goodput on the same streams, by what each begins with: nothing, or what the streams before learned of their data.
  var ofBest: [String: Double] = [:]

  static func all(_ table: RungTable, _ ladder: CodecLadder, roundTripSeconds: (Double) -> Double) -> [ShortStreams] {
    var rows: [ShortStreams] = []
    for corpus in table.corpora {
      for rate in rates {
        let segment = VirtualTransfer.Segment(
          corpus: corpus, linkBytesPerSecond: rate / 8, seconds: .infinity, roundTripSeconds: roundTripSeconds(rate / 8)
        )
        for byteCount in byteCounts {
          var row = ShortStreams(corpus: corpus, linkBitsPerSecond: rate, byteCount: byteCount)
          let fixed = ladder.rungs.map { goodput(segment, byteCount, .nothing, table, ladder, fixed: $0.setting) }
          let best = fixed.max() ?? .nan
          for beginning in VirtualTransfer.Beginning.allCases {
            row.ofBest[beginning.rawValue] = goodput(segment, byteCount, beginning, table, ladder) / best
          }
          rows.append(row)
        }
      }
    }
    return rows
  }

  private static func goodput(
    _ segment: VirtualTransfer.Segment, _ byteCount: Int, _ beginning: VirtualTransfer.Beginning, _ table: RungTable,
    _ ladder: CodecLadder, fixed: CompressionSetting? = nil
  ) -> Double {
    var transfer = VirtualTransfer(table, coreCount: coreCount, ladder, fixed: fixed)
    for _ in 0..<streamCount { transfer.runStream(segment, byteCount: byteCount, beginning) }
    return transfer.rawByteCount / transfer.now
  }
}
