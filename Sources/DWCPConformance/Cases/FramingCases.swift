/// SPEC section 4.
extension Case {
  /// Frames that end an open session, each in a session of its own.
  static func ends(
    _ id: String, _ clauses: String, _ title: String, _ codes: [Code], _ frames: @escaping @Sendable () -> [[Frame]]
  ) -> Case {
    Case(id, clauses, title) { peer in
      var next: Peer? = peer
      for list in frames() {
        let peer = try next ?? peer.another()
        next = nil
        try peer.openSession()
        try peer.send(list)
        try peer.until("ERR-1: CLOSE(\(codes)) for \(list.last?.description ?? "")") { $0.close != nil }
        try peer.require(
          codes.contains { $0 == peer.seen.close?.code }, "ERR-1: CLOSE(\(codes)) for \(list.last?.description ?? "")",
          came: "CLOSE(\(peer.seen.close?.code.description ?? "-")) \"\(peer.seen.close?.text ?? "")\"")
      }
    }
  }

  private static func openForUpdates(_ peer: Peer) throws {
    guard try peer.openSession().limits.takesUpdates else { throw CaseFailure.skip("updates") }
  }

  private static func updateEnds(
    _ id: String, _ clauses: String, _ title: String, _ code: Code, _ lists: @escaping @Sendable () -> [[Frame]]
  ) -> Case {
    Case(id, clauses, title) { peer in
      var next: Peer? = peer
      for frames in lists() {
        let peer = try next ?? peer.another()
        next = nil
        try openForUpdates(peer)
        try peer.send(frames)
        try peer.expectClose(code)
      }
    }
  }

