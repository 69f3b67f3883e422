/// SPEC section 3.
extension Case {
  private static func makePreface(major: UInt8 = 3, lowest: UInt8 = 0, highest: UInt8 = 0, kind: UInt8 = 0) -> [UInt8] {
    [0x44, 0x57, 0x43, 0x50, major, lowest, highest, kind]
  }

  /// A stranger's first bytes are answered with nothing at all.
  private static func stranger(_ name: String, _ title: String, _ bytes: [UInt8]) -> Case {
    Case("preface/\(name)", "PRE-2", title) { peer in
      try peer.sendBytes(bytes)
      try peer.expectSilentEnd()
    }
  }

  /// A preface that has no version in common with the server's.
  private static func version(_ name: String, _ title: String, _ preface: [UInt8]) -> Case {
    Case("preface/\(name)", "PRE-3 HS-7", title) { peer in
      try peer.sendBytes(preface + peer.bytes(of: [peer.hello(echo: preface)]))
      try peer.expectRefuse(.version)
      try peer.require(peer.preface?[4] == 3, "PRE-3: the server's preface", came: hex(peer.preface ?? []))
    }
  }

  /// A link of a kind that is not offered.
  private static func linkKind(_ name: String, _ kind: UInt8) -> Case {
    Case("preface/\(name)", "PRE-5", "link kind \(kind) is refused, and the server's preface repeats it") { peer in
      let preface = makePreface(kind: kind)
      try peer.sendBytes(preface + peer.bytes(of: [peer.hello(echo: preface)]))
      try peer.expectRefuse(.protocol)
      try peer.require(peer.preface?[7] == kind, "PRE-5: link kind \(kind)", came: hex(peer.preface ?? []))
    }
  }

  static let preface: [Case] = [
    Case("preface/together", "PRE-1 HS-1", "preface and HELLO in one write are answered with preface and WELCOME") {
      try $0.openSession()
    },
    Case("preface/byte-by-byte", "PRE-1", "preface and HELLO in single bytes are answered the same") { peer in
      for byte in Peer.preface + peer.bytes(of: [peer.hello()]) { try peer.sendBytes([byte]) }
      try peer.expectWelcome()
    },
    Case("preface/waits-for-magic", "PRE-1", "nothing comes before 8 bytes that start with the magic") { peer in
      try peer.sendBytes(Array(Peer.preface.prefix(7)))
      try peer.listen(for: .milliseconds(300))
      try peer.require(!peer.hasReceivedAnything, "PRE-1: silence before 8 bytes", came: "bytes")
      try peer.sendBytes([0] + peer.bytes(of: [peer.hello()]))
      try peer.expectWelcome()
    },
    stranger("http", "an HTTP client is answered with nothing", Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)),
    stranger("http2", "an HTTP/2 client is answered with nothing", Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)),
    stranger("tls", "a TLS client is answered with nothing", [0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3]),
    stranger("noise", "noise is answered with nothing", (0..<64).map { UInt8(truncatingIfNeeded: $0 &* 73 &+ 9) }),
    stranger(
      "almost", "a magic that is wrong in its last byte is answered with nothing", Array("DWCQ".utf8) + [3, 0, 0, 0]),
    version("major-2", "an older major is refused with VERSION", makePreface(major: 2)),
    version("major-4", "a newer major is refused with VERSION", makePreface(major: 4)),
    version(
      "minors-above", "minors above the server's are refused with VERSION", makePreface(lowest: 200, highest: 201)),
    version("minors-reversed", "a lowest minor above the highest is refused with VERSION", makePreface(lowest: 1)),
    Case("preface/refusal-names-versions", "PRE-3 HS-7", "REFUSE states the server's versions and echoes the preface") {
      peer in
      let preface = makePreface(major: 9, lowest: 7, highest: 8)
      try peer.sendBytes(preface + peer.bytes(of: [peer.hello(echo: preface)]))
      let refusal = try peer.expectRefuse(.version)
      let versions = Array(peer.preface?[4...6] ?? [])
      try peer.require(refusal.versions == versions, "HS-7: versions \(versions)", came: "\(refusal.versions)")
      try peer.require(refusal.echo == preface, "HS-7: the echo \(hex(preface))", came: hex(refusal.echo))
      try peer.require(
        refusal.refuserCodecs.contains(0), "HS-7: codecs that the server decodes", came: "\(refusal.refuserCodecs)")
    },
    Case("preface/highest-common-minor", "PRE-4", "the highest minor that both ranges contain is chosen") { peer in
      let welcome = try peer.openSession(preface: makePreface(highest: 255))
      let highest = UInt64(peer.preface?[6] ?? 0)
      try peer.require(welcome.minor == highest, "PRE-4: minor \(highest)", came: "\(welcome.minor)")
    },
    linkKind("joining-link", 1),
    linkKind("unknown-link-kind", 7),
    Case("preface/wrong-echo", "PRE-6", "a HELLO that echoes another preface is refused") { peer in
      try peer.sendBytes(Peer.preface + peer.bytes(of: [peer.hello(echo: makePreface(highest: 1))]))
      try peer.expectRefuse(.protocol)
    },
    Case("preface/echoes", "PRE-6", "WELCOME echoes both prefaces") { peer in
      let sent = makePreface(highest: 9)
      let welcome = try peer.openSession(preface: sent)
      try peer.require(welcome.initiatorEcho == sent, "PRE-6: \(hex(sent))", came: hex(welcome.initiatorEcho))
      let own = peer.preface ?? []
      try peer.require(welcome.acceptorEcho == own, "PRE-6: \(hex(own))", came: hex(welcome.acceptorEcho))
    },
  ]
}
