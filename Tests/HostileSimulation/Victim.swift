internal import DWCPCore
internal import NIOCore
internal import Simulation

/// The engine under attack and its owner: an application that is itself unsteady, and a transport whose codec pool may be slow.
struct Victim {
  private(set) var session: Session
  private(set) var problem: String?
  private(set) var hasEnded = false
  private(set) var error: SessionError?
  private let habits: HostileScenario.Habits
  private var codecs: WarmCodecs
  private let meter: HeapMeter
  private var random: SeededGenerator
  private var heldJobs: [CodecJob] = []
  private var streams: [StreamID] = []
  /// Streams whose writer has been asked to wait.
  private var waiting: Set<StreamID> = []

  /// A block of this size goes to the pool, as in `DWCPNIO`.
  private static let maximumInlineByteCount = 4_096
  private static let shortReadCount = 2_000
  /// As many as there can be marks in a block.
  private static let longReadCount = 66_000
  private static let longestEchoByteCount = 4_096

  init(_ scenario: HostileScenario, life: UInt64, codecs: WarmCodecs, meter: HeapMeter, now: Instant) {
    random = SeededGenerator(seed: scenario.seed &* 1_000_003 &+ life)
    habits = scenario.habits
    self.codecs = codecs
    self.meter = meter
    session = Session(
      role: scenario.victim, configuration: scenario.configuration, secrets: SessionSecrets(using: &random), now: now)
  }

  /// What the applications of all streams may have waiting to be sent.
  static func sendBudgetByteCount(_ scenario: HostileScenario) -> UInt64 {
    let eachStream =
      scenario.configuration.streamSendBudgetByteCount + max(scenario.habits.uploadByteCount, longestEchoByteCount)
    return 2 * scenario.configuration.maximumPeerStreamCount * UInt64(eachStream)
  }

  private func isChance(_ percent: Int, _ random: inout SeededGenerator) -> Bool {
    random.next(below: 100) < percent
  }

  mutating func receive(_ bytes: ByteBuffer, now: Instant) {
    session.receive(bytes, now: now)
    settle(now: now)
  }

  mutating func endOfInput(now: Instant) {
    session.endOfInput()
    settle(now: now)
  }

  mutating func handleDeadline(now: Instant) {
    session.handleDeadline(now: now)
    settle(now: now)
  }

  /// Takes events and jobs, as an owner has to after each read.
  mutating func settle(now: Instant) {
    while true {
      if let event = session.nextEvent() {
        hear(event)
      } else if let job = session.nextJob() {
        if habits.hasSlowPool, job.rawByteCount > Self.maximumInlineByteCount {
          heldJobs.append(job)
        } else {
          complete(job, now: now)
        }
      } else {
        return
      }
    }
  }

  private mutating func complete(_ job: CodecJob, now: Instant) {
    if codecs.isDue(for: job) {
      meter.end()
      codecs.refresh()
      meter.begin()
    }
    session.complete(job.run(in: codecs.context), now: now)
  }

  /// Results come back in an order of their own.
  mutating func runJobs(seed: UInt64, all: Bool, now: Instant) {
    guard !heldJobs.isEmpty else { return }
    var order = SeededGenerator(seed: seed)
    let count = all ? heldJobs.count : 1 + order.next(below: heldJobs.count)
    for _ in 0..<count {
      complete(takeJob(order.next(below: heldJobs.count)), now: now)
    }
    if heldJobs.isEmpty { heldJobs = [] }
    settle(now: now)
  }

  /// This job, or the first of its chain.
  private mutating func takeJob(_ index: Int) -> CodecJob {
    let chain = heldJobs[index].chain
    let first = chain == nil ? index : heldJobs.firstIndex { $0.chain === chain } ?? index
    return heldJobs.remove(at: first)
  }

  /// What the connection takes: whole frames, which `body` gets to see.
  mutating func transmit(maximumByteCount: Int, now: Instant, _ body: (inout ByteBuffer) -> Void) -> Bool {
    var batch = TransmitBatch()
    session.transmit(maximumByteCount: maximumByteCount, now: now, into: &batch)
    guard batch.byteCount > 0 else { return false }
    var bytes = ByteBuffer()
    batch.forEachBuffer { bytes.writeImmutableBuffer($0) }
    if bytes.readableBytes != batch.byteCount { problem = "a batch does not have as many bytes as it says" }
    body(&bytes)
    settle(now: now)
    return true
  }

