import DWCPCore
import NIOCore
import Testing

/// "Why is this stream blocked?": each answer, and its counter.
@Suite struct MultiplexingSuiteBlockers {
  private static func pair(streamWindow: UInt64 = 4 << 20, jobs: Int = 8) -> EnginePair {
    var client = SessionConfiguration()
    client.maximumEncodeJobCount = jobs
    var server = SessionConfiguration()
    server.sessionWindowByteCount = 1 << 20
    server.streamWindowByteCount = streamWindow
    server.receiveBudgetByteCount = 2 << 20
    return EnginePair.established(client: client, server: server)
  }

  private static func write(
    _ byteCount: Int, at pair: inout EnginePair, _ compression: CompressionChoice = .fixed(.none)
  ) throws -> StreamID {
    let id = try pair.client.session.open(compression: compression)
    _ = try pair.client.session.write(ByteBuffer(repeating: 7, count: byteCount), to: id)
    return id
  }

  @Test("a stream that has nothing to send, or is gone, waits for nothing")
  func nothing() throws {
    var pair = Self.pair()
    let id = try Self.write(1_000, at: &pair)
    pair.exchange()
    #expect(pair.client.session.blockers(of: id) == (nil, nil))
    #expect(pair.client.session.blockers(of: StreamID(rawValue: 77)) == (nil, nil))
    for blocker in StreamBlocker.allCases { #expect(pair.client.session.counters.blocked[blocker] == 0) }
  }

  @Test("a reader that does not read is what its peer's stream waits for (SPEC CRD-1)")
  func streamCredit() throws {
    var pair = Self.pair(streamWindow: 65_536)
    let id = try Self.write(100_000, at: &pair)
    pair.exchange()
    #expect(pair.client.session.blockers(of: id).sending == .streamCredit)
    #expect(pair.client.session.counters.blocked[.streamCredit] == 1)
    #expect(pair.server.session.blockers(of: id).receiving == .reader)
    _ = pair.server.readAll(id)
    pair.exchange()
    #expect(pair.client.session.blockers(of: id).sending == nil)
    #expect(pair.server.session.blockers(of: id).receiving == .reader)
  }

  @Test("all readers together hold up a stream that has credit of its own (SPEC CRD-2, CRD-9)")
  func sessionCredit() throws {
    var pair = Self.pair()
    let first = try Self.write(1 << 20, at: &pair)
    pair.exchange()
    let second = try Self.write(1_000, at: &pair)
    pair.exchange()
    #expect(pair.client.session.blockers(of: second).sending == .sessionCredit)
    #expect(pair.client.session.counters.blocked[.sessionCredit] > 0)
    for _ in 0..<15 { pair.advance(milliseconds: 200) }
    #expect(pair.server.session.counters.blocked[.reader] > 0)
    pair.exchange()
    #expect(pair.client.session.blockers(of: second).sending == nil)
    #expect(pair.server.readAll(first).bytes.count == 1 << 20)
  }

  @Test("what is not acknowledged holds up what comes behind it (SPEC ACK-4)")
  func link() throws {
    var pair = Self.pair()
    let id = try Self.write(200_000, at: &pair)
    let flight = pair.client.transmit(now: pair.now)
    #expect(flight.readableBytes < 100_000)
    #expect(pair.client.session.blockers(of: id).sending == .link)
    #expect(pair.client.session.counters.blocked[.link] == 1)
    pair.server.receive(flight, now: pair.now)
    pair.exchange()
    #expect(pair.client.session.blockers(of: id).sending == nil)
  }

  @Test("a full batch leaves the others for their turn (SPEC PRI-2)")
  func scheduler() throws {
    var pair = Self.pair()
    let ids = [try Self.write(1_000, at: &pair), try Self.write(1_000, at: &pair)]
    pair.exchange()
    for id in ids { _ = try pair.client.session.write(ByteBuffer(repeating: 7, count: 1_000), to: id) }
    _ = pair.client.transmit(now: pair.now, maximumByteCount: 1)
    #expect(ids.map { pair.client.session.blockers(of: $0).sending } == [nil, .scheduler])
    #expect(pair.client.session.counters.blocked[.scheduler] == 1)
  }

  @Test("blocks that are being compressed, and those that wait for a job, wait for the codec")
  func codec() throws {
    var pair = Self.pair(jobs: 1)
    let ids = [
      try Self.write(1_000, at: &pair, .fixed(.zstdDefault)), try Self.write(1_000, at: &pair, .fixed(.zstdDefault)),
    ]
    let first = pair.client.session.nextJob()
    let job = try #require(first)
    for _ in 0..<2 {
      let more = pair.client.session.nextJob()
      #expect(more == nil)
    }
    #expect(ids.map { pair.client.session.blockers(of: $0).sending } == [.codec, .codec])
    #expect(pair.client.session.counters.blocked[.codec] == 1)
    pair.client.session.complete(job.run(in: CodecContext()), now: pair.now)
    pair.exchange()
    #expect(ids.map { pair.client.session.blockers(of: $0).sending } == [nil, nil])
  }
}
