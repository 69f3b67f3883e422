public import DWCPCore
internal import NIOCore

/// Two engines, the bytes between them, a virtual clock, and the model beside them.
public struct World {
  struct Peer {
    var session: Session
    /// Bytes on their way to this end.
    var incoming = ByteBuffer()
    var opened: Set<StreamID> = []
    /// How many of them this end opened.
    var ownCount = 0
    var released: Set<StreamID> = []
    var failure: SessionError?
    var hasEnded = false
  }

  struct FlowKey: Hashable {
    let id: StreamID
    /// The end that writes.
    let writer: End
  }

  private var client: Peer
  private var server: Peer
  private let start = Instant(nanoseconds: 1_000_000_000)
  private var now: Instant
  var ids: [StreamID] = []
  private var flows: [FlowKey: Flow] = [:]
  var objects = ObjectFlows()
  private var isCut = false
  private var isDrained = false
  /// So long that an end may have lost its patience with the other one.
  private var hasTimedOut = false
  /// A frame was injected: what the applications see is no longer the model's, but the engines keep their own rules.
  private(set) var isHostile = false
  private var nextByte: UInt8 = 0
  private let codecs: CodecContext
  /// What did not hold, in a sentence; nil while all does.
  public internal(set) var problem: String?
  public private(set) var coverage = Coverage()

  public init(_ scenario: Scenario, codecs: CodecContext) {
    var random = SeededGenerator(seed: scenario.seed &+ 1)
    let start = start
    now = start
    func peer(_ role: Role, _ configuration: SessionConfiguration) -> Peer {
      Peer(
        session: Session(role: role, configuration: configuration, secrets: SessionSecrets(using: &random), now: start))
    }
    client = peer(.initiator, scenario.client)
    server = peer(.acceptor, scenario.server)
    self.codecs = codecs
  }

  @discardableResult
  mutating func update<Result>(_ end: End, _ body: (inout Peer) throws -> Result) rethrows -> Result {
    switch end {
    case .client: try body(&client)
    case .server: try body(&server)
    }
  }

  /// Looks at an end without copying it.
  private func look<Result>(at end: End, _ body: (borrowing Peer) -> Result) -> Result {
    switch end {
    case .client: body(client)
    case .server: body(server)
    }
  }

  private func holds(_ end: End, _ id: StreamID) -> Bool {
    look(at: end) { $0.opened.contains(id) && !$0.released.contains(id) }
  }

  /// Performs the operations, then lets everything come to rest and looks at what is left.
  public mutating func run(_ operations: [Operation]) {
    for operation in operations where problem == nil {
      coverage.note(operation, phase: client.session.phase)
      perform(operation)
      collectEvents()
      checkInvariants()
    }
    finish()
  }

  private mutating func perform(_ operation: Operation) {
    switch operation {
    case .open(let end): open(end)
    case .write(let end, let stream, let count, let isNoise, let endsMessage):
      write(end, stream, bytes(count, isNoise: isNoise), endsMessage: endsMessage)
    case .finish(let end, let stream): finish(end, stream)
    case .reset(let end, let stream): endEarly(end, stream, writer: end) { $0.reset($1, code: .cancelled) }
    case .stop(let end, let stream): endEarly(end, stream, writer: end.other) { $0.stop($1, code: .cancelled) }
    case .release(let end, let stream): release(end, stream)
    case .read(let end, let stream, let count):
      if let id = id(stream, at: end) { read(end, id, maximumByteCount: count) }
    case .send(let end, let count): send(end, maximumByteCount: count)
    case .arrive(let end, let count, let piece): arrive(end, byteCount: count, pieceByteCount: piece)
    case .runJobs(let end, let seed): runJobs(end, seed: seed)
    case .advance(let milliseconds): advance(milliseconds)
    case .ping(let end):
      let now = now
      update(end) { $0.session.ping(now: now) }
    case .announce(let end, let count):
      update(end) { _ = $0.session.announce(decodableCodecs: [.none, .lz4, .zstd].prefix(count).reversed()) }
    case .offer(let end, let number): update(end) { $0.session.offer(Scenario.dictionary(number)) }
    case .object(let end, let operation): perform(operation, at: end)
    case .drain(let end): drain(end)
    case .cut: cut()
    case .inject(let end, let frame):
      isHostile = true
      update(end) { _ = $0.incoming.writeBytes(frame) }
    }
  }

  /// The stream at a place, where that end knows of it and still holds it.
  private func id(_ stream: Int, at end: End) -> StreamID? {
    guard !ids.isEmpty else { return nil }
    let id = ids[stream % ids.count]
    return holds(end, id) ? id : nil
  }