  mutating func detachFromOutput() { session.detachFromOutput() }

  var isEstablished: Bool { session.agreement != nil }

  /// How the session ended: code and rule.
  var end: String {
    guard hasEnded else { return "still open" }
    guard let error else { return "agreed" }
    return error.isReportedByPeer ? "said by the peer" : "\(error.code) \(error.rule)"
  }

  /// The code that CLOSE or REFUSE has to give, where one of them has still to be sent.
  var owedCode: UInt32? { session.phase == .closing ? error?.code.rawValue ?? 0 : nil }

  var belongings: String {
    let queued = streams.reduce(0) { $0 + session.bufferedByteCount($1) }
    return
      "\(session.unreadUnitCount) units unread, \(queued) bytes queued, \(session.streamCount) streams, \(heldJobs.count) jobs"
  }

  /// What is above the limits of this end, in a sentence.
  var violation: String? {
    if let problem { return problem }
    let budget = max(session.configuration.receiveBudgetByteCount, 1 << 20)
    if session.unreadUnitCount > budget { return "\(session.unreadUnitCount) units are held unread (CRD-2)" }
    let streamLimit = 2 * Int(session.configuration.maximumPeerStreamCount)
    return session.streamCount > streamLimit ? "\(session.streamCount) streams are held (STR-3)" : nil
  }

  /// What the session may hold by SPEC MEM-1 with what it has been sent, and given to send, by now.
  func bound(_ scenario: HostileScenario) -> Int {
    let block = scenario.configuration.maximumRawBlockByteCount
    let queued = streams.reduce(0) { $0 + session.bufferedByteCount($1) }
    let fixed = 6 * block + 16 * scenario.readBufferByteCount + 2 * 65_536
    let jobCount = heldJobs.reduce(0) { if case .encode = $1 { $0 + 1 } else { $0 } }
    let budget = scenario.configuration.receiveDictionaryByteCount
    let dictionaries = budget == 0 ? 0 : 6 * budget + 262_144
    let chains = scenario.configuration.receiveChains
    let objects = 6 * Int(scenario.configuration.receiveObjectByteCount)
    let histories = chains.count * (1 << chains.windowLog + 524_288)
    return 8 * Int(session.unreadUnitCount) + fixed + dictionaries + objects + histories + session.streamCount
      * (2_048 + 4 * 4_096) + 5
      * queued
      + jobCount * (2 * block + 1_024)
  }
}

/// What the application hears and does by itself.
extension Victim {
  private mutating func hear(_ event: SessionEvent) {
    switch event {
    case .streamOpened(let id, _): streams.append(id)
    case .readable(let id): if isChance(habits.readsWhenTold, &random) { read(id) }
    case .writable(let id): waiting.remove(id)
    case .stopped(let id, let code): if random.isOneIn(2) { leave(id, code) }
    case .closed(let id): forget(id)
    case .objectStands(let name, _, false): if random.isOneIn(8) { session.dropObject(name) }
    case .ended(let error): end(error)
    default: break
    }
  }

  private mutating func end(_ error: SessionError?) {
    if hasEnded { problem = "the session ended twice" }
    hasEnded = true
    self.error = error
    guard let error else { return }
    if error.blame == .internal { problem = "the engine blames itself: \(error)" }
    let isExplained = error.isReportedByPeer || error.blame == .caller || !error.rule.isEmpty
    if !isExplained { problem = "an error names no rule: \(error)" }
  }

  private mutating func read(_ id: StreamID, maximumByteCount: Int = .max, readCount: Int = shortReadCount) {
    for _ in 0..<readCount {
      switch session.read(id, maximumByteCount: maximumByteCount) {
      case .bytes(let bytes, let endsMessage):
        check(bytes)
        if isChance(habits.echoes, &random) { write(bytes, endsMessage, to: id) }
      case .notReady: return
      case .end:
        if isChance(habits.finishesAtEnd, &random) { try? session.finish(id) }
        if isChance(habits.releasesAtEnd, &random) { session.release(id) }
        return
      case .failed(let error):
        if isChance(habits.releasesAtEnd, &random) { leave(id, error.code) }
        return
      }
    }
  }

