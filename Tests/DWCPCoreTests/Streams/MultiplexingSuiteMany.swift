import NIOCore
import Testing

@testable import DWCPCore

/// Many streams that share one session: what each gets, and that none is lost.
@Suite struct MultiplexingSuiteMany {
  private static let stored: SessionConfiguration = {
    var configuration = SessionConfiguration()
    configuration.compression = .fixed(.none)
    configuration.maximumPeerStreamCount = 256
    return configuration
  }()

  /// What a server sends on streams that the client opened, over a link that takes 64 KiB at a time.
  private struct Transfer {
    var pair = EnginePair.established(client: stored, server: stored)
    private(set) var receivedByteCounts: [StreamID: Int] = [:]
    /// After how many bytes of all streams together each one came to its end.
    private(set) var ends: [StreamID: Int] = [:]
    private var totalByteCount = 0

    mutating func open(_ opening: StreamOpening = StreamOpening()) throws -> StreamID {
      let id = try pair.client.session.open(opening)
      pair.exchange()
      return id
    }

    mutating func answer(_ id: StreamID, byteCount: Int) throws {
      _ = try pair.server.session.write(ByteBuffer(repeating: 7, count: byteCount), to: id)
      try pair.server.session.finish(id)
    }

    /// A round trip of 2 ms; false when it had nothing to carry.
    mutating func turn() -> Bool {
      let bytes = pair.server.transmit(now: pair.now, maximumByteCount: 65_536)
      pair.advance(milliseconds: 1)
      pair.client.receive(bytes, now: pair.now)
      let readable = pair.client.events.compactMap { event -> StreamID? in
        if case .readable(let id) = event { return id }
        return nil
      }
      pair.client.events.removeAll()
      for id in readable { read(id) }
      let back = pair.client.transmit(now: pair.now)
      pair.advance(milliseconds: 1)
      pair.server.receive(back, now: pair.now)
      return bytes.readableBytes > 0 || back.readableBytes > 0
    }

    private mutating func read(_ id: StreamID) {
      let read = pair.client.readAll(id)
      receivedByteCounts[id, default: 0] += read.bytes.count
      totalByteCount += read.bytes.count
      if case .end = read.end { ends[id] = totalByteCount }
    }
  }

  @Test("equals that have equally much to send end within 5 % of each other (SPEC PRI-2)")
  func equals() throws {
    var transfer = Transfer()
    let ids = try (0..<100).map { _ in try transfer.open() }
    for id in ids { try transfer.answer(id, byteCount: 1_000_000) }
    while transfer.turn() {}
    let ends = ids.compactMap { transfer.ends[$0] }
    try #require(ends.count == 100)
    let last = try #require(ends.max())
    #expect(last == 100_000_000)
    let first = try #require(ends.min())
    #expect(Double(first) >= 0.95 * Double(last), "the first ended after \(first) of \(last)")
  }

  @Test("one stream of urgency 0 goes before 99 of urgency 7, and all of them get on meanwhile (SPEC PRI-2)")
  func urgencies() throws {
    var transfer = Transfer()
    let first = try transfer.open(StreamOpening(urgency: 0))
    let others = try (0..<99).map { _ in try transfer.open(StreamOpening(urgency: 7)) }
    try transfer.answer(first, byteCount: 128 << 20)
    for id in others { try transfer.answer(id, byteCount: 1 << 20) }
    while transfer.ends[first] == nil, transfer.turn() {}
    let sums = others.map { transfer.receivedByteCounts[$0] ?? 0 }
    #expect(transfer.receivedByteCounts[first] == 128 << 20)
    #expect(sums.allSatisfy { $0 > 0 }, "\(sums.filter { $0 == 0 }.count) streams starved")
    #expect(sums.reduce(0, +) < 16 << 20, "the less urgent streams had more than a turn for each MiB")
  }

  @Test("the other end can be asked to change what it sends first, while it sends (SPEC PRI-1)")
  func requests() throws {
    var transfer = Transfer()
    let ids = try (0..<4).map { _ in try transfer.open() }
    for id in ids { try transfer.answer(id, byteCount: 4 << 20) }
    for _ in 0..<8 { _ = transfer.turn() }
    transfer.pair.client.session.requestUrgency(1, of: ids[2])
    transfer.pair.client.session.requestUrgency(200, of: ids[0])
    transfer.pair.client.session.requestUrgency(0, of: StreamID(rawValue: 999))
    while transfer.turn() {}
    let ends = ids.compactMap { transfer.ends[$0] }
    try #require(ends.count == 4)
    #expect(ends[2] < ends[1] && ends[2] < ends[3] && ends[1] < ends[0] && ends[3] < ends[0])
    #expect(transfer.pair.server.failure == nil && transfer.pair.client.failure == nil)
  }

  @Test("a request that makes no sense changes nothing, and too many end the session (SPEC PRI-1, LIM-1)")
  func senselessRequests() throws {
    var pair = EnginePair.established(client: Self.stored, server: Self.stored)
    let id = try pair.client.send("x", finishes: false)
    pair.exchange()
    let wire = WireBuilder()
    let number = id.rawValue
    for body: [UInt8] in [[8, 0, 0, 0], [255, 0, 0, 0], [], [0], [0, 0, 0, 0, 0]] {
      pair.server.receive(wire.frame(0xC0, stream: number, body).bytes, now: pair.now)
    }
    pair.server.receive(wire.frame(0xC0, stream: 4_001, [0, 0, 0, 0]).bytes, now: pair.now)
    #expect(pair.server.failure == nil)
    #expect(pair.server.session.streams[id]?.share.urgency == StreamOpening().urgency)
    for turn in 0..<2_000 where pair.server.failure == nil {
      let urgency = UInt8(turn % 8)
      pair.server.receive(wire.frame(0xC0, stream: number, [urgency, 0, 0, 0]).bytes, now: pair.now)
    }
    #expect(pair.server.failure?.code == .excessiveLoad)
    #expect(pair.server.failure?.rule == "LIM-1")
  }

