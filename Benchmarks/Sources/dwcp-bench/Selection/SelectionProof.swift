import DWCPCore

/// The selector of the engine against the best fixed setting, in virtual time on figures of this machine.
struct SelectionProof: Codable {
  struct Cell: Codable {
    var corpus: String
    var linkBitsPerSecond: Double?
    var coreCount: Int
    var selectorBytesPerSecond: Double
    var oracleBytesPerSecond: Double
    var noneBytesPerSecond: Double
    var oracle: String
    var changes: Int
    var trials: Int

    var ofOracle: Double { selectorBytesPerSecond / oracleBytesPerSecond }
    var ofNone: Double { selectorBytesPerSecond / noneBytesPerSecond }
  }

  static let rates: [Double?] = [10e6, 50e6, 100e6, 0.5e9, 1e9, 2.5e9, 10e9, 25e9, nil]
  static let coreCounts = [1, 4]
  /// What no codec makes shorter.
  static let incompressible: Set<String> = ["random", "compressed"]
  static let leastOfOracle = 0.95
  static let leastOfNone = 0.98
  static let leastOfOracleWhenChanging = 0.9
  /// Links on which data whose blocks differ is sent, and on which some of the cores are others'.
  private static let hardRates = [50e6, 0.5e9, 2.5e9]
  private static let unevenness = 0.5
  private static let segmentSeconds = 4.0
  private static let traceSegmentCount = 12

  let table: RungTable
  var cells: [Cell] = []
  /// Blocks that differ by as much as half of their mean, and cores of which others take three of four.
  var hardCells: [Cell] = []
  /// Corpus and rate change every few seconds; one for each seed and number of cores.
  var traces: [Cell] = []
  var shortStreams: [ShortStreams] = []

  init(_ table: RungTable, ladder: CodecLadder) {
    self.table = table
    for corpus in table.corpora {
      for rate in Self.rates {
        for coreCount in Self.coreCounts { cells.append(cell(corpus, rate, coreCount, ladder)) }
      }
    }
    for corpus in table.corpora {
      for rate in Self.hardRates {
        hardCells.append(cell(corpus, rate, 2, ladder, unevenness: Self.unevenness))
        hardCells.append(cell(corpus, rate, 1, ladder, presumedCoreCount: 4))
      }
    }
    for seed in 1...UInt64(8) {
      for coreCount in Self.coreCounts { traces.append(trace(seed: seed, coreCount, ladder)) }
    }
    shortStreams = ShortStreams.all(table, ladder, roundTripSeconds: Self.roundTripSeconds)
  }

  private func cell(
    _ corpus: String, _ rate: Double?, _ coreCount: Int, _ ladder: CodecLadder, unevenness: Double = 0,
    presumedCoreCount: Int? = nil
  ) -> Cell {
    let link = rate.map { $0 / 8 } ?? VirtualTransfer.unlimited
    // Not less than some hundred blocks.
    let segment = VirtualTransfer.Segment(
      corpus: corpus, linkBytesPerSecond: link, seconds: link < 25e6 ? 10 : 4, unevenness: unevenness,
      roundTripSeconds: Self.roundTripSeconds(link))
    var transfer = VirtualTransfer(table, coreCount: coreCount, presumedCoreCount: presumedCoreCount, ladder)
    transfer.run(segment)
    let fixed = fixedGoodputs(segment, coreCount)
    // Of those that come to the same, the first, so that the same figures name the same one.
    let best = table.settings.max { fixed[$0, default: 0] < fixed[$1, default: 0] } ?? ""
    let extra = unevenness > 0 ? " uneven" : presumedCoreCount == nil ? "" : " busy"
    return Cell(
      corpus: corpus + extra, linkBitsPerSecond: rate, coreCount: coreCount,
      selectorBytesPerSecond: transfer.rawByteCount / transfer.now, oracleBytesPerSecond: fixed[best] ?? 0,
      noneBytesPerSecond: fixed["none"] ?? 0, oracle: best, changes: transfer.changes,
      trials: transfer.samples)
  }

