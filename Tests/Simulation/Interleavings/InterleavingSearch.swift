public import DWCPCore

/// Tries every order in which the steps of a plan can happen.
///
/// A depth-first search over states (``InterleavingState``); of those that were met only fingerprints are kept, so that memory does not bound it. It shows,
/// for every order there is:
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
    let steps: [InterleavingStep]
    var nextStep = 0
    var hasNext = false
    var canOnlyRead = true
    var canOnlySend = true
  }

  private let start: InterleavingState
  private let completionInterval: Int
  private let maximumStateCount: Int
  private var memory: InterleavingMemory
  private var met: Set<InterleavingFingerprint> = []
  /// The states from the start to the one in hand, and their fingerprints.
  private var way: [Visit] = []
  private var onTheWay: Set<InterleavingFingerprint> = []
  private var report: InterleavingReport

  /// - Parameters:
  ///   - plan: what is to happen.
  ///   - codecs: what codec jobs run in.
  ///   - isReduced: leaves out orders that differ only in steps that commute.
  ///   - completionInterval: from one state in so many the rest is played to its end, besides.
  ///   - rememberedEndCount: ends that are kept, so that steps to them are not taken again; a thousand take about 10 MB.
  ///   - maximumStateCount: gives up behind so many; what was found until then shows nothing about the orders that are left.
  public init(
    _ plan: InterleavingPlan, codecs: CodecContext, isReduced: Bool = true, completionInterval: Int = 256,
    rememberedEndCount: Int = 50_000, maximumStateCount: Int = .max
  ) {
    start = InterleavingState(plan, codecs: codecs)
    memory = InterleavingMemory(maximumCount: rememberedEndCount)
    self.maximumStateCount = maximumStateCount
    self.completionInterval = max(1, completionInterval)
    report = InterleavingReport(plan: plan.name, summary: plan.summary, isReduced: isReduced)
  }

  /// Searches until everything was met, or something does not hold.
  ///
  /// - Parameter progress: is called after every 16,384 steps.
  public mutating func run(progress: (InterleavingReport) -> Void = { _ in }) -> InterleavingReport {
    enter(start, start.fingerprint)
    while !way.isEmpty, report.failure == nil {
      let last = way.count - 1
      guard way[last].nextStep < way[last].steps.count else {
        leave()
        continue
      }
      way[last].nextStep += 1
      follow(way[last].steps[way[last].nextStep - 1])
      if report.stepCount & 0x3FFF == 0 { progress(report) }
      report.isGivenUp = report.stateCount >= maximumStateCount && !way.isEmpty
      if report.isGivenUp { break }
    }
    return report
  }

  private mutating func follow(_ step: InterleavingStep) {
    let last = way.count - 1
    var state = way[last].state
    let hasSent = memory.perform(step, on: &state)
    let fingerprint = state.fingerprint
    // There was nothing to be sent.
    if !hasSent, fingerprint == way[last].fingerprint { return }
    report.stepCount += 1
    way[last].hasNext = true
    if case .read = step {} else { way[last].canOnlyRead = false }
    if case .send = step {} else { way[last].canOnlySend = false }
    if let problem = state.problem { return fail(problem, isStepTaken: true) }
    if onTheWay.contains(fingerprint) { return fail("the sessions go round in a circle", isStepTaken: true) }
    if !met.contains(fingerprint) { enter(state, fingerprint) }
  }

  private mutating func enter(_ state: InterleavingState, _ fingerprint: InterleavingFingerprint) {
    met.insert(fingerprint)
    onTheWay.insert(fingerprint)
    way.append(Visit(state: state, fingerprint: fingerprint, steps: stepsToTry(state)))
    report.stateCount += 1
    report.depth = max(report.depth, way.count - 1)
    guard report.stateCount % completionInterval == 0 else { return }
    report.completionCount += 1
    report.blockers.formUnion(state.blockers)
    if let problem = state.completed(&memory) { fail("played to its end: \(problem)", isStepTaken: false) }
  }

  private func stepsToTry(_ state: InterleavingState) -> [InterleavingStep] {
    if report.isReduced, let end = End.allCases.first(where: { state.hasIncoming($0) }) { return state.steps(of: end) }
    return End.allCases.flatMap { state.steps(of: $0) }
  }

  private mutating func leave() {
    let visit = way[way.count - 1]
    if !visit.hasNext {
      report.finalStateCount += 1
      if let missing = visit.state.missing { return fail(missing, isStepTaken: false) }
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
    let steps = (isStepTaken ? way[...] : way.dropLast()).map { $0.steps[$0.nextStep - 1] }
    report.failure = InterleavingReport.Failure(problem: problem, steps: shrink(steps))
  }

  /// Leaves out what the problem does not need. A problem that only this very order shows stays as it is.
  private mutating func shrink(_ steps: [InterleavingStep]) -> [InterleavingStep] {
    guard start.problem(after: steps, &memory) != nil else { return steps }
    var best = steps
    var length = max(1, steps.count / 2)
    while length > 0 {
      var first = 0
      while first < best.count {
        var candidate = best
        candidate.removeSubrange(first..<min(first + length, candidate.count))
        if start.problem(after: candidate, &memory) == nil { first += length } else { best = candidate }
      }
      length /= 2
    }
    return best
  }
}
