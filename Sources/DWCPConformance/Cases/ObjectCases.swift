/// Objects (SPEC section 17): versions that a server holds, so that the next one can be sent as what has changed.
extension Case {
  private static let pageByteCount = 4_096
  /// Two pages, the second of them short.
  private static let content = [UInt8](repeating: 0x61, count: pageByteCount) + Array("the end".utf8)
  private static let changedPage: [UInt8] = [0x58] + content[1..<pageByteCount]
  /// What makes the page with another first byte of the page: the first eight bytes differ, of which the first one.
  private static let mask: [UInt8] = [1] + [UInt8](repeating: 0, count: 63) + [1, 0x58]

  private enum Method: UInt8 {
    case full, prefix, mask, zero, moved
  }

  private struct Answer: Equatable {
    var version: UInt64
    var value: UInt64
    var kind: UInt8
    var domain: UInt64 = 0

    static func stands(_ version: UInt64, at value: UInt64? = nil, domain: UInt64 = 0) -> Answer {
      Answer(version: version, value: value ?? version, kind: 1, domain: domain)
    }

    static func mismatch(_ version: UInt64, at offset: UInt64) -> Answer {
      Answer(version: version, value: offset, kind: 0)
    }

    var body: [UInt8] {
      [domain, 7, version, value].flatMap { bigEndian($0, byteCount: 8) } + [kind, 0, 0, 0]
    }
  }

  /// SPEC BAS-1.
  private static func digest(_ content: [UInt8]) -> UInt64 {
    stride(from: 0, to: content.count, by: pageByteCount).reduce(0) { sum, start in
      var page = Array(content[start..<min(start + pageByteCount, content.count)])
      guard page.contains(where: { $0 != 0 }) else { return sum }
      page += [UInt8](repeating: 0, count: pageByteCount - page.count)
      var x = UInt64(start / pageByteCount) << 32 &+ UInt64(crc32c(page))
      x = (x ^ x >> 30) &* 0xBF58_476D_1CE4_E5B9
      x = (x ^ x >> 27) &* 0x94D0_49BB_1331_11EB
      return sum &+ (x ^ x >> 31)
    }
  }

  /// A stream to `echo` that carries a version of object 7.
  private static func begin(
    _ stream: UInt64, _ version: UInt64, length: Int = content.count, base: UInt64 = 0, epoch: UInt64 = 1,
    domain: UInt64 = 0, digest: UInt64? = nil
  ) -> Frame {
    let digest = digest ?? (base == 0 ? 0 : self.digest(content))
    let fields = [7, epoch, base, version, UInt64(length), digest].flatMap { bigEndian($0, byteCount: 8) }
    return .open(
      stream, [.metadata("service", "echo"), Entry(0x0004, domain, byteCount: 8), Entry(0x0005, fields)])
  }

  /// A block of pages one behind the other.
  private static func block(
    _ stream: UInt64, at offset: UInt64 = 0, _ method: Method = .full, _ raw: [UInt8] = content,
    payload: [UInt8]? = nil, codec: UInt8 = 0, page: UInt8 = 0, table: [UInt8]? = nil, flags: UInt8 = 0,
    checked: [UInt8]? = nil
  ) -> Frame {
    let table = table ?? [page, UInt8((raw.count - 1) / pageByteCount)]
    var body = [method.rawValue, 0] + bigEndian(UInt64(table.count), byteCount: 2)
    if method == .moved { body += bigEndian(0, byteCount: 8) + bigEndian(1, byteCount: 4) }
    body += table + bigEndian(UInt64(crc32c(checked ?? raw)), byteCount: 4) + (payload ?? raw)
    return .data(stream, at: offset, body, flags: Flag.baseline | flags, codec: codec, rawLength: raw.count)
  }

  private static func changed(_ stream: UInt64, at offset: UInt64 = 0, flags: UInt8 = 0, checked: [UInt8]? = nil)
    -> Frame
  {
    block(stream, at: offset, .mask, changedPage, payload: mask, flags: flags, checked: checked)
  }

  private static func end(_ stream: UInt64, at offset: UInt64 = 0) -> Frame {
    .data(stream, at: offset, flags: Flag.fin)
  }

  private static let release = Frame(.baselineAnswer, body: Answer(version: 1, value: 0, kind: 2).body)

