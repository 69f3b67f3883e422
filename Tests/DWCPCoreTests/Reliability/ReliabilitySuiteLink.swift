import NIOCore
import Testing

@testable import DWCPCore

@Suite struct ReliabilitySuiteLink {
  @Test("numbered frames are acknowledged within the announced delay (SPEC ACK-1, ACK-2)")
  func acknowledgement() throws {
    var pair = EnginePair.established()
    _ = try pair.client.send("x")
    pair.exchange()
    #expect(pair.client.session.unacknowledgedFrameCount > 0)
    pair.advance(milliseconds: 25)
    pair.exchange()
    #expect(pair.client.session.unacknowledgedFrameCount == 0)
  }

  @Test("many frames are acknowledged at once, without waiting for the delay (SPEC ACK-2)")
  func earlyAcknowledgement() throws {
    var pair = EnginePair.established()
    let id = try pair.client.session.open()
    for _ in 0..<200 { _ = try pair.client.session.write(ByteBuffer(string: "x"), to: id, endsMessage: true) }
    pair.exchange()
    #expect(pair.client.session.unacknowledgedFrameCount < 64)
  }

  @Test("PING gives the round trip (SPEC LIV-1)")
  func ping() {
    var pair = EnginePair.established()
    pair.client.session.ping(now: pair.now)
    let question = pair.client.transmit(now: pair.now)
    pair.advance(milliseconds: 3)
    pair.server.receive(question, now: pair.now)
    let answer = pair.server.transmit(now: pair.now)
    pair.advance(milliseconds: 4)
    pair.client.receive(answer, now: pair.now)
    #expect(pair.client.events.contains(.pong(roundTripNanoseconds: 7_000_000)))
  }

  @Test("a silent peer is probed, then given up after the smaller idle timeout (SPEC LIV-3)")
  func idleTimeout() {
    var clientSide = SessionConfiguration()
    clientSide.idleTimeoutMilliseconds = 9_000
    var pair = EnginePair.established(client: clientSide)
    pair.advance(milliseconds: 3_000)
    #expect(pair.client.transmit(now: pair.now).readableBytes > 0)
    pair.advance(milliseconds: 5_999)
    #expect(pair.client.failure == nil)
    pair.advance(milliseconds: 1)
    pair.exchange()
    #expect(pair.client.failure?.code == .idleTimeout)
  }

  @Test("an idle session lives as long as both ends answer (SPEC LIV-3)")
  func idleButAlive() {
    var pair = EnginePair.established()
    for _ in 0..<600 {
      pair.advance(milliseconds: 1_000)
      pair.exchange()
    }
    #expect(pair.client.session.phase == .open && pair.server.session.phase == .open)
  }

  @Test("the end of the connection without CLOSE is reported as a lost link (SPEC END-5)")
  func lostLink() {
    var pair = EnginePair.established()
    pair.server.session.endOfInput()
    pair.server.settle(now: pair.now)
    #expect(pair.server.failure?.code == .linkLost)
  }

  @Test("an end in error says which rule was broken (SPEC END-4, ERR-1)")
  func closeNamesTheRule() {
    var pair = EnginePair.established()
    pair.server.receive(ByteBuffer(repeating: 0x55, count: 16), now: pair.now)
    #expect(pair.server.failure?.rule == "HDR-1")
    pair.exchange()
    #expect(pair.client.failure?.code == .headerCheck)
    #expect(pair.client.failure?.message.hasPrefix("HDR-1") == true)
    #expect(pair.client.failure?.isReportedByPeer == true)
  }

  @Test("a flipped bit anywhere in a frame is found before anything of it is delivered (SPEC HDR-1, HDR-3, ERR-2)")
  func flippedBits() throws {
    var pair = EnginePair.established()
    _ = try pair.client.send("some content", endsMessage: true)
    let bytes = pair.client.transmit(now: pair.now)
    for bit in 0..<bytes.readableBytes * 8 {
      var damaged = bytes
      let value = damaged.getInteger(at: bit / 8, as: UInt8.self) ?? 0
      damaged.setInteger(value ^ (1 << UInt8(bit % 8)), at: bit / 8)
      var server = pair.server
      server.receive(damaged, now: pair.now)
      #expect(server.failure != nil, "bit \(bit)")
      for id in server.openedStreams { #expect(server.readAll(id).bytes.isEmpty, "bit \(bit)") }
    }
  }

  @Test(
    "an acknowledgement that cannot be sent yet asks for no timer that fires at once, again and again (SPEC ACK-2, LIV-2)"
  )
  func blockedAcknowledgement() throws {
    var pair = EnginePair.established()
    _ = try pair.client.send("x", finishes: false)
    pair.server.receive(pair.client.transmit(now: pair.now), now: pair.now)
    // The connection takes nothing, so that the engine is not asked for bytes.
    pair.advance(milliseconds: 100)
    let deadline = try #require(pair.server.session.nextDeadline)
    #expect(deadline > pair.now)
    pair.exchange()
    #expect(pair.client.session.unacknowledgedFrameCount == 0)
  }

  @Test("every truncation waits; nothing of an unfinished block is delivered (SPEC DAT-7)")
  func truncations() throws {
    var pair = EnginePair.established()
    var opening = StreamOpening()
    opening.expectedByteCount = 12
    let id = try pair.client.session.open(opening)
    _ = try pair.client.session.write(ByteBuffer(string: "some content"), to: id)
    let bytes = pair.client.transmit(now: pair.now)
    let opens = 16 + 12 + 4
    for count in 0..<bytes.readableBytes {
      var server = pair.server
      server.receive(bytes.getSlice(at: 0, length: count) ?? ByteBuffer(), now: pair.now)
      #expect(server.failure == nil)
      #expect(server.openedStreams == (count < opens ? [] : [id]))
      if count >= opens { #expect(server.readAll(id).bytes.isEmpty) }
    }
  }

  @Test("what is on its way is what was sent behind the frames that are acknowledged (SPEC ACK-4)", arguments: 0..<50)
  func inFlight(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var flow = LinkFlow()
    var now = Instant(nanoseconds: 1_000_000)
    /// Bytes up to each frame.
    var ends: [UInt64] = [0]
    var acknowledgedCount = 0
    for _ in 0..<200 {
      now = now.advanced(byNanoseconds: .random(in: 1...1_000_000, using: &random))
      if Bool.random(using: &random) {
        let byteCount = Int.random(in: 1...20_000, using: &random)
        ends.append((ends.last ?? 0) + UInt64(byteCount))
        flow.noteSent(frameCount: UInt64(ends.count - 1), byteCount: byteCount, now: now)
      } else {
        acknowledgedCount = .random(in: acknowledgedCount...ends.count - 1, using: &random)
        flow.noteAcknowledged(frameCount: UInt64(acknowledgedCount), now: now)
      }
      #expect(flow.inFlightByteCount == (ends.last ?? 0) - ends[acknowledgedCount])
    }
  }
}
