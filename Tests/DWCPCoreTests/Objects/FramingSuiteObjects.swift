import NIOCore
import Testing

@testable import DWCPCore

/// What a peer can get wrong about objects, byte by byte (SPEC BAS-1 to BAS-6).
@Suite struct FramingSuiteObjects {
  struct Row: Sendable, CustomTestStringConvertible {
    let rule: String
    let what: String
    let wire: WireBuilder
    var code = ErrorCode.protocol
    var testDescription: String { "\(rule): \(what)" }
  }

  private static let wire = WireBuilder()
  private static let page = [UInt8](repeating: 7, count: 4_096)

  /// OPEN of a stream that carries a version of object 7.
  static func open(
    _ stream: UInt64 = 1, number: UInt64 = 7, epoch: UInt64 = 1, base: UInt64 = 0, version: UInt64 = 1,
    byteCount: UInt64 = 65_536, domain: UInt64? = nil, digest: UInt64 = 0, after wire: WireBuilder = wire
  ) -> WireBuilder {
    let fields = [number, epoch, base, version, byteCount, digest].flatMap { bytes($0) }
    let domainEntry = domain.map { [0, 4, 0, 8] + bytes($0) } ?? []
    return wire.frame(0x40, stream: stream, domainEntry + [0, 5, 0, 48] + fields)
  }

