/// RESET and STOP (SPEC section 7), GOAWAY and CLOSE (section 12).
extension Case {
  private static func resetEnds(_ name: String, _ clauses: String, _ title: String, _ code: Code, _ frames: [[Frame]])
    -> Case
  {
    // A source that waits for credit keeps its stream open whatever its opener does.
    Case("reset/\(name)", clauses, title) { peer in
      var next: Peer? = peer
      for list in frames {
        let peer = try next ?? peer.another()
        next = nil
        try peer.openSession(changing: .streamCredit(65_536))
        try peer.send([.open(1, "source", bytes: "1000000")] + list)
        try peer.until("\(clauses): CLOSE(\(code)), or the server's own RESET first") {
          $0.close != nil || $0[1].reset != nil
        }
        guard let close = peer.seen.close else { continue }
        try peer.require(
          close.code == code, "\(clauses): CLOSE(\(code))", came: "CLOSE(\(close.code)) \"\(close.text)\"")
      }
    }
  }

  private static func stop(_ name: String, _ code: Code) -> Case {
    Case("reset/\(name)", "STR-10 STR-9", "STOP(\(code)) is answered by RESET with the same code") { peer in
      try peer.openSession(changing: .streamCredit(65_536))
      try peer.open(1, "source", bytes: "1000000")
      try peer.until("CRD-1: 65,536 units") { $0[1].offset == 65_536 }
      try peer.send(.stop(1, code))
      try peer.until("STR-10: RESET(\(code))") { $0[1].reset != nil || $0.close != nil }
      try peer.require(
        peer.seen[1].reset?.code == code, "STR-10: RESET(\(code))",
        came: peer.seen[1].reset.map { "RESET(\($0.code))" } ?? "CLOSE")
      try peer.expectAlive(because: "STR-10")
    }
  }

  static let reset: [Case] = [
    stop("stop", .cancelled), stop("stop-application-code", Code(0x4000_0007)), stop("stop-no-error", .noError),
    Case("reset/stop-ended", "STR-10", "STOP for a direction that has ended is ignored") { peer in
      try peer.openSession()
      try peer.open(1, "source", bytes: "100")
      try peer.until("SVC-3: FIN") { $0[1].isFinished }
      try peer.send(.stop(1, .cancelled))
      try peer.expectAlive(because: "STR-10")
      try peer.require(peer.seen[1].reset == nil, "STR-10: no RESET", came: "RESET")
    },
    Case("reset/session-goes-on", "STR-9 ERR-1", "RESET ends a stream, not the session") { peer in
      try peer.openSession()
      try peer.send(
        .open(1, "echo"), .data(1, at: 0, "abc"), .reset(1, .cancelled, at: 3), .open(3, "sink"),
        .reset(3, .application, at: 0))
      try peer.expectEcho(on: 5, because: "STR-9")
    },
    Case("reset/after-fin", "STR-11", "RESET behind FIN with the same offset is legal, and so is the same again") {
      peer in
      try peer.openSession()
      try peer.send(
        .open(1, "echo"), .data(1, at: 0, "abc", flags: Flag.fin), .reset(1, .cancelled, at: 3),
        .reset(1, .cancelled, at: 3))
      try peer.expectEcho(on: 3, because: "STR-11")
    },
    resetEnds(
      "below-received", "STR-11", "RESET below what has come ends the session", .streamState,
      [
        [.data(1, at: 0, "abc"), .reset(1, .cancelled, at: 2)]
      ]),
    resetEnds(
      "another-offset", "STR-11", "RESET at another offset than FIN or an earlier RESET ends the session", .streamState,
      [
        [.data(1, at: 0, "abc", flags: Flag.fin), .reset(1, .cancelled, at: 4)],
        [.reset(1, .cancelled, at: 0), .reset(1, .cancelled, at: 1)],
      ]),
    resetEnds(
      "data-behind", "STR-11", "DATA beyond the final offset of a RESET ends the session", .streamState,
      [
        [.reset(1, .cancelled, at: 0), .data(1, at: 0, "x")]
      ]),
    ends("reset/bound", "STR-9", "a final offset above 2^62 ends the session", [.protocol, .flowControl]) {
      [
        [.open(1, "echo"), .reset(1, .cancelled, at: (1 << 62) + 1)],
        [.open(1, "echo"), .reset(1, .cancelled, at: .max)],
      ]
    },
    Case("reset/above-credit", "CRD-6", "a final offset above the stream's credit ends the session") { peer in
      try peer.openSession()
      let limit = peer.creditLimit(of: 1)
      guard limit < 1 << 62 else { throw CaseFailure.skip("unlimited credit") }
      try peer.send(.open(1, "echo"), .reset(1, .cancelled, at: limit + 1))
      try peer.expectClose(.flowControl)
    },
    Case("reset/data-after-stop", "STR-10", "DATA behind the server's STOP is discarded") { peer in
      try peer.openSession()
      try peer.open(1, "nowhere")
      try peer.expectRefusedStream(1, .unknownService, because: "SVC-4")
      try peer.send(.data(1, at: 0, "late"), .data(1, at: 4, "later"), .reset(1, .unknownService, at: 9))
      try peer.expectEcho(on: 3, because: "STR-10")
    },
  ]

