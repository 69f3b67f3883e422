internal import DWCPCore
internal import NIOCore

/// One end: its engine, its application, and its codec jobs. All that its own steps look at, but for what arrives.
struct InterleavingEnd {
  /// An application's view of one stream.
  struct Side: Hashable {
    var isKnown = false
    var writtenBlockCount = 0
    /// It wrote its budget and waits for `writable`.
    var mustWait = false
    /// It has said that it writes no more, or was told to.
    var isFinished = false
    /// It was told that there is something to read, and has not read to the end of that.
    var isReadable = false
    var readByteCount = 0
    var hasEnded = false
    var isReleased = false
  }

  /// What all states of one search share.
  final class Setting: Sendable {
    let plan: InterleavingPlan
    let content: InterleavingContent
    let codecs: CodecContext

    init(_ plan: InterleavingPlan, codecs: CodecContext) {
      self.plan = plan
      self.codecs = codecs
      content = InterleavingContent(plan)
    }
  }

  static let now = Instant(nanoseconds: 1_000_000_000)

  let end: End
  let setting: Setting
  var plan: InterleavingPlan { setting.plan }
  var session: Session
  /// What the plan's streams are called on the wire; streams are opened in the plan's order.
  var ids: [StreamID] = []
  var sides: [Side]
  /// Codec jobs under way.
  var jobs: [CodecJob] = []
  var spentCuts: Set<InterleavingPlan.Cut> = []
  /// Streams that failed, or that the peer wants no more of, with what was said; right only when somebody has cut them short.
  var failures: [Int: String] = [:]
  /// Bytes that came since the last block; see `combineProgress` of the session.
  var smallByteCount = 0
  /// What did not hold, in a sentence.
  var problem: String?

  init(_ end: End, _ setting: Setting, secrets: SessionSecrets) {
    self.end = end
    self.setting = setting
    session = Session(role: end.role, configuration: setting.plan.configuration, secrets: secrets, now: Self.now)
    sides = setting.plan.streams.map { _ in Side() }
  }

  /// The steps that this end may take, whatever is under way to it. `send` is always among them, though it may turn out that there is nothing to be sent.
  var steps: [InterleavingStep] {
    var steps: [InterleavingStep] = [.send(end)]
    for job in jobs.indices { steps.append(.complete(end, job: job)) }
    if let next = sides.indices.first(where: { !sides[$0].isKnown && plan.streams[$0].opener == end }) {
      steps.append(.open(end, stream: next))
    }
    for stream in sides.indices { addSteps(of: stream, to: &steps) }
    for cut in plan.cuts where cut.end == end && !spentCuts.contains(cut) {
      let side = sides[cut.stream]
      if side.isKnown, !side.isReleased { steps.append(.cut(cut)) }
    }
    return steps
  }

  private func addSteps(of stream: Int, to steps: inout [InterleavingStep]) {
    let side = sides[stream]
    guard side.isKnown, !side.isReleased else { return }
    if !side.isFinished {
      if side.writtenBlockCount == plan.streams[stream].blockCount(from: end) {
        steps.append(.finish(end, stream: stream))
      } else if !side.mustWait {
        steps.append(.write(end, stream: stream))
      }
    }
    if side.isReadable, !side.hasEnded { steps.append(.read(end, stream: stream)) }
  }

  /// Takes a step that is among its own, other than an arrival.
  ///
  /// - Returns: what a `send` sent, if there was something to be sent.
  mutating func perform(_ step: InterleavingStep) -> InterleavingParcel? {
    var sent: InterleavingParcel?
    switch step {
    case .open(_, let stream): open(stream)
    case .write(_, let stream): write(stream)
    case .finish(_, let stream): finish(stream)
    case .read(_, let stream): read(stream)
    case .cut(let cut): perform(cut)
    case .send:
      sent = send()
      checkProjection()
    case .complete(_, let job): session.complete(jobs.remove(at: job).run(in: setting.codecs), now: Self.now)
    case .arrive: break
    }
    collect()
    return sent
  }

