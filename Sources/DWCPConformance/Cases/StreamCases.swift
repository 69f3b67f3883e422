/// SPEC section 7, and the services of appendix A.
extension Case {
  private static let message = Flag.endOfMessage | Flag.fin

  /// What `source` sends (SPEC SVC-3).
  private static func sequence(_ count: Int) -> [UInt8] {
    (0..<count).map { index in
      let number = UInt64(index / 8)
      return UInt8(truncatingIfNeeded: number >> UInt64(8 * (7 - index % 8)))
    }
  }

  private static func source(_ name: String, _ title: String, bytes: String, count: Int) -> Case {
    Case("streams/\(name)", "SVC-3 STR-8", title) { peer in
      try peer.openSession()
      try peer.send(.open(1, "source", bytes: bytes), .data(1, at: 0, flags: Flag.fin))
      try peer.expectAnswer(on: 1, sequence(count), because: "SVC-3")
    }
  }

  private static func refused(_ name: String, _ title: String, _ entries: [Entry]) -> Case {
    Case("streams/\(name)", "SVC-4 ERR-1", title) { peer in
      try peer.openSession()
      try peer.send(.open(1, entries))
      try peer.expectRefusedStream(1, .unknownService, because: "SVC-4")
      try peer.expectEcho(on: 3, because: "ERR-1")
    }
  }

