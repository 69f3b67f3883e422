import NIOCore
import Testing

@testable import DWCPCore

/// Dictionaries from the offer to the retirement (SPEC DIC-1 to DIC-3).
@Suite struct CodecSuiteDictionaries {
  @Test("a dictionary is offered, accepted, then used, and short blocks shrink by it (SPEC DIC-1, DIC-2, DIC-3)")
  func life() throws {
    var pair = DictionaryPair()
    let id = try pair.open()
    #expect(try pair.send(0, on: id) == ["DICTIONARY 1", "DATA"])
    #expect(pair.client.session.dictionaryInUse == nil)
    pair.exchange()
    #expect(pair.client.session.dictionaryInUse == DictionaryPair.dictionary(0))
    #expect(try pair.send(1, on: id) == ["DATA 1"])
    let traffic = pair.client.session.counters.sentByCodec
    #expect(traffic[.zstd].blocks == 1)
    #expect(traffic[.zstd].payloadBytes < 60)
    #expect(pair.server.readAll(id).bytes == DictionaryPair.message(0) + DictionaryPair.message(1))
    let (sent, received) = (
      pair.client.session.counters.dictionaries.sent, pair.server.session.counters.dictionaries.received
    )
    #expect(sent == received)
    #expect(sent.offered == 1 && sent.accepted == 1 && sent.rejected == 0 && sent.retired == 0)
    #expect(sent.blocks == 1 && sent.rawBytes == traffic[.zstd].rawBytes && sent.wireBytes == traffic[.zstd].wireBytes)
    #expect(pair.client.session.counters.dictionaries.received == DictionaryCounters.Use())
  }

  @Test("a newer dictionary takes over, and the older one retires behind its last acknowledged block (SPEC DIC-2)")
  func retirement() throws {
    var pair = DictionaryPair()
    pair.exchange()
    let id = try pair.open()
    #expect(try pair.send(0, on: id) == ["DATA 1"])
    pair.client.session.offer(DictionaryPair.dictionary(1))
    #expect(try pair.frames() == ["DICTIONARY 2"])
    #expect(try pair.send(1, on: id) == ["DATA 1"])
    try pair.answer()
    #expect(pair.client.session.dictionaryInUse == DictionaryPair.dictionary(1))
    // Nothing has been acknowledged.
    #expect(try pair.send(2, on: id) == ["DATA 2"])
    #expect(pair.server.session.incomingDictionaries.live.map(\.id) == [1, 2])
    // An acknowledgement that does not reach the last block that names it.
    let before = pair.client.session.link.sentNumberedCount - 2
    pair.client.receive(WireBuilder().frame(0x06, bytes(before)).bytes, now: pair.now)
    #expect(try pair.frames() == [])
    pair.client.receive(WireBuilder().frame(0x06, bytes(before + 1)).bytes, now: pair.now)
    #expect(try pair.frames() == ["RETIRED 1"])
    #expect(pair.server.session.incomingDictionaries.live.map(\.id) == [2])
    #expect(pair.server.readAll(id).bytes == (0..<3).flatMap { DictionaryPair.message($0) })
    #expect(pair.server.failure == nil)
    let sent = pair.client.session.counters.dictionaries.sent
    #expect(sent == pair.server.session.counters.dictionaries.received)
    #expect(sent.offered == 2 && sent.accepted == 2 && sent.retired == 1 && sent.blocks == 3)
  }

