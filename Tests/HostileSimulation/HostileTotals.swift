/// What many hostile sessions came to.
public struct HostileTotals: Sendable {
  /// The highest share of a bound that was used, and how often which share was.
  public struct Shares: Sendable {
    public private(set) var highest = 0.0
    public private(set) var highestSeed: UInt64 = 0
    /// How often a share lay in each twentieth.
    public private(set) var histogram = [Int](repeating: 0, count: 20)

    mutating func note(share: Double, seed: UInt64) {
      if share > highest { (highest, highestSeed) = (share, seed) }
      histogram[max(0, min(19, Int(share * 20)))] += 1
    }

    mutating func merge(_ other: Shares) {
      if other.highest > highest { (highest, highestSeed) = (other.highest, other.highestSeed) }
      for place in histogram.indices { histogram[place] += other.histogram[place] }
    }
  }

  public internal(set) var seedCount = 0
  public internal(set) var wireByteCount = 0
  public private(set) var moves: [HostileMove: Int] = [:]
  /// How sessions ended: code and rule.
  public private(set) var ends: [String: Int] = [:]
  public private(set) var sessionCount = 0
  public private(set) var establishedCount = 0
  /// Sessions that saw at least so many operations.
  public private(set) var survivors: [Int: Int] = [:]
  /// Operations that met a session which had seen at least so many before.
  public private(set) var operationsBehind: [Int: Int] = [:]
  /// The peak of each seed in the bound of SPEC MEM-1.
  public internal(set) var memory = Shares()
  /// After each operation: what is held in the bound for what the session has by then.
  public internal(set) var memoryAtRest = Shares()
  var suspectedLeakByteCount = 0

  public init() {}

  static let marks = [1, 10, 25, 50, 100, 150, 200]

  public var operationCount: Int { moves.values.reduce(0, +) }

  mutating func note(_ move: HostileMove) {
    moves[move, default: 0] += 1
  }

  mutating func noteLife(end: String, operationCount: Int, wasEstablished: Bool) {
    sessionCount += 1
    establishedCount += wasEstablished ? 1 : 0
    ends[end, default: 0] += 1
    for mark in Self.marks where operationCount >= mark {
      survivors[mark, default: 0] += 1
      operationsBehind[mark, default: 0] += operationCount - mark + 1
    }
  }

  public mutating func merge(_ other: HostileTotals) {
    seedCount += other.seedCount
    wireByteCount += other.wireByteCount
    moves.merge(other.moves, uniquingKeysWith: +)
    ends.merge(other.ends, uniquingKeysWith: +)
    sessionCount += other.sessionCount
    establishedCount += other.establishedCount
    survivors.merge(other.survivors, uniquingKeysWith: +)
    operationsBehind.merge(other.operationsBehind, uniquingKeysWith: +)
    memory.merge(other.memory)
    memoryAtRest.merge(other.memoryAtRest)
  }

  /// Moves that a large run has to have made, and rules that it has to have met.
  public var gaps: [String] {
    let rules = [
      "CRD-1", "CRD-2", "CRD-4", "CRD-6", "LIM-1", "STR-3", "STR-5", "STR-7", "STR-9", "STR-11", "DAT-1", "DAT-2",
      "DAT-3", "DAT-4", "DAT-5", "DAT-6", "DAT-9", "ACK-1", "LIV-1", "LIV-3", "HDR-1", "HDR-2", "HDR-3", "HDR-4",
      "HDR-5", "HDR-6", "HDR-8", "HS-1", "END-1", "END-5", "PRE-2", "PRE-3", "PRE-6", "CAP-2",
    ]
    let met = Set(ends.keys.compactMap { $0.split(separator: " ").last.map(String.init) })
    let untried = HostileMove.allCases.filter { moves[$0] == nil }.map { "move \($0)" }
    return untried + rules.filter { !met.contains($0) }.map { "an end by \($0)" }
  }
}