  static let framing: [Case] = [
    ends("framing/header-check", "HDR-1", "a wrong header check ends the session", [.headerCheck]) {
      [[.ping(1).withWrongHeaderCheck], [Frame(type: 0xB0).withWrongHeaderCheck]]
    },
    ends("framing/payload-check", "HDR-3", "a wrong payload check ends the session", [.payloadCheck]) {
      [[.ping(1).withWrongPayloadCheck], [.open(1, "echo").withWrongPayloadCheck]]
    },
    Case("framing/payload-check-of-data", "HDR-3 DAT-7 ERR-2", "nothing of a damaged block is delivered") { peer in
      try peer.openSession()
      try peer.send(.open(1, "echo"), .data(1, at: 0, "sound"), .data(1, at: 5, "damaged").withWrongPayloadCheck)
      try peer.expectClose(.payloadCheck)
      let came = peer.seen[1].raw
      try peer.require(came.count <= 5, "DAT-7: nothing of the damaged block", came: hex(came))
    },
    ends(
      "framing/payload-check-of-unknown", "HDR-3 HDR-6", "the check of a skipped frame is verified too", [.payloadCheck]
    ) {
      [[Frame(type: 0xB5, body: [1, 2, 3]).withWrongPayloadCheck]]
    },
    Case("framing/missing-check", "HDR-4", "a frame without a check ends a session with integrity") { peer in
      try peer.openSession(peer.entries(adding: .integrity))
      try peer.send(.ping(1).unchecked)
      try peer.expectClose(.protocol)
    },
    ends("framing/reserved-flags", "HDR-5 CONV-2", "a reserved flag ends the session", [.protocol]) {
      (0..<6).map { [Frame.ping(1).with(flags: UInt8(1) << $0)] } + [[Frame.open(1, "echo").with(flags: 1)]]
    },
    Case("framing/unused-flag", "HDR-5 CONV-2", "flag 0x40 is ignored outside DATA") { peer in
      try peer.openSession()
      try peer.send(peer.makePing().with(flags: 0x40))
      try peer.until("HDR-5: PONG") { !$0.pongs.isEmpty }
      try peer.send(.open(1, "echo").with(flags: 0x40), .data(1, at: 0, "x", flags: Flag.fin))
      try peer.expectAnswer(on: 1, "x")
    },
    Case("framing/unknown-ignorable", "HDR-6 HDR-7", "unknown frames with bit 0x80 are skipped, whatever they hold") {
      peer in
      try peer.openSession()
      for type: UInt8 in [0x80, 0xB0, 0xBF, 0xF0, 0xFF] {
        try peer.send(Frame(type: type, stream: 77, flags: 0x7F, body: [1, 2, 3]), Frame(type: type))
      }
      try peer.expectEcho(on: 1, because: "HDR-6")
    },
    Case("framing/longest-unknown", "HDR-6", "an unknown ignorable frame of 16,384 bytes is skipped") { peer in
      try peer.openSession()
      try peer.send(Frame(type: 0xB1, body: [UInt8](repeating: 9, count: 16_384)))
      try peer.expectAlive(because: "HDR-6")
    },
    ends("framing/long-unknown", "HDR-6", "an unknown ignorable frame of 16,385 bytes ends the session", [.frameSize]) {
      [[Frame(type: 0xB1).declaring(16_385)]]
    },
    ends("framing/unknown-critical", "HDR-6", "an unknown frame without bit 0x80 ends the session", [.protocol]) {
      [[Frame(type: 0x3F)], [Frame(type: 0x7E)], [Frame(type: 0x00)]]
    },
    ends("framing/reserved-types", "HDR-8", "a frame of a reserved type is an unknown frame", [.protocol]) {
      [0x0A, 0x0B, 0x0C, 0x49].map {
        [Frame(type: $0, stream: $0 == 0x49 ? 1 : 0, body: [UInt8](repeating: 0, count: 12))]
      }
    },
    Case("framing/update", "UPD-1 UPD-2", "codecs are withdrawn and taken up again, and each UPDATE is answered") {
      peer in
      try openForUpdates(peer)
      for (epoch, codecs) in [(1, [0]), (2, [1, 0])] as [(UInt64, [UInt8])] {
        try peer.send(.update(epoch, [Entry(0x0001, codecs), Entry(0xFA01, [1])]))
        try peer.until("UPD-1: UPDATE_ACK \(epoch)") { $0.answeredEpoch == epoch }
      }
      try peer.expectEcho(on: 1, because: "UPD-1")
    },
    updateEnds("framing/update-out-of-turn", "UPD-1", "an UPDATE out of turn ends the session", .protocol) {
      [[.update(0)], [.update(2)], [Frame(.updateAck, body: [0, 0, 0, 1, 0, 1] + [UInt8](repeating: 0, count: 12))]]
    },
    updateEnds(
      "framing/update-of-others", "UPD-2 CAP-2", "an UPDATE of what cannot change ends the session", .capability
    ) {
      [[.update(1, [.streamCredit(1 << 20)])], [.update(1, [.codecs(2)])], [.update(1, [.codecs(0), .codecs(0)])]]
    },
    Case("framing/priority", "PRI-1 HDR-6", "PRIORITY may be skipped, and is where it makes no sense") { peer in
      try peer.openSession()
      try peer.send(.open(1, "echo"), Frame(type: 0xC0, stream: 1, body: [0, 0, 0, 0]))
      try peer.send(Frame(type: 0xC0, stream: 1, body: [8, 0, 0, 0]), Frame(type: 0xC0, stream: 1, body: [0]))
      try peer.send(Frame(type: 0xC0, stream: 9, body: [0, 0, 0, 0]))
      try peer.send(.data(1, at: 0, "x", flags: Flag.fin))
      try peer.expectAnswer(on: 1, "x")
    },
    ends("framing/stream-id-missing", "HDR-8", "stream id 0 where a stream is required ends the session", [.protocol]) {
      [[.open(0, "echo")], [.data(0, at: 0, "x")], [.reset(0, .cancelled, at: 0)], [.stop(0, .cancelled)]]
    },
    ends("framing/stream-id-unwanted", "HDR-8", "a stream id where none belongs ends the session", [.protocol]) {
      [[.ping(1).on(1)], [.ack(0).on(1)], [.streams(16).on(1)], [.goAway(0).on(1)], [Frame.close(.noError).on(1)]]
    },
    Case("framing/cut-anywhere", "PRE-1 DAT-7", "frames may arrive in single bytes") { peer in
      try peer.openSession()
      let frames: [Frame] = [.open(1, "echo"), .data(1, at: 0, "cut", flags: Flag.fin)]
      for byte in peer.bytes(of: frames) { try peer.sendBytes([byte]) }
      try peer.expectAnswer(on: 1, "cut")
    },
    Case("framing/coalesced", "DAT-7", "many frames may arrive together") { peer in
      try peer.openSession()
      let parts = (0..<200).map { Frame.data(1, at: $0, [UInt8(truncatingIfNeeded: $0)]) }
      try peer.send([.open(1, "echo")] + parts + [.data(1, at: 200, flags: Flag.fin)])
      try peer.expectAnswer(on: 1, (0..<200).map { UInt8($0) })
    },
    Case(
      "framing/own-frames", "HDR-2 HDR-3 HDR-5 HDR-6 HDR-8 DAT-2 DAT-3 DAT-4 DAT-6 DAT-9 STR-11",
      "the server's own frames keep the rules of frames"
    ) { peer in
      try peer.openSession()
      try peer.open(1, "source", bytes: "150000")
      try peer.send(.data(1, at: 0, flags: Flag.fin))
      try peer.expectEcho(on: 3, because: "HDR-2")
      try peer.until("SVC-3: all of the source") { $0[1].isFinished }
      try peer.open(5, "nowhere")
      try peer.expectRefusedStream(5, .unknownService, because: "SVC-4")
    },
    Case("framing/grease", "HDR-7", "the server sends a GREASE frame or tag now and then", isRequired: false) { peer in
      try peer.sendBytes(Peer.preface + peer.bytes(of: [peer.hello()]))
      try peer.expectWelcome()
      try peer.expectEcho(on: 1, because: "HDR-7")
      try peer.require(peer.seen.skippedFrameCount > 0, "HDR-7: a frame of a GREASE type", came: "none")
    },
  ]

  /// Lengths out of bounds, found from the header alone.
  private static func length(_ kind: FrameKind, _ lengths: UInt32...) -> Case {
    let stream: UInt64 = kind.namesStream == true ? 1 : 0
    let list = lengths.map(String.init).joined(separator: " or ")
    let title = "\("\(kind)".uppercased()) of \(list) bytes ends the session, before its body is waited for"
    return ends("framing/length-\(kind)".lowercased(), "HDR-2 MEM-2", title, [.frameSize]) {
      lengths.map { [Frame(kind, stream: stream).declaring($0)] }
    }
  }

  static let lengths: [Case] = [
    ends("framing/length-24-bits", "HDR-2", "the highest 8 bits of a length are zero", [.frameSize]) {
      [
        [Frame(.ping).declaring(0x0100_0008)], [Frame(.data, stream: 1).declaring(.max)],
        [Frame(type: 0xB0).declaring(1 << 31)],
      ]
    },
    length(.ping, 7, 9), length(.pong, 0, 16), length(.ack, 4, 12), length(.credit, 4, 9), length(.streams, 7, 9),
    length(.close, 5, 1_031), length(.open, 8_193), length(.data, 11), length(.reset, 11, 13), length(.stop, 3, 5),
    length(.goAway, 13, 1_039),
  ]
}
