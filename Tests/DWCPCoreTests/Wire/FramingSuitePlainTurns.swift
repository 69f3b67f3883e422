import NIOCore
import Testing

@testable import DWCPCore

/// The turn of a stream that has one piece to send takes a short way, several of them in one look at the batch, unless there is a chain on any stream: then all turns
/// take the long one. Both have to send the same.
@Suite struct FramingSuitePlainTurns {
  @Test("the short way and the long one send the same, and are in the same state afterwards", arguments: 0..<200)
  func bothWays(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var client = SessionConfiguration()
    if seed % 2 == 0 { client.compression = .fixed(.none) }
    client.streamSendBudgetByteCount = seed % 3 == 0 ? 2_000 : 65_536
    var server = SessionConfiguration()
    server.decodableCodecs = [.none]
    server.streamWindowByteCount = 65_536
    server.sessionWindowByteCount = 1 << 20
    let pair = EnginePair.established(client: client, server: server)
    var short = pair.client.session
    var long = short
    var receiver = pair.server.session
    var shortBatch = TransmitBatch()
    var longBatch = TransmitBatch()
    var ids: [StreamID] = []
    for step in UInt64(1)...150 {
      let choice = random.next()
      let ways = [short, long].map { Self.changed($0, ids, choice) }
      (short, long) = (ways[0].session, ways[1].session)
      ids += ways[0].opened
      let now = Instant(nanoseconds: pair.now.nanoseconds + step * 100_000)
      let maximumByteCount = [500, 5_000, 1 << 20][Int(random.next() % 3)]
      let sent = Self.sent(by: &short, maximumByteCount, now: now, &shortBatch)
      long.sendChains[StreamID(rawValue: 9_999)] = Session.SendChain()
      #expect(Self.sent(by: &long, maximumByteCount, now: now, &longBatch) == sent)
      long.sendChains = [:]
      try #require(short == long)
      // Now and then credit comes back.
      receiver.receive(sent, now: now)
      while receiver.nextEvent() != nil {}
      if random.next() % 4 == 0 { for id in ids { while case .bytes = receiver.read(id) {} } }
      var answers = TransmitBatch()
      let answer = Self.sent(by: &receiver, 1 << 20, now: now, &answers)
      short.receive(answer, now: now)
      long.receive(answer, now: now)
    }
  }

  @Test("several in one batch stop where the link has no more room, as they do one by one")
  func fullLink() throws {
    var client = SessionConfiguration()
    client.compression = .fixed(.none)
    let pair = EnginePair.established(client: client)
    var short = pair.client.session
    let first = try short.open(StreamOpening(urgency: 0))
    _ = try short.write(ByteBuffer(repeating: 1, count: 65_000), to: first)
    for _ in 0..<64 { _ = try short.write(ByteBuffer(repeating: 2, count: 1), to: short.open()) }
    var long = short
    long.sendChains[StreamID(rawValue: 9_999)] = Session.SendChain()
    // With room for all of them.
    var batch = TransmitBatch()
    batch.append(ByteBuffer(repeating: 0, count: 8_192))
    var other = batch
    short.transmit(maximumByteCount: 1 << 20, now: pair.now, into: &batch)
    long.transmit(maximumByteCount: 1 << 20, now: pair.now, into: &other)
    #expect(batch.byteCount == other.byteCount)
    #expect(short.streams.busyIDs.count > 32)
    long.sendChains = [:]
    #expect(short == long)
  }

  private static func changed(
    _ session: Session, _ ids: [StreamID], _ choice: UInt64
  ) -> (session: Session, opened: [StreamID]) {
    var session = session
    var random = SeededGenerator(seed: choice)
    var opened: [StreamID] = []
    for _ in 0..<random.next() % (choice % 5 == 0 ? 40 : 4) {
      let all = ids + opened
      guard let id = all.isEmpty ? nil : all[Int(random.next() % UInt64(all.count))], random.next() % 4 > 0 else {
        if let id = try? session.open(StreamOpening(urgency: UInt8(random.next() % 8))) { opened.append(id) }
        continue
      }
      switch random.next() % 16 {
      case 0: try? session.finish(id)
      case 1: session.reset(id, code: .cancelled)
      case 2: session.release(id)
      case 3: session.setUrgency(UInt8(random.next() % 8), of: id)
      default:
        let byteCount = [0, 1, 200, 3_000, 40_000][Int(random.next() % 5)]
        let bytes = ByteBuffer(repeating: UInt8(truncatingIfNeeded: choice), count: byteCount)
        _ = try? session.write(bytes, to: id, endsMessage: random.next() % 3 == 0)
      }
    }
    while session.nextEvent() != nil {}
    return (session, opened)
  }

  private static func sent(
    by session: inout Session, _ maximumByteCount: Int, now: Instant, _ batch: inout TransmitBatch
  ) -> ByteBuffer {
    batch.removeAll()
    session.transmit(maximumByteCount: maximumByteCount, now: now, into: &batch)
    var bytes = ByteBuffer()
    batch.forEachBuffer { bytes.writeImmutableBuffer($0) }
    return bytes
  }
}