  static let rows: [Row] = [
    Row(rule: "BAS-1", what: "no length", wire: open(byteCount: 0)),
    Row(rule: "BAS-1", what: "a length above 2^40", wire: open(byteCount: 1 << 40 + 1)),
    Row(rule: "BAS-1", what: "epoch 0", wire: open(epoch: 0)),
    Row(rule: "BAS-1", what: "version 0", wire: open(version: 0)),
    Row(rule: "BAS-1", what: "a base that is the version", wire: open(base: 1)),
    Row(rule: "BAS-1", what: "more than the budget", wire: open(byteCount: 1 << 20 + 1)),
    Row(
      rule: "BAS-1", what: "together more than the budget",
      wire: open(3, number: 8, byteCount: 1, after: open(byteCount: 1 << 20))),
    Row(rule: "BAS-1", what: "two versions at once", wire: open(3, version: 2, after: open())),
    Row(
      rule: "BAS-1", what: "an older version",
      wire: open(3, version: 1, after: open().frame(0x42, stream: 1, bytes(UInt32(0)) + bytes(UInt64(0))))),
    Row(
      rule: "BAS-1", what: "an older epoch",
      wire: open(
        3, version: 2, after: open(epoch: 2).frame(0x42, stream: 1, bytes(UInt32(0)) + bytes(UInt64(0))))),
    Row(
      rule: "BAS-1", what: "a base in a new epoch",
      wire: open(3, epoch: 2, base: 1, version: 2, after: open().pages(flags: 1, page))),
    Row(rule: "STR-7", what: "a short entry", wire: wire.frame(0x40, stream: 1, [0, 5, 0, 1, 1])),
    Row(rule: "STR-7", what: "a short domain", wire: wire.frame(0x40, stream: 1, [0, 4, 0, 1, 1])),
    Row(rule: "BAS-2", what: "a plain block", wire: open().data([1])),
    Row(rule: "BAS-2", what: "a mark", wire: open().data(flags: 2, [])),
    Row(rule: "BAS-2", what: "pages on another stream", wire: wire.pages(page)),
    Row(rule: "BAS-2", what: "pages with marks", wire: open().pages(flags: 2, page)),
    Row(rule: "BAS-2", what: "no runs", wire: open().pages(runs: [], page)),
    Row(rule: "BAS-2", what: "half a run", wire: open().pages(runs: [0], page)),
    Row(rule: "BAS-2", what: "a reserved integer", wire: open().pages(runs: [0xC0, 0], page)),
    Row(rule: "BAS-2", what: "a page beyond the end", wire: open().pages(runs: [16, 0], page)),
    Row(rule: "BAS-2", what: "a run that continues another", wire: open().pages(runs: [0, 0, 0, 0], page + page)),
    Row(rule: "BAS-2", what: "more pages than bytes", wire: open().pages(runs: [0, 1], page)),
    Row(rule: "BAS-2", what: "a page twice", wire: open().pages(page).pages(offset: 4_096, page)),
    Row(rule: "BAS-3", what: "an unknown method", wire: open().pages(method: 5, page)),
    Row(rule: "BAS-3", what: "a reserved byte", wire: open().pages(reserved: 1, page)),
    Row(rule: "BAS-3", what: "a mask without a base", wire: open().pages(method: 2, [1], codec: 2, raw: 4_096)),
    Row(rule: "BAS-3", what: "an empty base", wire: open().pages(method: 4, base: (0, 0), [1], codec: 2, raw: 4_096)),
    Row(
      rule: "BAS-3", what: "a long base",
      wire: open().pages(method: 4, base: (0, 8_388_609), [1], codec: 2, raw: 4_096)),
    Row(rule: "BAS-3", what: "zeros with a payload", wire: open().pages(method: 3, page), code: .frameSize),
    Row(rule: "BAS-3", what: "a stored prefix", wire: open().pages(method: 1, page), code: .frameSize),
    Row(
      rule: "BAS-3", what: "a mask of half a page",
      wire: open().pages(method: 2, [1], codec: 2, raw: 2_048), code: .frameSize),
    Row(
      rule: "BAS-3", what: "a stored mask that is too short",
      wire: open().pages(method: 2, [UInt8](repeating: 0, count: 63), raw: 4_096), code: .frameSize),
    Row(rule: "DAT-3", what: "a stored page that is too short", wire: open().pages([1], raw: 4_096), code: .frameSize),
    Row(rule: "BAS-4", what: "a replacement of what was right", wire: open().pages(page).pages(page)),
    Row(
      rule: "BAS-4", what: "a replacement twice",
      wire: open(base: 1, version: 2).pages(method: 2, [1], codec: 2, raw: 4_096).pages(page).pages(page)),
    Row(
      rule: "BAS-4", what: "a replacement before its turn",
      wire: open(base: 1, version: 2).pages(method: 2, [1], codec: 2, raw: 4_096)
        .pages(method: 2, offset: 4_096, runs: [1, 0], [1], codec: 2, raw: 4_096)
        .pages(offset: 4_096, runs: [1, 0], page)),
    Row(
      rule: "BAS-4", what: "a replacement with other runs",
      wire: open(base: 1, version: 2).pages(method: 2, [1], codec: 2, raw: 4_096).pages(runs: [1, 0], page)),
    Row(
      rule: "BAS-4", what: "a replacement that needs a base",
      wire: open(base: 1, version: 2).pages(method: 2, [1], codec: 2, raw: 4_096)
        .pages(method: 2, [1], codec: 2, raw: 4_096)),
    Row(
      rule: "BAS-4", what: "a replacement with FIN",
      wire: open(base: 1, version: 2).pages(method: 2, flags: 1, [1], codec: 2, raw: 4_096).pages(flags: 1, page)),
    Row(
      rule: "BAS-3", what: "a base needed behind a replacement",
      wire: open(base: 1, version: 2).pages(method: 2, [1], codec: 2, raw: 4_096).pages(page)
        .pages(method: 2, offset: 4_096, runs: [1, 0], [1], codec: 2, raw: 4_096)),
    Row(
      rule: "BAS-5", what: "a release under way",
      wire: open().frame(
        0x48, bytes(UInt64(0)) + bytes(UInt64(7)) + bytes(UInt64(0)) + bytes(UInt64(0)) + [2, 0, 0, 0])
    ),
    Row(
      rule: "BAS-6", what: "a dictionary in another domain",
      wire: wire.frame(0x40, stream: 1, [0, 4, 0, 8] + bytes(UInt64(1))).data(codec: 2, raw: 9, dictionary: 1, [1])),
  ]

  @Test("each broken rule ends the session with its name and its code", arguments: rows)
  func violation(_ row: Row) {
    for pieceByteCount in [Int.max, 1] {
      var server = SessionConfiguration()
      server.receiveObjectByteCount = 1 << 20
      var pair = EnginePair.established(server: server)
      pair.server.receive(row.wire.bytes, pieceByteCount: pieceByteCount, now: pair.now)
      #expect(pair.server.failure?.rule == row.rule)
      #expect(pair.server.failure?.code == row.code)
    }
  }

