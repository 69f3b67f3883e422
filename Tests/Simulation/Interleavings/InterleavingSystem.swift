internal import DWCPCore

/// Where two ends are, and what is under way between them: all that the next step depends on, by number.
struct InterleavingState {
  typealias Place = InterleavingAutomaton.Place
  typealias Queue = InterleavingQueues.Queue

  var client: Place = 0
  var server: Place = 0
  var toClient = InterleavingQueues.empty
  var toServer = InterleavingQueues.empty

  func queue(to end: End) -> Queue { end == .client ? toClient : toServer }
}

/// Two engines with their applications, and the wire between them.
struct InterleavingSystem {
  private var client: InterleavingAutomaton
  private var server: InterleavingAutomaton
  private var queues = InterleavingQueues()

  /// - Parameter rememberedEndCount: ends that are kept, half of each; see ``InterleavingAutomaton``.
  init(_ plan: InterleavingPlan, codecs: CodecContext, rememberedEndCount: Int) {
    let start = InterleavingWarmUp(InterleavingEnd.Setting(plan, codecs: codecs))
    client = InterleavingAutomaton(start.client, maximumEndCount: rememberedEndCount / 2)
    server = InterleavingAutomaton(start.server, maximumEndCount: rememberedEndCount / 2)
  }

  /// What two states have to agree on to be the same.
  func fingerprint(of state: InterleavingState) -> InterleavingFingerprint {
    var fingerprint = client.traits[Int(state.client)].fingerprint
    fingerprint.append(queues.fingerprint(of: state.toClient))
    fingerprint.append(server.traits[Int(state.server)].fingerprint)
    fingerprint.append(queues.fingerprint(of: state.toServer))
    return fingerprint
  }

  /// States with the same are looked up near each other: those of one run of the client's steps.
  func shelf(of state: InterleavingState) -> InterleavingFingerprint { server.traits[Int(state.server)].fingerprint }

  func hasIncoming(_ end: End, _ state: InterleavingState) -> Bool { state.queue(to: end) != InterleavingQueues.empty }

  /// How many steps an end may take; ``state(after:of:_:)`` takes them by number.
  mutating func stepCount(of end: End, _ state: InterleavingState) -> Int {
    outcomes(of: end, state).count + (hasIncoming(end, state) ? 1 : 0)
  }

  /// The first step is that what was sent first arrives, if something is under way.
  mutating func step(_ number: Int, of end: End, _ state: InterleavingState) -> InterleavingStep {
    let isIncoming = hasIncoming(end, state)
    return isIncoming && number == 0 ? .arrive(end) : outcomes(of: end, state)[isIncoming ? number - 1 : number].step
  }

  mutating func state(after number: Int, of end: End, _ state: InterleavingState) -> InterleavingState {
    guard hasIncoming(end, state) else { return self.state(after: outcomes(of: end, state)[number], of: end, state) }
    return number == 0
      ? arrival(at: end, state) : self.state(after: outcomes(of: end, state)[number - 1], of: end, state)
  }

  private mutating func outcomes(of end: End, _ state: InterleavingState) -> [InterleavingAutomaton.Outcome] {
    switch end {
    case .client: client.outcomes(at: state.client, &queues)
    case .server: server.outcomes(at: state.server, &queues)
    }
  }

  private mutating func state(
    after outcome: InterleavingAutomaton.Outcome, of end: End, _ state: InterleavingState
  ) -> InterleavingState {
    var state = state
    switch end {
    case .client:
      state.client = outcome.place
      if let sent = outcome.sent { state.toServer = queues.appending(sent, to: state.toServer) }
    case .server:
      state.server = outcome.place
      if let sent = outcome.sent { state.toClient = queues.appending(sent, to: state.toClient) }
    }
    return state
  }

  private mutating func arrival(at end: End, _ state: InterleavingState) -> InterleavingState {
    var state = state
    switch end {
    case .client:
      state.client = client.place(after: queues.first(of: state.toClient), at: state.client, queues)
      state.toClient = queues.rest(of: state.toClient)
    case .server:
      state.server = server.place(after: queues.first(of: state.toServer), at: state.server, queues)
      state.toServer = queues.rest(of: state.toServer)
    }
    return state
  }
}

/// What must hold.
extension InterleavingSystem {
  /// What does not hold there, in a sentence.
  mutating func problem(of state: InterleavingState) -> String? {
    if let problem = client.problems[state.client] { return problem }
    if let problem = server.problems[state.server] { return problem }
    let (client, server) = (self.client.traits[Int(state.client)], self.server.traits[Int(state.server)])
    guard (client.failedStreams | server.failedStreams) & ~(client.cutStreams | server.cutStreams) != 0 else {
      return nil
    }
    let cutStreams = cutStreams(state)
    return End.allCases.flatMap { end(at: $0, state).failures }.first { !cutStreams.contains($0.key) }?.value
  }

  /// A sentence when this is no end that was meant: everything was read, both ends have let go.
  mutating func missing(_ state: InterleavingState) -> String? {
    let cutStreams = cutStreams(state)
    for end in End.allCases {
      if let missing = self.end(at: end, state).missing(cutStreams) { return missing }
    }
    return nil
  }

  private mutating func cutStreams(_ state: InterleavingState) -> Set<Int> {
    Set(End.allCases.flatMap { end(at: $0, state).spentCuts.map(\.stream) })
  }

  /// What streams wait for.
  mutating func blockers(_ state: InterleavingState) -> Set<StreamBlocker> {
    end(at: .client, state).blockers.union(end(at: .server, state).blockers)
  }

  private mutating func end(at end: End, _ state: InterleavingState) -> InterleavingEnd {
    switch end {
    case .client: client.end(at: state.client, queues)
    case .server: server.end(at: state.server, queues)
    }
  }

  /// Takes a step if it is possible there; nil when it is not.
  mutating func state(after step: InterleavingStep, _ state: InterleavingState) -> InterleavingState? {
    for end in End.allCases {
      for number in 0..<stepCount(of: end, state) where self.step(number, of: end, state) == step {
        return self.state(after: number, of: end, state)
      }
    }
    return nil
  }

  /// Takes all steps in turn until none is left, with every blocker lifted; a sentence when that does not end where it should.
  mutating func problem(completing state: InterleavingState) -> String? {
    var state = state
    for _ in 0..<1_000 {
      var isSilent = true
      for step in steps(state) where !step.isCut {
        guard let next = self.state(after: step, state) else { continue }
        isSilent = false
        state = next
        if let problem = problem(of: state) { return problem }
      }
      if isSilent { return missing(state) }
    }
    return "the sessions do not come to rest"
  }

  private mutating func steps(_ state: InterleavingState) -> [InterleavingStep] {
    var steps: [InterleavingStep] = []
    for end in End.allCases {
      for number in 0..<stepCount(of: end, state) { steps.append(step(number, of: end, state)) }
    }
    return steps
  }

  /// Takes those of the steps that are possible where they stand, and then all that are left.
  mutating func problem(after steps: [InterleavingStep]) -> String? {
    var state = InterleavingState()
    for step in steps {
      guard let next = self.state(after: step, state) else { continue }
      state = next
      if let problem = problem(of: state) { return problem }
    }
    return problem(completing: state)
  }
}
