/// SPEC section 5.
extension Case {
  static let negotiation: [Case] = [
    Case("negotiation/welcome", "CONV-2 HDR-2 HDR-4", "WELCOME is checked, and its reserved bits are zero") { peer in
      let welcome = try peer.openSession()
      try peer.require(
        welcome.flags & ~1 == 0 && welcome.reserved == 0, "CONV-2: reserved bits of zero",
        came: "flags \(welcome.flags), reserved \(welcome.reserved)")
    },
    Case("negotiation/own-announcement", "CAP-2 CAP-4", "what the server announces is within the bounds") { peer in
      let welcome = try peer.openSession()
      try peer.require(welcome.limits.flaw == nil, "CAP-2: a sound announcement", came: welcome.limits.flaw ?? "")
    },
    Case("negotiation/fresh-secrets", "HS-1", "session id, token and nonce differ from session to session") { peer in
      let first = try peer.openSession()
      let second = try peer.another().openSession()
      let isFresh = first.sessionID != second.sessionID && first.token != second.token && first.nonce != second.nonce
      try peer.require(isFresh, "section 5: unpredictable bytes", came: "the same twice")
    },
    Case("negotiation/integrity", "HS-3 HDR-4", "an initiator that requires integrity gets it, on every frame") {
      peer in
      let welcome = try peer.openSession(peer.entries(adding: .integrity))
      try peer.require(welcome.flags & 1 == 1, "HS-3: the integrity flag", came: "flags \(welcome.flags)")
      try peer.expectEcho(on: 1, because: "HDR-4")
    },
    Case("negotiation/early-stream", "HS-2", "a stream opened behind HELLO is served after WELCOME") { peer in
      let early = [
        peer.hello(), .open(1, "echo"), .data(1, at: 0, "early", flags: Flag.fin),
      ]
      try peer.sendBytes(Peer.preface + peer.bytes(of: early))
      try peer.expectWelcome()
      try peer.expectAnswer(on: 1, "early")
    },
    Case("negotiation/early-ping", "HS-2 LIV-1", "a PING behind HELLO is answered after WELCOME") { peer in
      let ping = peer.makePing()
      try peer.sendBytes(Peer.preface + peer.bytes(of: [peer.hello(), ping]))
      try peer.until("HS-2: PONG") { $0.pongs.contains(peer.newestPing) }
    },
    Case("negotiation/early-reset", "HS-2", "OPEN, RESET and STOP behind HELLO do no harm") { peer in
      let early: [Frame] = [
        peer.hello(), .open(1, "source", bytes: "0"), .stop(1, .cancelled), .reset(1, .cancelled, at: 0),
      ]
      try peer.sendBytes(Peer.preface + peer.bytes(of: early))
      try peer.expectWelcome()
      try peer.expectEcho(on: 3, because: "HS-2")
    },
    Case("negotiation/not-hello", "HS-1 ERR-1", "another first frame than HELLO is refused") { peer in
      try peer.sendBytes(Peer.preface + peer.bytes(of: [peer.makePing()]))
      try peer.expectRefuse(.protocol)
    },
    Case("negotiation/welcome-first", "HS-1", "a WELCOME from the initiator is refused") { peer in
      try peer.sendBytes(Peer.preface + Frame(.welcome, body: [UInt8](repeating: 0, count: 100)).encoded)
      try peer.expectRefuse(.protocol)
    },
    Case("negotiation/second-hello", "HS-1", "a second HELLO ends the session") { peer in
      try peer.openSession()
      try peer.send(peer.hello())
      try peer.expectClose(.protocol)
    },
    Case("negotiation/late-welcome", "HS-1", "a WELCOME from the initiator ends an open session") { peer in
      try peer.openSession()
      try peer.send(Frame(.welcome, body: [UInt8](repeating: 0, count: 100)))
      try peer.expectClose(.protocol)
    },
    Case("negotiation/unchecked-hello", "HDR-4", "a HELLO without a payload check is refused") { peer in
      try peer.sendBytes(Peer.preface + peer.bytes(of: [peer.hello().unchecked]))
      try peer.expectRefuse(.protocol)
    },
    Case("negotiation/damaged-hello", "HDR-3 ERR-1", "a HELLO with a wrong payload check is refused") { peer in
      try peer.sendBytes(Peer.preface + peer.bytes(of: [peer.hello().withWrongPayloadCheck]))
      try peer.expectRefuse(.payloadCheck)
    },
    Case("negotiation/initiator-refuses", "HS-4 HS-5", "a REFUSE behind WELCOME ends the connection") { peer in
      try peer.openSession()
      let body = bigEndian(0x0B, byteCount: 4) + [3, 0, 0, 0] + (peer.preface ?? []) + [1, 0, 1, 0, 1, 2, 0, 0]
      try peer.send(Frame(.refuse, body: body))
      try peer.expectEnd()
      try peer.require(peer.seen.close == nil, "HS-5: nothing more", came: "CLOSE")
    },
    Case("negotiation/long-refusal", "HS-7", "a REFUSE with more than the known fields is taken") { peer in
      try peer.openSession()
      let body = bigEndian(0x0B, byteCount: 4) + [9, 0, 0, 77] + (peer.preface ?? []) + [0, 0, 0, 0, 0]
      try peer.send(Frame(.refuse, body: body + [UInt8](repeating: 0xAA, count: 64)))
      try peer.expectEnd()
      try peer.require(peer.seen.close == nil, "HS-7: nothing more", came: "CLOSE")
    },
    Case("negotiation/close-first", "HS-1 END-4", "a CLOSE in place of HELLO ends the connection, without WELCOME") {
      peer in
      try peer.sendBytes(Peer.preface + peer.bytes(of: [.close(.noError)]))
      try peer.expectEnd()
      try peer.require(peer.seen.welcome == nil, "HS-1: no WELCOME", came: "WELCOME")
    },
    Case("negotiation/short-hello", "HDR-2", "a HELLO of 39 bytes is refused from its header") { peer in
      try peer.sendBytes(Peer.preface + Frame(.hello).declaring(39).encoded)
      try peer.expectRefuse(.frameSize)
    },
    Case("negotiation/long-hello", "HDR-2 MEM-2", "a HELLO of 8,193 bytes is refused from its header") { peer in
      try peer.sendBytes(Peer.preface + Frame(.hello).declaring(8_193).encoded)
      try peer.expectRefuse(.frameSize)
    },
    Case("negotiation/longest-hello", "HDR-2 CAP-1", "a HELLO of 8,192 bytes is taken") { peer in
      try peer.openSession([Entry(0xFA01, [UInt8](repeating: 0x5A, count: 8_192 - 44))])
    },
    Case(
      "negotiation/timeout", "HS-6", "a handshake that stops behind the preface is refused with HANDSHAKE_TIMEOUT",
      extraSeconds: { $0.handshakeTimeoutSeconds },
      script: { peer in
        try peer.sendBytes(Peer.preface)
        try peer.expectRefuse(.handshakeTimeout)
      }),
    Case(
      "negotiation/silence", "HS-6", "a connection that says nothing is closed without a byte",
      extraSeconds: { $0.handshakeTimeoutSeconds }, script: { try $0.expectSilentEnd() }),
    Case(
      "negotiation/drip", "HS-6", "a HELLO that arrives in drips does not move the timeout",
      extraSeconds: { $0.handshakeTimeoutSeconds },
      script: { peer in
        for byte in Peer.preface + peer.bytes(of: [peer.hello()]).prefix(40) {
          try peer.sendBytes([byte])
          guard try peer.pump(until: ContinuousClock.now + .milliseconds(Int(peer.target.handshakeTimeoutSeconds * 50)))
          else { break }
        }
        try peer.expectRefuse(.handshakeTimeout)
      }),
  ]
}

extension Peer {
  func entries(adding entry: Entry) -> [Entry] { Self.usualEntries + [entry] }
}
