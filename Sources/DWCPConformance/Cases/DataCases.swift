/// SPEC section 8.
extension Case {
  private static let eom = Flag.endOfMessage

  /// Blocks that `echo` returns unit for unit.
  private static func echoed(
    _ name: String, _ clauses: String, _ title: String, _ frames: [Frame], _ raw: String, marks: [Int]
  ) -> Case {
    Case("messages/\(name)", clauses + " SVC-1", title) { peer in
      try peer.openSession()
      try peer.send([.open(1, "echo")] + frames)
      try peer.expectAnswer(on: 1, raw, marks: marks)
    }
  }

  private static func broken(
    _ name: String, _ clauses: String, _ title: String, _ codes: Code..., frames: [[Frame]]
  ) -> Case {
    ends("messages/\(name)", clauses, title, codes) { frames.map { [.open(1, "echo")] + $0 } }
  }

  static let messages: [Case] = [
    echoed(
      "boundaries", "DAT-1 DAT-8", "each message comes back as a message",
      [
        .data(1, at: 0, "one", flags: eom), .data(1, at: 4, "two", flags: eom), .data(1, at: 8, flags: Flag.fin),
      ], "onetwo", marks: [3, 6]),
    echoed(
      "empty", "DAT-1 DAT-2 DAT-7", "empty messages come back where they stood",
      [
        .data(1, at: 0, flags: eom), .data(1, at: 1, "a", flags: eom), .data(1, at: 3, flags: eom),
        .data(1, at: 4, flags: eom), .data(1, at: 5, "b"), .data(1, at: 6, flags: eom | Flag.fin),
      ], "ab", marks: [0, 1, 1, 1, 2]),
    echoed(
      "mark-table", "DAT-1 DAT-4 DAT-8", "one block carries many messages",
      [
        .data(1, at: 0, Array("abcdef".utf8), flags: eom, marks: [1, 0, 2]),
        .data(1, at: 10, Array("gh".utf8), flags: Flag.fin, marks: [0, 2]),
      ], "abcdefgh", marks: [1, 1, 3, 6, 6, 8]),
    echoed(
      "spanning", "DAT-8", "a message may span blocks",
      [
        .data(1, at: 0, "a me"), .data(1, at: 4, "ssage"), .data(1, at: 9, Array(" and one".utf8), marks: [4]),
        .data(1, at: 18, " more", flags: eom | Flag.fin),
      ], "a message and one more", marks: [13, 22]),
    echoed(
      "unfinished", "DAT-8", "bytes behind the last mark come back as bytes",
      [
        .data(1, at: 0, "whole", flags: eom), .data(1, at: 6, "part", flags: Flag.fin),
      ], "wholepart", marks: [5]),
    echoed(
      "fin-alone", "DAT-2 STR-8", "FIN may come in a block of its own, and again",
      [
        .data(1, at: 0, "x"), .data(1, at: 1, flags: Flag.fin), .data(1, at: 1, flags: Flag.fin),
      ], "x", marks: []),
    echoed(
      "repeat", "DAT-6", "a block that repeats what has come is discarded",
      [
        .data(1, at: 0, "abc"), .data(1, at: 0, "abc"), .data(1, at: 1, "bc"), .data(1, at: 3, "d", flags: Flag.fin),
      ], "abcd", marks: []),
    Case("messages/large", "SVC-1 DAT-5", "a block as long as the server takes comes back") { peer in
      try peer.openSession()
      let count = Int(min(peer.seen.welcome?.limits.rawBlockByteCount ?? 0, peer.creditLimit(of: 1)))
      let raw = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
      try peer.send(.open(1, "echo"), .data(1, at: 0, raw, flags: Flag.fin))
      try peer.expectAnswer(on: 1, raw)
    },
    broken(
      "gap", "DAT-6", "a gap ends the session", .protocol,
      frames: [
        [.data(1, at: 1, "x")], [.data(1, at: 0, "x"), .data(1, at: 2, "y")], [.data(1, at: 5, flags: Flag.fin)],
      ]),
    broken(
      "overlap", "DAT-6", "a block that overlaps in part ends the session", .protocol,
      frames: [
        [.data(1, at: 0, "abc"), .data(1, at: 2, "cd")]
      ]),
    broken("nothing", "DAT-2", "DATA with nothing in it ends the session", .protocol, frames: [[.data(1, at: 0)]]),
    broken(
      "mark-table-too-long", "DAT-4", "marks beyond the raw bytes end the session", .protocol,
      frames: [
        [.data(1, at: 0, Array("abc".utf8), marks: [2, 2])]
      ]),
    broken(
      "mark-table-empty", "DAT-4", "a mark table of no marks ends the session", .protocol,
      frames: [
        [.data(1, at: 0, Array("abc".utf8), marks: [])]
      ]),
    broken(
      "mark-table-cut-short", "DAT-4", "a mark table that is cut short ends the session", .protocol, .frameSize,
      frames: [
        [Frame(.data, stream: 1, flags: Flag.marks, body: [UInt8](repeating: 0, count: 12) + [0, 9, 0, 0])],
        [Frame(.data, stream: 1, flags: Flag.marks, body: [UInt8](repeating: 0, count: 12) + [0])],
      ]),
    broken(
      "offset-bound", "DAT-1", "a block that ends above 2^62 ends the session", .protocol,
      frames: [
        [.data(1, at: 1 << 62, "x")], [.data(1, at: .max, "xyz")],
      ]),
    broken(
      "reserved-flags", "DAT-9 CONV-2 BAS-2",
      "a flag of DATA that was not announced, or has no place there, ends the session", .protocol, .frameSize,
      frames: [
        [.data(1, at: 0, "x", flags: 0x20)]
      ]),
    broken(
      "behind-fin", "STR-11", "DATA behind FIN ends the session", .streamState,
      frames: [
        [.data(1, at: 0, "x", flags: Flag.fin), .data(1, at: 1, "y")]
      ]),
    broken(
      "another-fin", "STR-11", "a FIN at another offset ends the session", .streamState, .protocol,
      frames: [
        [.data(1, at: 0, "xy", flags: Flag.fin), .data(1, at: 0, "x", flags: Flag.fin)],
        [.data(1, at: 0, "xy"), .data(1, at: 0, "x", flags: Flag.fin)],
      ]),
  ]