  private static func closes(_ name: String, _ clauses: String, _ title: String, _ frame: Frame) -> Case {
    Case("close/\(name)", clauses, title) { peer in
      try peer.openSession()
      try peer.send(frame)
      try peer.expectEnd()
      try peer.require(
        peer.seen.close.map { $0.code == .noError } ?? true, "END-4: no complaint",
        came: "CLOSE(\(peer.seen.close?.code.description ?? "-")) \"\(peer.seen.close?.text ?? "")\"")
    }
  }

  static let close: [Case] = [
    closes("no-error", "END-4", "CLOSE ends the connection", .close(.noError)),
    closes("text", "END-4 CONV-4", "CLOSE with a text ends it", .close(.cancelled, text: Array("enough".utf8))),
    closes(
      "odd-text", "CONV-4", "CLOSE with a text that is not UTF-8 ends it", .close(.cancelled, text: [0xFF, 0x1B, 0xC3])),
    closes("unknown-code", "END-4", "CLOSE with an unknown code ends it", .close(Code(0x3FFF_FFFF))),
    closes(
      "longer-body", "CONV-4", "bytes behind the text of CLOSE are ignored",
      Frame(.close, body: [0, 0, 0, 0, 0, 2, 0x6F, 0x6B, 1, 2, 3])),
    ends("close/text-past-end", "CONV-4", "a text that reaches past the end is an error", [.protocol]) {
      [
        [Frame(.close, body: [0, 0, 0, 0, 0, 9, 1])],
        [Frame(.goAway, body: [UInt8](repeating: 0, count: 12) + [0, 1])],
      ]
    },
    Case("close/with-streams", "END-4", "CLOSE ends the streams as well; nothing comes behind it") { peer in
      try peer.openSession()
      try peer.send(.open(1, "echo"), .data(1, at: 0, "abc"), .close(.noError))
      try peer.expectEnd()
    },
    Case("close/last-word", "END-4 ERR-1", "nothing comes behind the server's own CLOSE, and then the connection ends")
    { peer in
      try peer.openSession()
      try peer.send(.open(1, "source", bytes: "100000"), peer.hello())
      try peer.expectClose(.protocol)
    },
    Case("close/names-the-rule", "END-4", "the text of CLOSE names the rule that was broken", isRequired: false) {
      peer in
      try peer.openSession()
      try peer.send(peer.hello())
      try peer.expectClose(.protocol)
      let text = peer.seen.close?.text ?? ""
      try peer.require(
        text.contains("HS-1"), "END-4: a text such as `HS-1: ...`", came: text)
    },
    Case("close/end-of-input", "END-5", "the end of the connection without CLOSE ends the session") { peer in
      try peer.openSession()
      try peer.send(.open(1, "echo"), .data(1, at: 0, "abc"))
      peer.finishSending()
      try peer.expectEnd()
    },
    Case("close/goaway", "END-1", "GOAWAY from the initiator leaves the streams alone") { peer in
      try peer.openSession()
      try peer.send(.open(1, "echo"), .goAway((1 << 48) - 1), .data(1, at: 0, "abc"), .goAway(0))
      try peer.send(.data(1, at: 3, "d", flags: Flag.fin))
      try peer.expectAnswer(on: 1, "abcd")
      try peer.expectEcho(on: 3, because: "END-1")
    },
    ends("close/goaway-rises", "END-1", "a GOAWAY above an earlier one ends the session", [.protocol]) {
      [[.goAway(4), .goAway(6)]]
    },
    ends("close/goaway-bound", "END-1", "a GOAWAY above 2^48 - 1 ends the session", [.protocol]) {
      [[.goAway(1 << 48)], [.goAway(.max)]]
    },
  ]
}
