import NIOCore
import Testing

@testable import DWCPCore

/// Codecs that are withdrawn and taken up again while the session goes on (SPEC UPD-1 to UPD-3).
@Suite struct ConnectionSuiteUpdates {
  private static func codecsChanged(_ peer: Peer) -> [[Codec]] {
    peer.events.compactMap { event in
      if case .sendCodecsChanged(let codecs) = event { return codecs }
      return nil
    }
  }

  @Test(
    "blocks are compressed by the new announcement from its answer on, and those before it arrive as they are (SPEC UPD-1, UPD-2)"
  )
  func withdrawn() throws {
    var pair = EnginePair.established()
    let id = try pair.client.session.open(compression: .fixed(.zstdDefault))
    let block = ByteBuffer(repeating: 7, count: 9_000)
    _ = try pair.client.session.write(block, to: id)
    // Cut and being encoded when the update comes.
    let firstJob = pair.client.session.nextJob()
    let job = try #require(firstJob)
    let isTaken = pair.server.session.announce(decodableCodecs: [.lz4])
    #expect(isTaken)
    #expect(pair.server.session.isAnnouncing)
    pair.client.receive(pair.server.transmit(now: pair.now), now: pair.now)
    #expect(Self.codecsChanged(pair.client) == [[.lz4, .none]])
    _ = try pair.client.session.write(block, to: id)
    let secondJob = pair.client.session.nextJob()
    #expect(secondJob == nil)
    let early = pair.client.transmit(now: pair.now)
    #expect(!early.readableBytesView.contains(0x0D))
    pair.server.receive(early, now: pair.now)
    #expect(pair.server.session.isAnnouncing)
    pair.client.session.complete(job.run(in: CodecContext()), now: pair.now)
    // The answer goes in one batch with the block that it waited for.
    pair.server.receive(pair.client.transmit(now: pair.now), now: pair.now)
    #expect(!pair.server.session.isAnnouncing)
    pair.exchange()
    #expect(!pair.server.session.isAnnouncing)
    #expect(pair.server.session.agreement?.receiveCodecs == [.lz4, .none])
    #expect(pair.client.session.agreement?.sendCodecs == [.lz4, .none])
    let isWhole = pair.server.readAll(id).bytes == [UInt8](repeating: 7, count: 18_000)
    #expect(isWhole)
    let traffic = pair.client.session.counters.sentByCodec
    #expect(traffic[.zstd].blocks == 1)
    #expect(traffic[.none].rawBytes == 9_000)
    #expect(pair.server.failure == nil)
  }

  @Test("what was withdrawn is refused behind the answer, and taken again when it is back (SPEC UPD-1)")
  func enforced() throws {
    var pair = EnginePair.established()
    pair.server.session.announce(decodableCodecs: [.none])
    pair.server.session.announce(decodableCodecs: [.lz4, .none])
    pair.exchange()
    #expect(Self.codecsChanged(pair.client) == [[.lz4, .none]])
    pair.server.session.announce(decodableCodecs: [.zstd])
    pair.exchange()
    #expect(Self.codecsChanged(pair.client) == [[.lz4, .none], [.zstd, .none]])
    pair.server.receive(WireBuilder().data(codec: 1, raw: 100, [1, 2]).bytes, now: pair.now)
    #expect(pair.server.failure?.rule == "DAT-5")
  }

  @Test("nothing is cut for a codec before the answer, for one that stays neither (SPEC UPD-1)")
  func nothingCutBeforeTheAnswer() throws {
    var pair = EnginePair.established()
    let id = try pair.client.session.open(compression: .fixed(.zstdDefault))
    let block = ByteBuffer(repeating: 7, count: 9_000)
    _ = try pair.client.session.write(block, to: id)
    let firstJob = pair.client.session.nextJob()
    let job = try #require(firstJob)
    pair.server.session.announce(decodableCodecs: [.zstd])
    // Not settled: that would run what is cut.
    pair.client.session.receive(pair.server.transmit(now: pair.now), now: pair.now)
    _ = try pair.client.session.write(block, to: id)
    let earlyJob = pair.client.session.nextJob()
    #expect(earlyJob == nil)
    pair.client.session.complete(job.run(in: CodecContext()), now: pair.now)
    var batch = TransmitBatch()
    pair.client.session.transmit(maximumByteCount: 1 << 20, now: pair.now, into: &batch)
    let laterJob = pair.client.session.nextJob()
    #expect(laterJob != nil)
  }