  mutating func receive(_ parcel: InterleavingParcel) {
    smallByteCount = parcel.hasBlock ? 0 : smallByteCount + parcel.byteCount
    for bytes in parcel.buffers { session.receive(bytes, now: Self.now) }
    checkProjection()
    collect()
  }
}

/// What its application does.
extension InterleavingEnd {
  private mutating func open(_ stream: Int) {
    guard let id = try? session.open(), id == ids[stream] else {
      problem = "the \(end) may not open stream \(stream)"
      return
    }
    learn(of: stream)
    if plan.isTerse, plan.streams[stream].blockCount(from: end) > 0 { write(stream) }
  }

  /// An end that has nothing to say on a stream says so at once.
  private mutating func learn(of stream: Int) {
    sides[stream].isKnown = true
    if plan.streams[stream].blockCount(from: end) == 0 { finish(stream) }
  }

  private mutating func write(_ stream: Int) {
    let block = setting.content.block(sides[stream].writtenBlockCount, of: stream, from: end)
    guard let hasRoom = try? session.write(block, to: ids[stream]) else {
      problem = "stream \(ids[stream]) turned a write of the \(end) down"
      return
    }
    sides[stream].writtenBlockCount += 1
    sides[stream].mustWait = !hasRoom
    if plan.isTerse, sides[stream].writtenBlockCount == plan.streams[stream].blockCount(from: end) { finish(stream) }
  }

  private mutating func finish(_ stream: Int) {
    sides[stream].isFinished = true
    if (try? session.finish(ids[stream])) == nil { problem = "stream \(ids[stream]) turned a FIN of the \(end) down" }
    releaseIfOver(stream)
  }

  private mutating func read(_ stream: Int) {
    switch session.read(ids[stream]) {
    case .bytes(let bytes, _):
      if !setting.content.matches(bytes, of: stream, from: end.other, at: sides[stream].readByteCount) {
        problem = "the \(end) read bytes of stream \(ids[stream]) that nobody wrote there (SPEC DAT-7)"
      }
      sides[stream].readByteCount += bytes.readableBytes
    case .end:
      let expected = plan.streams[stream].blockCount(from: end.other) * plan.blockByteCount
      let count = sides[stream].readByteCount
      if count != expected {
        problem = "stream \(ids[stream]) ended for the \(end) after \(count) of \(expected) bytes (SPEC DAT-7)"
      }
      endReading(stream)
    case .failed(let error):
      failures[stream] = "stream \(ids[stream]) failed at the \(end): \(error)"
      endReading(stream)
    case .notReady:
      sides[stream].isReadable = false
    }
  }

  private mutating func endReading(_ stream: Int) {
    sides[stream].hasEnded = true
    releaseIfOver(stream)
  }

  /// An application that has finished and has read the end lets its stream go.
  private mutating func releaseIfOver(_ stream: Int) {
    guard sides[stream].isFinished, sides[stream].hasEnded else { return }
    sides[stream].isReleased = true
    session.release(ids[stream])
  }

  private mutating func perform(_ cut: InterleavingPlan.Cut) {
    let id = ids[cut.stream]
    spentCuts.insert(cut)
    switch cut.kind {
    case .reset:
      session.reset(id, code: .cancelled)
      sides[cut.stream].isFinished = true
      releaseIfOver(cut.stream)
    case .stop:
      session.stop(id, code: .cancelled)
    case .release:
      session.release(id)
      sides[cut.stream].isReleased = true
    }
  }
}

/// What its connection does, and what its engine tells.
extension InterleavingEnd {
  mutating func send() -> InterleavingParcel? {
    var batch = TransmitBatch()
    session.transmit(maximumByteCount: 1, now: Self.now, into: &batch)
    return batch.byteCount > 0 ? InterleavingParcel(batch, from: end, isExact: plan.isExact) : nil
  }

  /// Does what the owner of an engine does after every call: takes its events and its jobs.
  mutating func collect() {
    while let event = session.nextEvent() { take(event) }
    while let job = session.nextJob() { jobs.append(job) }
  }

