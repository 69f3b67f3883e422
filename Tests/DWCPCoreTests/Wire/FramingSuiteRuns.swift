import NIOCore
import Testing

@testable import DWCPCore

/// Short blocks of one stream that arrive together, against the same blocks in crumbs that hold no whole one.
@Suite struct FramingSuiteRuns {
  @Test("blocks that come together are what they are one by one (SPEC DAT-6)", arguments: 0..<60)
  func together(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var pair = Self.pair(isChecked: seed % 2 == 0)
    let ids = [try pair.client.session.open(), try pair.client.session.open()]
    for _ in 0..<300 {
      // Mostly the same stream again, and blocks as long as they may be.
      let id = ids[random.next() % 16 == 0 ? 1 : 0]
      let byteCount = random.next() % 8 == 0 ? Int(random.next() % 200) : 64
      let bytes = ByteBuffer(bytes: (0..<byteCount).map { _ in UInt8(truncatingIfNeeded: random.next()) })
      _ = try pair.client.session.write(bytes, to: id, endsMessage: random.next() % 16 == 0)
    }
    if seed % 3 == 0 { try pair.client.session.finish(ids[0]) }
    Self.compare(pair.client.transmit(now: pair.now), pair.server, ids, now: pair.now)
  }

  @Test("a block that arrives damaged ends the session at the same place (SPEC HDR-1, HDR-3)", arguments: 0..<60)
  func damaged(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var pair = Self.pair(isChecked: true)
    let id = try pair.client.session.open()
    for _ in 0..<40 { _ = try pair.client.session.write(ByteBuffer(repeating: 7, count: 64), to: id) }
    var bytes = pair.client.transmit(now: pair.now)
    let place = Int(random.next() % UInt64(bytes.readableBytes))
    let byte = bytes.getInteger(at: place, as: UInt8.self) ?? 0
    bytes.setInteger(byte ^ 1 << UInt8(random.next() % 8), at: place)
    Self.compare(bytes, pair.server, [id], now: pair.now)
  }

  @Test("a run ends where credit does (SPEC CRD-1, CRD-2)", arguments: [0, 1, 999, 1_000, 1_001], [true, false])
  func credit(excess: Int, ofSession: Bool) throws {
    var pair = Self.pair(isChecked: true)
    let limit = pair.server.session.local.streamCredit
    let sessionLimit = pair.server.session.local.sessionCredit
    var blocks = Blocks()
    // Streams in turn until the session's credit is used up, or one of them until its own is.
    let streamCount = ofSession ? sessionLimit / limit : 0
    for stream in 0..<streamCount { blocks.append(limit, to: StreamID(rawValue: 2 * stream + 1)) }
    let last = StreamID(rawValue: 2 * streamCount + 1)
    blocks.append((ofSession ? sessionLimit - streamCount * limit : limit) + UInt64(excess), to: last)
    Self.compare(blocks.bytes, pair.server, [last], crumbByteCount: 700, now: pair.now)
    pair.server.receive(blocks.bytes, now: pair.now)
    #expect((pair.server.session.phase == .open) == (excess == 0))
  }

  @Test("a run ends where the budget of short blocks does (SPEC LIM-1)", arguments: [10, 1_921, 1_920, 1_000_000])
  func budget(capacity: UInt64) throws {
    let pair = Self.pair(isChecked: true, shortDataByteCount: capacity)
    var blocks = Blocks()
    for _ in 0..<10 { blocks.append(64, to: StreamID(rawValue: 1)) }
    Self.compare(blocks.bytes, pair.server, [StreamID(rawValue: 1)], now: pair.now)
  }

  @Test("a run that is kept leaves the next one alone")
  func kept() throws {
    var pair = Self.pair(isChecked: false)
    let id = try pair.client.session.open()
    var held: [ByteBuffer] = []
    for round in UInt8(0)..<10 {
      for _ in 0..<8 { _ = try pair.client.session.write(ByteBuffer(repeating: round, count: 64), to: id) }
      pair.server.session.receive(pair.client.transmit(now: pair.now), now: pair.now)
      while case .bytes(let bytes, _) = pair.server.session.read(id) { held.append(bytes) }
    }
    var all = ByteBuffer()
    for bytes in held { all.writeImmutableBuffer(bytes) }
    #expect(Array(all.readableBytesView) == (UInt8(0)..<10).flatMap { [UInt8](repeating: $0, count: 512) })
  }

  @Test("what a stream that is alone sends in runs is what it sends block by block", arguments: [1, 300, 1_024, 5_000])
  func sentRuns(maximumByteCount: Int) throws {
    let pair = Self.pair(isChecked: true)
    try Self.compareSent(by: pair, blockByteCount: 64, maximumByteCount: maximumByteCount)
  }

  /// So that some fill the room that a batch has to the last byte.
  @Test("a run of blocks of any length is what would be sent block by block", arguments: [false, true])
  func sentRunsOfAnyLength(isChecked: Bool) throws {
    for blockByteCount in 1...200 {
      let pair = Self.pair(isChecked: isChecked, blockByteCount: blockByteCount)
      try Self.compareSent(by: pair, blockByteCount: blockByteCount, maximumByteCount: 20_000)
    }
  }

