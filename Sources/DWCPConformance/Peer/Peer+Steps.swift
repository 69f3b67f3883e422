/// The sentences that scripts are made of.
extension Peer {
  /// What the tester announces unless a case says otherwise: nothing but `none`, and ample credit.
  static let usualEntries: [Entry] = [
    .codecs(0), .sessionCredit(amplyOfCredit), .streamCredit(amplyOfCredit), Entry(0xFA00, [0x5A]),
    Entry(0x8001, Array("dwcp-conformance".utf8)),
  ]

  func hello(_ entries: [Entry] = Peer.usualEntries, echo: [UInt8] = Peer.preface) -> Frame {
    announced(entries)
    return Frame(.hello, body: echo + (0..<32).map { _ in UInt8.random(in: 0...255) } + entries.flatMap(\.encoded))
  }

  /// Preface and HELLO, and whatever WELCOME says.
  @discardableResult
  func openSession(_ entries: [Entry] = Peer.usualEntries, preface: [UInt8] = Peer.preface) throws(CaseFailure)
    -> Welcome
  {
    try sendBytes(preface + bytes(of: [hello(entries, echo: preface)]))
    return try expectWelcome()
  }

  @discardableResult
  func expectWelcome() throws(CaseFailure) -> Welcome {
    try until("HS-1: WELCOME") { $0.welcome != nil }
    return seen.welcome ?? Welcome()
  }

  /// A session with another announcement of one tag.
  func openSession(changing entry: Entry) throws(CaseFailure) {
    try openSession(Self.usualEntries.filter { $0.tag != entry.tag } + [entry])
  }

  /// The session ends with CLOSE and one of the codes.
  func expectClose(_ codes: Code..., within: Duration? = nil) throws(CaseFailure) {
    let expectation = "ERR-1: CLOSE(\(codes.map(\.description).joined(separator: " or ")))"
    try until(expectation, within: within) { $0.close != nil || $0.refusal != nil }
    guard let close = seen.close else {
      throw CaseFailure(expectation, came: "REFUSE(\(seen.refusal?.code.description ?? "unreadable"))")
    }
    try require(codes.contains(close.code), expectation, came: "CLOSE(\(close.code)) \"\(close.text)\"")
    try expectEnd()
  }

  /// The server refuses the session with one of the codes, and ends the connection.
  @discardableResult
  func expectRefuse(_ codes: Code..., within: Duration? = nil) throws(CaseFailure) -> Refusal {
    let expectation = "ERR-1: preface and REFUSE(\(codes.map(\.description).joined(separator: " or ")))"
    try until(expectation, within: within) { $0.refusal != nil || $0.welcome != nil || $0.close != nil }
    guard let refusal = seen.refusal else {
      throw CaseFailure(expectation, came: seen.close.map { "CLOSE(\($0.code))" } ?? "WELCOME")
    }
    try require(codes.contains(refusal.code), expectation, came: "REFUSE(\(refusal.code)) \"\(refusal.text)\"")
    try expectEnd()
    return refusal
  }

  /// The connection ends.
  func expectEnd(within: Duration = .seconds(3)) throws(CaseFailure) {
    try until("END-4: the end of the connection", within: within, bearsClose: true) { $0.isEnded }
  }

  /// The connection ends and nothing has been sent on it.
  func expectSilentEnd(within: Duration? = nil) throws(CaseFailure) {
    try until("PRE-2: the end of the connection without a byte", within: within, bearsClose: true) { $0.isEnded }
    try require(!hasReceivedAnything, "PRE-2: the end of the connection without a byte", came: "an answer")
  }

  /// The session goes on: a PING sent now is answered. Everything sent before has then been read. Whether the answer has the right bytes is
  /// judged by cases about that (LIV-1).
  func expectAlive(because clause: String) throws(CaseFailure) {
    let before = seen.pongs.count
    try send(makePing())
    try until("\(clause): a session that goes on; a PONG") { $0.pongs.count > before }
  }

