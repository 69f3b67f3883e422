public import DWCPCore

/// Tries every order in which the steps of a plan can happen.
///
/// A depth-first search over states (``InterleavingState``). A state is four numbers, since what one end can be in is found out once for all states
/// (``InterleavingAutomaton``); of those that were met half a fingerprint is kept, so that memory does not bound it. It shows, for every order there is:
///
/// 1. Nothing is stuck: a state in which no step is left is an end that was meant.
/// 2. Nothing goes round: no state leads back to itself. Since states are finite in number, every order comes to an end.
///
/// Both together say more than that each state can go on when its blockers lift: into whatever state two engines get, and in whatever order they go on
/// from there, all that was written is read, and all streams close.
///
/// **What need not be tried.** A step of one end and a step of the other commute: each changes its own engine, and of the two ways between them it adds
/// to the back of one and takes from the front of the other. So while something is under way to an end, only the steps of that end are tried: what the
/// other end does meanwhile can as well be done behind any of them, and makes no more of them possible (a persistent set, in the words of partial-order
/// reduction). That leaves out orders, and states in the middle of them, but no end state; nor a circle, since one that avoids the steps that are tried
/// is there behind each of them too. `isReduced` switches it off.
public struct InterleavingSearch {
  private struct Visit {
    let state: InterleavingState
    let fingerprint: InterleavingFingerprint
    /// Whose steps are tried.
    var end: End
    /// Whether those of the server are tried behind those of the client.
    let triesBoth: Bool
    var nextStep = 0
    var hasNext = false
    var canOnlyRead = true
    var canOnlySend = true
  }

  private var system: InterleavingSystem
  private let completionInterval: Int
  private let maximumStateCount: Int
  private var met = InterleavingStateSet()
  /// The states from the start to the one in hand.
  private var way: [Visit] = []
  private var onTheWay: Set<InterleavingFingerprint> = []
  private var report: InterleavingReport

  /// - Parameters:
  ///   - plan: what is to happen.
  ///   - codecs: what codec jobs run in.
  ///   - isReduced: leaves out orders that differ only in steps that commute.
  ///   - completionInterval: from one state in so many the rest is played to its end, besides.
  ///   - rememberedEndCount: ends that are kept, so that they need not be made again; a thousand take about 10 MB.
  ///   - maximumStateCount: gives up behind so many; what was found until then shows nothing about the orders that are left.
  public init(
    _ plan: InterleavingPlan, codecs: CodecContext, isReduced: Bool = true, completionInterval: Int = 256,
    rememberedEndCount: Int = 50_000, maximumStateCount: Int = .max
  ) {
    system = InterleavingSystem(plan, codecs: codecs, rememberedEndCount: rememberedEndCount)
    self.maximumStateCount = maximumStateCount
    self.completionInterval = max(1, completionInterval)
    report = InterleavingReport(plan: plan.name, summary: plan.summary, isReduced: isReduced)
  }

  /// Searches until everything was met, or something does not hold.
  ///
  /// - Parameter progress: is called after every 16,384 steps.
  public mutating func run(progress: (InterleavingReport) -> Void = { _ in }) -> InterleavingReport {
    let start = InterleavingState()
    _ = met.insert(system.fingerprint(of: start), on: system.shelf(of: start))
    enter(start, system.fingerprint(of: start))
    while !way.isEmpty, report.failure == nil {
      guard hasStep() else {
        leave()
        continue
      }
      follow()
      if report.stepCount & 0x3FFF == 0 { progress(report) }
      report.isGivenUp = report.stateCount >= maximumStateCount && !way.isEmpty
      if report.isGivenUp { break }
    }
    return report
  }

  /// Whether the state in hand has a step that was not tried.
  private mutating func hasStep() -> Bool {
    let last = way.count - 1
    if way[last].nextStep < system.stepCount(of: way[last].end, way[last].state) { return true }
    guard way[last].triesBoth, way[last].end == .client else { return false }
    way[last].end = .server
    way[last].nextStep = 0
    return hasStep()
  }

  private mutating func follow() {
    let last = way.count - 1
    let (visit, number) = (way[last], way[last].nextStep)
    way[last].nextStep += 1
    let state = system.state(after: number, of: visit.end, visit.state)
    let fingerprint = system.fingerprint(of: state)
    report.stepCount += 1
    way[last].hasNext = true
    if visit.canOnlyRead || visit.canOnlySend {
      let step = system.step(number, of: visit.end, visit.state)
      if !step.isRead { way[last].canOnlyRead = false }
      if !step.isSend { way[last].canOnlySend = false }
    }
    if let problem = system.problem(of: state) { return fail(problem, isStepTaken: true) }
    if met.insert(fingerprint, on: system.shelf(of: state)) { return enter(state, fingerprint) }
    if onTheWay.contains(fingerprint) { fail("the sessions go round in a circle", isStepTaken: true) }
  }

  private mutating func enter(_ state: InterleavingState, _ fingerprint: InterleavingFingerprint) {
    onTheWay.insert(fingerprint)
    let incoming = report.isReduced ? End.allCases.first { system.hasIncoming($0, state) } : nil
    way.append(Visit(state: state, fingerprint: fingerprint, end: incoming ?? .client, triesBoth: incoming == nil))
    report.stateCount += 1
    report.depth = max(report.depth, way.count - 1)
    guard report.stateCount % completionInterval == 0 else { return }
    report.completionCount += 1
    report.blockers.formUnion(system.blockers(state))
    if let problem = system.problem(completing: state) { fail("played to its end: \(problem)", isStepTaken: false) }
  }

  private mutating func leave() {
    let visit = way[way.count - 1]
    if !visit.hasNext {
      report.finalStateCount += 1
      if let missing = system.missing(visit.state) { return fail(missing, isStepTaken: false) }
    } else if visit.canOnlyRead {
      report.readerBlockedStateCount += 1
    } else if visit.canOnlySend {
      report.writeSideBlockedStateCount += 1
    }
    way.removeLast()
    onTheWay.remove(visit.fingerprint)
  }

  /// - Parameter isStepTaken: the last step of the way belongs to it; the state it led to has not been entered.
  private mutating func fail(_ problem: String, isStepTaken: Bool) {
    var steps: [InterleavingStep] = []
    for visit in isStepTaken ? way[...] : way.dropLast() {
      steps.append(system.step(visit.nextStep - 1, of: visit.end, visit.state))
    }
    report.failure = InterleavingReport.Failure(problem: problem, steps: shrink(steps))
  }

  /// Leaves out what the problem does not need. A problem that only this very order shows stays as it is.
  private mutating func shrink(_ steps: [InterleavingStep]) -> [InterleavingStep] {
    guard system.problem(after: steps) != nil else { return steps }
    var best = steps
    var length = max(1, steps.count / 2)
    while length > 0 {
      var first = 0
      while first < best.count {
        var candidate = best
        candidate.removeSubrange(first..<min(first + length, candidate.count))
        if system.problem(after: candidate) == nil { first += length } else { best = candidate }
      }
      length /= 2
    }
    return best
  }
}
