internal import DWCPCore

/// Runs seeded sessions one after the other, and shrinks the first that fails.
public struct SimulationRun: Sendable {
  public static let leastOperationCount = 200

  /// A session in which something did not hold.
  public struct Failure: Sendable, CustomStringConvertible {
    public let seed: UInt64
    public let problem: String
    /// The shortest list found that still fails.
    public let operations: [Operation]

    public var description: String {
      let listing = operations.map { "  \($0)" }.joined(separator: "\n")
      return "seed \(seed): \(problem)\nshrunk to \(operations.count) operations:\n\(listing)"
    }
  }

  public private(set) var coverage = Coverage()
  public private(set) var failure: Failure?

  public init(seeds: Range<UInt64>, operationCount: Int) {
    let codecs = CodecContext()
    for seed in seeds where failure == nil {
      let scenario = Scenario(seed: seed, operationCount: operationCount)
      var world = World(scenario, codecs: codecs)
      world.run(scenario.operations)
      coverage.merge(world.coverage)
      guard let problem = world.problem else { continue }
      failure = Failure(seed: seed, problem: problem, operations: Self.shrink(scenario, codecs: codecs))
    }
  }

  private static func shrink(_ scenario: Scenario, codecs: CodecContext) -> [Operation] {
    shrunk(scenario.operations) { operations in
      var candidate = scenario
      candidate.operations = operations
      var world = World(candidate, codecs: codecs)
      world.run(candidate.operations)
      return world.problem != nil
    }
  }
}

extension Coverage {
  /// Names of operations and events that a large run has to have met, and that are missing: it would test less than it says.
  public var gaps: [String] {
    let events = [
      "established", "streamOpened", "readable", "writable", "stopped", "closed", "streamLimitRaised", "pong",
      "goingAway", "objectStands", "ended",
    ]
    let operations = [
      "open", "write", "finish", "reset", "stop", "release", "read", "send", "arrive", "runJobs", "advance", "ping",
    ]
    var gaps = events.map { "event \($0)" }.filter { !hasMet(event: $0) }
    for phase in [Session.Phase.awaitingPreface, .open] {
      gaps += operations.filter { !hasMet($0, in: phase) }.map { "\($0) while the client is \(phase)" }
    }
    let withObjects = ["open version", "write pages", "drop object", "release object", "adopt object"]
    gaps += withObjects.filter { !hasMet($0, in: .open) }.map { "\($0) while the client is open" }
    return gaps
  }
}
