internal import DWCPCore
internal import NIOCore

/// Two engines, what is under way between them, and their applications: all that the next step depends on.
struct InterleavingState {
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

  /// One end.
  struct Peer {
    var session: Session
    var sides: [Side]
    /// Codec jobs under way.
    var jobs: [CodecJob] = []
    /// Bytes that came since the last block; see `combineProgress` of the session.
    var smallByteCount = 0
    var fingerprint = InterleavingFingerprint()
    /// Of all of it, where the other one leaves something out.
    var exactFingerprint = InterleavingFingerprint()
  }

  /// What is no matter of one end.
  struct Shared: Hashable {
    /// Of streams that were opened.
    var ids: [StreamID?]
    /// Streams that somebody has cut short.
    var cutStreams: Set<Int> = []
    var spentCuts: Set<InterleavingPlan.Cut> = []
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

  /// Shared by all states that do not differ in it: most steps change one end.
  final class Place {
    var peer: Peer

    init(_ peer: Peer) { self.peer = peer }
  }

  private let setting: Setting
  var plan: InterleavingPlan { setting.plan }
  private static let now = Instant(nanoseconds: 1_000_000_000)
  var client: Place
  var server: Place
  /// What is under way to each end, oldest first.
  var toClient: [InterleavingParcel] = []
  var toServer: [InterleavingParcel] = []
  var shared: Shared {
    didSet { sharedFingerprint = InterleavingFingerprint { $0.combine(shared) } }
  }
  private(set) var sharedFingerprint = InterleavingFingerprint()
  var ids: [StreamID?] { shared.ids }
  var cutStreams: Set<Int> { shared.cutStreams }
  /// What did not hold, in a sentence.
  var problem: String?

  init(_ plan: InterleavingPlan, codecs: CodecContext) {
    setting = Setting(plan, codecs: codecs)
    var random = SeededGenerator(seed: 1)
    func place(_ role: Role) -> Place {
      let secrets = SessionSecrets(using: &random)
      let session = Session(role: role, configuration: plan.configuration, secrets: secrets, now: Self.now)
      return Place(Peer(session: session, sides: plan.streams.map { _ in Side() }))
    }
    client = place(.initiator)
    server = place(.acceptor)
    shared = Shared(ids: plan.streams.map { _ in nil })
    if plan.isWarm { warmUp() }
    for end in End.allCases { takeFingerprint(end) }
  }

  @discardableResult
  mutating func update<Result>(_ end: End, _ body: (inout Peer) throws -> Result) rethrows -> Result {
    switch end {
    case .client:
      if !isKnownUniquelyReferenced(&client) { client = Place(client.peer) }
      return try body(&client.peer)
    case .server:
      if !isKnownUniquelyReferenced(&server) { server = Place(server.peer) }
      return try body(&server.peer)
    }
  }

  func look<Result>(at end: End, _ body: (borrowing Peer) -> Result) -> Result {
    switch end {
    case .client: body(client.peer)
    case .server: body(server.peer)
    }
  }

  /// Whether something is under way to this end.
  func hasIncoming(_ end: End) -> Bool { end == .client ? !toClient.isEmpty : !toServer.isEmpty }

  /// The steps that this end may take. `send` is always among them, though it may turn out that there is nothing to be sent.
  func steps(of end: End) -> [InterleavingStep] {
    var steps: [InterleavingStep] = [.send(end)]
    if hasIncoming(end) { steps.append(.arrive(end)) }
    for job in 0..<look(at: end, { $0.jobs.count }) { steps.append(.complete(end, job: job)) }
    if let next = ids.indices.first(where: { ids[$0] == nil && plan.streams[$0].opener == end }) {
      steps.append(.open(end, stream: next))
    }
    for stream in plan.streams.indices {
      let side = look(at: end) { $0.sides[stream] }
      guard side.isKnown, !side.isReleased else { continue }
      if !side.isFinished {
        let isWritten = side.writtenBlockCount == plan.streams[stream].blockCount(from: end)
        if isWritten {
          steps.append(.finish(end, stream: stream))
        } else if !side.mustWait {
          steps.append(.write(end, stream: stream))
        }
      }
      if side.isReadable, !side.hasEnded { steps.append(.read(end, stream: stream)) }
    }
    for cut in plan.cuts where cut.end == end && !shared.spentCuts.contains(cut) {
      let side = look(at: end) { $0.sides[cut.stream] }
      guard side.isKnown, !side.isReleased else { continue }
      switch cut.kind {
      case .reset: steps.append(.reset(end, stream: cut.stream))
      case .stop: steps.append(.stop(end, stream: cut.stream))
      case .release: steps.append(.release(end, stream: cut.stream))
      }
    }
    return steps
  }