  @Test("what an answer cannot say ends the session (SPEC BAS-5)")
  func answers() throws {
    func answer(_ version: UInt64, _ value: UInt64, _ kind: UInt8) -> ByteBuffer {
      Self.wire.frame(
        0x48, bytes(UInt64(0)) + bytes(UInt64(7)) + bytes(version) + bytes(value) + [kind, 0, 0, 0]
      ).bytes
    }
    for (frame, rule) in [
      (answer(1, 1, 1), "BAS-5"), (answer(1, 7, 1), "BAS-5"), (answer(1, 0, 0), "BAS-5"), (answer(9, 0, 1), "BAS-5"),
    ] {
      var pair = ObjectPair()
      let id = try pair.begin(65_536)
      _ = try pair.client.session.writePages(ByteBuffer(bytes: Self.page), at: 0, to: id)
      pair.exchange()
      pair.client.receive(frame, now: pair.now)
      #expect(pair.client.failure?.rule == rule)
    }
    var pair = ObjectPair()
    _ = try pair.begin(65_536)
    pair.exchange()
    pair.client.receive(answer(0, 0, 1), now: pair.now)
    #expect(pair.client.failure == nil, "it is about nothing that this end has any more")
    #expect(pair.client.stands.isEmpty)
    for _ in 0..<100_000 where pair.client.failure == nil { pair.client.receive(answer(0, 0, 1), now: pair.now) }
    #expect(pair.client.failure?.rule == "LIM-1", "it is no progress")
  }

  @Test("an object stands at its new version, at its base or nowhere (SPEC BAS-5)")
  func standing() throws {
    var pair = ObjectPair()
    _ = pair.read(try pair.send(Self.page))
    // Versions of all objects are counted together: the next one of this is 3, on base 1.
    let other = try pair.begin(4_096, number: 8)
    try pair.write(Self.page, to: other)
    _ = try pair.begin(4_096)
    pair.client.receive(
      Self.wire.frame(
        0x48, bytes(UInt64(0)) + bytes(UInt64(7)) + bytes(UInt64(3)) + bytes(UInt64(2)) + [1, 0, 0, 0]
      ).bytes, now: pair.now)
    #expect(pair.client.failure?.rule == "BAS-5")
  }

  @Test(
    "a base of another digest is not gone by, even where its bytes are the same (SPEC BAS-1, BAS-4)",
    arguments: [true, false])
  func digest(isRight: Bool) throws {
    var server = SessionConfiguration()
    server.receiveObjectByteCount = 1 << 20
    var pair = EnginePair.established(server: server)
    pair.server.receive(Self.open().pages(flags: 1, Self.page).bytes, now: pair.now)
    #expect(pair.server.stands == [ObjectPair.Stand(version: 1, isOwn: false)])
    var image = Self.page + [UInt8](repeating: 0, count: 61_440)
    if !isRight { image[0] ^= 1 }
    let digest = ObjectImage(ByteBuffer(bytes: image)).digest
    // A mask of zeros: the page is the base's.
    let wire = Self.open(3, base: 1, version: 2, digest: digest).pages(
      method: 2, stream: 3, flags: 1, [UInt8](repeating: 0, count: 64), raw: 4_096,
      check: CRC32C.checksum(ByteBuffer(bytes: Self.page).readableBytesSpan))
    pair.server.receive(wire.bytes, now: pair.now)
    #expect(pair.server.failure == nil)
    #expect(pair.server.stands.count == (isRight ? 2 : 1), "the sender is told of the mismatch first")
  }

  @Test(
    "a full block that does not decode breaks its stream and no other, and the object is dropped (SPEC BAS-4, CDC-4)")
  func broken() {
    var server = SessionConfiguration()
    server.receiveObjectByteCount = 1 << 20
    var pair = EnginePair.established(server: server)
    pair.server.receive(Self.open().pages(Self.page, check: 1).bytes, now: pair.now)
    #expect(pair.server.failure == nil)
    #expect(pair.server.stands == [ObjectPair.Stand(version: 0, isOwn: false)])
    let read = pair.server.session.readPages(StreamID(rawValue: 1))
    guard case .failed(let error) = read else {
      Issue.record("\(read)")
      return
    }
    #expect(error.code == .codec)
  }
}
