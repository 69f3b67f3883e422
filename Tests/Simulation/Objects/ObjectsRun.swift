internal import DWCPCore

/// Runs seeded exchanges of objects one after the other, until one fails.
public struct ObjectsRun: Sendable {
  public private(set) var counts: [String: Int] = [:]
  /// The first seed that failed, and in what.
  public private(set) var failure: (seed: UInt64, problem: String)?

  public init(seeds: Range<UInt64>, operationCount: Int) {
    let codecs = CodecContext()
    for seed in seeds where failure == nil {
      var world = ObjectsWorld(seed: seed, codecs: codecs)
      world.run(operationCount: operationCount)
      merge(world.counts)
      if let problem = world.problem { failure = (seed, problem) }
    }
  }

  public mutating func merge(_ other: ObjectsRun) {
    merge(other.counts)
    failure = failure ?? other.failure
  }

  private mutating func merge(_ counts: [String: Int]) {
    self.counts.merge(counts, uniquingKeysWith: +)
  }

  /// What a large run has to have met, and has not: it would test less than it says.
  public var gaps: [String] {
    [
      "first version", "next version", "new epoch", "begin refused", "finished", "reset", "stopped", "released",
      "adopted",
      "adopted with a difference", "stands", "stands at the base", "dropped", "held", "read", "mismatch",
      "replaced block",
    ].filter { counts[$0] == nil }
  }
}
