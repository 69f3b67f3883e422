/// SPEC section 9.
extension Case {
  /// More than this is not sent to find a limit.
  private static let testableCredit: UInt64 = 48 << 20

  /// An `echo` that cannot send back, and so stops reading; as much as the server lets us send is sent on it.
  ///
  /// - Parameter expectedEnd: where an equal stream came to its limit, so that nobody has to wait again to see that it stays.
  /// - Returns: the offset behind everything sent, which is the stream's credit limit, or as far as the session's reaches.
  private static func fill(
    _ id: UInt64, _ peer: Peer, sessionCharge: inout UInt64, from start: UInt64 = 0, expectedEnd: UInt64? = nil
  ) throws(CaseFailure) -> UInt64 {
    let blockLimit = peer.seen.welcome?.limits.rawBlockByteCount ?? 65_536
    var offset = start
    if start == 0 { try peer.open(id, "echo") }
    while true {
      let room = min(peer.creditLimit(of: id) - offset, peer.seen.sessionCredit - sessionCharge, blockLimit)
      if room == 0, offset == expectedEnd, peer.seen.sessionCredit > sessionCharge { return offset }
      if room == 0 {
        guard !peer.seen.violations.contains(where: { ["CRD-1", "CRD-2"].contains($0.clause) }) else {
          throw CaseFailure.skip("an echo that the tester's credit does not stop")
        }
        let (stream, session) = (peer.creditLimit(of: id), peer.seen.sessionCredit)
        try peer.listen(for: .milliseconds(600)) { peer.creditLimit(of: id) > stream || $0.sessionCredit > session }
        guard peer.creditLimit(of: id) > stream || peer.seen.sessionCredit > session else { return offset }
        continue
      }
      try peer.send(.data(id, at: offset, [UInt8](repeating: 0x61, count: Int(room))))
      offset += room
      sessionCharge += room
      guard offset < testableCredit else { throw CaseFailure.skip("an echo that buffers \(offset) bytes unread") }
      guard peer.seen.close == nil else {
        throw CaseFailure("CRD-1: a session within its credit", came: "CLOSE(\(peer.seen.close?.text ?? ""))")
      }
    }
  }

  /// One unit more than the stream's credit. A server that was slow to raise its limit is filled once more.
  private static func exceedStream(_ peer: Peer, _ unit: [UInt8], flags: UInt8) throws(CaseFailure) {
    try peer.openSession(changing: .streamCredit(65_536))
    try requireTestable(peer)
    var charge: UInt64 = 0
    var end = try fill(1, peer, sessionCharge: &charge)
    while true {
      guard charge < peer.seen.sessionCredit else { throw CaseFailure.skip("session credit no larger than a stream's") }
      try peer.send(.data(1, at: end, unit, flags: flags))
      try peer.until("CRD-1: CLOSE(FLOW_CONTROL) at \(end + 1) units") {
        $0.close != nil || peer.creditLimit(of: 1) > end
      }
      guard peer.seen.close == nil else { return try peer.expectClose(.flowControl) }
      charge += 1
      end = try fill(1, peer, sessionCharge: &charge, from: end + 1)
    }
  }

  private static func requireTestable(_ peer: Peer) throws(CaseFailure) {
    let limits = peer.seen.welcome?.limits ?? Limits([Entry]())
    guard limits.streamCredit <= testableCredit, limits.sessionCredit <= testableCredit else {
      throw CaseFailure.skip("credit of \(limits.streamCredit) and \(limits.sessionCredit)")
    }
  }