  private static func openHolding(_ peer: Peer) throws {
    let limits = try peer.openSession().limits
    guard limits.objectByteCount > 0, limits.codecs.contains(2) else { throw CaseFailure.skip("objects") }
  }

  /// Waits until an answer has come, and that it is the only one since the last.
  private static func expect(_ answers: [Answer], because clause: String = "BAS-5", _ peer: Peer) throws {
    let wanted = answers.map(\.body)
    try peer.until("\(clause): \(wanted.count) answers about objects") { $0.objectAnswers.count >= wanted.count }
    try peer.require(
      peer.seen.objectAnswers == wanted, "\(clause): \(wanted.map(hex))", came: "\(peer.seen.objectAnswers.map(hex))")
  }

  /// Sends version 1 and waits until it stands.
  private static func openStanding(_ peer: Peer) throws {
    try openHolding(peer)
    try peer.send(begin(1, 1), block(1, flags: Flag.fin))
    try peer.expectAnswer(on: 1, content, because: "BAS-2")
    try expect([.stands(1)], peer)
  }

  private static func ends(
    _ name: String, _ clauses: String, _ title: String, standing: Bool = false, code: Code = .protocol,
    _ lists: [[Frame]]
  ) -> Case {
    Case("objects/\(name)", clauses, title) { peer in
      var next: Peer? = peer
      for frames in lists {
        let peer = try next ?? peer.another()
        next = nil
        try standing ? openStanding(peer) : openHolding(peer)
        try peer.send(frames)
        try peer.expectClose(code)
      }
    }
  }

  static let objects: [Case] = versions + brokenVersions

  private static let versions: [Case] = [
    Case("objects/methods", "BAS-1 BAS-2 BAS-3 BAS-5", "versions by each method stand one on the other") { peer in
      try openStanding(peer)
      let two = changedPage + content[pageByteCount...]
      try peer.send(begin(3, 2, base: 1), changed(3, flags: Flag.fin))
      try peer.expectAnswer(on: 3, changedPage, because: "BAS-3")
      try peer.until("BAS-5: version 2 stands") { $0.objectAnswers.count >= 2 }
      let page = [UInt8](repeating: 0x62, count: pageByteCount)
      let frame = Block.zstd(0x62, count: pageByteCount)
      try peer.send(
        begin(5, 3, length: 4 * pageByteCount, base: 2, digest: digest(two)),
        block(5, .prefix, page, payload: frame, codec: 2),
        block(5, at: 4_096, .moved, page, payload: frame, codec: 2, page: 1),
        block(5, at: 8_192, .zero, [UInt8](repeating: 0, count: pageByteCount), payload: [], page: 2),
        block(5, at: 12_288, .full, page, payload: frame, codec: 2, page: 3, flags: Flag.fin))
      try peer.expectAnswer(
        on: 5, page + page + [UInt8](repeating: 0, count: pageByteCount) + page, because: "BAS-3")
      try expect([.stands(1), .stands(2), .stands(3)], peer)
    },
    Case("objects/mismatch", "BAS-4 BAS-5", "a base with another digest is a mismatch, and the block is replaced") {
      peer in
      try openStanding(peer)
      try peer.send(begin(3, 2, base: 1, digest: 1), changed(3, flags: Flag.fin))
      try expect([.stands(1), .mismatch(2, at: 0)], because: "BAS-4", peer)
      try peer.send(block(3, .full, changedPage))
      try peer.expectAnswer(on: 3, changedPage, because: "BAS-4")
      try expect([.stands(1), .mismatch(2, at: 0), .stands(2, at: 0)], peer)
    },
    Case("objects/mismatch-by-check", "CHN-3 BAS-4", "a mask that comes to other bytes is a mismatch") { peer in
      try openStanding(peer)
      try peer.send(begin(3, 2, base: 1), changed(3, flags: Flag.fin, checked: content))
      try expect([.stands(1), .mismatch(2, at: 0)], because: "BAS-4", peer)
      try peer.expectEcho(on: 5, because: "BAS-4")
    },
    Case("objects/never-had", "BAS-1 BAS-4", "a base that the server never had is a mismatch") { peer in
      try openHolding(peer)
      try peer.send(begin(1, 2, base: 1), changed(1, flags: Flag.fin))
      try expect([.mismatch(2, at: 0)], because: "BAS-1", peer)
      try peer.send(block(1, .full, changedPage))
      try peer.expectAnswer(on: 1, changedPage, because: "BAS-4")
      try expect([.mismatch(2, at: 0), .stands(2, at: 0)], peer)
    },
    Case("objects/reset", "BAS-5", "RESET ends a version, and the base stands") { peer in
      try openStanding(peer)
      try peer.send(begin(3, 2, base: 1), changed(3), .reset(3, .cancelled, at: 4_096))
      try expect([.stands(1), .stands(2, at: 1)], peer)
      try peer.send(begin(5, 3, base: 1), changed(5, flags: Flag.fin))
      try peer.expectAnswer(on: 5, changedPage, because: "BAS-5")
      try expect([.stands(1), .stands(2, at: 1), .stands(3)], peer)
    },
    Case("objects/released", "BAS-5", "a released object is forgotten, and its numbers are free") { peer in
      try openStanding(peer)
      try peer.send(release, begin(3, 1), end(3))
      try expect([.stands(1), .stands(1)], peer)
      try peer.expectEcho(on: 5, because: "BAS-5")
    },
    Case("objects/domains", "BAS-6", "one number in two domains is two objects") { peer in
      try openStanding(peer)
      try peer.send(begin(3, 1, domain: 9), block(3, flags: Flag.fin))
      try expect([.stands(1), .stands(1, domain: 9)], because: "BAS-6", peer)
    },
    Case("objects/broken", "CHN-3 BAS-4 CDC-4", "a block that needs no base and is wrong stops its stream") { peer in
      try openHolding(peer)
      try peer.send(begin(1, 1), block(1, checked: changedPage))
      try peer.until("CDC-4: STOP(CODEC)") { $0[1].stop == .codec }
      try peer.expectEcho(on: 3, because: "ERR-1")
    },
  ]