  @Test(
    "a third dictionary waits until the first has retired, and of those that wait the newest is offered (SPEC DIC-1)")
  func third() throws {
    var pair = DictionaryPair()
    pair.exchange()
    let id = try pair.open()
    _ = try pair.send(0, on: id)
    pair.client.session.offer(DictionaryPair.dictionary(1))
    _ = try pair.frames()
    try pair.answer()
    for number in 2...4 { pair.client.session.offer(DictionaryPair.dictionary(number)) }
    #expect(try pair.send(1, on: id) == ["DATA 2"])
    pair.acknowledge()
    #expect(try pair.frames() == ["RETIRED 1", "DICTIONARY 3"])
    pair.exchange()
    #expect(pair.client.session.dictionaryInUse == DictionaryPair.dictionary(4))
    #expect(pair.server.session.incomingDictionaries.live.map(\.id) == [3])
    pair.client.session.offer(DictionaryPair.dictionary(4))
    #expect(try pair.frames() == [], "what is in use is not offered again")
  }

  @Test("blocks that were cut and then dropped do not hold a dictionary up (SPEC DIC-2)", arguments: [true, false])
  func dropped(byStop: Bool) throws {
    var pair = DictionaryPair()
    pair.exchange()
    let id = try pair.open()
    _ = try pair.client.session.write(ByteBuffer(bytes: DictionaryPair.message(0)), to: id)
    let next = pair.client.session.nextJob()
    let job = try #require(next)
    pair.client.session.offer(DictionaryPair.dictionary(1))
    pair.exchange()
    pair.acknowledge()
    #expect(try pair.frames() == [], "a block that names dictionary 1 may still be sent")
    if byStop {
      pair.client.receive(WireBuilder().frame(0x43, stream: id.rawValue, bytes(UInt32(17))).bytes, now: pair.now)
    } else {
      pair.client.session.reset(id, code: .cancelled)
    }
    #expect(try pair.frames().last == "RETIRED 1")
    pair.client.session.complete(job.run(in: CodecContext()), now: pair.now)
    #expect(try pair.frames() == [])
    #expect(pair.server.failure == nil)
  }

  @Test(
    "nothing is offered beyond what the other end holds, and one is given up for the next where both do not fit (SPEC DIC-1)"
  )
  func budgets() throws {
    for byteCount in [0, 256] {
      var pair = DictionaryPair(serverByteCount: byteCount)
      #expect(try pair.frames() == [], "\(byteCount)")
      #expect(!pair.client.session.outgoingDictionaries.hasWork)
    }
    var pair = DictionaryPair(serverByteCount: 1_000)
    pair.exchange()
    let id = try pair.open()
    _ = try pair.send(0, on: id)
    pair.client.session.offer(DictionaryPair.dictionary(1))
    #expect(try pair.frames() == [])
    #expect(try pair.send(1, on: id) == ["DATA"], "dictionary 1 has been given up")
    pair.acknowledge()
    #expect(try pair.frames() == ["RETIRED 1", "DICTIONARY 2"])
    pair.exchange()
    #expect(try pair.send(2, on: id) == ["DATA 2"])
    #expect(pair.server.readAll(id).bytes == (0..<3).flatMap { DictionaryPair.message($0) })
  }

  @Test("an end that does not decode zstd announces no dictionaries (SPEC DIC-1)")
  func withoutZstd() throws {
    var configuration = SessionConfiguration()
    configuration.decodableCodecs = [.lz4]
    #expect(configuration.announcement.dictionaryByteCount == 0)
    configuration = SessionConfiguration()
    for (asked, announced) in [(0, 0), (1, 256), (1_000, 1_000), (.max, 229_376)] {
      configuration.receiveDictionaryByteCount = asked
      #expect(configuration.announcement.dictionaryByteCount == announced)
    }
  }