  private mutating func take(_ event: SessionEvent) {
    switch event {
    case .streamOpened(let id, _):
      if let stream = ids.firstIndex(of: id) { learn(of: stream) }
    case .readable(let id):
      if let stream = ids.firstIndex(of: id) { sides[stream].isReadable = true }
    case .writable(let id):
      if let stream = ids.firstIndex(of: id) { sides[stream].mustWait = false }
    case .stopped(let id, _):
      guard let stream = ids.firstIndex(of: id) else { return }
      failures[stream] = "stream \(id) was stopped"
      sides[stream].isFinished = true
      releaseIfOver(stream)
    case .ended(let error):
      problem = "the \(end) ended: \(error.map { "\($0)" } ?? "no reason")"
    case .established, .closed, .streamLimitRaised, .pong, .goingAway, .codecChosen, .sendCodecsChanged,
      .objectStands:
      break
    }
  }

  /// The projection leaves out what cannot matter while the link holds no block up, and frames without blocks are too few for an ACK.
  private mutating func checkProjection() {
    guard !plan.isExact else { return }
    if ids.contains(where: { session.blockers(of: $0).sending == .link }) {
      problem = "the link holds the \(end) up, which the projection leaves out"
    }
    if smallByteCount >= 4_096 { problem = "the \(end) got more small frames than the projection bears" }
  }
}

/// What others ask.
extension InterleavingEnd {
  /// What two of them have to agree on to be the same.
  var fingerprint: InterleavingFingerprint {
    InterleavingFingerprint { combine(isExact: plan.isExact, into: &$0) }
  }

  /// Of all of it, where ``fingerprint`` leaves something out: an end that had other counts of frames would not understand what is under way to it.
  var exactFingerprint: InterleavingFingerprint {
    InterleavingFingerprint { hasher in
      combine(isExact: true, into: &hasher)
      if !plan.isExact { hasher.combine(smallByteCount) }
      hasher.combine(Set(failures.keys))
      hasher.combine(problem)
    }
  }

  private func combine(isExact: Bool, into hasher: inout Hasher) {
    session.combineProgress(isExact: isExact, now: Self.now, into: &hasher)
    hasher.combine(sides)
    hasher.combine(spentCuts)
    hasher.combine(jobs.count)
    for job in jobs { job.combineProgress(into: &hasher) }
  }

  /// What its streams wait for.
  var blockers: Set<StreamBlocker> {
    var met: Set<StreamBlocker> = []
    for (sending, receiving) in ids.map({ session.blockers(of: $0) }) {
      met.formUnion([sending, receiving].compactMap { $0 })
    }
    return met
  }

  /// A sentence when this is no end that was meant: everything was read, the streams have been let go.
  ///
  /// - Parameter cutStreams: those that somebody has cut short.
  func missing(_ cutStreams: Set<Int>) -> String? {
    for (stream, side) in sides.enumerated() {
      guard side.isKnown else {
        if plan.streams[stream].opener == end { return "the \(end) never opened stream \(stream)" }
        if !cutStreams.contains(stream) { return "the \(end) never learnt of stream \(stream)" }
        continue
      }
      if !side.isReleased { return "the \(end) waits on stream \(stream) for ever (\(blockers(of: stream)))" }
    }
    if let stream = ids.indices.first(where: { session.blockers(of: ids[$0]).sending != nil }) {
      return "the \(end) never sends the rest of stream \(stream) (\(blockers(of: stream)))"
    }
    let count = session.streamCount
    if count > 0 { return "the \(end) holds \(count) streams after all were released (SPEC STR-4)" }
    let unread = session.unreadUnitCount
    if unread > 0 { return "the \(end) counts \(unread) units as unread (SPEC CRD-6)" }
    return nil
  }

  private func blockers(of stream: Int) -> String {
    let (sending, receiving) = session.blockers(of: ids[stream])
    return "sending: \(sending.map { "\($0)" } ?? "nothing"), receiving: \(receiving.map { "\($0)" } ?? "nothing")"
  }
}
