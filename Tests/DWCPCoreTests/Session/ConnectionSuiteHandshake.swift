import DWCPCore
import NIOCore
import Testing

@Suite struct ConnectionSuiteHandshake {
  @Test("both ends agree, each direction by what its receiver can decode (SPEC HS-1, HS-4, CAP-3)")
  func agreement() throws {
    var clientSide = SessionConfiguration()
    clientSide.decodableCodecs = [.lz4, .none]
    var pair = EnginePair(client: clientSide)
    pair.exchange()
    #expect(pair.client.session.agreement?.sendCodecs == [.zstd, .lz4, .none])
    #expect(pair.server.session.agreement?.sendCodecs == [.lz4, .none])
    #expect(pair.server.session.agreement?.peerImplementation == "dwcp-swift")
    #expect(pair.client.session.agreement?.sessionID == pair.server.session.agreement?.sessionID)
    #expect(pair.client.session.agreement?.isIntegrityOn == true)
  }

  @Test("the handshake survives any cutting of the bytes", arguments: [1, 2, 3, 7, 16, 100])
  func pieces(pieceByteCount: Int) {
    var pair = EnginePair()
    pair.exchange(pieceByteCount: pieceByteCount)
    #expect(pair.client.session.phase == .open)
    #expect(pair.server.session.phase == .open)
  }

  @Test("streams may be opened before WELCOME and are delivered after it (SPEC HS-2)")
  func earlyStream() throws {
    var pair = EnginePair()
    let id = try pair.client.send("early")
    let firstFlight = pair.client.transmit(now: pair.now)
    pair.server.receive(firstFlight, now: pair.now)
    #expect(pair.server.openedStreams == [id])
    #expect(pair.server.readAll(id).bytes == Array("early".utf8))
    guard case .established = pair.server.events.first else {
      Issue.record("something came before the handshake: \(pair.server.events)")
      return
    }
  }

  @Test("no version in common: REFUSE names both ends' versions (SPEC PRE-3, HS-7)")
  func versionMismatch() {
    var serverSide = SessionConfiguration()
    serverSide.minorVersions = 2...3
    var pair = EnginePair(server: serverSide)
    pair.exchange()
    #expect(pair.client.failure?.code == .version)
    #expect(pair.server.failure?.code == .version)
    let refusal = pair.client.failure?.refusal
    #expect(refusal?.refuserVersions.lowestMinor == 2)
    #expect(refusal?.refusedVersions.highestMinor == 0)
    #expect(refusal?.report.contains("minors 2 to 3") == true)
    #expect(pair.client.session.wantsClose && pair.server.session.wantsClose)
  }

  @Test("the highest common minor is chosen (SPEC PRE-4)")
  func minorChoice() {
    var clientSide = SessionConfiguration()
    clientSide.minorVersions = 0...2
    var serverSide = SessionConfiguration()
    serverSide.minorVersions = 1...5
    var pair = EnginePair(client: clientSide, server: serverSide)
    pair.exchange()
    #expect(pair.client.session.agreement?.minorVersion == 2)
    #expect(pair.server.session.agreement?.minorVersion == 2)
  }

  @Test("an acceptor that cannot send with any codec refuses and names both lists (SPEC HS-4)")
  func noCommonCodecAtAcceptor() {
    var clientSide = SessionConfiguration()
    clientSide.decodableCodecs = [.lz4, .none]
    var serverSide = SessionConfiguration()
    serverSide.acceptableCodecs = [.zstd]
    var pair = EnginePair(client: clientSide, server: serverSide)
    pair.exchange()
    #expect(pair.client.failure?.code == .noCommonCodec)
    #expect(pair.client.failure?.refusal?.refusedCodecIDs == [1, 0])
    #expect(pair.client.failure?.refusal?.refuserCodecIDs == [2, 1, 0])
    #expect(pair.client.failure?.refusal?.requiredCodecIDs == [2])
  }

