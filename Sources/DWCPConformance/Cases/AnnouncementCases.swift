/// SPEC section 6.
extension Case {
  /// Announcements that are refused with CAPABILITY, each on a connection of its own.
  private static func refused(_ name: String, _ title: String, clauses: String = "CAP-2", _ bad: [[Entry]]) -> Case {
    Case("negotiation/\(name)", clauses, title) { peer in
      var next: Peer? = peer
      for entries in bad {
        let peer = try next ?? peer.another()
        next = nil
        try peer.sendBytes(Peer.preface + peer.bytes(of: [peer.hello(entries)]))
        try peer.expectRefuse(.capability)
      }
    }
  }

  /// Values just outside the bounds of one tag.
  private static func bound(_ name: String, tag: UInt16, byteCount: Int, _ values: UInt64...) -> Case {
    let list = values.map(String.init).joined(separator: " and ")
    let title = "\(name.uppercased().replacing("-", with: "_")) of \(list) is refused"
    return refused("bound-\(name)", title, values.map { [Entry(tag, $0, byteCount: byteCount)] })
  }

  /// Announcements that are taken.
  private static func taken(_ name: String, _ clauses: String, _ title: String, _ entries: [Entry]) -> Case {
    Case("negotiation/\(name)", clauses, title) { peer in
      try peer.openSession(entries)
      try peer.expectEcho(on: 1, because: clauses)
    }
  }

  static let bounds: [Case] = [
    taken("empty-announcement", "CAP-4", "an announcement without entries stands for the values if absent", []),
    taken(
      "unknown-ignorable-tag", "CAP-1 HDR-7", "unknown tags with bit 0x8000 are skipped",
      [
        Entry(0xFA33, [1, 2, 3]), Entry(0x9999, []), Entry(0xFFFF, [UInt8](repeating: 7, count: 300)),
      ]),
    taken(
      "unknown-codecs", "CAP-3", "codecs that the server does not know are skipped",
      [
        .codecs(200, 4, 3, 0), Entry(0x000B, [3, 0, 0, 9, 200, 0, 0, 1]),
      ]),
    taken(
      "extremes", "CAP-2", "values at their bounds are taken",
      [
        Entry(0x0002, 16_711_680, byteCount: 4), Entry(0x0003, 31, byteCount: 1), .sessionCredit(1 << 62),
        .streamCredit(1 << 62), Entry(0x0006, 1 << 46, byteCount: 8), .idleTimeout(milliseconds: 86_400_000),
        Entry(0x0009, 8_192, byteCount: 2), Entry(0x000A, 1_000, byteCount: 2), Entry(0x000E, 1 << 40, byteCount: 8),
        Entry(0x0010, 255, byteCount: 1),
      ]),
    taken(
      "odd-name", "CONV-4", "an IMPLEMENTATION that is not UTF-8 is taken", [Entry(0x8001, [0xFF, 0xC0, 0x1B, 0])]),
    refused(
      "unknown-critical-tag", "an unknown tag without bit 0x8000 is refused", clauses: "CAP-1",
      [
        [Entry(0x0011, [])], [Entry(0x7ABC, [1])],
      ]),
    refused(
      "tag-twice", "a tag that stands twice is refused",
      [
        [.streamCredit(65_536), .streamCredit(65_536)], [Entry(0xFA00, []), Entry(0xFA00, [])],
      ]),
    refused(
      "entry-past-end", "an entry that reaches past the end is refused",
      [
        [Entry(0xFA00, [1], declaring: 2)], [Entry(0x8001, [], declaring: 65_535)],
      ]),
    refused(
      "wrong-length", "a value of the wrong length is refused",
      [
        [Entry(0x0004, 1 << 21, byteCount: 4)], [Entry(0x0008, [])], [Entry(0x0002, 1 << 17, byteCount: 8)],
      ]),
    refused(
      "codecs", "CODECS without none, with an id twice, or with 33 ids is refused",
      [
        [.codecs(2, 1)], [.codecs(0, 1, 1)], [Entry(0x0001, (0..<33).map { UInt8($0) })], [Entry(0x0001, [])],
      ]),
    bound("max-raw-block", tag: 0x0002, byteCount: 4, 65_535, 16_711_681),
    bound("zstd-window-log", tag: 0x0003, byteCount: 1, 9, 32),
    bound("session-credit", tag: 0x0004, byteCount: 8, (1 << 20) - 1, (1 << 62) + 1),
    bound("stream-credit", tag: 0x0005, byteCount: 8, 65_535, .max),
    bound("stream-limit", tag: 0x0006, byteCount: 8, 15, (1 << 46) + 1),
    bound("idle-timeout", tag: 0x0007, byteCount: 4, 999, 86_400_001),
    bound("integrity", tag: 0x0008, byteCount: 1, 2),
    bound("metadata-limit", tag: 0x0009, byteCount: 2, 4_095, 8_193),
    bound("ack-delay", tag: 0x000A, byteCount: 2, 0, 1_001),
    bound("chains", tag: 0x000C, byteCount: 4, 0x0000_1400, 0x0001_0900, 0x0001_1C00, 0x0001_1401),
    bound("dictionaries", tag: 0x000D, byteCount: 4, 0, 255, 229_377),
    bound("baselines", tag: 0x000E, byteCount: 8, 0, 65_535, 1 << 40 + 1),
    bound("max-links", tag: 0x0010, byteCount: 1, 0),
    refused(
      "bound-decode-speed", "DECODE_SPEED of 3 or 132 bytes is refused",
      [
        [Entry(0x000B, [1, 2, 3])], [Entry(0x000B, [UInt8](repeating: 1, count: 132))],
      ]),
    refused(
      "bound-implementation", "an IMPLEMENTATION of 65 bytes is refused",
      [
        [Entry(0x8001, [UInt8](repeating: 0x61, count: 65))]
      ]),
  ]
}
