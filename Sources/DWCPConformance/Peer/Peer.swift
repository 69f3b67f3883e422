/// The tester's end of one connection: an initiator that does what a script says, right or wrong, and keeps what comes back.
final class Peer {
  static let preface: [UInt8] = [0x44, 0x57, 0x43, 0x50, 3, 0, 0, 0]
  /// Far more than any case needs.
  static let amplyOfCredit: UInt64 = 1 << 40

  let target: Target
  private let connection: Connection
  private let deadline: ContinuousClock.Instant
  private var reader = FrameReader()
  /// What the connection has still to take.
  private var unsent: [UInt8] = []
  private var isSending = false
  private(set) var seen = Observation()
  private(set) var trace = Trace()
  /// PINGs of the server are answered unless a case tests what happens then.
  var answersPings = true
  private var answeredPingCount = 0
  /// Numbered frames that this end has acknowledged; a server may wait for that (SPEC ACK-2, ACK-4).
  private var acknowledgedCount: UInt64 = 0
  private var nextPing: UInt64 = 0x7E57_0000

  init(_ target: Target, deadline: ContinuousClock.Instant) throws(CaseFailure) {
    self.target = target
    self.deadline = deadline
    connection = try Connection(host: target.host, port: target.port, deadline: deadline)
  }

  /// Another connection to the same server, for cases about several sessions.
  func another() throws(CaseFailure) -> Peer { try Peer(target, deadline: deadline) }

  var preface: [UInt8]? { reader.preface }

  // Sending.

  func send(_ frames: Frame...) throws(CaseFailure) { try send(frames) }

  func send(_ frames: [Frame]) throws(CaseFailure) {
    note(frames)
    try sendBytes(frames.flatMap(\.encoded))
  }

  /// The bytes of some frames, for scripts that cut them up; they count as sent.
  func bytes(of frames: [Frame]) -> [UInt8] {
    note(frames)
    return frames.flatMap(\.encoded)
  }

  private func note(_ frames: [Frame]) {
    for frame in frames {
      trace.add("> \(frame)")
      if frame.isNumbered, frame.declaredLength == nil { seen.sentNumberedCount += 1 }
      var reader = ByteReader(frame.body)
      if frame.kind == .ping, let value = reader.integer(byteCount: 8) { seen.sentPings.insert(value) }
      guard frame.kind == .credit, let limit = reader.integer(byteCount: 8) else { continue }
      if frame.streamID == 0 {
        seen.grantedSession = max(seen.grantedSession, limit)
      } else {
        let id = frame.streamID
        seen[id].grantedLimit = max(seen[id].grantedLimit ?? seen.limits.streamCredit, limit)
      }
    }
  }

  /// Sends bytes as they are, reading meanwhile, since the server may not read while nobody reads from it.
  func sendBytes(_ bytes: [UInt8], reading: Bool = true) throws(CaseFailure) {
    unsent += bytes
    // An answer to what was read meanwhile goes behind the frame that is half sent.
    guard !isSending else { return }
    isSending = true
    defer { isSending = false }
    while !unsent.isEmpty {
      let patience = reading ? min(deadline, ContinuousClock.now + .milliseconds(20)) : deadline
      let (count, isBroken) = connection.write(unsent, deadline: patience)
      if isBroken { return unsent.removeAll() }
      unsent.removeFirst(count)
      if reading { try pump(until: .now) }
      guard unsent.isEmpty || ContinuousClock.now < deadline else {
        throw CaseFailure("LIV-2: a server that goes on reading", came: "it took no byte until the time was up")
      }
    }
  }

  func finishSending() { connection.finish() }

  // Receiving.

  /// Takes what comes until the instant; false when the connection has ended.
  @discardableResult
  func pump(until instant: ContinuousClock.Instant) throws(CaseFailure) -> Bool {
    guard !seen.isEnded else { return false }
    switch connection.read(deadline: instant) {
    case .nothing: return true
    case .end: seen.isEnded = true
    case .bytes(let bytes): reader.append(bytes)
    }
    while let frame = try reader.next() {
      trace.add("< \(frame)")
      seen.take(frame)
    }
    if answersPings, seen.pings.count > answeredPingCount, let newest = seen.pings.last {
      answeredPingCount = seen.pings.count
      try send(.pong(newest))
    }
    if seen.welcome != nil, seen.close == nil, seen.numberedCount > acknowledgedCount {
      acknowledgedCount = seen.numberedCount
      try send(.ack(acknowledgedCount))
    }
    return !seen.isEnded
  }

  /// Reads until something has happened; fails when the time is up or the connection ends before.
  ///
  /// - Parameter bearsClose: go on waiting behind a CLOSE or REFUSE, which otherwise fails the expectation.
  func until(
    _ expectation: String, within: Duration? = nil, bearsClose: Bool = false, _ condition: (Observation) -> Bool
  ) throws(CaseFailure) {
    let limit = within.map { min(deadline, ContinuousClock.now + $0) } ?? deadline
    while !condition(seen) {
      guard bearsClose || (seen.close == nil && seen.refusal == nil) else {
        throw CaseFailure(expectation, came: lastWords)
      }
      guard try pump(until: limit) else {
        guard !condition(seen) else { return }
        throw CaseFailure(expectation, came: lastWords)
      }
      guard ContinuousClock.now < limit || condition(seen) else {
        throw CaseFailure(expectation, came: "nothing of the kind in time")
      }
    }
  }

  /// Reads for a while, to the end, or until something has happened.
  func listen(for duration: Duration, until isEnough: (Observation) -> Bool = { _ in false }) throws(CaseFailure) {
    let limit = min(deadline, ContinuousClock.now + duration)
    while ContinuousClock.now < limit, !isEnough(seen), try pump(until: limit) {}
  }

  private var lastWords: String {
    if let close = seen.close { return "CLOSE(\(close.code)) \"\(close.text)\"" }
    if let refusal = seen.refusal { return "REFUSE(\(refusal.code)) \"\(refusal.text)\"" }
    let unread = reader.unfinishedPreface
    return "the end of the connection" + (unread.isEmpty ? "" : " behind the bytes \(hex(unread))")
  }

  /// A check of something that has been seen.
  func require(_ condition: Bool, _ expectation: String, came: String) throws(CaseFailure) {
    guard condition else { throw CaseFailure(expectation, came: came) }
  }

  /// How many bytes have come, counting the preface.
  var hasReceivedAnything: Bool { reader.preface != nil || reader.unreadByteCount > 0 }

  func announced(_ entries: [Entry]) {
    seen.limits = Limits(entries)
    seen.grantedSession = seen.limits.sessionCredit
  }

  func makePing() -> Frame {
    nextPing += 1
    return .ping(nextPing)
  }

  var newestPing: UInt64 { nextPing }
}