  static let credit: [Case] = [
    Case(
      "credit/stream", "CRD-1 CRD-3", "a block above the stream's credit ends the session", extraSeconds: { _ in 12 },
      script: { try exceedStream($0, [0x78], flags: 0) }),
    Case(
      "credit/marks", "CRD-1 DAT-1", "a mark takes a unit of credit", extraSeconds: { _ in 12 },
      script: { try exceedStream($0, [], flags: Flag.endOfMessage) }),
    Case(
      "credit/fin-is-free", "CRD-7", "FIN takes no credit", extraSeconds: { _ in 12 },
      script: { peer in
        try peer.openSession(changing: .streamCredit(65_536))
        try requireTestable(peer)
        var charge: UInt64 = 0
        let end = try fill(1, peer, sessionCharge: &charge)
        try peer.send(.data(1, at: end, flags: Flag.fin))
        try peer.expectAlive(because: "CRD-7")
        try peer.send(.credit(1, Peer.amplyOfCredit))
        try peer.expectAnswer(on: 1, [UInt8](repeating: 0x61, count: Int(end)))
      }),
    Case(
      "credit/session", "CRD-2 CRD-3", "a block above the session's credit ends the session",
      extraSeconds: { _ in 12 },
      script: { peer in
        try peer.openSession(changing: .streamCredit(65_536))
        try requireTestable(peer)
        var charge: UInt64 = 0
        var id: UInt64 = 1
        var typicalEnd: UInt64 = 0
        while true {
          typicalEnd = max(typicalEnd, try fill(id, peer, sessionCharge: &charge, expectedEnd: typicalEnd))
          if charge >= peer.seen.sessionCredit {
            id += 2
            charge += 1
            try peer.send(.open(id, "echo"), .data(id, at: 0, "x"))
            try peer.until("CRD-2: CLOSE(FLOW_CONTROL) at \(charge) units", within: .seconds(2)) {
              $0.close != nil || $0.sessionCredit >= charge
            }
            // A server that was slow to raise its limit is filled once more.
            if peer.seen.close != nil { return try peer.expectClose(.flowControl) }
          }
          id += 2
          guard (id + 1) / 2 <= peer.seen.streamLimit else {
            throw CaseFailure.skip("a session credit that streams cannot reach")
          }
        }
      }),
    Case(
      "credit/reset-settles", "CRD-6", "RESET gives the session back what was not read",
      extraSeconds: { _ in 12 },
      script: { peer in
        try peer.openSession(changing: .streamCredit(65_536))
        try requireTestable(peer)
        var charge: UInt64 = 0
        var id: UInt64 = 1
        var typicalEnd: UInt64 = 0
        while charge <= peer.seen.welcome?.limits.sessionCredit ?? 0 {
          let before = charge
          let end = try fill(id, peer, sessionCharge: &charge, expectedEnd: typicalEnd)
          typicalEnd = max(typicalEnd, end)
          try peer.send(.reset(id, .cancelled, at: end), .stop(id, .cancelled))
          if charge == before {
            try peer.until("CRD-6: CREDIT for the session above \(charge)") { $0.sessionCredit > charge }
          }
          id += 2
        }
        try peer.expectAlive(because: "CRD-6")
      }),
    Case(
      "credit/raised", "CRD-5", "limits rise as a service consumes",
      extraSeconds: { _ in 12 },
      script: { peer in
        try peer.openSession()
        try requireTestable(peer)
        let limits = peer.seen.welcome?.limits ?? Limits([Entry]())
        let total = max(2 * limits.streamCredit, limits.sessionCredit + 1)
        var offset: UInt64 = 0
        try peer.open(1, "sink")
        while offset < total {
          try peer.until("CRD-5: more credit at \(offset) of \(total)") {
            peer.creditLimit(of: 1) > offset && $0.sessionCredit > offset
          }
          let room = min(peer.creditLimit(of: 1), peer.seen.sessionCredit, total) - offset
          let count = min(room, limits.rawBlockByteCount)
          try peer.send(.data(1, at: offset, [UInt8](repeating: 0x62, count: Int(count))))
          offset += count
        }
        try peer.send(.data(1, at: offset, flags: Flag.fin))
        try peer.until("SVC-2: an answer of 40 bytes") { $0[1].isFinished }
        let counted = peer.seen[1].raw.prefix(8)
        try peer.require(
          counted.elementsEqual(bigEndian(total, byteCount: 8)), "SVC-2: the count \(total)", came: hex(Array(counted)))
      }),
    Case("credit/obeys-stream", "CRD-1", "the server stops at the stream's credit, and goes on when it is raised") {
      peer in
      try peer.openSession(changing: .streamCredit(65_536))
      try peer.open(1, "source", bytes: "200000")
      try peer.until("CRD-1: 65,536 units") { $0[1].offset >= 65_536 }
      try peer.expectRestraint(because: "CRD-1")
      try peer.require(peer.seen[1].offset == 65_536, "CRD-1: 65,536 units", came: "\(peer.seen[1].offset)")
      try peer.send(.credit(1, 100_000))
      try peer.until("CRD-1: 100,000 units") { $0[1].offset >= 100_000 }
      try peer.send(.credit(1, 1 << 62))
      try peer.until("CRD-1: all 200,000 units") { $0[1].isFinished && $0[1].offset == 200_000 }
    },
    Case(
      "credit/obeys-session", "CRD-2", "the server stops at the session's credit, and goes on when it is raised",
      extraSeconds: { _ in 12 },
      script: { peer in
        try peer.openSession(changing: .sessionCredit(1 << 20))
        for id: UInt64 in [1, 3] { try peer.open(id, "source", bytes: "700000") }
        try peer.until("CRD-2: 1,048,576 units") { $0[1].offset + $0[3].offset >= 1 << 20 }
        try peer.expectRestraint(because: "CRD-2")
        try peer.send(.credit(0, 2 << 20))
        try peer.until("CRD-2: both sources") { $0[1].isFinished && $0[3].isFinished }
      }),
    Case("credit/obeys-marks", "CRD-1 DAT-1", "the server takes a unit of credit for a mark") { peer in
      try peer.openSession(changing: .streamCredit(65_536))
      try peer.send(.open(1, "echo"), .data(1, at: 0, [UInt8](repeating: 0x61, count: 65_530)))
      try peer.until("SVC-1: 65,530 bytes") { $0[1].offset >= 65_530 }
      guard peer.creditLimit(of: 1) >= 65_550 else {
        throw CaseFailure.skip("credit of no more than \(peer.creditLimit(of: 1))")
      }
      try peer.send(
        (0..<20).map { Frame.data(1, at: 65_530 + $0, flags: Flag.endOfMessage) } + [
          .data(1, at: 65_550, flags: Flag.fin)
        ])
      try peer.expectRestraint(because: "CRD-1")
      try peer.send(.credit(1, 70_000))
      try peer.expectAnswer(
        on: 1, [UInt8](repeating: 0x61, count: 65_530), marks: [Int](repeating: 65_530, count: 20), because: "DAT-1")
    },
    Case("credit/lower", "CRD-4", "a lower limit than before is ignored") { peer in
      try peer.openSession(changing: .streamCredit(65_536))
      try peer.send(.open(1, "source", bytes: "90000"), .credit(1, 90_000), .credit(1, 5), .credit(0, 0))
      try peer.until("CRD-4: all 90,000 units") { $0[1].offset == 90_000 }
    },
    ends("credit/bound", "CRD-4", "a limit above 2^62 ends the session", [.protocol]) {
      [[.open(1, "echo"), .credit(1, (1 << 62) + 1)], [.credit(0, .max)]]
    },
    Case("credit/for-ended-direction", "CRD-4", "credit for a direction that has ended is ignored") { peer in
      try peer.openSession()
      try peer.send(.open(1, "source", bytes: "10"))
      try peer.until("SVC-3: FIN") { $0[1].isFinished }
      try peer.send(.credit(1, 1 << 50))
      try peer.expectAlive(because: "CRD-4")
    },
  ]
}