  /// Time enough for a server to break a limit that it has reached, which shows as a violation: a while of silence between two answers, so that a
  /// server that is slow, or has to wait for its turn, has that time as well.
  func expectRestraint(because clause: String) throws(CaseFailure) {
    try expectAlive(because: clause)
    try listen(for: .milliseconds(150))
    try expectAlive(because: clause)
  }

  func open(_ id: UInt64, _ service: String, bytes: String? = nil) throws(CaseFailure) {
    try send(.open(id, service, bytes: bytes))
  }

  /// Waits for all of an answer on a stream: its bytes, where its messages end, and FIN.
  func expectAnswer(
    on id: UInt64, _ raw: [UInt8], marks: [Int] = [], because clause: String = "SVC-1"
  ) throws(CaseFailure) {
    try until("\(clause): \(raw.count) bytes, \(marks.count) marks and FIN on stream \(id)") {
      $0[id].isOver || $0.close != nil
    }
    let stream = seen[id]
    if let reset = stream.reset {
      throw CaseFailure("\(clause): an answer on stream \(id)", came: "RESET(\(reset.code))")
    }
    if let close = seen.close {
      throw CaseFailure("\(clause): an answer on stream \(id)", came: "CLOSE(\(close.code)) \"\(close.text)\"")
    }
    try require(
      stream.raw == raw, "\(clause): the bytes \(hex(Array(raw.prefix(16)))) (\(raw.count))",
      came: "\(hex(Array(stream.raw.prefix(16)))) (\(stream.raw.count))")
    try require(stream.marks == marks, "\(clause): messages that end at \(marks)", came: "\(stream.marks)")
  }

  func expectAnswer(on id: UInt64, _ text: String, marks: [Int] = []) throws(CaseFailure) {
    try expectAnswer(on: id, Array(text.utf8), marks: marks)
  }

  /// STOP and RESET with a code, in any order, and the session goes on.
  func expectRefusedStream(_ id: UInt64, _ code: Code, because clause: String) throws(CaseFailure) {
    try until("\(clause): STOP and RESET with \(code) on stream \(id)") { $0[id].isRefused || $0.close != nil }
    let stream = seen[id]
    try require(
      stream.stop == code && stream.reset?.code == code, "\(clause): STOP and RESET with \(code) on stream \(id)",
      came: seen.close.map { "CLOSE(\($0.code)) \"\($0.text)\"" }
        ?? "STOP(\(stream.stop?.description ?? "-")), RESET(\(stream.reset?.code.description ?? "-"))")
    try expectAlive(because: clause)
  }

  /// A whole small exchange on a stream of its own, which shows that the session works.
  func expectEcho(on id: UInt64, because clause: String) throws(CaseFailure) {
    try send(.open(id, "echo"), .data(id, at: 0, "still here", flags: Flag.fin))
    try expectAnswer(on: id, Array("still here".utf8), because: clause)
  }

  /// What the server lets us send on a stream now.
  func creditLimit(of id: UInt64) -> UInt64 {
    max(seen[id].creditLimit ?? 0, seen.welcome?.limits.streamCredit ?? 0)
  }

  /// Floods with frames until the server ends the session; fails when it bears `count` of them.
  func flood(_ count: Int, because clause: String, _ makeFrames: (Int) -> [Frame]) throws(CaseFailure) {
    var sent = 0
    while sent < count, seen.close == nil, !seen.isEnded {
      var bytes: [UInt8] = []
      for index in sent..<min(count, sent + 500) { bytes += self.bytes(of: makeFrames(index)) }
      sent += 500
      try sendBytes(bytes)
    }
    try until("\(clause): CLOSE(EXCESSIVE_LOAD) before \(count) such frames", within: .seconds(3)) { $0.close != nil }
    try require(
      seen.close?.code == .excessiveLoad, "\(clause): CLOSE(EXCESSIVE_LOAD)",
      came: "CLOSE(\(seen.close?.code.description ?? "-")) \"\(seen.close?.text ?? "")\"")
  }
}