  private static func codecError(_ name: String, _ clauses: String, _ title: String, codec: UInt8, _ blocks: [[UInt8]])
    -> Case
  {
    Case("messages/\(name)", clauses + " ERR-1", title) { peer in
      try peer.openSession()
      guard peer.seen.welcome?.limits.codecs.contains(codec) == true else { throw CaseFailure.skip("codec \(codec)") }
      for (index, block) in blocks.enumerated() {
        let id = 2 * UInt64(index) + 1
        try peer.send(
          .open(id, "echo"), .data(id, at: 0, "good"), .data(id, at: 4, block, codec: codec, rawLength: 1_000))
        try peer.until("CDC-4: STOP(CODEC) on stream \(id)") {
          $0[id].stop != nil || $0[id].isFinished || $0.close != nil
        }
        try peer.require(
          peer.seen[id].stop == .codec && peer.seen.close == nil, "CDC-4: STOP(CODEC) on stream \(id), and no more",
          came: peer.seen.close.map { "CLOSE(\($0.code)) \"\($0.text)\"" }
            ?? "\(peer.seen[id].stop?.description ?? "no STOP")")
        let came = peer.seen[id].raw
        try peer.require(came.count <= 4, "CDC-4: nothing of the broken block", came: hex(Array(came.prefix(32))))
      }
      try peer.expectEcho(on: 2 * UInt64(blocks.count) + 1, because: "ERR-1")
    }
  }

  private static func decoded(_ name: String, codec: UInt8, _ clauses: String, _ title: String, _ blocks: [[UInt8]])
    -> Case
  {
    Case("messages/\(name)", clauses, title) { peer in
      try peer.openSession()
      guard peer.seen.welcome?.limits.codecs.contains(codec) == true else { throw CaseFailure.skip("codec \(codec)") }
      var offset: UInt64 = 1
      try peer.send(.open(1, "echo"), .data(1, at: 0, "<"))
      for block in blocks {
        try peer.send(.data(1, at: offset, block, codec: codec, rawLength: 1_000))
        offset += 1_000
      }
      try peer.send(.data(1, at: offset, ">", flags: Flag.fin))
      let raw = [0x3C] + [UInt8](repeating: 0x61, count: 1_000 * blocks.count) + [0x3E]
      try peer.expectAnswer(on: 1, raw, because: "CDC-4")
    }
  }

