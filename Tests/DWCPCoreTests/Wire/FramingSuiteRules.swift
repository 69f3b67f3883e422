import DWCPCore
import NIOCore
import Testing

/// One violation for each rule that an acceptor can find after the handshake.
struct Violation: Sendable, CustomTestStringConvertible {
  let rule: String
  let code: ErrorCode
  let wire: WireBuilder

  init(_ rule: String, _ code: ErrorCode, _ wire: WireBuilder) {
    self.rule = rule
    self.code = code
    self.wire = wire
  }

  var testDescription: String { "\(rule) \(code)" }
}

@Suite struct FramingSuiteRules {
  private static let wire = WireBuilder()
  private static let limit: UInt64 = 1 << 62

  static let violations: [Violation] = [
    Violation("HDR-1", .headerCheck, wire.raw([4, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 1, 2, 3, 4])),
    Violation("HDR-2", .frameSize, wire.frame(0x04, length: 7, [])),
    Violation("HDR-2", .frameSize, wire.frame(0x04, length: 9, [])),
    Violation("HDR-2", .frameSize, wire.frame(0x41, stream: 1, length: 11, [])),
    Violation("HDR-2", .frameSize, wire.frame(0x41, stream: 1, length: 0x0100_0000, [])),
    Violation("HDR-2", .frameSize, wire.frame(0x40, stream: 1, length: 8_193, [])),
    Violation("HDR-3", .payloadCheck, wire.frame(0x04, length: 8, [1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0])),
    Violation("HDR-4", .protocol, wire.frame(0x04, flags: 0, bytes(UInt64(1)))),
    Violation("HDR-5", .protocol, wire.frame(0x04, flags: 0x81, bytes(UInt64(1)))),
    Violation("HDR-6", .protocol, wire.frame(0x30, [])),
    Violation("HDR-6", .protocol, wire.frame(0x7F, stream: 1, [])),
    Violation("HDR-6", .frameSize, wire.frame(0xB0, length: 16_385, [])),
    Violation("HDR-8", .protocol, wire.frame(0x04, stream: 1, bytes(UInt64(1)))),
    Violation("HDR-8", .protocol, wire.frame(0x42, stream: 0, bytes(UInt32(1)) + bytes(UInt64(0)))),
    Violation("HS-1", .protocol, wire.frame(0x01, [UInt8](repeating: 0, count: 40))),
    Violation("HS-1", .protocol, wire.frame(0x02, [UInt8](repeating: 0, count: 100))),
    Violation("STR-3", .protocol, wire.frame(0x08, bytes(UInt64(1) << 46 + 1))),
    Violation("STR-3", .streamLimit, wire.frame(0x40, stream: 513, [])),
    Violation("STR-5", .streamState, wire.frame(0x43, stream: 1, bytes(UInt32(0)))),
    Violation("STR-5", .streamState, wire.frame(0x40, stream: 2, [])),
    Violation("STR-5", .streamState, wire.frame(0x07, stream: 2, bytes(UInt64(1)))),
    Violation("STR-5", .streamState, wire.frame(0x40, stream: 1, []).frame(0x40, stream: 1, [])),
    Violation("STR-5", .streamState, wire.data([1]).frame(0x40, stream: 1, [])),
    Violation("STR-5", .streamState, wire.frame(0x40, stream: 3, []).frame(0x43, stream: 1, bytes(UInt32(0)))),
    Violation("STR-7", .protocol, wire.frame(0x40, stream: 1, [0, 1, 0, 9])),
    Violation("STR-7", .protocol, wire.frame(0x40, stream: 1, [0, 3, 0, 1, 8])),
    Violation("STR-7", .protocol, wire.frame(0x40, stream: 1, [0, 1, 0, 2, 1, 0x61, 0, 1, 0, 2, 1, 0x61])),
    Violation("STR-7", .protocol, wire.frame(0x40, stream: 1, [UInt8](repeating: 0, count: 4_097))),
    Violation("STR-11", .streamState, wire.data(flags: 1, [1, 2]).data(offset: 2, [3])),
    Violation("STR-11", .streamState, wire.data([1, 2]).frame(0x42, stream: 1, bytes(UInt32(0)) + bytes(UInt64(1)))),
    Violation(
      "STR-11", .streamState, wire.data(flags: 1, [1]).frame(0x42, stream: 1, bytes(UInt32(0)) + bytes(UInt64(2)))),
    Violation("STR-9", .protocol, wire.data([1]).frame(0x42, stream: 1, bytes(UInt32(0)) + bytes(limit + 1))),
    Violation("DAT-1", .protocol, wire.data(offset: limit, [1])),
    Violation("DAT-1", .protocol, wire.data(offset: .max, [1])),
    Violation("DAT-2", .protocol, wire.data([])),
    Violation("DAT-3", .frameSize, wire.data(raw: 5, [1, 2, 3, 4])),
    Violation("DAT-3", .frameSize, wire.data(codec: 2, raw: 4, [1, 2, 3, 4])),
    Violation("DAT-3", .frameSize, wire.data(codec: 1, raw: 100, [])),
    Violation("DAT-4", .protocol, wire.data(marks: [2, 2], [1, 2, 3])),
    Violation("DAT-4", .protocol, wire.data(marks: [], [1, 2, 3])),
    Violation("DAT-4", .protocol, wire.frame(0x41, flags: 0x84, stream: 1, [UInt8](repeating: 0, count: 12))),
    Violation("DAT-5", .frameSize, wire.data(codec: 2, raw: 262_145, [1])),
    Violation("DAT-5", .codec, wire.data(codec: 3, raw: 9, [1])),
    Violation("DAT-6", .protocol, wire.data(offset: 1, [1])),
    Violation("DAT-6", .protocol, wire.data([1, 2]).data(offset: 1, [2, 3])),
    Violation("DAT-9", .protocol, wire.data(flags: 0x20, [1])),
    Violation("DIC-1", .protocol, wire.frame(0x46, [UInt8](repeating: 0, count: 60))),
    Violation("DIC-1", .protocol, wire.frame(0x47, [0, 0, 0, 1, 1])),
    Violation("DIC-2", .protocol, wire.frame(0x47, [0, 0, 0, 1, 3])),
    Violation("DIC-2", .protocol, wire.data(codec: 2, raw: 9, dictionary: 1, [1])),
    Violation("DIC-3", .protocol, wire.data(dictionary: 1, [1])),
    Violation("DIC-3", .protocol, wire.data(flags: 0x18, codec: 2, raw: 9, dictionary: 1, decodedCheck: 1, [1])),
    Violation("BAS-1", .protocol, wire.frame(0x40, stream: 1, [0, 5, 0, 48] + [UInt8](repeating: 0, count: 48))),
    Violation("BAS-1", .protocol, wire.frame(0x48, [UInt8](repeating: 0, count: 32) + [2, 0, 0, 0])),
    Violation("BAS-5", .protocol, wire.frame(0x48, [UInt8](repeating: 0, count: 32) + [3, 0, 0, 0])),
    Violation("BAS-5", .protocol, wire.frame(0x48, [UInt8](repeating: 0, count: 32) + [1, 0, 0, 1])),
    Violation(
      "CRD-2", .flowControl,
      [1, 3, 5, 7, 9].reduce(wire) { wire, id in
        wire.frame(0x40, stream: id, []).frame(0x42, stream: id, bytes(UInt32(0)) + bytes(UInt64(4) << 20))
      }),
    Violation("CRD-4", .protocol, wire.frame(0x07, bytes(limit + 1))),
    Violation("CRD-6", .flowControl, wire.data([1]).frame(0x42, stream: 1, bytes(UInt32(0)) + bytes(UInt64(5) << 20))),
    Violation("ACK-1", .protocol, wire.frame(0x06, bytes(UInt64(1)))),
    Violation("LIV-1", .protocol, wire.frame(0x05, bytes(UInt64(1)))),
    Violation(
      "END-1", .protocol,
      wire.frame(0x44, bytes(UInt32(0)) + bytes(UInt64(1)) + [0, 0])
        .frame(0x44, bytes(UInt32(0)) + bytes(UInt64(2)) + [0, 0])),
  ]