  /// The peer sends nothing but these bytes, whatever it sends (SPEC CDC-4): another one is from some other place of the memory.
  private mutating func check(_ bytes: ByteBuffer) {
    let view = bytes.readableBytesUInt8Span
    for place in stride(from: 0, to: view.count, by: 61) where !HostilePeer.alphabet.contains(view[place]) {
      problem = "a reader got byte \(view[place]), which was never sent (CDC-4)"
    }
  }

  private mutating func write(_ bytes: ByteBuffer, _ endsMessage: Bool, to id: StreamID) {
    guard !waiting.contains(id) else { return }
    // A reader may get a block of any length, and writes back no more than is counted for each stream.
    let byteCount = min(bytes.readableBytes, max(habits.uploadByteCount, Self.longestEchoByteCount))
    let part = bytes.getSlice(at: bytes.readerIndex, length: byteCount) ?? bytes
    if (try? session.write(part, to: id, endsMessage: endsMessage)) == false { waiting.insert(id) }
  }

  /// What the asynchronous API does when the code that serves a stream throws.
  private mutating func leave(_ id: StreamID, _ code: ErrorCode) {
    session.reset(id, code: code)
    session.stop(id, code: code)
    session.release(id)
  }

  private mutating func forget(_ id: StreamID) {
    waiting.remove(id)
    streams.removeAll { $0 == id }
    if streams.isEmpty { streams = [] }
  }
}

/// What the application does without being asked.
extension Victim {
  mutating func act(_ move: HostileMove, seed: UInt64, now: Instant) {
    var random = SeededGenerator(seed: seed)
    if move == .appOpen { open(&random) }
    if move == .appPing { session.ping(now: now) }
    if move == .appDrain { session.drain(now: now) }
    if move == .appSip { sip(&random) }
    if move == .appReadAll { readAll(readCount: random.isOneIn(12) ? Self.longReadCount : Self.shortReadCount) }
    if !streams.isEmpty { act(move, on: streams[random.next(below: streams.count)], &random) }
    settle(now: now)
  }

  private mutating func act(_ move: HostileMove, on id: StreamID, _ random: inout SeededGenerator) {
    switch move {
    case .appRead: read(id, maximumByteCount: 1 + random.next(below: 5_000))
    case .appWrite: upload(to: id, &random)
    case .appFinish: try? session.finish(id)
    case .appReset: session.reset(id, code: .cancelled)
    case .appStop: session.stop(id, code: .cancelled)
    case .appRelease: session.release(id)
    case .appUrgency: session.setUrgency(UInt8(random.next(below: 9)), of: id)
    default: break
    }
  }

  private mutating func readAll(readCount: Int) {
    for id in streams { read(id, readCount: readCount) }
  }

  /// Reads once from each stream, and leaves a little of what is there.
  private mutating func sip(_ random: inout SeededGenerator) {
    for id in streams {
      let byteCount = random.isOneIn(4) ? 1 + random.next(below: 65_536) : 65_400 - random.next(below: 500)
      if case .bytes(let bytes, _) = session.read(id, maximumByteCount: byteCount) { check(bytes) }
    }
  }

  /// No more streams of our own than MEM-1 counts.
  private mutating func open(_ random: inout SeededGenerator) {
    let own = streams.filter { $0.opener == session.role }.count
    guard own < Int(session.configuration.maximumPeerStreamCount) else { return }
    let opening = StreamOpening(
      metadata: ["service": "echo"], expectedByteCount: random.isOneIn(2) ? random.next() : nil,
      urgency: UInt8(random.next(below: 8)))
    if let id = try? session.open(opening) { streams.append(id) }
  }

  private mutating func upload(to id: StreamID, _ random: inout SeededGenerator) {
    let byteCount = random.next(below: habits.uploadByteCount)
    var bytes = ByteBuffer(repeating: UInt8(truncatingIfNeeded: byteCount), count: byteCount)
    if byteCount > 8, random.isOneIn(2) {
      for place in stride(from: 0, to: byteCount - 8, by: 8) { bytes.setInteger(random.next(), at: place) }
    }
    write(bytes, random.isOneIn(3), to: id)
  }

  /// After the end: late results, reads and commands must be harmless.
  mutating func touchRemains(now: Instant) {
    runJobs(seed: 1, all: true, now: now)
    for id in streams {
      read(id)
      _ = try? session.write(ByteBuffer(integer: 1 as UInt8), to: id)
      session.release(id)
    }
    _ = (session.snapshot, session.nextDeadline, error?.description, error?.refusal?.report)
    settle(now: now)
  }
}