  private static let brokenVersions: [Case] = [
    ends(
      "bad-openings", "BAS-1", "a version out of bounds, or one that cannot be, ends the session",
      [
        [begin(1, 1, length: 0)], [begin(1, 1, length: 1 << 40 + 1)], [begin(1, 0)], [begin(1, 1, epoch: 0)],
      ]),
    ends("two-at-once", "BAS-1", "two versions of an object at once end the session", [[begin(1, 1), begin(3, 2)]]),
    ends(
      "numbers", "BAS-1", "a version that is not above the last, or a base of another epoch, ends the session",
      standing: true, [[begin(3, 1)], [begin(3, 2, base: 1, epoch: 2)]]),
    ends(
      "tables", "BAS-2", "runs that are cut short, lie beyond the version or come twice end the session",
      [
        [begin(1, 1), block(1, table: [0])], [begin(1, 1), block(1, table: [0, 2])],
        [begin(1, 1), block(1, table: [0, 0])], [begin(1, 1), block(1), block(1, at: UInt64(content.count))],
        [begin(1, 1), block(1, table: [0, 0xC0, 0, 0, 0, 0, 0, 0, 0])],
      ]),
    ends(
      "flag", "BAS-2", "raw bytes without the flag, marks, and the flag on other streams end the session",
      [
        [begin(1, 1), .data(1, at: 0, "raw")], [begin(1, 1), block(1, flags: Flag.endOfMessage)],
        [.open(1, "echo"), block(1)],
      ]),
    ends(
      "based-on-nothing", "BAS-3", "a method that needs a base ends the session where there is none",
      [[begin(1, 1), changed(1)]]),
    ends(
      "mask-length", "BAS-3", "a stored mask shorter than it can be ends the session", standing: true,
      code: .frameSize, [[begin(3, 2, base: 1), block(3, .mask, changedPage, payload: Array(mask[..<63]))]]),
    ends(
      "unasked", "BAS-4", "a replacement that nobody waits for ends the session",
      [[begin(1, 1), block(1), block(1)]]),
    ends(
      "bad-answers", "BAS-5", "a release while a version is under way, or a reserved answer, ends the session",
      [[begin(1, 1), release], [Frame(.baselineAnswer, body: Answer(version: 1, value: 0, kind: 3).body)]]),
  ]
}