  @Test("an answer counts the frames that have come, neither more nor fewer (SPEC UPD-1)", arguments: [-1, 0, 1])
  func answerCounts(surplus: Int) throws {
    var pair = EnginePair.established()
    _ = try pair.server.send("a numbered frame")
    pair.client.receive(pair.server.transmit(now: pair.now), now: pair.now)
    pair.client.session.announce(decodableCodecs: [.lz4])
    _ = pair.client.transmit(now: pair.now)
    let count = UInt64(Int(pair.client.session.link.receivedNumberedCount) + surplus)
    let body = bytes(UInt32(1)) + bytes(UInt16(1)) + bytes(UInt32(0)) + bytes(count)
    pair.client.receive(WireBuilder().frame(0x0D, body).bytes, now: pair.now)
    #expect(pair.client.failure?.rule == (surplus == 0 ? nil : "UPD-1"))
    #expect(pair.client.session.isAnnouncing == (surplus != 0))
  }

  @Test("a chain ends when zstd is withdrawn, and nothing is lost (SPEC UPD-2, CHN-1)")
  func chains() throws {
    var pair = EnginePair.established()
    let chained = try #require(CompressionSetting(codec: .zstd, level: 3, isChained: true))
    let id = try pair.client.session.open(compression: .fixed(chained))
    for round in 0..<6 {
      if round == 2 { pair.server.session.announce(decodableCodecs: [.lz4]) }
      if round == 4 { pair.server.session.announce(decodableCodecs: [.zstd, .lz4]) }
      _ = try pair.client.session.write(ByteBuffer(repeating: UInt8(round), count: 9_000), to: id)
      pair.exchange()
    }
    let isWhole = pair.server.readAll(id).bytes == (0..<6).flatMap { [UInt8](repeating: $0, count: 9_000) }
    #expect(isWhole)
    #expect(pair.server.failure == nil)
    #expect(pair.client.session.counters.sentByCodec[.zstd].blocks == 4)
  }

  @Test("a policy that cannot do with what is left ends the session and says so (SPEC UPD-3)")
  func policy() {
    var requiring = SessionConfiguration()
    requiring.requiredCodecs = [.zstd]
    var excluding = SessionConfiguration()
    excluding.acceptableCodecs = [.zstd]
    for (client, code) in [(requiring, ErrorCode.policy), (excluding, .noCommonCodec)] {
      var pair = EnginePair.established(client: client)
      pair.server.session.announce(decodableCodecs: [.lz4])
      pair.exchange()
      #expect(pair.client.failure?.rule == "UPD-3")
      #expect(pair.client.failure?.code == code)
      #expect(pair.server.failure?.code == code)
    }
  }

  @Test("an end that takes no updates is sent none")
  func notTaken() {
    var pair = EnginePair()
    let mayBeTaken = pair.server.session.announce(decodableCodecs: [.none])
    #expect(mayBeTaken)
    let preface: [UInt8] = [0x44, 0x57, 0x43, 0x50, 3, 0, 0, 0]
    let hello = WireBuilder().raw(preface).frame(0x01, preface + [UInt8](repeating: 1, count: 32))
    pair.server.receive(hello.bytes, now: pair.now)
    #expect(pair.server.session.phase == .open)
    let isTaken = pair.server.session.announce(decodableCodecs: [.none])
    #expect(!isTaken)
    _ = pair.server.transmit(now: pair.now)
    #expect(pair.server.session.counters.framesSent == 2)
  }
}