  private mutating func bytes(_ count: Int, isNoise: Bool) -> [UInt8] {
    nextByte &+= 1
    guard isNoise else { return [UInt8](repeating: nextByte, count: count) }
    var random = SeededGenerator(seed: UInt64(nextByte) << 32 | UInt64(count))
    return (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
  }
}

/// What applications do.
extension World {
  private mutating func open(_ end: End) {
    guard let id = update(end, { try? $0.session.open() }) else { return }
    noteOwn(id, at: end)
    flows[FlowKey(id: id, writer: .client)] = Flow()
    flows[FlowKey(id: id, writer: .server)] = Flow()
    // A stream opened across GOAWAY is refused; an end that has left may not have been able to say so.
    if isDrained || isOver { allowEarlyEnd(id) }
  }

  private mutating func write(_ end: End, _ stream: Int, _ bytes: [UInt8], endsMessage: Bool) {
    guard let id = id(stream, at: end) else { return }
    let isTaken = update(end) { peer in
      (try? peer.session.write(ByteBuffer(bytes: bytes), to: id, endsMessage: endsMessage)) != nil
    }
    let key = FlowKey(id: id, writer: end)
    if isTaken == true {
      flows[key]?.write(bytes, endsMessage: endsMessage)
    } else if flows[key]?.mayEndEarly == false, flows[key]?.isFinished == false, !isOver, !isHostile {
      problem = "stream \(id) turned a write down though nobody had ended it"
    }
  }

  private mutating func finish(_ end: End, _ stream: Int) {
    guard let id = id(stream, at: end) else { return }
    finish(end, id)
  }

  private mutating func finish(_ end: End, _ id: StreamID) {
    if update(end, { (try? $0.session.finish(id)) != nil }) == true { flows[FlowKey(id: id, writer: end)]?.finish() }
  }

  private mutating func endEarly(_ end: End, _ stream: Int, writer: End, _ body: (inout Session, StreamID) -> Void) {
    guard let id = id(stream, at: end) else { return }
    flows[FlowKey(id: id, writer: writer)]?.mayEndEarly = true
    update(end) { body(&$0.session, id) }
  }

  private mutating func release(_ end: End, _ stream: Int) {
    guard let id = id(stream, at: end) else { return }
    allowEarlyEnd(id)
    flows[FlowKey(id: id, writer: end.other)]?.isAbandoned = true
    update(end) { peer in
      peer.session.release(id)
      peer.released.insert(id)
    }
  }

  private mutating func allowEarlyEnd(_ id: StreamID) {
    for writer in End.allCases { flows[FlowKey(id: id, writer: writer)]?.mayEndEarly = true }
  }

  /// False when there was nothing to be read, and the end of the stream is not news.
  @discardableResult
  private mutating func read(_ end: End, _ id: StreamID, maximumByteCount: Int) -> Bool {
    if objects.carriers[id]?.key.sender == end.other { return readPages(end, id, maximumByteCount: maximumByteCount) }
    let key = FlowKey(id: id, writer: end.other)
    guard isHostile || flows[key].map({ !$0.hasEnded && !$0.isAbandoned }) ?? false else { return false }
    var rest = maximumByteCount
    let isEndNews = flows[key]?.hasEnded == false
    while rest > 0, problem == nil {
      switch update(end, { $0.session.read(id, maximumByteCount: rest) }) {
      case .bytes(let bytes, let endsMessage):
        rest -= max(1, bytes.readableBytes)
        note(flows[key]?.read(bytes, endsMessage: endsMessage) ?? nil, of: key)
      case .end:
        note(flows[key]?.end(isFailure: false) ?? nil, of: key)
        return isEndNews || rest < maximumByteCount
      case .failed:
        note(flows[key]?.end(isFailure: true) ?? nil, of: key)
        return isEndNews || rest < maximumByteCount
      case .notReady:
        return rest < maximumByteCount
      }
    }
    return true
  }

  private mutating func note(_ sentence: String?, of key: FlowKey) {
    if let sentence, !isHostile { problem = "stream \(key.id) from the \(key.writer): \(sentence)" }
  }

  private mutating func drain(_ end: End) {
    isDrained = true
    // Streams on their way to an end that is going away may be refused, and the session may end before they are used.
    for id in ids { allowEarlyEnd(id) }
    let now = now
    update(end) { $0.session.drain(now: now) }
  }
}

/// What the connection, the clock and the codec threads do.
extension World {
  mutating func send(_ end: End, maximumByteCount: Int) {
    let now = now
    var sent = ByteBuffer()
    update(end) { peer in
      var batch = TransmitBatch()
      peer.session.transmit(maximumByteCount: maximumByteCount, now: now, into: &batch)
      batch.forEachBuffer { sent.writeImmutableBuffer($0) }
      if batch.byteCount != sent.readableBytes { sent.clear() }
    }
    if !isCut { _ = update(end.other) { $0.incoming.writeImmutableBuffer(sent) } }
  }

  mutating func arrive(_ end: End, byteCount: Int, pieceByteCount: Int) {
    let now = now
    update(end) { peer in
      var rest = peer.incoming.readSlice(length: min(byteCount, peer.incoming.readableBytes)) ?? ByteBuffer()
      while let piece = rest.readSlice(length: min(pieceByteCount, rest.readableBytes)), piece.readableBytes > 0 {
        peer.session.receive(piece, now: now)
      }
      peer.incoming.discardReadBytes()
    }
  }