  @Test(
    "each broken rule ends the session with its name and its code, told to both ends (SPEC ERR-1, END-4)",
    arguments: violations)
  func violation(_ violation: Violation) {
    var pair = EnginePair.established()
    pair.server.receive(violation.wire.bytes, now: pair.now)
    #expect(pair.server.failure?.rule == violation.rule)
    #expect(pair.server.failure?.code == violation.code)
    #expect(pair.server.failure?.blame == .peer)
    pair.client.receive(pair.server.transmit(now: pair.now), now: pair.now)
    #expect(pair.client.failure?.code == violation.code)
    #expect(pair.client.failure?.message.hasPrefix(violation.rule) == true)
    #expect(pair.server.session.wantsClose)
  }

  @Test("each broken rule is found too when its bytes come one by one", arguments: violations)
  func violationInPieces(_ violation: Violation) {
    var pair = EnginePair.established()
    pair.server.receive(violation.wire.bytes, pieceByteCount: 1, now: pair.now)
    #expect(pair.server.failure?.rule == violation.rule)
  }

  @Test("unknown ignorable frames are skipped, and counted when numbered (SPEC HDR-6, HDR-7, ACK-1)")
  func ignorableFrames() {
    var pair = EnginePair.established()
    let wire = Self.wire.frame(0xB3, stream: 77, [1, 2, 3]).frame(
      0xF0, flags: 0xFF, [UInt8](repeating: 9, count: 16_384))
    pair.server.receive(wire.bytes, now: pair.now)
    #expect(pair.server.failure == nil)
    pair.advance(milliseconds: 25)
    let answer = pair.server.transmit(now: pair.now)
    #expect(answer.readableBytesView.first == 0x06)
    #expect(answer.getInteger(at: 16, as: UInt64.self) == 1)
  }

