import DWCPCore
import NIOCore
import Testing

@Suite struct ConnectionSuiteAnnouncement {
  private static let preface: [UInt8] = [0x44, 0x57, 0x43, 0x50, 3, 0, 0, 0]

  /// What an initiator with this announcement says first (SPEC PRE-1, section 5).
  private static func hello(_ entries: [(tag: UInt16, value: [UInt8])], tail: [UInt8] = []) -> ByteBuffer {
    let announcement = entries.flatMap { bytes($0.tag) + bytes(UInt16($0.value.count)) + $0.value }
    let body = preface + [UInt8](repeating: 7, count: 32) + announcement + tail
    return WireBuilder().raw(preface).frame(0x01, body).bytes
  }

  private static func server(receiving hello: ByteBuffer) -> Peer {
    let pair = EnginePair()
    var server = pair.server
    server.receive(hello, now: pair.now)
    return server
  }

  static let malformedEntries: [(tag: UInt16, value: [UInt8])] = [
    (0x0001, []), (0x0001, [1, 2]), (0x0001, [0, 1, 1]), (0x0001, Array(0...32)),
    (0x0002, bytes(UInt32(65_535))), (0x0002, bytes(UInt32(16_711_681))), (0x0002, [1, 2]),
    (0x0003, [9]), (0x0003, [32]), (0x0004, bytes(UInt64(1_048_575))), (0x0004, bytes(UInt64(1) << 62 + 1)),
    (0x0005, bytes(UInt64(65_535))), (0x0006, bytes(UInt64(15))), (0x0006, bytes(UInt64(1) << 46 + 1)),
    (0x0007, bytes(UInt32(999))), (0x0007, bytes(UInt32(86_400_001))), (0x0008, [2]), (0x0009, bytes(UInt16(4_095))),
    (0x0009, bytes(UInt16(8_193))), (0x000A, bytes(UInt16(0))), (0x000A, bytes(UInt16(1_001))), (0x000B, [1, 2, 3]),
    (0x000D, bytes(UInt32(0))), (0x000D, bytes(UInt32(229_377))), (0x000D, [1, 0, 0]),
    (0x0010, [0]), (0x8001, [UInt8](repeating: 0x61, count: 65)),
  ]

  @Test("a value out of bounds or of the wrong length is refused (SPEC CAP-2, CAP-4)", arguments: malformedEntries)
  func malformed(entry: (tag: UInt16, value: [UInt8])) {
    var server = Self.server(receiving: Self.hello([entry]))
    #expect(server.failure?.rule == "CAP-2")
    #expect(server.failure?.code == .capability)
    #expect(server.transmit(now: Instant(nanoseconds: 1)).getInteger(at: 8, as: UInt8.self) == 0x03)
  }

  @Test("repeated tags and entries that reach past the end are refused (SPEC CAP-2)")
  func structure() {
    #expect(Self.server(receiving: Self.hello([(0x0003, [20]), (0x0003, [20])])).failure?.rule == "CAP-2")
    #expect(Self.server(receiving: Self.hello([], tail: [0, 3, 0, 2, 20])).failure?.rule == "CAP-2")
    #expect(Self.server(receiving: Self.hello([], tail: [0, 3, 0])).failure?.rule == "CAP-2")
  }

  @Test("unknown tags: critical ones are refused, ignorable ones skipped (SPEC CAP-1)")
  func unknownTags() {
    #expect(Self.server(receiving: Self.hello([(0x0011, [])])).failure?.rule == "CAP-1")
    let skipped: [(UInt16, [UInt8])] = [
      (0x8002, [1]), (0xFA00, []),
    ]
    let server = Self.server(receiving: Self.hello(skipped))
    #expect(server.failure == nil)
    #expect(server.session.phase == .open)
  }

  @Test("unknown codec ids are skipped, the reserved 3 and 4 among them (SPEC CAP-3)")
  func unknownCodecs() {
    let server = Self.server(receiving: Self.hello([(0x0001, [9, 4, 1, 3, 0])]))
    #expect(server.session.agreement?.sendCodecs == [.lz4, .none])
  }

  @Test("an empty announcement means the defaults, and never less (SPEC CAP-4)")
  func defaults() throws {
    var server = Self.server(receiving: Self.hello([]))
    #expect(server.session.agreement?.sendCodecs == [.none])
    let id = try server.session.open()
    _ = try server.session.write(ByteBuffer(repeating: 0, count: 200_000), to: id)
    _ = server.transmit(now: Instant(nanoseconds: 1))
    #expect(server.session.counters.rawBytesSent == 65_536)
    for _ in 1..<16 { _ = try server.session.open() }
    #expect(!server.session.canOpenStream)
  }

  @Test("integrity is on when either end requires it (SPEC HS-3, HDR-4)", arguments: [false, true], [false, true])
  func integrity(atClient: Bool, atServer: Bool) throws {
    var clientSide = SessionConfiguration()
    clientSide.requiresIntegrity = atClient
    var serverSide = SessionConfiguration()
    serverSide.requiresIntegrity = atServer
    var pair = EnginePair.established(client: clientSide, server: serverSide)
    #expect(pair.client.session.agreement?.isIntegrityOn == (atClient || atServer))
    #expect(pair.server.session.agreement?.isIntegrityOn == (atClient || atServer))
    _ = try pair.client.send("x", finishes: false)
    let open = pair.client.transmit(now: pair.now)
    #expect((open.getInteger(at: 1, as: UInt8.self) ?? 0) & 0x80 == (atClient || atServer ? 0x80 : 0))
  }

  @Test("an initiator that requires integrity does not go on without it (SPEC HS-3)")
  func integrityDowngrade() {
    var pair = EnginePair()
    pair.server.receive(pair.client.transmit(now: pair.now), now: pair.now)
    let answer = pair.server.transmit(now: pair.now)
    var body = answer.getBytes(at: 24, length: Int(answer.getInteger(at: 16, as: UInt32.self) ?? 0)) ?? []
    body[17] = 0
    pair.client.receive(WireBuilder().raw(Self.preface).frame(0x02, body).bytes, now: pair.now)
    #expect(pair.client.failure?.rule == "HS-3")
    #expect(pair.client.failure?.code == .policy)
  }

  @Test("reserved bits of WELCOME must be zero (SPEC CONV-2)")
  func reservedBits() {
    var pair = EnginePair()
    pair.server.receive(pair.client.transmit(now: pair.now), now: pair.now)
    let answer = pair.server.transmit(now: pair.now)
    let length = Int(answer.getInteger(at: 16, as: UInt32.self) ?? 0)
    var body = answer.getBytes(at: 24, length: length) ?? []
    body[17] |= 0x02
    pair.client.receive(WireBuilder().raw(Self.preface).frame(0x02, body).bytes, now: pair.now)
    #expect(pair.client.failure?.rule == "CONV-2")
  }

  @Test("the acceptor is silent until a preface has arrived (SPEC PRE-1)")
  func acceptorWaits() {
    var pair = EnginePair()
    #expect(pair.server.transmit(now: pair.now).readableBytes == 0)
    #expect(pair.client.transmit(now: pair.now).readableBytes > 8)
  }
}