  private mutating func runJobs(_ end: End, seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let now = now
    let codecs = codecs
    update(end) { peer in
      var jobs: [CodecJob] = []
      while let job = peer.session.nextJob() { jobs.append(job) }
      // Jobs of one chain have to run in order; results may come back in any.
      var results = jobs.map { $0.run(in: codecs) }
      results.shuffle(using: &random)
      for result in results { peer.session.complete(result, now: now) }
    }
  }

  private mutating func advance(_ milliseconds: Int) {
    now = Instant(nanoseconds: now.nanoseconds + UInt64(milliseconds) * 1_000_000)
    hasTimedOut = hasTimedOut || now.nanoseconds >= start.nanoseconds + 10_000_000_000
    let now = now
    for end in End.allCases { update(end) { $0.session.handleDeadline(now: now) } }
  }

  private mutating func cut() {
    isCut = true
    for id in ids { allowEarlyEnd(id) }
    for end in End.allCases {
      update(end) { peer in
        peer.incoming.clear()
        peer.session.endOfInput()
      }
    }
  }

  /// A session that has ended reads no more.
  private var isOver: Bool { client.hasEnded || server.hasEnded }
}

/// What must hold.
extension World {
  private mutating func collectEvents() {
    for end in End.allCases {
      while let event = update(end, { $0.session.nextEvent() }) {
        coverage.note(event)
        take(event, at: end)
      }
    }
  }

  private mutating func take(_ event: SessionEvent, at end: End) {
    switch event {
    case .streamOpened(let id, _):
      update(end) { _ = $0.opened.insert(id) }
      if isHostile, !ids.contains(id) { ids.append(id) }
    case .objectStands(let name, let version, let isOwn): noteStands(name, version, isOwn: isOwn, at: end)
    case .ended(let error):
      update(end) { peer in
        peer.failure = error
        peer.hasEnded = true
      }
      for id in ids { allowEarlyEnd(id) }
      check(error, at: end)
    default:
      break
    }
  }

  private mutating func check(_ error: SessionError?, at end: End) {
    guard let error else {
      if !isDrained, !isHostile { problem = "the \(end) ended without a reason" }
      return
    }
    let isTimeout = hasTimedOut && [.handshakeTimeout, .idleTimeout].contains(error.code)
    if !isCut, !isHostile, !isTimeout { problem = "the \(end) failed: \(error)" }
    if error.blame == .internal { problem = "the \(end) blames itself: \(error)" }
    if error.rule.isEmpty, !error.isReportedByPeer { problem = "the \(end) failed without naming a rule: \(error)" }
  }

  private mutating func checkInvariants() {
    for end in End.allCases where problem == nil {
      let (unreadUnitCount, streamCount, ownCount) = look(at: end) {
        ($0.session.unreadUnitCount, $0.session.streamCount, $0.ownCount)
      }
      if unreadUnitCount > 1 << 20 { problem = "the \(end) holds more than its session window" }
      // Those that an end opened stay until it has read how they ended, and the other end may have let go of them before.
      if streamCount > 16 + ownCount { problem = "the \(end) holds \(streamCount) streams" }
    }
  }

  /// Lets everything come to rest: all directions finish, all bytes arrive, everything is read.
  private mutating func finish() {
    settle()
    for id in ids {
      for end in End.allCases
      where holds(end, id) {
        finish(end, id)
      }
    }
    var isMoving = true
    while isMoving, problem == nil {
      isMoving = settle()
      for id in ids {
        for end in End.allCases
        where holds(end, id) {
          if read(end, id, maximumByteCount: .max) { isMoving = true }
        }
      }
    }
    if problem == nil { checkEnd() }
  }

  /// False when there was nothing to be carried.
  @discardableResult
  private mutating func settle() -> Bool {
    // Blocks of one byte go two a round, and there may be hundreds of thousands.
    for round in 0..<400_000 where problem == nil {
      var isSilent = true
      for end in End.allCases {
        runJobs(end, seed: 0)
        send(end, maximumByteCount: 1 << 20)
        let incoming = look(at: end.other) { $0.incoming.readableBytes }
        isSilent = isSilent && incoming == 0
        arrive(end.other, byteCount: incoming, pieceByteCount: 4_096)
        collectEvents()
      }
      if isSilent { return round > 0 }
    }
    if problem == nil { problem = "the session does not come to rest" }
    return true
  }

  private mutating func checkEnd() {
    for (key, flow) in flows where !flow.mayEndEarly && !isHostile && problem == nil {
      if !flow.isComplete || !flow.hasEnded { note("did not arrive in full", of: key) }
    }
    guard problem == nil, !isOver, !isHostile else { return }
    checkObjects()
    for id in ids {
      for end in End.allCases {
        update(end) { $0.session.release(id) }
      }
    }
    settle()
    for end in End.allCases where problem == nil {
      let count = look(at: end) { $0.session.streamCount }
      if count > 0 { problem = "the \(end) still holds \(count) streams after all were released" }
    }
  }
}
