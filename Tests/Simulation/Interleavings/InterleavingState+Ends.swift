internal import DWCPCore
internal import NIOCore

/// What must hold where nothing more can happen.
extension InterleavingState {
  /// A sentence when this is no end that was meant: everything was read, both ends have let go, nothing is under way.
  var missing: String? {
    for end in End.allCases {
      for stream in plan.streams.indices {
        let side = look(at: end) { $0.sides[stream] }
        guard side.isKnown || plan.streams[stream].opener == end.other else {
          return "the \(end) never opened stream \(stream)"
        }
        if !side.isReleased, side.isKnown {
          return "the \(end) waits on stream \(stream) for ever (\(blockers(stream, end)))"
        }
        if !side.isKnown, !cutStreams.contains(stream) { return "the \(end) never learnt of stream \(stream)" }
      }
      if let stream = ids.indices.first(where: { sendBlocker($0, end) != nil }) {
        return "the \(end) never sends the rest of stream \(stream) (\(blockers(stream, end)))"
      }
      let count = look(at: end) { $0.session.streamCount }
      if count > 0 { return "the \(end) holds \(count) streams after all were released (SPEC STR-4)" }
      let unread = look(at: end) { $0.session.unreadUnitCount }
      if unread > 0 { return "the \(end) counts \(unread) units as unread (SPEC CRD-6)" }
    }
    return nil
  }

  private func sendBlocker(_ stream: Int, _ end: End) -> StreamBlocker? {
    ids[stream].flatMap { id in look(at: end) { $0.session.blockers(of: id).sending } }
  }

  private func blockers(_ stream: Int, _ end: End) -> String {
    guard let id = ids[stream] else { return "not opened" }
    let (sending, receiving) = look(at: end) { $0.session.blockers(of: id) }
    return "sending: \(sending.map { "\($0)" } ?? "nothing"), receiving: \(receiving.map { "\($0)" } ?? "nothing")"
  }

  /// What streams wait for.
  var blockers: Set<StreamBlocker> {
    var met: Set<StreamBlocker> = []
    for end in End.allCases {
      for id in ids.compactMap({ $0 }) {
        let (sending, receiving) = look(at: end) { $0.session.blockers(of: id) }
        met.formUnion([sending, receiving].compactMap { $0 })
      }
    }
    return met
  }

  /// Takes all steps in turn until none is left, with every blocker lifted; a sentence when that does not end where it should.
  func completed(_ memory: inout InterleavingMemory) -> String? {
    var state = self
    for _ in 0..<1_000 {
      var isSilent = true
      for step in End.allCases.flatMap({ state.steps(of: $0) })
      where !step.isCut && state.steps(of: step.end).contains(step) {
        if memory.perform(step, on: &state) { isSilent = false }
        if let problem = state.problem { return problem }
      }
      if isSilent { return state.missing }
    }
    return "the sessions do not come to rest"
  }

  /// Takes those of the steps that are possible where they stand, and then all that are left.
  func problem(after steps: [InterleavingStep], _ memory: inout InterleavingMemory) -> String? {
    var state = self
    for step in steps where state.steps(of: step.end).contains(step) {
      _ = memory.perform(step, on: &state)
      if let problem = state.problem { return problem }
    }
    return state.completed(&memory)
  }
}

/// How a session is brought to where the search begins.
extension InterleavingState {
  /// Completes the handshake, and moves a few blocks each way on a stream that closes: both ends have measured the link then.
  mutating func warmUp() {
    settle()
    guard let id = update(.client, { try? $0.session.open() }) else { return }
    exchange(id)
  }

  private mutating func settle() {
    var isBusy = true
    while isBusy {
      isBusy = false
      for end in End.allCases {
        collect(end)
        while look(at: end, { !$0.jobs.isEmpty }) {
          complete(end, 0)
          collect(end)
        }
        while send(end) { isBusy = true }
        while hasIncoming(end.other) { arrive(end.other) }
      }
    }
  }

  private mutating func exchange(_ id: StreamID) {
    let block = ByteBuffer(repeating: 0, count: min(plan.warmBlockByteCount, plan.blockByteCount))
    for _ in 0..<4 {
      for end in End.allCases {
        update(end) { _ = try? $0.session.write(block, to: id) }
        settle()
        update(end.other) { while case .bytes = $0.session.read(id) {} }
        settle()
      }
    }
    for end in End.allCases {
      update(end) { try? $0.session.finish(id) }
      settle()
    }
    for end in End.allCases {
      update(end) { peer in
        while case .bytes = peer.session.read(id) {}
        peer.session.release(id)
      }
    }
    settle()
  }
}
