/// SPEC section 11.
extension Case {
  static let liveness: [Case] = [
    Case("liveness/ping", "LIV-1", "PING is answered by PONG with the same bytes") { peer in
      try peer.openSession()
      for value: UInt64 in [0, .max, 0x0102_0304_0506_0708] {
        try peer.send(.ping(value))
        try peer.until("LIV-1: PONG \(value)") { $0.pongs.contains(value) }
      }
    },
    Case("liveness/newest-ping", "LIV-1 LIM-1", "of 20 PINGs at once the newest is answered") { peer in
      try peer.openSession()
      try peer.send((1...20).map { Frame.ping(1_000 + $0) })
      try peer.until("LIV-1: PONG 1020") { $0.pongs.contains(1_020) }
      try peer.require(peer.seen.close == nil, "LIM-1: 20 PINGs at once", came: peer.seen.close?.text ?? "")
    },
    ends("liveness/unasked-pong", "LIV-1", "a PONG that answers nothing ends the session", [.protocol]) {
      [[.pong(0xDEAD_BEEF_0000_0001)]]
    },
    Case("liveness/acknowledges", "ACK-1 ACK-2", "numbered frames are counted and acknowledged in time") { peer in
      try peer.openSession()
      try peer.send(
        .open(1, "echo"), .data(1, at: 0, "a"), Frame(type: 0xF3, body: [1]),
        Frame(type: 0xC0, stream: 1, body: [0, 0, 0, 0]),
        Frame(type: 0xB3), .data(1, at: 1, "b"), .stop(1, .cancelled), .reset(1, .cancelled, at: 2))
      let count = peer.seen.sentNumberedCount
      let delay = peer.seen.welcome?.limits.acknowledgementDelayMilliseconds ?? 25
      try peer.until(
        "ACK-2: ACK \(count) within \(delay) ms (and a second of grace)", within: .milliseconds(1_000 + Int(delay))
      ) {
        $0.acknowledged == count
      }
    },
    Case("liveness/acknowledges-many", "ACK-1 ACK-2", "an ACK comes for many frames as well") { peer in
      try peer.openSession()
      try peer.send([.open(1, "sink")] + (0..<300).map { Frame.data(1, at: $0, [1]) })
      try peer.until("ACK-2: ACK 301", within: .milliseconds(2_000)) { $0.acknowledged == 301 }
    },
    ends("liveness/ack-of-nothing", "ACK-1", "an ACK above what was sent ends the session", [.protocol]) {
      [[.ack(1_000_000)], [.ack(.max)]]
    },
    Case("liveness/ack-falls", "ACK-1", "an ACK that goes down ends the session") { peer in
      try peer.openSession()
      try peer.expectEcho(on: 1, because: "SVC-1")
      let count = peer.seen.numberedCount
      try peer.send(.ack(count), .ack(count - 1))
      try peer.expectClose(.protocol)
    },
    Case(
      "liveness/idle", "LIV-3", "a session that falls silent is asked, and then ended with IDLE_TIMEOUT",
      extraSeconds: { _ in 2 },
      script: { peer in
        try peer.openSession(changing: .idleTimeout(milliseconds: 1_000))
        peer.answersPings = false
        let start = ContinuousClock.now
        try peer.expectClose(.idleTimeout)
        try peer.require(ContinuousClock.now - start > .milliseconds(700), "LIV-3: a second of patience", came: "less")
        try peer.require(!peer.seen.pings.isEmpty, "LIV-3: a PING before", came: "none")
      }),
    Case(
      "liveness/kept-alive", "LIV-3", "a session whose PINGs are answered stays open",
      extraSeconds: { _ in 2 },
      script: { peer in
        try peer.openSession(changing: .idleTimeout(milliseconds: 1_000))
        try peer.listen(for: .milliseconds(1_800))
        try peer.expectAlive(because: "LIV-3")
      }),
    Case(
      "liveness/reads-while-stuck", "LIV-2 STR-10", "a server that cannot write goes on reading",
      extraSeconds: { _ in 5 },
      script: { peer in
        try peer.openSession()
        let limits = peer.seen.welcome?.limits ?? Limits([Entry]())
        try peer.send(.open(1, "source", bytes: "100000000"), .open(3, "sink"))
        // Nothing is read from here on: the server's kernel takes no more from it, and the server has to read all the same.
        let block = [UInt8](repeating: 0x63, count: 32_768)
        var offset: UInt64 = 0
        while offset + 32_768 <= min(limits.streamCredit, 2 << 20) {
          try peer.sendBytes(peer.bytes(of: [.data(3, at: offset, block)]), reading: false)
          offset += 32_768
        }
        try peer.sendBytes(
          peer.bytes(of: [.stop(1, .cancelled), .data(3, at: offset, flags: Flag.fin)]), reading: false)
        try peer.until("LIV-2: RESET of the source, and the sink's answer") {
          $0[1].reset != nil && $0[3].isFinished
        }
        try peer.expectAlive(because: "LIV-2")
      }),
  ]
}