  @Test(
    "dictionaries that decode jobs still need count until they are done: beyond two, others are rejected (SPEC MEM-1)")
  func leaving() throws {
    var pair = DictionaryPair()
    pair.exchange()
    let id = try pair.open()
    var jobs: [CodecJob] = []
    for number in 0..<5 {
      #expect(pair.client.session.dictionaryInUse == DictionaryPair.dictionary(min(number, 3)))
      _ = try pair.client.session.write(ByteBuffer(bytes: DictionaryPair.message(number)), to: id)
      let wire = pair.client.transmit(now: pair.now)
      pair.server.session.receive(wire, now: pair.now)
      while let job = pair.server.session.nextJob() { jobs.append(job) }
      // In use behind the older ones, of which each has retired with a job under way.
      pair.client.session.offer(DictionaryPair.dictionary(number + 1))
      for _ in 0..<2 {
        pair.exchange()
        pair.acknowledge()
      }
    }
    #expect(pair.server.failure == nil)
    #expect(pair.client.session.dictionaryInUse == DictionaryPair.dictionary(3), "three are leaving, one is in use")
    #expect(pair.client.session.counters.dictionaries.sent.rejected == 2)
    #expect(pair.server.session.counters.dictionaries.received.rejected == 2)
    let context = CodecContext()
    for job in jobs.reversed() { pair.server.session.complete(job.run(in: context), now: pair.now) }
    pair.client.session.offer(DictionaryPair.dictionary(7))
    pair.exchange()
    #expect(pair.client.session.dictionaryInUse == DictionaryPair.dictionary(7))
    #expect(pair.server.readAll(id).bytes == (0..<5).flatMap { DictionaryPair.message($0) })
  }