  @Test("both directions are finished before anybody reads, and nothing is lost (SPEC STR-8)")
  func halfClosedTwice() throws {
    var pair = EnginePair.established(client: Self.stored, server: Self.stored)
    let question = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    let answer = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 11) }
    let ids = try (0..<3).map { _ -> StreamID in
      let id = try pair.client.session.open()
      _ = try pair.client.session.write(ByteBuffer(bytes: question), to: id)
      try pair.client.session.finish(id)
      return id
    }
    pair.exchange()
    for id in ids {
      _ = try pair.server.session.write(ByteBuffer(bytes: answer), to: id)
      try pair.server.session.finish(id)
    }
    pair.exchange()
    for id in ids {
      let atServer = pair.server.readAll(id)
      let atClient = pair.client.readAll(id)
      #expect(atServer.bytes == question && atServer.end == .end)
      #expect(atClient.bytes == answer && atClient.end == .end)
      pair.server.session.release(id)
      pair.client.session.release(id)
    }
    pair.exchange()
    #expect(pair.server.session.streamCount == 0 && pair.client.session.streamCount == 0)
  }

  @Test("when the last id there is has been used no more streams open, and those there are go on (SPEC STR-1, STR-3)")
  func lastID() throws {
    var pair = EnginePair.established(client: Self.stored, server: Self.stored)
    let last = Announcement.maximumStreamLimit
    pair.client.session.openedOrdinal = last - 1
    pair.client.session.remote.streamLimit = last
    pair.server.session.peerOrdinal = last - 1
    pair.server.session.peerStreamLimit = last
    let id = try pair.client.send("last", finishes: false)
    #expect(id.rawValue == 2 * last - 1 && id.rawValue <= StreamID.maximumRawValue)
    #expect(!pair.client.session.canOpenStream)
    #expect(throws: SessionError.self) { try pair.client.session.open() }
    pair.exchange()
    #expect(pair.server.readAll(id).bytes == Array("last".utf8))
    _ = try pair.server.session.write(ByteBuffer(string: "answer"), to: id)
    pair.exchange()
    #expect(pair.client.readAll(id).bytes == Array("answer".utf8))
    #expect(pair.client.failure == nil && pair.server.failure == nil)
  }

  @Test("100,000 idle streams are open in one session, and any of them still works (SPEC STR-3)")
  func hundredThousand() throws {
    var configuration = Self.stored
    configuration.maximumPeerStreamCount = 100_000
    var pair = EnginePair.established(client: configuration, server: configuration)
    let ids = try (0..<100_000).map { _ in try pair.client.send("a", finishes: false) }
    pair.exchange()
    #expect(pair.client.session.streamCount == 100_000 && pair.server.session.streamCount == 100_000)
    #expect(throws: SessionError.self) { try pair.client.session.open() }
    for id in ids { #expect(pair.server.readAll(id).bytes == [0x61]) }
    for id in stride(from: 0, to: 100_000, by: 997).map({ ids[$0] }) {
      _ = try pair.server.session.write(ByteBuffer(string: "answer"), to: id)
    }
    pair.exchange()
    for place in stride(from: 0, to: 100_000, by: 997) {
      #expect(pair.client.readAll(ids[place]).bytes == Array("answer".utf8))
    }
    for id in ids {
      try pair.client.session.finish(id)
      try pair.server.session.finish(id)
    }
    pair.exchange()
    for id in ids {
      _ = pair.client.readAll(id)
      _ = pair.server.readAll(id)
      pair.client.session.release(id)
      pair.server.session.release(id)
    }
    pair.exchange()
    #expect(pair.client.session.streamCount == 0 && pair.server.session.streamCount == 0)
    #expect(pair.client.failure == nil && pair.server.failure == nil)
  }

  /// The next stream is put there without a look at what was there, which would be lost.
  @Test("a stream that is gone refers to no memory, whatever it had")
  func vacant() {
    var stream = StreamState(
      id: StreamID(rawValue: 1), creditLimit: 64, grantedLimit: 64, compression: StreamCompression(.fixed(.none)),
      urgency: 3)
    _ = stream.send.append(ByteBuffer(string: "unsent"), endsMessage: true)
    _ = stream.receive.charge(end: 32, isFinal: false)
    _ = stream.receive.queue.contents.append(ByteBuffer(repeating: 1, count: 32))
    _ = stream.receive.read(maximumByteCount: 32)
    stream.receive.tuneWindow(roundTripNanoseconds: 1, now: Instant(nanoseconds: 1), bounds: 64...64)
    #expect(Self.references(in: stream).count == 3)
    stream.vacate()
    #expect(Self.references(in: stream) == [])
  }

  /// Where a value refers to memory of its own: objects, and lists that are not empty.
  private static func references(in value: Any, path: String = "") -> [String] {
    let mirror = Mirror(reflecting: value)
    if mirror.displayStyle == .class || (mirror.displayStyle == .collection && !mirror.children.isEmpty) {
      return [path]
    }
    return mirror.children.flatMap { references(in: $0.value, path: "\(path).\($0.label ?? "")") }
  }
}