  /// Takes a step that is among those of its end; false when it was a `send` and nothing was sent.
  mutating func perform(_ step: InterleavingStep) -> Bool {
    var hasSent = true
    switch step {
    case .open(let end, let stream): open(end, stream)
    case .write(let end, let stream): write(end, stream)
    case .finish(let end, let stream): finish(end, stream)
    case .read(let end, let stream): read(end, stream)
    case .reset(let end, let stream): cut(.reset, end, stream) { $0.reset($1, code: .cancelled) }
    case .stop(let end, let stream): cut(.stop, end, stream) { $0.stop($1, code: .cancelled) }
    case .release(let end, let stream): cut(.release, end, stream) { $0.release($1) }
    case .send(let end):
      hasSent = send(end)
      checkProjection(end)
    case .arrive(let end):
      arrive(end)
      checkProjection(end)
    case .complete(let end, let job): complete(end, job)
    }
    collect(step.end)
    takeFingerprint(step.end)
    return hasSent
  }
}

/// What applications do.
extension InterleavingState {
  private mutating func open(_ end: End, _ stream: Int) {
    guard let id = update(end, { try? $0.session.open() }) else {
      problem = "the \(end) may not open stream \(stream)"
      return
    }
    shared.ids[stream] = id
    learn(of: stream, at: end)
    if plan.isTerse, plan.streams[stream].blockCount(from: end) > 0 { write(end, stream) }
  }

  /// An end that has nothing to say on a stream says so at once.
  private mutating func learn(of stream: Int, at end: End) {
    update(end) { $0.sides[stream].isKnown = true }
    if plan.streams[stream].blockCount(from: end) == 0 { finish(end, stream) }
  }

  private mutating func write(_ end: End, _ stream: Int) {
    guard let id = ids[stream] else { return }
    let content = setting.content
    let isTaken = update(end) { peer in
      let block = content.block(peer.sides[stream].writtenBlockCount, of: stream, from: end)
      guard let hasRoom = try? peer.session.write(block, to: id) else { return false }
      peer.sides[stream].writtenBlockCount += 1
      peer.sides[stream].mustWait = !hasRoom
      return true
    }
    if !isTaken { problem = "stream \(id) turned a write of the \(end) down" }
    let hasWritten = look(at: end) { $0.sides[stream].writtenBlockCount == plan.streams[stream].blockCount(from: end) }
    if plan.isTerse, hasWritten { finish(end, stream) }
  }

  private mutating func finish(_ end: End, _ stream: Int) {
    guard let id = ids[stream] else { return }
    let isTaken = update(end) { peer in
      peer.sides[stream].isFinished = true
      return (try? peer.session.finish(id)) != nil
    }
    if !isTaken { problem = "stream \(id) turned a FIN of the \(end) down" }
    releaseIfOver(end, stream)
  }

  private mutating func read(_ end: End, _ stream: Int) {
    guard let id = ids[stream] else { return }
    switch update(end, { $0.session.read(id) }) {
    case .bytes(let bytes, _):
      let offset = look(at: end) { $0.sides[stream].readByteCount }
      if !setting.content.matches(bytes, of: stream, from: end.other, at: offset) {
        problem = "the \(end) read bytes of stream \(id) that nobody wrote there (SPEC DAT-7)"
      }
      update(end) { $0.sides[stream].readByteCount += bytes.readableBytes }
    case .end:
      let expected = plan.streams[stream].blockCount(from: end.other) * plan.blockByteCount
      let count = look(at: end) { $0.sides[stream].readByteCount }
      if count != expected {
        problem = "stream \(id) ended for the \(end) after \(count) of \(expected) bytes (SPEC DAT-7)"
      }
      endReading(end, stream)
    case .failed(let error):
      if !cutStreams.contains(stream) { problem = "stream \(id) failed at the \(end): \(error)" }
      endReading(end, stream)
    case .notReady:
      update(end) { $0.sides[stream].isReadable = false }
    }
  }

  private mutating func endReading(_ end: End, _ stream: Int) {
    update(end) { $0.sides[stream].hasEnded = true }
    releaseIfOver(end, stream)
  }

  /// An application that has finished and has read the end lets its stream go.
  private mutating func releaseIfOver(_ end: End, _ stream: Int) {
    guard let id = ids[stream], look(at: end, { $0.sides[stream].isFinished && $0.sides[stream].hasEnded }) else {
      return
    }
    update(end) { peer in
      peer.sides[stream].isReleased = true
      peer.session.release(id)
    }
  }

