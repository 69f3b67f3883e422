public import DWCPCore

/// What a search has found.
public struct InterleavingReport: Sendable {
  public let plan: String
  public let summary: String
  public let isReduced: Bool
  public internal(set) var stateCount = 0
  public internal(set) var stepCount = 0
  /// Steps of the longest way.
  public internal(set) var depth = 0
  /// States in which nothing is left to be done.
  public internal(set) var finalStateCount = 0
  /// States that only a reader can leave, and states that only a write side can.
  public internal(set) var readerBlockedStateCount = 0
  public internal(set) var writeSideBlockedStateCount = 0
  /// States from which the rest was played to its end, and what streams waited for in these.
  public internal(set) var completionCount = 0
  public internal(set) var blockers: Set<StreamBlocker> = []
  /// The search was given up at its limit of states.
  public internal(set) var isGivenUp = false
  public internal(set) var failure: Failure?

  init(plan: String, summary: String, isReduced: Bool) {
    self.plan = plan
    self.summary = summary
    self.isReduced = isReduced
  }

  /// What two states have to agree on to count as one, in a few words; the docstring of `Session.combineProgress` says more, and why.
  public static let projection = """
    States are those of both engines, their applications, and what is under way. Left out: counters, round trips, the abuse ledger (its budgets are \
    beyond what is sent), what acts when time passes (the clock stands), the content of payloads (it follows from stream and offset), rounds served. \
    Left out too, unless a plan's line says that it is not: the measured link, which holds nothing up there (that is checked), and counts of \
    acknowledged frames. A reader that stalls and a write side that is full are steps that wait, so every stall is among the orders.
    """

  /// The way to a state in which something does not hold.
  public struct Failure: Sendable, CustomStringConvertible {
    public let problem: String
    /// As few as were found to be needed.
    public let steps: [InterleavingStep]

    public var description: String {
      "\(problem)\nafter \(steps.count) steps, and then everything that can still be done:\n"
        + steps.map { "  \($0)" }.joined(separator: "\n")
    }
  }
}