  @Test("a long block behind a short one is not copied, however much room the batch has")
  func longBlockBehindShort() throws {
    var pair = Self.pair(isChecked: false, blockByteCount: 16_384)
    var batch = TransmitBatch()
    for _ in 0..<8 {
      let id = try pair.client.session.open()
      _ = try pair.client.session.write(ByteBuffer(repeating: 1, count: 2_000), to: id)
    }
    pair.client.session.transmit(maximumByteCount: 65_536, now: pair.now, into: &batch)
    #expect(batch.byteCount > 16_000)
    batch.removeAll()
    let id = try pair.client.session.open()
    _ = try pair.client.session.write(ByteBuffer(repeating: 2, count: 100), to: id, endsMessage: true)
    _ = try pair.client.session.write(ByteBuffer(repeating: 3, count: 5_000), to: id)
    pair.client.session.transmit(maximumByteCount: 65_536, now: pair.now, into: &batch)
    var byteCounts: [Int] = []
    batch.forEachBuffer { byteCounts.append($0.readableBytes) }
    #expect(byteCounts.contains(5_000))
  }

  private static func compareSent(by pair: EnginePair, blockByteCount: Int, maximumByteCount: Int) throws {
    var pair = pair
    let id = try pair.client.session.open()
    for value in UInt8(0)..<40 {
      _ = try pair.client.session.write(ByteBuffer(repeating: value, count: blockByteCount), to: id)
    }
    try pair.client.session.finish(id)
    let frameByteCount =
      FrameHeader.byteCount + DataFrame.extensionByteCount + blockByteCount + FrameHeader.checkByteCount
    var (runs, blocks) = (pair.client.session, pair.client.session)
    let sent = Self.sent(by: &runs, maximumByteCount: maximumByteCount, now: pair.now)
    #expect(sent.allSatisfy { $0.readableBytes < maximumByteCount + frameByteCount })
    let each = Self.sent(by: &blocks, maximumByteCount: 1, now: pair.now)
    #expect(joined(sent) == joined(each) && each.count >= 40)
    #expect(runs.counters.sentByCodec == blocks.counters.sentByCodec)
    #expect(runs.counters.framesSent == blocks.counters.framesSent && runs.counters.sentByCodec[.none].blocks == 40)
  }

  /// What comes of an end batch by batch.
  private static func sent(by session: inout Session, maximumByteCount: Int, now: Instant) -> [ByteBuffer] {
    var batches: [ByteBuffer] = []
    var batch = TransmitBatch()
    repeat {
      batch.removeAll()
      session.transmit(maximumByteCount: maximumByteCount, now: now, into: &batch)
      var bytes = ByteBuffer()
      batch.forEachBuffer { bytes.writeImmutableBuffer($0) }
      batches.append(bytes)
    } while batch.byteCount > 0
    return batches
  }

  private static func joined(_ batches: [ByteBuffer]) -> [UInt8] { batches.flatMap { Array($0.readableBytesView) } }

  private static func pair(
    isChecked: Bool, blockByteCount: Int = 64, shortDataByteCount: UInt64 = 64 << 20
  ) -> EnginePair {
    var configuration = SessionConfiguration()
    configuration.compression = .fixed(.none)
    configuration.blockByteCount = blockByteCount
    configuration.requiresIntegrity = isChecked
    configuration.abuseBudgets.shortDataBytes = AbuseBudgets.Budget(capacity: shortDataByteCount, perSecond: 0)
    return EnginePair.established(client: configuration, server: configuration)
  }

  /// Whether an end makes the same of bytes however they come.
  private static func compare(
    _ bytes: ByteBuffer, _ end: Peer, _ ids: [StreamID], crumbByteCount: Int = 20, now: Instant
  ) {
    var (whole, crumbs) = (end, end)
    whole.receive(bytes, now: now)
    crumbs.receive(bytes, pieceByteCount: crumbByteCount, now: now)
    #expect(whole.events == crumbs.events)
    #expect(whole.session.counters == crumbs.session.counters)
    for id in ids { #expect(content(of: id, &whole.session) == content(of: id, &crumbs.session)) }
    #expect(whole.transmit(now: now) == crumbs.transmit(now: now))
  }

  /// All that can be read of a stream, cut where messages end.
  private static func content(of id: StreamID, _ session: inout Session) -> [[UInt8]] {
    var messages: [[UInt8]] = [[]]
    while case .bytes(let bytes, let endsMessage) = session.read(id) {
      messages[messages.count - 1] += bytes.readableBytesView
      if endsMessage { messages.append([]) }
    }
    return messages
  }

  /// Blocks as a peer may send them that knows no limits.
  private struct Blocks {
    private(set) var bytes = ByteBuffer()
    private var offsets: [StreamID: UInt64] = [:]

    /// Appends so many raw bytes, in short blocks.
    mutating func append(_ byteCount: UInt64, to id: StreamID) {
      var batch = TransmitBatch()
      var rest = byteCount
      while rest > 0 {
        let count = min(rest, 1_000)
        batch.writeStored(
          DataFrame(offset: offsets[id] ?? 0, codecID: Codec.none.rawValue, rawByteCount: Int(count)), flags: 0,
          streamID: id,
          SendQueue.Chunk(bytes: ByteBuffer(repeating: 1, count: Int(count)), endsMessage: false, mayPinMuch: true),
          isChecked: true)
        offsets[id, default: 0] += count
        rest -= count
      }
      batch.forEachBuffer { bytes.writeImmutableBuffer($0) }
    }
  }
}
