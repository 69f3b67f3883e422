internal import Simulation

/// Runs seeded hostile sessions one after the other, and shrinks the first that fails.
public struct HostileRun: Sendable {
  public static let leastOperationCount = 200

  /// A session in which something did not hold.
  public struct Failure: Sendable, CustomStringConvertible {
    public let seed: UInt64
    public let problem: String
    /// The shortest list found that still fails.
    public let operations: [HostileOperation]

    public var description: String {
      let listing = operations.map { "  \($0.move) \($0.seed)" }.joined(separator: "\n")
      return "seed \(seed): \(problem)\nshrunk to \(operations.count) operations:\n\(listing)"
    }
  }

  public private(set) var totals = HostileTotals()
  public private(set) var failure: Failure?

  public init(seeds: Range<UInt64>, operationCount: Int) {
    let codecs = WarmCodecs()
    for seed in seeds where failure == nil {
      let scenario = HostileScenario(seed: seed, operationCount: operationCount)
      SeedNote.current = seed
      let (totals, problem) = Self.play(scenario, codecs: codecs)
      self.totals.merge(totals)
      guard let problem else { continue }
      let operations = shrunk(scenario.operations) { operations in
        var candidate = scenario
        candidate.operations = operations
        return Self.play(candidate, codecs: codecs).problem != nil
      }
      failure = Failure(seed: seed, problem: problem, operations: operations)
    }
  }

  private static func play(_ scenario: HostileScenario, codecs: WarmCodecs) -> (
    totals: HostileTotals, problem: String?
  ) {
    var world = HostileWorld(scenario, codecs: codecs)
    world.run()
    if world.problem == nil, world.totals.suspectedLeakByteCount > 0 {
      // What is made once for the whole process is not made again.
      var again = HostileWorld(scenario, codecs: codecs)
      again.run()
      let byteCount = again.totals.suspectedLeakByteCount
      if byteCount > 0 { return (world.totals, "\(byteCount) bytes are left when the session is gone") }
    }
    return (world.totals, world.problem)
  }
}
