import DWCPCore
import NIOCore
import Testing

@Suite struct MultiplexingSuiteWire {
  private static let wire = WireBuilder()

  @Test("an id opens all lower ones of its end; they may arrive in any order (SPEC STR-2)")
  func outOfOrderOpening() {
    var pair = EnginePair.established()
    pair.server.receive(Self.wire.data(stream: 7, [7]).data(stream: 3, [3]).data(stream: 5, [5]).bytes, now: pair.now)
    #expect(pair.server.failure == nil)
    #expect(pair.server.openedStreams.map(\.rawValue) == [7, 3, 5])
    #expect(pair.server.readAll(StreamID(rawValue: 3)).bytes == [3])
  }

  @Test("frames for a stream that is gone are discarded (SPEC STR-6)")
  func lateFrames() throws {
    var pair = EnginePair.established()
    let reset = bytes(UInt32(0)) + bytes(UInt64(0))
    pair.server.receive(Self.wire.frame(0x40, stream: 1, []).frame(0x42, stream: 1, reset).bytes, now: pair.now)
    let id = StreamID(rawValue: 1)
    pair.server.session.reset(id, code: .cancelled)
    pair.server.session.release(id)
    _ = pair.server.transmit(now: pair.now)
    #expect(pair.server.session.streamCount == 0)
    let late = Self.wire.data([1]).frame(0x43, stream: 1, bytes(UInt32(0))).frame(0x07, stream: 1, bytes(UInt64(9)))
      .frame(0x42, stream: 1, reset)
    pair.server.receive(late.bytes, now: pair.now)
    #expect(pair.server.failure == nil)
    #expect(pair.server.session.unreadUnitCount == 0)
  }

  @Test("short messages share a block, in the bytes of SPEC appendix C (SPEC DAT-1, DAT-8)")
  func sharedBlock() throws {
    var pair = EnginePair.established()
    _ = try pair.client.session.open()
    let id = try pair.client.session.open(compression: .fixed(.none))
    pair.exchange()
    for text in ["a", "", "bc"] {
      _ = try pair.client.session.write(ByteBuffer(string: text), to: id, endsMessage: true)
    }
    #expect(
      pair.client.transmit(now: pair.now)
        == Self.wire.data(stream: 3, flags: 0x02, marks: [1, 0], Array("abc".utf8)).bytes)
  }

  @Test(
    "however long messages are, they arrive as they were written (SPEC DAT-7, DAT-8)",
    arguments: [CompressionChoice.fixed(.none), .fixed(.zstdDefault)])
  func messageLengths(compression: CompressionChoice) throws {
    var random = SeededGenerator(seed: 1)
    for _ in 0..<200 {
      var server = SessionConfiguration()
      server.streamWindowByteCount = 65_536
      var pair = EnginePair.established(server: server)
      let id = try pair.client.session.open(compression: compression)
      let lengths = (0..<random.next() % 200).map { _ in
        Int([0, 1, random.next() % 100, random.next() % 10_000, random.next() % 100_000][Int(random.next() % 5)])
      }
      for (number, length) in lengths.enumerated() {
        let message = ByteBuffer(repeating: UInt8(truncatingIfNeeded: number), count: length)
        _ = try pair.client.session.write(message, to: id, endsMessage: true)
      }
      try pair.client.session.finish(id)
      var marks: [Int] = []
      var received: [UInt8] = []
      repeat {
        pair.exchange(pieceByteCount: Int(random.next() % 20_000) + 1)
        let read = pair.server.readAll(id)
        marks += read.marks.map { $0 + received.count }
        received += read.bytes
        if read.end == .end { break }
      } while pair.server.failure == nil
      var ends = 0
      #expect(
        marks
          == lengths.map { length in
            ends += length
            return ends
          })
      #expect(received == lengths.enumerated().flatMap { [UInt8](repeating: UInt8(truncatingIfNeeded: $0), count: $1) })
    }
  }

  @Test("FIN and RESET go when no credit is left (SPEC CRD-7)")
  func endsWithoutCredit() throws {
    var configuration = SessionConfiguration()
    configuration.streamWindowByteCount = 65_536
    var pair = EnginePair.established(server: configuration)
    let finished = try pair.client.session.open(compression: .fixed(.none))
    _ = try pair.client.session.write(ByteBuffer(repeating: 0, count: 65_536), to: finished)
    pair.exchange()
    try pair.client.session.finish(finished)
    let reset = try pair.client.session.open(compression: .fixed(.none))
    _ = try pair.client.session.write(ByteBuffer(repeating: 0, count: 65_536), to: reset)
    pair.exchange()
    pair.client.session.reset(reset, code: .cancelled)
    pair.exchange()
    #expect(pair.server.readAll(finished).end == .end)
    guard case .failed = pair.server.session.read(reset) else {
      Issue.record("the reset did not arrive")
      return
    }
  }

  @Test("memory stays within the formula while a peer fills what it may (SPEC MEM-1)")
  func worstCase() {
    let configuration = SessionConfiguration()
    let bound = configuration.worstCaseMemoryByteCount(readBufferByteCount: 262_144, sendBudgetByteCount: 1 << 20)
    let budget = UInt64(64 << 20)
    #expect(
      bound == 8 * budget + 6 * 262_144 + 16 * 262_144 + 65_536 + 512 * (2_048 + 16_384) + 5 << 20 + 8
        * (2 * 262_144 + 1_024) + 4 * (4 << 20 + 524_288) + 6 * 229_376 + 262_144 + 65_536)
  }
}
