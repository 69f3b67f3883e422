/// What steps made of ends.
///
/// A step looks at the end that takes it, at what both ends share, and at what arrives, if something does. Where these are as they were before, so is what
/// comes of it: most states differ from others by the other end alone, and nearly every step has been taken somewhere.
struct InterleavingMemory {
  /// All that a step changes, but for taking what arrived.
  fileprivate struct Outcome {
    var place: InterleavingState.Place
    var shared: InterleavingState.Shared?
    var sent: InterleavingParcel?
    var problem: String?
  }

  /// By ``InterleavingState/cause(of:)``.
  private var outcomes: [InterleavingFingerprint: Outcome] = [:]
  /// Ends that steps came to, each once.
  private var places: [InterleavingFingerprint: InterleavingState.Place] = [:]
  private let maximumCount: Int

  /// - Parameter maximumCount: of different ends; each keeps a session, of some kilobytes. Beyond that all are forgotten.
  init(maximumCount: Int) {
    self.maximumCount = maximumCount
  }

  /// Takes a step that is among those of its end; false when it was a `send` and nothing was sent.
  mutating func perform(_ step: InterleavingStep, on state: inout InterleavingState) -> Bool {
    let cause = state.cause(of: step)
    if let outcome = outcomes[cause] { return state.repeat(outcome, of: step) }
    var outcome = state.outcome(of: step)
    if maximumCount > 0 {
      outcome.place = known(outcome.place, of: step.end)
      outcomes[cause] = outcome
    }
    return outcome.sent != nil || !step.isSend
  }

  /// The one like it that was there first.
  private mutating func known(_ place: InterleavingState.Place, of end: End) -> InterleavingState.Place {
    var fingerprint = InterleavingFingerprint { $0.combine(end) }
    fingerprint.append(place.peer.exactFingerprint)
    if let known = places[fingerprint] { return known }
    if places.count >= maximumCount {
      places.removeAll(keepingCapacity: true)
      outcomes.removeAll(keepingCapacity: true)
    }
    places[fingerprint] = place
    return place
  }
}

extension InterleavingState {
  /// All that a step looks at, with nothing left out: an end that had other counts of frames would not understand what is under way to it.
  fileprivate func cause(of step: InterleavingStep) -> InterleavingFingerprint {
    var fingerprint = InterleavingFingerprint { $0.combine(step) }
    fingerprint.append(sharedFingerprint)
    fingerprint.append(look(at: step.end) { $0.exactFingerprint })
    if step.isArrival, let parcel = (step.end == .client ? toClient : toServer).first {
      fingerprint.append(parcel.exactFingerprint)
    }
    return fingerprint
  }

  fileprivate mutating func outcome(of step: InterleavingStep) -> InterleavingMemory.Outcome {
    let before = sharedFingerprint
    let hasSent = perform(step)
    let sent = step.end == .client ? toServer.last : toClient.last
    return InterleavingMemory.Outcome(
      place: step.end == .client ? client : server, shared: sharedFingerprint == before ? nil : shared,
      sent: step.isSend && hasSent ? sent : nil, problem: problem)
  }

  /// Becomes what the step makes of it, by what it made of this end elsewhere.
  fileprivate mutating func `repeat`(_ outcome: InterleavingMemory.Outcome, of step: InterleavingStep) -> Bool {
    switch step.end {
    case .client:
      client = outcome.place
      if step.isArrival { toClient.removeFirst() }
      if let sent = outcome.sent { toServer.append(sent) }
    case .server:
      server = outcome.place
      if step.isArrival { toServer.removeFirst() }
      if let sent = outcome.sent { toClient.append(sent) }
    }
    if let changed = outcome.shared { shared = changed }
    problem = outcome.problem
    return outcome.sent != nil || !step.isSend
  }
}
