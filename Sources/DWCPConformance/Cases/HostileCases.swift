/// Floods and strangers (SPEC sections 14 and 15).
extension Case {
  private static func flood(
    _ name: String, _ title: String, clauses: String = "LIM-1", count: Int = 20_000, before: [Frame] = [],
    _ frames: @escaping @Sendable (Int) -> [Frame]
  ) -> Case {
    Case(
      "hostile/\(name)", clauses, title, extraSeconds: { _ in 5 },
      script: { peer in
        try peer.openSession()
        try peer.send(before)
        try peer.flood(count, because: "LIM-1", frames)
      })
  }

  /// Streams opened and ended early in turn, within the limit.
  private static func rapid(
    _ name: String, _ title: String, clauses: String = "LIM-1 LIM-2 STR-4",
    _ frames: @escaping @Sendable (UInt64) -> [Frame]
  ) -> Case {
    Case(
      "hostile/\(name)", clauses, title, extraSeconds: { _ in 5 },
      script: { peer in
        try peer.openSession(changing: .streamCredit(65_536))
        var id: UInt64 = 1
        while id < 20_000, peer.seen.close == nil, !peer.seen.isEnded {
          let limit = peer.seen.streamLimit
          if (id + 1) / 2 > limit {
            try peer.until("STR-4: STREAMS above \(limit), or CLOSE(EXCESSIVE_LOAD)") {
              $0.streamLimit > limit || $0.close != nil
            }
            continue
          }
          try peer.send(frames(id))
          id += 2
        }
        try peer.until("LIM-1: CLOSE(EXCESSIVE_LOAD) before 10,000 streams") { $0.close != nil }
        try peer.require(
          peer.seen.close?.code == .excessiveLoad, "LIM-1: CLOSE(EXCESSIVE_LOAD)",
          came: "CLOSE(\(peer.seen.close?.code.description ?? "-")) \"\(peer.seen.close?.text ?? "")\"")
      })
  }

  static let hostile: [Case] = [
    flood("ping-flood", "a flood of PINGs ends the session") { [Frame.ping(UInt64($0))] },
    flood("unknown-flood", "a flood of unknown frames ends the session", clauses: "LIM-1 HDR-6") { _ in
      [Frame(type: 0xB4)]
    },
    flood("credit-flood", "a flood of CREDIT that changes nothing ends the session") { _ in [.credit(0, 1)] },
    flood("credit-regression", "a flood of falling limits ends the session", before: [.open(1, "sink")]) {
      [.credit(1, 1_000_000 - UInt64($0))]
    },
    flood("streams-flood", "a flood of STREAMS that changes nothing ends the session") { _ in [.streams(1)] },
    flood("ack-flood", "a flood of ACK that changes nothing ends the session") { _ in [.ack(0)] },
    flood("goaway-flood", "a flood of GOAWAY that changes nothing ends the session") { _ in [.goAway(100)] },
    flood(
      "repeat-flood", "a flood of repeated blocks ends the session", before: [.open(1, "sink"), .data(1, at: 0, "x")]
    ) { _ in
      [.data(1, at: 0, "x")]
    },
    flood(
      "empty-flood", "a flood of FIN frames ends the session",
      before: [.open(1, "sink"), .data(1, at: 0, flags: Flag.fin)]
    ) { _ in
      [.data(1, at: 0, flags: Flag.fin)]
    },
    rapid("rapid-reset", "opening and resetting in turn ends the session") {
      [.open($0, "echo"), .reset($0, .cancelled, at: 0), .stop($0, .cancelled)]
    },
    rapid("rapid-stop", "opening and stopping in turn ends the session", clauses: "LIM-1 LIM-2 STR-4 STR-10") {
      [.open($0, "source", bytes: "100000"), .stop($0, .cancelled), .data($0, at: 0, flags: Flag.fin)]
    },
    rapid("rapid-refusal", "streams that the server has to refuse count as well") {
      [.open($0, "nowhere"), .reset($0, .cancelled, at: 0)]
    },
    Case(
      "hostile/bearable", "LIM-1 STR-4 HDR-6",
      "what a peer may rely on is borne: 100 frames without progress, 100 resets"
    ) {
      peer in
      try peer.openSession()
      try peer.send((0..<100).map { _ in Frame(type: 0xB4) })
      try peer.expectAlive(because: "LIM-1")
      var id: UInt64 = 1
      while id < 199 {
        let limit = peer.seen.streamLimit
        if (id + 1) / 2 > limit {
          try peer.until("STR-4: STREAMS above \(limit)") { $0.streamLimit > limit || $0.close != nil }
          guard peer.seen.close == nil else { break }
        } else {
          try peer.send(.open(id, "echo"), .reset(id, .cancelled, at: 0))
          id += 2
        }
      }
      try peer.expectAlive(because: "LIM-1")
    },
    Case(
      "hostile/truncated-handshakes", "END-5 HDR-2", "connections cut anywhere in the handshake leave the server sound"
    ) { peer in
      let whole = Peer.preface + peer.bytes(of: [peer.hello()])
      for count in stride(from: 0, to: whole.count, by: 7) {
        let cut = try peer.another()
        try cut.sendBytes(Array(whole.prefix(count)))
      }
      try peer.openSession()
      try peer.expectEcho(on: 1, because: "END-5")
    },
    Case("hostile/truncated-session", "END-5", "sessions cut inside a frame leave the server sound") { peer in
      for length in [1, 15, 16, 20, 40] {
        let cut = try peer.another()
        try cut.openSession()
        let bytes = cut.bytes(of: [.open(1, "echo"), .data(1, at: 0, "cut short", flags: Flag.fin)])
        try cut.sendBytes(Array(bytes.prefix(length)))
      }
      try peer.openSession()
      try peer.expectEcho(on: 1, because: "END-5")
    },
    Case("hostile/declared-lengths", "MEM-2 HDR-2", "large lengths that are only declared leave the server sound") {
      peer in
      try peer.openSession()
      let block = Int(peer.seen.welcome?.limits.rawBlockByteCount ?? 65_536)
      var others: [Peer] = []
      for _ in 0..<20 {
        let other = try peer.another()
        try other.openSession()
        var frame = Frame.data(1, at: 0, rawLength: block)
        frame.declaredLength = UInt32(truncatingIfNeeded: block + 12)
        try other.sendBytes(frame.encoded + frame.body)
        others.append(other)
      }
      try peer.expectEcho(on: 1, because: "MEM-2")
    },
    Case("hostile/no-reads", "LIV-2 MEM-1", "a peer that reads nothing disturbs no other session") { peer in
      let mute = try peer.another()
      try mute.openSession()
      for id: UInt64 in [1, 3, 5, 7] {
        try mute.sendBytes(Frame.open(id, "source", bytes: "100000000").encoded, reading: false)
      }
      try peer.openSession()
      for id: UInt64 in [1, 3, 5] {
        try peer.expectEcho(on: id, because: "LIV-2")
        try peer.listen(for: .milliseconds(50))
      }
    },
    Case("hostile/error-elsewhere", "ERR-1", "an error in one session leaves the others alone") { peer in
      try peer.openSession()
      try peer.send(.open(1, "echo"), .data(1, at: 0, "ab"))
      for frame in [Frame.pong(7), .ack(1_000_000), .goAway(.max)] {
        let other = try peer.another()
        try other.openSession()
        try other.send(frame)
        try other.until("ERR-1: CLOSE") { $0.close != nil }
      }
      try peer.send(.data(1, at: 2, "c", flags: Flag.fin))
      try peer.expectAnswer(on: 1, "abc")
    },
  ]
}