  @Test("long blocks, other codecs, chains and high levels go without a dictionary (SPEC DIC-3)")
  func without() throws {
    var pair = DictionaryPair()
    pair.exchange()
    #expect(pair.client.session.dictionaryOffer(.zstdDefault, rawByteCount: 16_385, of: .session) == nil)
    #expect(pair.client.session.dictionaryOffer(.zstdDefault, rawByteCount: 16_384, of: .session)?.id == 1)
    for text in ["lz4", "zstd:3:chained", "zstd:13"] {
      let id = try pair.client.session.open(compression: .fixed(try #require(CompressionSetting(text))))
      _ = try pair.client.session.write(ByteBuffer(bytes: DictionaryPair.message(0)), to: id)
      #expect(try Set(pair.frames()) == ["DATA"], "\(text)")
    }
    for level in [-7, 1, 3, 12] {
      let setting = try #require(CompressionSetting(codec: .zstd, level: level))
      let id = try pair.client.session.open(compression: .fixed(setting))
      _ = try pair.client.session.write(ByteBuffer(bytes: DictionaryPair.message(5)), to: id)
      #expect(try pair.frames() == ["DATA 1"], "\(level)")
      #expect(pair.server.readAll(id).bytes == DictionaryPair.message(5))
    }
  }

  @Test("the longest dictionary goes in seven parts, as far as the link has room (SPEC DIC-1, ACK-4)")
  func longest() throws {
    let content = SampleKind.text.bytes(114_688)
    var pair = DictionaryPair(try CompressionDictionary(content))
    #expect(try pair.frames(maximumByteCount: 20_000) == ["DICTIONARY 1", "DICTIONARY 1"])
    pair.exchange()
    while pair.client.session.dictionaryInUse == nil, pair.server.failure == nil {
      pair.acknowledge()
      pair.exchange()
    }
    #expect(pair.client.session.dictionaryInUse?.bytes == content)
  }

  @Test("dictionaries are checked when they are made, and known by their content (SPEC DIC-1)")
  func values() throws {
    let made = try CompressionDictionary(Array("12345678".utf8))
    #expect(made == (try CompressionDictionary(Array("12345678".utf8))))
    #expect(made.sha256.prefix(4) == [0xEF, 0x79, 0x7C, 0x81])
    #expect(made.byteCount == 8 && made.bytes == Array("12345678".utf8))
    let copy = made
    #expect(made.encoder(level: 1) === copy.encoder(level: 1), "what libzstd made of it is shared")
    #expect(made.encoder(level: 1) !== made.encoder(level: 3))
    for bad in [
      [], [1, 2, 3, 4, 5, 6, 7], [UInt8](repeating: 1, count: 114_689), [0x37, 0xA4, 0x30, 0xEC, 1, 2, 3, 4],
    ] {
      #expect(throws: CodecError(.badDictionary)) { try CompressionDictionary(bad) }
    }
  }

  @Test("short dictionaries one after the other are a load that has a budget (SPEC LIM-1)")
  func flood() throws {
    var budgets = SessionConfiguration()
    budgets.abuseBudgets.shortDataBytes = .init(capacity: 100_000, perSecond: 1)
    var pair = EnginePair.established(server: budgets)
    var number: UInt32 = 0
    while pair.server.failure == nil, number < 100 {
      number += 1
      let content = Array("dictionary \(number)".utf8)
      let head = bytes(number) + bytes(UInt64(0)) + bytes(UInt32(content.count)) + bytes(UInt32(0))
      let frame = WireBuilder().frame(0x46, head + ContentHash.sha256(of: content.span.bytes) + content)
      pair.server.receive(frame.bytes, now: pair.now)
      _ = pair.server.transmit(now: pair.now)
      pair.server.receive(WireBuilder().frame(0x47, bytes(number) + [3]).bytes, now: pair.now)
    }
    #expect(pair.server.failure?.code == .excessiveLoad)
    #expect(number == 100_000 / 16_384 + 1)
  }

  @Test("answers of a peer that are not due end the session (SPEC DIC-1)")
  func strayAnswers() throws {
    for (answers, rule) in [([1, 1], "DIC-1"), ([0, 1], "DIC-1"), ([0], nil), ([2], nil)] as [([UInt8], String?)] {
      var pair = DictionaryPair()
      _ = try pair.frames()
      for answer in answers {
        pair.client.receive(WireBuilder().frame(0x47, bytes(UInt32(1)) + [answer]).bytes, now: pair.now)
      }
      #expect(pair.client.failure?.rule == rule, "\(answers)")
    }
    // Accepted before all of it was sent; and held already, which leaves the rest out.
    for (answer, rule) in [(1, "DIC-1"), (2, nil)] as [(UInt8, String?)] {
      var pair = DictionaryPair(try CompressionDictionary(SampleKind.text.bytes(50_000)))
      #expect(try pair.frames(maximumByteCount: 1_000) == ["DICTIONARY 1"])
      pair.client.receive(WireBuilder().frame(0x47, bytes(UInt32(1)) + [answer]).bytes, now: pair.now)
      #expect(pair.client.failure?.rule == rule)
      #expect(try pair.frames().filter { $0.hasPrefix("DICTIONARY") } == [])
    }
  }

  @Test("a bomb that names a dictionary is a flow-control error before it is decoded (SPEC CRD-1, CRD-3)")
  func bomb() throws {
    var pair = DictionaryPair()
    pair.exchange()
    let limit = Int(pair.server.session.configuration.streamWindowByteCount)
    let count = limit / 262_144
    var wire = WireBuilder()
    for number in 0...count {
      wire = wire.data(
        offset: UInt64(number * 262_144), codec: 2, raw: 262_144, dictionary: 1, [0x28, 0xB5, 0x2F, 0xFD, 0, 0x40])
    }
    pair.server.session.receive(wire.bytes, now: pair.now)
    pair.server.settle(now: pair.now)
    #expect(pair.server.failure?.rule == "CRD-1")
  }

  @Test(
    "every cut and every flipped bit of a block with a dictionary is an error and no byte (SPEC DIC-3, HDR-3, CDC-4)")
  func damage() throws {
    var pair = DictionaryPair()
    pair.exchange()
    let id = try pair.open()
    _ = try pair.client.session.write(ByteBuffer(bytes: DictionaryPair.message(3)), to: id)
    let wire = pair.client.transmit(now: pair.now)
    for bit in 0..<8 * wire.readableBytes {
      var damaged = wire
      let place = damaged.readerIndex + bit / 8
      damaged.setInteger((damaged.getInteger(at: place) ?? 0) ^ UInt8(1) << UInt8(bit % 8), at: place)
      var server = pair.server
      server.receive(damaged, now: pair.now)
      // A length that grew waits for more.
      let isFound =
        server.failure != nil || server.session.counters.framesReceived == pair.server.session.counters.framesReceived
      #expect(isFound && server.readAll(id).bytes.isEmpty, "bit \(bit)")
    }
  }
}

/// Two engines, of which the client has a dictionary for messages that resemble one another.
private struct DictionaryPair {
  private var pair: EnginePair

  init(_ dictionary: CompressionDictionary? = nil, serverByteCount: Int = 229_376) {
    var client = SessionConfiguration()
    client.sendDictionary = dictionary ?? Self.dictionary(0)
    var server = SessionConfiguration()
    server.receiveDictionaryByteCount = serverByteCount
    pair = EnginePair(client: client, server: server)
    // Only the handshake.
    pair.server.receive(pair.client.transmit(now: pair.now), now: pair.now)
    pair.client.receive(pair.server.transmit(now: pair.now), now: pair.now)
  }

  var client: Peer {
    get { pair.client }
    _modify { yield &pair.client }
  }
  var server: Peer {
    get { pair.server }
    _modify { yield &pair.server }
  }
  var now: Instant { pair.now }

  mutating func exchange() { pair.exchange() }

  /// The server acknowledges all that has come, and what else it has to say.
  mutating func acknowledge() {
    pair.advance(milliseconds: 25)
    pair.client.receive(pair.server.transmit(now: now), now: now)
  }

  /// What the server has to say now.
  mutating func answer() throws {
    pair.client.receive(pair.server.transmit(now: now), now: now)
  }

  mutating func open() throws -> StreamID { try pair.client.session.open(compression: .fixed(.zstdDefault)) }

  mutating func send(_ number: Int, on id: StreamID) throws -> [String] {
    _ = try pair.client.session.write(ByteBuffer(bytes: Self.message(number)), to: id)
    return try frames()
  }

  /// DATA and dictionary frames that the client sends now, and which dictionary each names; the server takes them.
  mutating func frames(maximumByteCount: Int = 1 << 20) throws -> [String] {
    let wire = pair.client.transmit(now: now, maximumByteCount: maximumByteCount)
    pair.server.receive(wire, now: now)
    var lister = FrameLister()
    var input = ByteBuffer(bytes: [0x44, 0x57, 0x43, 0x50, 3, 0, 0, 0])
    input.writeImmutableBuffer(wire)
    var lines: [String] = []
    while let line = try lister.next(&input) {
      let words = line.split(separator: " ", maxSplits: 1).last.map { $0.split(separator: ", ") } ?? []
      switch words.first {
      case "DATA": lines.append(words.first { $0.hasPrefix("DICTIONARY") }.map { "DATA \($0.dropFirst(11))" } ?? "DATA")
      case "DICTIONARY":
        lines.append(words.first { $0.hasPrefix("dictionary") }.map { "DICTIONARY \($0.dropFirst(11))" } ?? "")
      case "DICTIONARY_ANSWER":
        lines.append(words.first { $0.hasPrefix("dictionary") }.map { "RETIRED \($0.dropFirst(11))" } ?? "")
      default: break
      }
    }
    return lines
  }

  /// Noise that all messages share, and a number; without a dictionary nothing of it shrinks.
  static func message(_ number: Int) -> [UInt8] {
    SampleKind.random.bytes(250, seed: 7) + Array("\(number)".utf8)
  }

  /// They differ in front of what messages repeat.
  static func dictionary(_ number: Int) -> CompressionDictionary {
    let content = SampleKind.random.bytes(400, seed: UInt64(100 + number)) + SampleKind.random.bytes(250, seed: 7)
    guard let made = try? CompressionDictionary(content) else { preconditionFailure("a dictionary of 650 bytes") }
    return made
  }
}