  /// Far links are slow ones.
  private static func roundTripSeconds(_ bytesPerSecond: Double) -> Double {
    bytesPerSecond < 25e6 ? 0.02 : bytesPerSecond < 200e6 ? 0.005 : 0.0002
  }

  /// In the long run: what the slowest of cores, link and other end lets through.
  private func fixedGoodputs(_ segment: VirtualTransfer.Segment, _ coreCount: Int) -> [String: Double] {
    let cores = Double(coreCount)
    let rate = segment.linkBytesPerSecond
    return (table.entries[segment.corpus] ?? [:]).mapValues { entry in
      let isStored = entry.compressBytesPerSecond == nil
      let block = isStored ? VirtualTransfer.storedByteCount(rate) : VirtualTransfer.codecByteCount(rate)
      let header = VirtualTransfer.headerByteCount / Double(block)
      return min(
        cores * (entry.compressBytesPerSecond ?? .infinity), cores * (entry.decompressBytesPerSecond ?? .infinity),
        segment.linkBytesPerSecond / (entry.wireFraction + header))
    }
  }

  /// The oracle knows each segment's best setting from its first byte.
  private func trace(seed: UInt64, _ coreCount: Int, _ ladder: CodecLadder) -> Cell {
    var generator = SeededGenerator(seed: seed)
    var transfer = VirtualTransfer(table, coreCount: coreCount, ladder)
    var oracleByteCount = 0.0
    var noneByteCount = 0.0
    for _ in 0..<Self.traceSegmentCount {
      let rate = Self.rates[Int(generator.next() % UInt64(Self.rates.count))]
      let corpus = table.corpora[Int(generator.next() % UInt64(table.corpora.count))]
      let segment = VirtualTransfer.Segment(
        corpus: corpus, linkBytesPerSecond: rate.map { $0 / 8 } ?? VirtualTransfer.unlimited,
        seconds: Self.segmentSeconds, roundTripSeconds: 0.001)
      transfer.run(segment)
      let fixed = fixedGoodputs(segment, coreCount)
      oracleByteCount += (fixed.values.max() ?? 0) * segment.seconds
      noneByteCount += (fixed["none"] ?? 0) * segment.seconds
    }
    let seconds = Self.segmentSeconds * Double(Self.traceSegmentCount)
    return Cell(
      corpus: "trace \(seed)", linkBitsPerSecond: nil, coreCount: coreCount,
      selectorBytesPerSecond: transfer.rawByteCount / seconds, oracleBytesPerSecond: oracleByteCount / seconds,
      noneBytesPerSecond: noneByteCount / seconds, oracle: "the best of each segment", changes: transfer.changes,
      trials: transfer.samples)
  }

  /// Every cell below its bar, with what it has and should have.
  var failures: [String] {
    let slow = (cells + hardCells).filter { $0.ofOracle < Self.leastOfOracle }.map {
      "\(name($0)): \($0.ofOracle) of \($0.oracle), \($0.changes) changes, \($0.trials) trials"
    }
    let wasteful = cells.filter { Self.incompressible.contains($0.corpus) && $0.ofNone < Self.leastOfNone }
      .map { "\(name($0)): \($0.ofNone) of none" }
    let late = traces.filter { $0.ofOracle < Self.leastOfOracleWhenChanging }
      .map { "\($0.corpus), \($0.coreCount) cores: \($0.ofOracle) of the oracle" }
    return slow + wasteful + late
  }

  private func name(_ cell: Cell) -> String {
    "\(cell.corpus), \(Self.text(cell.linkBitsPerSecond)), \(cell.coreCount) cores"
  }

  static func text(_ rate: Double?) -> String {
    guard let rate else { return "no limit" }
    return rate < 0.5e9 ? "\(Int(rate / 1e6)) Mb/s" : "\((rate / 1e9).formatted()) Gb/s"
  }
}