  private mutating func cut(
    _ kind: InterleavingPlan.Cut.Kind, _ end: End, _ stream: Int, _ body: (inout Session, StreamID) -> Void
  ) {
    guard let id = ids[stream] else { return }
    shared.spentCuts.insert(InterleavingPlan.Cut(kind: kind, end: end, stream: stream))
    shared.cutStreams.insert(stream)
    update(end) { peer in
      body(&peer.session, id)
      switch kind {
      case .reset: peer.sides[stream].isFinished = true
      case .stop: break
      case .release: peer.sides[stream].isReleased = true
      }
    }
    if kind == .reset { releaseIfOver(end, stream) }
  }
}

/// What connections and codecs do, and what the engines tell.
extension InterleavingState {
  mutating func send(_ end: End) -> Bool {
    var batch = TransmitBatch()
    update(end) { $0.session.transmit(maximumByteCount: 1, now: Self.now, into: &batch) }
    guard batch.byteCount > 0 else { return false }
    let parcel = InterleavingParcel(batch, isExact: plan.isExact)
    if end == .server { toClient.append(parcel) } else { toServer.append(parcel) }
    return true
  }

  mutating func arrive(_ end: End) {
    let parcel = end == .client ? toClient.removeFirst() : toServer.removeFirst()
    update(end) { peer in
      peer.smallByteCount = parcel.hasBlock ? 0 : peer.smallByteCount + parcel.byteCount
      for bytes in parcel.buffers { peer.session.receive(bytes, now: Self.now) }
    }
  }

  mutating func complete(_ end: End, _ job: Int) {
    let codecs = setting.codecs
    update(end) { peer in
      peer.session.complete(peer.jobs.remove(at: job).run(in: codecs), now: Self.now)
    }
  }

  /// Does what the owner of an engine does after every call: takes its events and its jobs.
  mutating func collect(_ end: End) {
    while let event = update(end, { $0.session.nextEvent() }) { take(event, at: end) }
    while let job = update(end, { $0.session.nextJob() }) { update(end) { $0.jobs.append(job) } }
  }

  private mutating func take(_ event: SessionEvent, at end: End) {
    switch event {
    case .streamOpened(let id, _):
      guard let stream = ids.firstIndex(of: id) else { return }
      learn(of: stream, at: end)
    case .readable(let id):
      change(id, at: end) { $0.isReadable = true }
    case .writable(let id):
      change(id, at: end) { $0.mustWait = false }
    case .stopped(let id, _):
      if let stream = ids.firstIndex(of: id), !cutStreams.contains(stream) { problem = "stream \(id) was stopped" }
      change(id, at: end) { $0.isFinished = true }
      if let stream = ids.firstIndex(of: id) { releaseIfOver(end, stream) }
    case .ended(let error):
      problem = "the \(end) ended: \(error.map { "\($0)" } ?? "no reason")"
    case .established, .closed, .streamLimitRaised, .pong, .goingAway, .codecChosen, .sendCodecsChanged,
      .objectStands:
      break
    }
  }

  private mutating func change(_ id: StreamID, at end: End, _ body: (inout Side) -> Void) {
    guard let stream = ids.firstIndex(of: id) else { return }
    update(end) { body(&$0.sides[stream]) }
  }
}

/// What must hold.
extension InterleavingState {
  /// The projection leaves out what cannot matter while the link holds no block up, and frames without blocks are too few for an ACK.
  private mutating func checkProjection(_ end: End) {
    guard !plan.isExact else { return }
    let isHeldUp = look(at: end) { peer in
      ids.contains { $0.map { peer.session.blockers(of: $0).sending == .link } ?? false }
    }
    if isHeldUp { problem = "the link holds the \(end) up, which the projection leaves out" }
    if look(at: end, { $0.smallByteCount }) >= 4_096 {
      problem = "the \(end) got more small frames than the projection bears"
    }
  }
}

/// What two states have to agree on to be the same.
extension InterleavingState {
  var fingerprint: InterleavingFingerprint {
    var fingerprint = sharedFingerprint
    for end in End.allCases {
      fingerprint.append(look(at: end) { $0.fingerprint })
      let incoming = end == .client ? toClient : toServer
      fingerprint.append(incoming.count)
      for parcel in incoming { fingerprint.append(parcel.fingerprint) }
    }
    return fingerprint
  }

  /// An end changes by its own steps alone, and takes its fingerprint behind each.
  private mutating func takeFingerprint(_ end: End) {
    let isExact = plan.isExact
    update(end) { peer in
      peer.fingerprint = InterleavingFingerprint { Self.combine(peer, isExact: isExact, into: &$0) }
      guard !isExact else {
        peer.exactFingerprint = peer.fingerprint
        return
      }
      peer.exactFingerprint = InterleavingFingerprint { hasher in
        Self.combine(peer, isExact: true, into: &hasher)
        hasher.combine(peer.smallByteCount)
      }
    }
  }

  private static func combine(_ peer: borrowing Peer, isExact: Bool, into hasher: inout Hasher) {
    peer.session.combineProgress(isExact: isExact, now: now, into: &hasher)
    hasher.combine(peer.sides)
    hasher.combine(peer.jobs.count)
    for job in peer.jobs { job.combineProgress(into: &hasher) }
  }
}
