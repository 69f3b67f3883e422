/// What the rungs of a ladder come to on one stream's data: what its blocks showed of some, and what the ladder says that follows for the others.
struct RungFigures: Hashable, Sendable {
  /// Of one core.
  struct Figure: Hashable, Sendable {
    /// Raw over wire bytes; not less than 1.
    var ratio: Double
    /// Raw bytes a second.
    var bytesPerSecond: Double
  }

  /// What was seen of one rung.
  struct Seen: Hashable, Sendable {
    var wireFraction: Double
    /// Of one core, for each raw byte; nil where no time was told.
    var nanosecondsPerByte: Double?
    var count = 1
    var nanoseconds: Double
  }

  private let ladder: CodecLadder
  private(set) var seen: [Seen?]
  /// What follows from `seen`, kept since every choice asks for all of it.
  private(set) var figures: [Figure]

  /// By how much rungs that are neighbours differ from what the ladder says of one another, and blocks from their mean before that is known: both relative.
  private static let rungSpread = 0.1
  private static let initialBlockSpread = 0.05
  private static let leastBlockSpread = 0.005
  /// Blocks that a mean is of, since it forgets.
  private static let meanLength = 15
  private static let weight = 0.125
  private static let inheritedCount = 4

  /// How much blocks differ from their mean, relative to it.
  private(set) var blockSpread = RungFigures.initialBlockSpread

  init(_ ladder: CodecLadder) {
    self.ladder = ladder
    seen = Array(repeating: nil, count: ladder.rungs.count)
    figures = ladder.rungs.map { Figure(ratio: $0.ratio, bytesPerSecond: $0.compressBytesPerSecond) }
  }

  /// - Parameter index: of the rung that was tried; not 0.
  /// - Parameter pace: nanoseconds of one core for each raw byte; nil where no time was told.
  /// - Parameter now: when, on the selector's clock.
  mutating func learn(_ index: Int, wireFraction: Double, pace: Double?, now: Double) {
    if var seen = seen[index] {
      let deviation = min(1, abs(wireFraction / seen.wireFraction - 1))
      blockSpread += (deviation - blockSpread) * Self.weight
      seen.count += 1
      let weight = max(Self.weight, 1 / Double(seen.count))
      seen.wireFraction += (wireFraction - seen.wireFraction) * weight
      if let pace {
        let before = seen.nanosecondsPerByte ?? pace
        seen.nanosecondsPerByte = before + (pace - before) * weight
      }
      seen.nanoseconds = now
      self.seen[index] = seen
    } else {
      seen[index] = Seen(wireFraction: wireFraction, nanosecondsPerByte: pace, nanoseconds: now)
    }
    derive()
  }

  /// Other data: nothing that was seen says anything of it.
  mutating func forget() {
    for index in seen.indices { seen[index] = nil }
    blockSpread = Self.initialBlockSpread
    derive()
  }

  var isEmpty: Bool { seen.allSatisfy { $0 == nil } }

  /// What other streams showed says less of the next one than its own blocks will.
  mutating func limitCounts() {
    for (index, figures) in seen.enumerated() {
      if let figures { seen[index]?.count = min(figures.count, Self.inheritedCount) }
    }
  }

  /// A rung comes to what its blocks did, and to what the ladder says that follows from another's: blocks differ, and each rung saw others, so that the more
  /// they do, the less a few blocks of one rung say against many of another.
  private mutating func derive() {
    let spread = max(blockSpread, Self.leastBlockSpread)
    var known: [(index: Int, variance: Double)] = []
    for (index, seen) in seen.enumerated() {
      if let seen { known.append((index, spread * spread / Double(min(seen.count, Self.meanLength)))) }
    }
    for index in ladder.rungs.indices.dropFirst() { figures[index] = figure(of: index, from: known) }
  }

  private func figure(of index: Int, from known: [(index: Int, variance: Double)]) -> Figure {
    var ownVariance: Double?
    var other: (index: Int, variance: Double)?
    for candidate in known {
      let distance = Double(abs(candidate.index &- index))
      let variance = candidate.variance + Self.rungSpread * Self.rungSpread * distance
      if candidate.index == index {
        ownVariance = candidate.variance
      } else if variance < other?.variance ?? .infinity {
        other = (candidate.index, variance)
      }
    }
    let own = figure(of: index, from: index)
    guard let other else { return own }
    let derived = figure(of: index, from: other.index)
    guard let ownVariance else { return derived }
    let weight = other.variance / (other.variance + ownVariance)
    return Figure(
      ratio: 1 / (weight / own.ratio + (1 - weight) / derived.ratio),
      bytesPerSecond: 1 / (weight / own.bytesPerSecond + (1 - weight) / derived.bytesPerSecond))
  }

  /// As the ladder says that it follows from what was seen of one rung; without that the ladder's own figure.
  private func figure(of index: Int, from other: Int) -> Figure {
    let rung = ladder.rungs[index]
    guard let seen = seen[other] else {
      return Figure(ratio: rung.ratio, bytesPerSecond: rung.compressBytesPerSecond)
    }
    let model = ladder.rungs[other]
    let gain = (1 / seen.wireFraction - 1) / (model.ratio - 1)
    let slowness = seen.nanosecondsPerByte.map { $0 * model.compressBytesPerSecond / 1e9 } ?? 1
    return Figure(ratio: 1 + (rung.ratio - 1) * gain, bytesPerSecond: rung.compressBytesPerSecond / slowness)
  }
}
