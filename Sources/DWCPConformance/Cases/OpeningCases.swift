/// The body of OPEN (SPEC section 7).
extension Case {
  private static func entry(_ key: [UInt8], _ value: String = "") -> Entry { Entry(0x0001, key + Array(value.utf8)) }

  /// OPEN with entries besides the service; the stream works.
  private static func taken(_ name: String, _ title: String, _ entries: [Entry]) -> Case {
    Case("streams/\(name)", "STR-7 CAP-1", title) { peer in
      try peer.openSession()
      try peer.send(
        .open(1, [.metadata("service", "echo")] + entries), .data(1, at: 0, "x", flags: Flag.fin))
      try peer.expectAnswer(on: 1, "x")
    }
  }

  private static func malformed(_ name: String, _ title: String, _ bodies: [[Entry]]) -> Case {
    ends("streams/\(name)", "STR-7", title, [.protocol]) { bodies.map { [.open(1, $0)] } }
  }

  static let openings: [Case] = [
    taken(
      "open-hints", "EXPECTED_SIZE, URGENCY and DOMAIN are taken",
      [
        Entry(0x0002, 1, byteCount: 8), Entry(0x0003, 7, byteCount: 1), Entry(0x0004, 9, byteCount: 8),
      ]),
    taken(
      "open-reserved", "reserved tags of OPEN are ignored",
      [
        Entry(0x0006, [1])
      ]),
    taken("open-ignorable", "unknown ignorable tags of OPEN are skipped", [Entry(0xFA77, [1, 2]), Entry(0x8123, [])]),
    taken("open-metadata", "32 METADATA entries are taken", (0..<31).map { .metadata("key\($0)", "value") }),
    taken(
      "open-odd-values", "METADATA that is not UTF-8, or empty, is taken",
      [
        Entry(0x0001, [1, 0xFF, 0xFE, 0xC0]), Entry(0x0001, [1, 0x61]),
      ]),
    Case("streams/open-unknown-critical", "STR-7 ERR-1", "an unknown critical tag refuses the stream, not the session")
    {
      peer in
      try peer.openSession()
      try peer.send(.open(1, [.metadata("service", "echo"), Entry(0x0077, [1])]))
      try peer.expectRefusedStream(1, .refusedStream, because: "STR-7")
    },
    malformed(
      "open-cut-short", "an OPEN entry that reaches past the end ends the session",
      [
        [Entry(0x0001, [1, 0x61], declaring: 3)], [Entry(0xFA00, [], declaring: 1)],
      ]),
    malformed(
      "open-key-length", "a METADATA key without bytes, or longer than its entry, ends the session",
      [
        [Entry(0x0001, [0, 0x61])], [Entry(0x0001, [5, 0x61])], [Entry(0x0001, [])],
      ]),
    malformed(
      "open-key-twice", "a METADATA key that stands twice ends the session",
      [
        [.metadata("service", "echo"), .metadata("service", "echo")]
      ]),
    malformed("open-33-keys", "33 METADATA entries end the session", [(0..<33).map { .metadata("k\($0)", "") }]),
    malformed(
      "open-tag-twice", "another tag that stands twice ends the session",
      [
        [Entry(0x0002, 1, byteCount: 8), Entry(0x0002, 1, byteCount: 8)], [Entry(0xFA00, []), Entry(0xFA00, [])],
      ]),
    malformed(
      "open-wrong-value", "an entry of a wrong length or value ends the session",
      [
        [Entry(0x0003, [8])], [Entry(0x0003, [1, 1])], [Entry(0x0002, [1, 2, 3])],
      ]),
    Case("streams/open-longest", "STR-7", "an OPEN body of METADATA_LIMIT bytes is taken") { peer in
      let welcome = try peer.openSession()
      let filling = Int(welcome.limits.metadataByteCount) - 16 - 4
      try peer.send(
        .open(1, [.metadata("service", "echo"), Entry(0xFA00, [UInt8](repeating: 1, count: filling))]),
        .data(1, at: 0, flags: Flag.fin))
      try peer.expectAnswer(on: 1, "")
    },
    Case("streams/open-too-long", "STR-7", "an OPEN body above METADATA_LIMIT ends the session") { peer in
      let welcome = try peer.openSession()
      let limit = Int(welcome.limits.metadataByteCount)
      guard limit < 8_192 else { throw CaseFailure.skip("a METADATA_LIMIT of \(limit)") }
      try peer.send(
        .open(1, [.metadata("service", "echo"), Entry(0xFA00, [UInt8](repeating: 1, count: limit - 16 - 3))]))
      try peer.expectClose(.protocol, .frameSize)
    },
  ]
}