  @Test("of several broken rules any one is told (SPEC CONV-5)")
  func severalRules() {
    var pair = EnginePair.established()
    pair.server.receive(Self.wire.data(flags: 0x20, codec: 9, raw: 300_000, marks: [2, 2], [1]).bytes, now: pair.now)
    #expect(["DAT-9", "DAT-5", "DAT-4", "DAT-3"].contains(pair.server.failure?.rule))
  }

  @Test("a mark table ends messages inside a block (SPEC DAT-8)")
  func markTable() {
    var pair = EnginePair.established()
    let wire = Self.wire.data(flags: 0x03, marks: [0, 2, 1], [1, 2, 3, 4])
    pair.server.receive(wire.bytes, now: pair.now)
    let read = pair.server.readAll(StreamID(rawValue: 1))
    #expect(read.bytes == [1, 2, 3, 4])
    #expect(read.marks == [0, 2, 3, 4])
    #expect(read.end == .end)
  }

  @Test("a repeated block is discarded and charged once (SPEC DAT-6, CRD-3)")
  func duplicates() {
    var pair = EnginePair.established()
    let wire = Self.wire.data([1, 2]).data([1, 2]).data(offset: 2, [3])
    pair.server.receive(wire.bytes, now: pair.now)
    #expect(pair.server.session.unreadUnitCount == 3)
    #expect(pair.server.readAll(StreamID(rawValue: 1)).bytes == [1, 2, 3])
  }

  @Test("an unknown critical tag of OPEN refuses that stream alone (SPEC STR-7, ERR-1)")
  func unknownOpenTag() {
    var pair = EnginePair.established()
    pair.server.receive(Self.wire.frame(0x40, stream: 1, [0x12, 0x34, 0, 0]).bytes, now: pair.now)
    #expect(pair.server.failure == nil)
    #expect(pair.server.openedStreams.isEmpty)
    let answer = pair.server.transmit(now: pair.now)
    #expect(answer.getInteger(at: 0, as: UInt8.self) == 0x43)
    #expect(answer.getInteger(at: 16, as: UInt32.self) == ErrorCode.refusedStream.rawValue)
  }

  @Test(
    "a bomb is a flow-control error before anything is decoded or held for it, of whatever kind it is (SPEC CRD-1, CRD-3, MEM-2)",
    arguments: [(UInt8(0), UInt8(1)), (0, 2), (0x18, 2)])
  func bomb(flags: UInt8, codec: UInt8) {
    var configuration = SessionConfiguration()
    configuration.streamWindowByteCount = 65_536
    var pair = EnginePair.established(server: configuration)
    let bomb = Self.wire.data(
      flags: flags, codec: codec, raw: 65_537, decodedCheck: flags == 0 ? nil : 0, [0x28, 0xB5, 0x2F, 0xFD, 0, 0x40])
    pair.server.session.receive(bomb.bytes, now: pair.now)
    let job = pair.server.session.nextJob()
    #expect(job == nil)
    #expect(pair.server.session.unreadUnitCount == 0)
    pair.server.settle(now: pair.now)
    #expect(pair.server.failure?.rule == "CRD-1")
    #expect(pair.server.failure?.code == .flowControl)
  }

  @Test("a block that cannot be decoded stops its stream alone (SPEC CDC-4)", arguments: [UInt8(1), 2])
  func brokenBlock(codec: UInt8) {
    var pair = EnginePair.established()
    pair.server.receive(Self.wire.data([7]).data(offset: 1, codec: codec, raw: 100, [1, 2, 3]).bytes, now: pair.now)
    #expect(pair.server.failure == nil)
    let id = StreamID(rawValue: 1)
    guard case .failed(let error) = pair.server.readAll(id).end else {
      Issue.record("the broken block was not reported")
      return
    }
    #expect(error.code == .codec && error.rule == "CDC-4")
    #expect(pair.server.session.phase == .open)
    let answer = pair.server.transmit(now: pair.now)
    #expect(answer.getInteger(at: 0, as: UInt8.self) == 0x43)
    #expect(answer.getInteger(at: 16, as: UInt32.self) == ErrorCode.codec.rawValue)
  }
}