  static let blocks: [Case] = [
    broken(
      "stored-length", "DAT-3", "a stored block of another length than declared ends the session", .frameSize,
      frames: [
        [.data(1, at: 0, Array("abc".utf8), rawLength: 2)], [.data(1, at: 0, Array("abc".utf8), rawLength: 4)],
      ]),
    broken(
      "encoded-length", "DAT-3", "an encoded block that is not smaller, or of no raw bytes, ends the session",
      .frameSize, .codec,
      frames: [
        [.data(1, at: 0, Array("abc".utf8), codec: 1, rawLength: 3)],
        [.data(1, at: 0, flags: eom, codec: 1, rawLength: 0)],
        [.data(1, at: 0, codec: 1, rawLength: 9)],
      ]),
    Case("messages/block-limit", "DAT-5 MEM-2", "a raw length above MAX_RAW_BLOCK ends the session, before the payload")
    { peer in
      let welcome = try peer.openSession()
      let declared = Int(welcome.limits.rawBlockByteCount) + 1
      var frame = Frame.data(1, at: 0, rawLength: declared)
      frame.declaredLength = UInt32(truncatingIfNeeded: declared + 12)
      try peer.send(.open(1, "echo"))
      try peer.sendBytes(frame.encoded + frame.body)
      try peer.expectClose(.frameSize)
    },
    broken(
      "unknown-codec", "DAT-5", "a codec that was not announced ends the session", .codec,
      frames: [
        [.data(1, at: 0, Array("abc".utf8), codec: 3, rawLength: 9)],
        [.data(1, at: 0, Array("abc".utf8), codec: 4, rawLength: 9)],
        [.data(1, at: 0, Array("abc".utf8), codec: 0xEE, rawLength: 9)],
      ]),
    decoded(
      "lz4", codec: 1, "CDC-1 CDC-2", "lz4 blocks are decoded",
      [Block.lz4(0x61, count: 1_000), Block.lz4(0x61, count: 1_000)]),
    decoded(
      "zstd", codec: 2, "CDC-1 CDC-2 CDC-3", "zstd blocks are decoded, with and without a content size",
      [
        Block.zstd(0x61, count: 1_000), Block.zstd(0x61, count: 1_000, contentSize: nil),
      ]),
    codecError(
      "lz4-broken", "CDC-4", "a broken lz4 block stops its stream alone", codec: 1,
      [
        Block.lz4BeforeStart, [0xFF, 0xFF, 0xFF], Array(Block.lz4(0x61, count: 1_000).dropLast(3)),
      ]),
    codecError(
      "lz4-other-length", "CDC-4", "an lz4 block of another length than declared stops its stream", codec: 1,
      [
        Block.lz4(0x61, count: 999), Block.lz4(0x61, count: 1_001), Block.lz4(0x61, count: 60_000),
      ]),
    codecError(
      "zstd-broken", "CDC-4", "a broken zstd block stops its stream alone", codec: 2,
      [
        [1, 2, 3, 4, 5, 6, 7, 8, 9], Array(Block.zstd(0x61, count: 1_000).dropLast(2)),
        Array(Block.zstd(0x61, count: 1_000).prefix(5)),
      ]),
    codecError(
      "zstd-other-length", "CDC-3 CDC-4", "a zstd block of another length than declared stops its stream", codec: 2,
      [
        Block.zstd(0x61, count: 999), Block.zstd(0x61, count: 1_001), Block.zstd(0x61, count: 900, contentSize: nil),
        Block.zstd(0x61, count: 100_000, contentSize: nil), Block.zstd(0x61, count: 1_000, contentSize: 2_000_000_000),
      ]),
    codecError(
      "zstd-dictionary", "CDC-3", "a zstd frame with a dictionary id stops its stream", codec: 2,
      [
        Block.zstd(0x61, count: 1_000, contentSize: 1_000, dictionaryID: 7)
      ]),
    codecError(
      "zstd-several", "CDC-3", "a skippable frame, a second frame, or bytes behind the frame stop the stream", codec: 2,
      [
        Block.zstdSkippable + Block.zstd(0x61, count: 1_000), Block.zstd(0x61, count: 1_000) + Block.zstdSkippable,
        Block.zstd(0x61, count: 500) + Block.zstd(0x61, count: 500), Block.zstd(0x61, count: 1_000) + [0],
      ]),
    Case("messages/zstd-window", "CDC-3 CDC-4", "a zstd window above the announced one stops the stream") { peer in
      let welcome = try peer.openSession()
      guard welcome.limits.codecs.contains(2), welcome.limits.zstdWindowLog < 31 else {
        throw CaseFailure.skip("zstd with a limit")
      }
      let block = Block.zstd(0x61, count: 1_000, contentSize: nil, windowLog: welcome.limits.zstdWindowLog + 1)
      try peer.send(.open(1, "echo"), .data(1, at: 0, block, codec: 2, rawLength: 1_000))
      try peer.until("CDC-3: STOP(CODEC)") { $0[1].stop == .codec }
      try peer.expectEcho(on: 3, because: "ERR-1")
    },
    Case("messages/announced-codecs", "CAP-5", "the server sends only codecs and blocks that the other end takes") {
      peer in
      try peer.openSession([.codecs(0), .streamCredit(Peer.amplyOfCredit), .sessionCredit(Peer.amplyOfCredit)])
      try peer.open(1, "source", bytes: "300000")
      try peer.until("SVC-3: 300,000 bytes") { $0[1].isOver && $0[1].raw.count == 300_000 }
    },
    Case("messages/lz4-from-server", "CAP-5 CDC-1 CDC-4 DAT-3", "what the server compresses with lz4 can be decoded") {
      peer in
      try peer.openSession(changing: .codecs(1, 0))
      let raw = [UInt8](repeating: 0x61, count: 50_000)
      try peer.send(.open(1, "echo"), .data(1, at: 0, raw, flags: Flag.fin))
      try peer.expectAnswer(on: 1, raw, because: "CDC-4")
    },
    Case(
      "messages/compression-saves", "CDC-5", "a block is compressed only where that saves 16 bytes and 1/16",
      isRequired: false
    ) { peer in
      try peer.openSession(changing: .codecs(1, 0))
      let noise = (0..<20_000).map { _ in UInt8.random(in: 0...255) }
      try peer.send(.open(1, "echo"), .data(1, at: 0, noise, flags: Flag.fin))
      try peer.expectAnswer(on: 1, noise)
    },
  ]
}