  static let streams: [Case] = [
    Case("streams/echo", "SVC-1", "echo returns bytes, marks and FIN") { peer in
      try peer.openSession()
      try peer.send(.open(1, "echo"), .data(1, at: 0, "hello", flags: message))
      try peer.expectAnswer(on: 1, "hello", marks: [5])
    },
    Case("streams/echo-at-once", "SVC-1 STR-8", "echo returns bytes before FIN has come") { peer in
      try peer.openSession()
      try peer.send(.open(1, "echo"), .data(1, at: 0, "hello", flags: Flag.endOfMessage))
      try peer.until("SVC-1: hello") { $0[1].raw == Array("hello".utf8) && $0[1].marks == [5] }
      try peer.send(.data(1, at: 6, flags: Flag.fin))
      try peer.expectAnswer(on: 1, "hello", marks: [5])
    },
    Case("streams/empty", "SVC-1 DAT-2", "a stream without a unit ends with FIN") { peer in
      try peer.openSession()
      try peer.send(.open(1, "echo"), .data(1, at: 0, flags: Flag.fin))
      try peer.expectAnswer(on: 1, "")
    },
    Case("streams/sink", "SVC-2", "sink answers with the count and SHA-256 of the raw bytes") { peer in
      try peer.openSession()
      try peer.send(
        .open(1, "sink"), .data(1, at: 0, "a", flags: Flag.endOfMessage), .data(1, at: 2, "bc", flags: message))
      try peer.expectAnswer(on: 1, bigEndian(3, byteCount: 8) + sha256OfABC, marks: [40], because: "SVC-2")
    },
    source("source", "source sends the numbers 0, 1, 2, ...", bytes: "100003", count: 100_003),
    source("source-nothing", "source of no bytes sends FIN", bytes: "0", count: 0),
    source("source-leading-zeros", "source takes leading zeros", bytes: "000000000000000017", count: 17),
    Case("streams/half-close", "SVC-3 STR-8", "what the opener ends does not end the answer") { peer in
      try peer.openSession([.codecs(0), .streamCredit(65_536)])
      try peer.send(.open(1, "source", bytes: "100000"), .data(1, at: 0, flags: Flag.fin))
      try peer.until("CRD-1: the source up to its credit") { $0[1].offset == 65_536 || $0[1].isOver }
      try peer.send(.credit(1, 200_000))
      try peer.expectAnswer(on: 1, sequence(100_000), because: "STR-8")
    },
    refused("no-service", "OPEN without a service is refused with UNKNOWN_SERVICE", []),
    refused("unknown-service", "an unknown service is refused with UNKNOWN_SERVICE", [.metadata("service", "nowhere")]),
    refused("source-without-bytes", "source without bytes is refused", [.metadata("service", "source")]),
    refused(
      "source-nonsense", "source with nonsense for bytes is refused",
      [
        .metadata("service", "source"), .metadata("bytes", "-1"),
      ]),
    refused(
      "source-long-number", "source with 19 digits is refused",
      [
        .metadata("service", "source"), .metadata("bytes", "0000000000000000001"),
      ]),
    Case("streams/implicit-open", "STR-2 SVC-4", "a first DATA frame stands for an OPEN with an empty body") { peer in
      try peer.openSession()
      try peer.send(.data(1, at: 0, "x"))
      try peer.expectRefusedStream(1, .unknownService, because: "STR-2")
    },
    Case("streams/out-of-order", "STR-2", "opening frames may arrive behind those of higher ids") { peer in
      try peer.openSession()
      for id: UInt64 in [7, 3, 5, 1] {
        try peer.send(.open(id, "echo"), .data(id, at: 0, "\(id)", flags: Flag.fin))
      }
      for id: UInt64 in [1, 3, 5, 7] { try peer.expectAnswer(on: id, "\(id)") }
    },
    ends(
      "streams/before-opening", "STR-2 STR-5", "a frame that a stream's opening does not precede ends the session",
      [.streamState]
    ) {
      [
        [.open(5, "echo"), .reset(3, .cancelled, at: 0)], [.open(5, "echo"), .credit(3, 1 << 20)],
        [.open(5, "echo"), .stop(1, .cancelled)],
      ]
    },
    ends("streams/never-opened", "STR-5", "RESET, STOP and CREDIT open no stream", [.streamState]) {
      [[.reset(1, .cancelled, at: 0)], [.stop(1, .cancelled)], [.credit(1, 1 << 20)]]
    },
    ends(
      "streams/not-ours", "STR-5 STR-1", "an id of the server's own that it has not opened ends the session",
      [.streamState]
    ) {
      [
        [.open(2, "echo")], [.data(2, at: 0, "x")], [.reset(2, .cancelled, at: 0)], [.stop(2, .cancelled)],
        [.credit(4, 9)],
      ]
    },
    ends("streams/second-open", "STR-5", "a second OPEN ends the session", [.streamState]) {
      [[.open(1, "echo"), .open(1, "echo")], [.data(1, at: 0, "x"), .open(1, "echo")]]
    },
    Case("streams/limit", "STR-3", "a stream above the limit ends the session") { peer in
      try peer.openSession()
      let limit = peer.seen.streamLimit
      guard limit <= 1 << 20 else { throw CaseFailure.skip("a stream limit of \(limit)") }
      try peer.open(2 * limit + 1, "echo")
      try peer.expectClose(.streamLimit)
    },
    Case("streams/up-to-limit", "STR-3 STR-2", "the highest stream within the limit is served") { peer in
      try peer.openSession()
      let limit = peer.seen.streamLimit
      guard limit <= 4_096 else { throw CaseFailure.skip("a stream limit of \(limit)") }
      try peer.expectEcho(on: 2 * limit - 1, because: "STR-3")
    },
    Case("streams/limit-raised", "STR-4 STR-3", "the limit rises as streams close, in both directions and all the way")
    {
      peer in
      try peer.openSession()
      let limit = peer.seen.streamLimit
      guard limit <= 1_024 else { throw CaseFailure.skip("a stream limit of \(limit)") }
      for ordinal in 1...limit {
        try peer.send(.open(2 * ordinal - 1, "echo"), .data(2 * ordinal - 1, at: 0, flags: Flag.fin))
      }
      try peer.until("STR-4: STREAMS above \(limit)") { $0.streamLimit > limit }
      try peer.expectEcho(on: 2 * limit + 1, because: "STR-4")
    },
    Case("streams/limit-lowered", "STR-3", "a lower limit than before is ignored") { peer in
      try peer.openSession()
      try peer.send(.streams(0), .streams(1 << 46), .streams(1))
      try peer.expectAlive(because: "STR-3")
    },
    ends("streams/limit-bound", "STR-3", "a limit above 2^46 ends the session", [.protocol]) {
      [[.streams((1 << 46) + 1)], [.streams(.max)]]
    },
    Case("streams/late-frames", "STR-6 ACK-1", "frames for a closed stream are discarded, and counted") { peer in
      try peer.openSession()
      try peer.expectEcho(on: 1, because: "SVC-1")
      try peer.expectAlive(because: "STR-6")
      try peer.send(.data(1, at: 10, "late"), .reset(1, .cancelled, at: 10), .stop(1, .cancelled), .credit(1, 1 << 21))
      try peer.expectEcho(on: 3, because: "STR-6")
      try peer.until("ACK-1: ACK of all \(peer.seen.sentNumberedCount) numbered frames") {
        $0.acknowledged == $0.sentNumberedCount
      }
    },
    Case("streams/side-by-side", "STR-1 SVC-1", "16 streams carry each its own bytes") { peer in
      try peer.openSession()
      let ids = (0..<16).map { 2 * UInt64($0) + 1 }
      try peer.send(ids.map { Frame.open($0, "echo") })
      for round: UInt64 in 0..<20 {
        try peer.send(ids.map { Frame.data($0, at: round, [UInt8(truncatingIfNeeded: $0 + round)]) })
      }
      try peer.send(ids.map { Frame.data($0, at: 20, flags: Flag.fin) })
      for id in ids { try peer.expectAnswer(on: id, (0..<20).map { UInt8(truncatingIfNeeded: id + $0) }) }
    },
  ]

  private static let sha256OfABC: [UInt8] = [
    0xBA, 0x78, 0x16, 0xBF, 0x8F, 0x01, 0xCF, 0xEA, 0x41, 0x41, 0x40, 0xDE, 0x5D, 0xAE, 0x22, 0x23,
    0xB0, 0x03, 0x61, 0xA3, 0x96, 0x17, 0x7A, 0x9C, 0xB4, 0x10, 0xFF, 0x61, 0xF2, 0x00, 0x15, 0xAD,
  ]
}
