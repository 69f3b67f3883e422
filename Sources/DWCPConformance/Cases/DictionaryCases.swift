/// Dictionaries (SPEC section 17).
extension Case {
  private static let words = Array("bottles of beer on the wall, take one down and pass it around".utf8)
  private static let wordsHash: [UInt8] = [
    0x73, 0xA6, 0x60, 0xF1, 0xA2, 0x70, 0x72, 0x5D, 0x76, 0x12, 0x94, 0xEE, 0x19, 0xDC, 0x32, 0xE2,
    0x52, 0x45, 0xE4, 0xB8, 0xDA, 0x24, 0x55, 0x24, 0xEF, 0x77, 0x2C, 0x12, 0x75, 0x78, 0x35, 0x2A,
  ]
  private static let tune = Array(
    "7 bottles of beer on the wall, 7 bottles of beer; take one down and pass it around".utf8)
  /// The tune as libzstd compresses it against the words.
  private static let encodedTune: [UInt8] = [
    0x28, 0xB5, 0x2F, 0xFD, 0x20, 0x52, 0x7D, 0x00, 0x00, 0x18, 0x37, 0x20, 0x3B, 0x03, 0x00, 0x55,
    0x18, 0x45, 0xE8, 0x0C, 0x84, 0x3B, 0x60, 0x01,
  ]

  /// The only part of a dictionary.
  private static func offer(
    _ id: UInt64, _ content: [UInt8] = words, hash: [UInt8] = wordsHash, domain: UInt64 = 0, total: Int? = nil,
    offset: UInt64 = 0
  ) -> Frame {
    let total = UInt64(total ?? content.count)
    let head = bigEndian(id, byteCount: 4) + bigEndian(domain, byteCount: 8) + bigEndian(total, byteCount: 4)
    return Frame(.dictionary, body: head + bigEndian(offset, byteCount: 4) + hash + content)
  }

  private static func retire(_ id: UInt64) -> Frame { answer(id, 3) }

  private static func answer(_ id: UInt64, _ value: UInt8) -> Frame {
    Frame(.dictionaryAnswer, body: bigEndian(id, byteCount: 4) + [value])
  }

  private static func block(
    at offset: UInt64 = 0, naming id: UInt64 = 1, flags: UInt8 = 0, _ payload: [UInt8] = encodedTune, codec: UInt8 = 2
  ) -> Frame {
    .data(
      1, at: offset, bigEndian(id, byteCount: 4) + payload, flags: Flag.dictionary | flags, codec: codec,
      rawLength: tune.count)
  }

  private static func openHolding(_ peer: Peer) throws {
    let limits = try peer.openSession().limits
    guard limits.dictionaryByteCount > 0, limits.codecs.contains(2) else { throw CaseFailure.skip("dictionaries") }
  }

  /// Sends a dictionary and waits for its answer.
  private static func expectAnswer(_ answer: UInt8, _ frame: Frame, id: UInt64, _ peer: Peer) throws {
    try peer.send(frame)
    try peer.until("DIC-1: answer \(answer) to dictionary \(id)") { $0.dictionaryAnswers[id] != nil }
    try peer.require(
      peer.seen.dictionaryAnswers[id] == answer, "DIC-1: answer \(answer) to dictionary \(id)",
      came: "answer \(peer.seen.dictionaryAnswers[id] ?? 0)")
  }

  private static func ends(
    _ name: String, _ clauses: String, _ title: String, isHeld: Bool = false, code: Code = .protocol,
    _ lists: [[Frame]]
  ) -> Case {
    Case("dictionaries/\(name)", clauses, title) { peer in
      var next: Peer? = peer
      for frames in lists {
        let peer = try next ?? peer.another()
        next = nil
        try openHolding(peer)
        if isHeld { try expectAnswer(1, offer(1), id: 1, peer) }
        try peer.send([.open(1, "echo")] + frames)
        try peer.expectClose(code)
      }
    }
  }

  static let dictionaries: [Case] = [
    Case("dictionaries/used", "DIC-1 DIC-2 DIC-3", "a dictionary is accepted, used, and retires for another") { peer in
      try openHolding(peer)
      try expectAnswer(1, offer(1), id: 1, peer)
      try peer.send(.open(1, "echo"), block(), .data(1, at: UInt64(tune.count), "-"))
      try expectAnswer(1, offer(2), id: 2, peer)
      let place = UInt64(tune.count) + 1
      try peer.send(block(at: place, naming: 2), block(at: place + UInt64(tune.count)), retire(1))
      try expectAnswer(1, offer(3), id: 3, peer)
      try peer.send(block(at: place + 2 * UInt64(tune.count), naming: 3, flags: Flag.fin))
      try peer.expectAnswer(on: 1, tune + [0x2D] + tune + tune + tune, because: "DIC-3")
    },
    Case("dictionaries/other-domain", "DIC-1", "a dictionary of an unknown domain is rejected, and the session goes on")
    {
      peer in
      try openHolding(peer)
      try expectAnswer(0, offer(1, domain: 77), id: 1, peer)
      try expectAnswer(1, offer(2), id: 2, peer)
      try peer.expectEcho(on: 1, because: "DIC-1")
    },
    ends(
      "wrong-hash", "DIC-1", "a content with another SHA-256 ends the session", [[offer(1, hash: wordsHash.reversed())]]
    ),
    ends(
      "astray", "DIC-1", "parts that are not in their place end the session",
      [
        [offer(2)], [offer(1, offset: 1)], [offer(1, total: 60)], [offer(1, total: 62)], [offer(1, total: 114_689)],
        [offer(1), offer(1)],
      ]),
    ends("third", "DIC-1", "a third dictionary ends the session", isHeld: true, [[offer(2), offer(3)]]),
    ends("stray-answer", "DIC-1", "an answer that is not due ends the session", [[answer(1, 1)], [answer(1, 0)]]),
    ends(
      "unknown", "DIC-2", "a block that names no dictionary in use ends the session", isHeld: true,
      [[block(naming: 2)], [retire(1), block()]]),
    ends(
      "retired-twice", "DIC-2", "a retirement of what is not in use ends the session", isHeld: true,
      [[retire(1), retire(1)], [retire(2)]]),
    ends(
      "other-codec", "DIC-3", "a block with a dictionary that is not zstd, or of a chain, ends the session",
      isHeld: true,
      [[block(tune, codec: 0)], [block(flags: Flag.chained | Flag.restart)]]),
    Case("dictionaries/broken", "DIC-3 CDC-4", "a broken block with a dictionary stops its stream") { peer in
      try openHolding(peer)
      try expectAnswer(1, offer(1), id: 1, peer)
      try peer.send(.open(1, "echo"), block(Array(encodedTune.dropLast())))
      try peer.until("CDC-4: STOP(CODEC)") { $0[1].stop == .codec }
      try peer.expectEcho(on: 3, because: "ERR-1")
    },
    Case("dictionaries/names-itself", "DIC-3 CDC-3", "a zstd frame that names a dictionary by itself stops its stream")
    {
      peer in
      try openHolding(peer)
      try expectAnswer(1, offer(1), id: 1, peer)
      let named = Array(encodedTune[..<4]) + [encodedTune[4] | 1, 7] + Array(encodedTune[5...])
      try peer.send(.open(1, "echo"), block(named))
      try peer.until("CDC-3: STOP(CODEC)") { $0[1].stop == .codec }
      try peer.expectEcho(on: 3, because: "ERR-1")
    },
  ]
}