  @Test("an initiator refuses after WELCOME, and the acceptor accepts that as the end (SPEC HS-4, HS-5)")
  func policyAtInitiator() {
    var clientSide = SessionConfiguration()
    clientSide.requiredCodecs = [.zstd]
    var serverSide = SessionConfiguration()
    serverSide.decodableCodecs = [.lz4, .none]
    var pair = EnginePair(client: clientSide, server: serverSide)
    pair.exchange()
    #expect(pair.client.failure?.code == .policy)
    #expect(pair.server.failure?.code == .policy)
    #expect(pair.server.failure?.refusal?.requiredCodecIDs == [2])
    #expect(pair.client.session.wantsClose && pair.server.session.wantsClose)
  }

  @Test(
    "strangers are recognised by their first bytes and get no answer (SPEC PRE-2)",
    arguments: [
      ("GET / HTTP/1.1\r\n\r\n", "HTTP"), ("POST /x HTTP/1.1\r\n", "HTTP"), ("\u{16}\u{03}\u{01}\u{02}", "TLS"),
      ("\u{7F}ELF", "magic"),
    ])
  func stranger(bytes: String, expected: String) {
    var pair = EnginePair()
    pair.server.receive(ByteBuffer(string: bytes), now: pair.now)
    #expect(pair.server.failure?.message.contains(expected) == true)
    #expect(pair.server.failure?.rule == "PRE-2")
    #expect(pair.server.transmit(now: pair.now).readableBytes == 0)
    #expect(pair.server.session.wantsClose)
  }

  @Test(
    "silence ends at the handshake timeout, with REFUSE only after a preface (SPEC HS-6)", arguments: [true, false])
  func silence(hasPreface: Bool) {
    var pair = EnginePair()
    if hasPreface { pair.server.receive(ByteBuffer(bytes: [0x44, 0x57, 0x43, 0x50, 3, 0, 0, 0]), now: pair.now) }
    pair.advance(milliseconds: 9_999)
    #expect(pair.server.session.phase != .closed)
    pair.advance(milliseconds: 1)
    let answer = pair.server.transmit(now: pair.now)
    #expect(pair.server.failure?.code == .handshakeTimeout)
    #expect((answer.readableBytes > 0) == hasPreface)
    #expect(pair.server.session.wantsClose)
  }

  @Test("an unknown link kind is refused (SPEC PRE-5)")
  func joiningLink() {
    var pair = EnginePair()
    pair.server.receive(ByteBuffer(bytes: [0x44, 0x57, 0x43, 0x50, 3, 0, 0, 1]), now: pair.now)
    #expect(pair.server.failure?.rule == "PRE-5")
    #expect(pair.server.transmit(now: pair.now).getInteger(at: 7, as: UInt8.self) == 1)
  }

  @Test("a preface that was changed on the way is found by its echo (SPEC PRE-6)")
  func changedPreface() {
    var pair = EnginePair()
    var bytes = pair.client.transmit(now: pair.now)
    bytes.setInteger(UInt8(9), at: 6)
    pair.server.receive(bytes, now: pair.now)
    #expect(pair.server.failure?.rule == "PRE-6")
  }

  @Test("a peer's text is shown without control characters, and whatever its bytes (SPEC CONV-4)")
  func hostileText() {
    var pair = EnginePair.established()
    let text: [UInt8] = [0x1B, 0x5B, 0x33, 0x31, 0x6D, 0xFF, 0x41]
    let close = WireBuilder().frame(0x09, [0, 0, 0, 2, 0, UInt8(text.count)] + text)
    pair.server.receive(close.bytes, now: pair.now)
    #expect(pair.server.failure?.message == "\u{FFFD}[31m\u{FFFD}A")
  }

  @Test("the end of the connection before the handshake is complete is a lost link (SPEC END-5)")
  func connectionLost() {
    var pair = EnginePair()
    pair.client.session.endOfInput()
    pair.client.settle(now: pair.now)
    #expect(pair.client.failure?.code == .linkLost)
    #expect(pair.client.failure?.blame == .network)
  }
}
