import DWCPCore
import NIOCore
import Testing

@Suite struct CodecSuiteBlocks {
  private static func noise(_ count: Int) -> ByteBuffer {
    var random = SeededGenerator(seed: 3)
    return ByteBuffer(bytes: (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) })
  }

  /// The codecs of the blocks on the wire, one for each DATA frame.
  private static func codecs(in wire: ByteBuffer) throws -> [String] {
    var lister = FrameLister()
    var input = ByteBuffer(bytes: [0x44, 0x57, 0x43, 0x50, 3, 0, 0, 0])
    input.writeImmutableBuffer(wire)
    var codecs: [String] = []
    while let line = try lister.next(&input) {
      guard line.contains("DATA") else { continue }
      codecs.append(Codec.allCases.first { line.contains(", \($0.name), ") }?.name ?? "?")
    }
    return codecs
  }

  private static func wire(
    _ contents: [ByteBuffer], compression: CompressionChoice, server: SessionConfiguration = SessionConfiguration()
  ) throws -> ByteBuffer {
    var pair = EnginePair.established(server: server)
    let id = try pair.client.session.open(compression: compression)
    for content in contents { _ = try pair.client.session.write(content, to: id, endsMessage: true) }
    var wire = ByteBuffer()
    while true {
      let part = pair.client.transmit(now: pair.now)
      guard part.readableBytes > 0 else { return wire }
      wire.writeImmutableBuffer(part)
    }
  }

  @Test("each block says what it is: the codec is chosen block by block (SPEC CDC-1, CDC-5)")
  func blockByBlock() throws {
    let zeros = ByteBuffer(repeating: 0, count: 10_000)
    let wire = try Self.wire(
      [zeros, Self.noise(10_000), zeros, ByteBuffer(string: "tiny")], compression: .fixed(.zstdDefault))
    #expect(try Self.codecs(in: wire) == ["zstd", "none", "zstd", "none"])
  }

  @Test("handshake and early frames are never compressed (SPEC CDC-6, HS-2)")
  func handshakeIsNeverCompressed() throws {
    var pair = EnginePair()
    let id = try pair.client.session.open(compression: .fixed(.zstdDefault))
    _ = try pair.client.session.write(ByteBuffer(repeating: 0, count: 10_000), to: id)
    var input = pair.client.transmit(now: pair.now)
    var lister = FrameLister()
    var lines: [String] = []
    while let line = try lister.next(&input) { lines.append(line) }
    #expect(lines.count == 3)
    #expect(lines.last?.contains("DATA, stream 1, 10012 bytes, checked, offset 0, none, 10000 raw bytes") == true)
  }

  @Test("a codec the other end did not announce is never used (SPEC CAP-5)")
  func onlyAnnounced() throws {
    var serverSide = SessionConfiguration()
    serverSide.decodableCodecs = [.lz4, .none]
    let zeros = ByteBuffer(repeating: 0, count: 10_000)
    #expect(try Self.codecs(in: Self.wire([zeros], compression: .fixed(.zstdDefault), server: serverSide)) == ["none"])
    #expect(try Self.codecs(in: Self.wire([zeros], compression: .automatic, server: serverSide)) == ["lz4"])
  }

  @Test("a known codec that was not announced is a violation, before anything is decoded (SPEC DAT-5)")
  func unannouncedCodecArrives() {
    var serverSide = SessionConfiguration()
    serverSide.decodableCodecs = [.lz4, .none]
    var pair = EnginePair.established(server: serverSide)
    pair.server.receive(WireBuilder().data(codec: Codec.zstd.rawValue, raw: 100, [1, 2, 3]).bytes, now: pair.now)
    #expect(pair.server.failure?.rule == "DAT-5")
    #expect(pair.server.failure?.code == .codec)
    #expect(pair.server.session.nextJob() == nil)
  }

  @Test("data that does not shrink is soon tried only now and then (SPEC CDC-5)")
  func backsOff() throws {
    var pair = EnginePair.established()
    let id = try pair.client.session.open(compression: .fixed(.zstdDefault))
    for _ in 0..<36 { _ = try pair.client.session.write(Self.noise(9_000), to: id, endsMessage: true) }
    pair.exchange()
    #expect(pair.client.session.counters.unshrunkBlocks == 6)
    #expect(pair.client.session.counters.untriedBlocks == 30)
    #expect(pair.client.session.counters.sentByCodec[.none].blocks == 36)
  }

  @Test("blocks are independent: any one decodes by itself (SPEC CDC-2)")
  func independent() throws {
    var pair = EnginePair.established()
    let id = try pair.client.session.open(compression: .fixed(.zstdDefault))
    for text in ["aaaa", "bbbb", "cccc"] {
      _ = try pair.client.session.write(
        ByteBuffer(repeating: text.utf8.first ?? 0, count: 9_000), to: id, endsMessage: true)
    }
    let context = CodecContext()
    var sizes: [Int] = []
    while let job = pair.client.session.nextJob() {
      guard case .encoded = job.run(in: context) else { continue }
      sizes.append(job.rawByteCount)
      pair.client.session.complete(job.run(in: CodecContext()), now: pair.now)
    }
    pair.exchange()
    #expect(sizes == [9_000, 9_000, 9_000])
    #expect(pair.server.readAll(id).marks == [9_000, 18_000, 27_000])
  }

  @Test("jobs may come back in any order; what is read stays in order (SPEC DAT-7)", arguments: 0..<20 as Range<UInt64>)
  func jobsInAnyOrder(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var pair = EnginePair.established()
    let id = try pair.client.session.open(compression: .fixed(.zstdDefault))
    var expected: [UInt8] = []
    for number in 0..<30 as Range<UInt8> {
      let content = [UInt8](repeating: number, count: 1_000)
      expected += content
      _ = try pair.client.session.write(ByteBuffer(bytes: content), to: id, endsMessage: true)
    }
    let context = CodecContext()
    for _ in 0..<20 {
      for isClient in [true, false] {
        var peer = isClient ? pair.client : pair.server
        var jobs: [CodecJob] = []
        while let job = peer.session.nextJob() { jobs.append(job) }
        jobs.shuffle(using: &random)
        for job in jobs { peer.session.complete(job.run(in: context), now: pair.now) }
        var batch = TransmitBatch()
        peer.session.transmit(maximumByteCount: 1 << 20, now: pair.now, into: &batch)
        if isClient {
          batch.forEachBuffer { pair.server.session.receive($0, now: pair.now) }
          pair.client = peer
        } else {
          batch.forEachBuffer { pair.client.session.receive($0, now: pair.now) }
          pair.server = peer
        }
      }
    }
    #expect(pair.server.readAll(id).bytes == expected)
  }
}
