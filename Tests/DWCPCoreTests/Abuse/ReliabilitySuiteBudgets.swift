import DWCPCore
import NIOCore
import Testing

@Suite struct ReliabilitySuiteBudgets {
  private static let wire = WireBuilder()

  /// One frame without progress has been spent: the other end's GREASE.
  @Test(
    "floods end in EXCESSIVE_LOAD that names the budget (SPEC LIM-1)",
    arguments: [
      (101, wire.frame(0x04, bytes(UInt64(1))), "PINGs"), (1_000, wire.frame(0xB1, []), "frames without progress"),
      (1_000, wire.frame(0x08, bytes(UInt64(1))), "frames without progress"),
      (1_000, wire.frame(0x07, bytes(UInt64(1))), "frames without progress"),
    ])
  func flood(count: Int, frame: WireBuilder, budget: String) {
    var pair = EnginePair.established()
    for _ in 1..<count { pair.server.receive(frame.bytes, now: pair.now) }
    #expect(pair.server.failure == nil)
    pair.server.receive(frame.bytes, now: pair.now)
    #expect(pair.server.failure?.code == .excessiveLoad)
    #expect(pair.server.failure?.message.contains(budget) == true)
  }

  @Test("opening and resetting in turn is bounded, by the reset budget and by the stream limit (SPEC LIM-1, LIM-2)")
  func rapidReset() {
    var configuration = SessionConfiguration()
    configuration.maximumPeerStreamCount = 1_000
    var pair = EnginePair.established(server: configuration)
    for number in 0..<201 as Range<UInt64> {
      let id = 2 * number + 1
      let frames = Self.wire.frame(0x40, stream: id, []).frame(0x42, stream: id, bytes(UInt32(0x11)) + bytes(UInt64(0)))
      pair.server.receive(frames.bytes, now: pair.now)
    }
    #expect(pair.server.failure?.code == .excessiveLoad)
    #expect(pair.server.session.streamCount <= 201)
  }

  @Test("a peer that makes this end reset its streams pays for them as if it had reset them itself (SPEC LIM-1)")
  func madeToReset() {
    var configuration = SessionConfiguration()
    configuration.maximumPeerStreamCount = 1_000
    var pair = EnginePair.established(server: configuration)
    for number in 0..<202 as Range<UInt64> {
      pair.server.receive(Self.wire.frame(0x40, stream: 2 * number + 1, [0x12, 0x34, 0, 0]).bytes, now: pair.now)
    }
    #expect(pair.server.failure?.code == .excessiveLoad)
  }

  @Test("a repeated GOAWAY is a frame without progress (SPEC LIM-1)")
  func repeatedGoAway() {
    var pair = EnginePair.established()
    let notice = Self.wire.frame(0x44, bytes(UInt32(0x14)) + bytes(UInt64(7)) + [0, 0])
    for _ in 0..<1_001 { pair.server.receive(notice.bytes, now: pair.now) }
    #expect(pair.server.failure?.code == .excessiveLoad)
  }

  @Test("budgets refill with time (SPEC section 14)")
  func refill() {
    var pair = EnginePair.established()
    for _ in 0..<50 {
      for _ in 0..<10 { pair.server.receive(Self.wire.frame(0x04, bytes(UInt64(1))).bytes, now: pair.now) }
      pair.advance(milliseconds: 1_000)
      _ = pair.server.transmit(now: pair.now)
    }
    #expect(pair.server.failure == nil)
  }

  @Test("a block that arrives byte by byte, each in a large buffer of its own, pins none of them (SPEC MEM-1)")
  func crumbs() {
    var pair = EnginePair.established()
    let frame = Self.wire.data([UInt8](repeating: 7, count: 5_000)).bytes
    for byte in frame.readableBytesView {
      var buffer = ByteBufferAllocator().buffer(capacity: 262_144)
      buffer.writeInteger(byte)
      pair.server.session.receive(buffer, now: pair.now)
    }
    pair.server.settle(now: pair.now)
    guard case .bytes(let bytes, _) = pair.server.session.read(StreamID(rawValue: 1)) else {
      Issue.record("nothing arrived")
      return
    }
    #expect(bytes.readableBytes == 5_000)
    #expect(bytes.storageCapacity < 20_000)
  }

  @Test(
    "a block across the end of a read is read where it lies; of one in many parts two are (SPEC MEM-1)",
    arguments: [(60_000, 1), (59_000, 1), (30_000, 2), (3_000, 2), (1_000, 0)])
  func acrossReads(readByteCount: Int, lentCount: Int) {
    var pair = EnginePair.established()
    var frame = Self.wire.data([UInt8](repeating: 7, count: 59_900)).bytes
    while let part = frame.readSlice(length: min(readByteCount, frame.readableBytes)), part.readableBytes > 0 {
      var buffer = ByteBufferAllocator().buffer(capacity: 262_144)
      buffer.writeImmutableBuffer(part)
      pair.server.session.receive(buffer, now: pair.now)
    }
    pair.server.settle(now: pair.now)
    var byteCount = 0
    var lent = 0
    while case .bytes(let bytes, _) = pair.server.session.read(StreamID(rawValue: 1)) {
      byteCount += bytes.readableBytes
      if bytes.storageCapacity >= 262_144 { lent += 1 }
    }
    #expect(byteCount == 59_900)
    #expect(lent == lentCount)
  }

  @Test(
    "a short slice of a large buffer is sent from a copy, a long one as it is (SPEC MEM-1)",
    arguments: [(100, false), (65_535, false), (65_536, true), (131_072, true)])
  func slices(byteCount: Int, isLent: Bool) throws {
    var pair = EnginePair.established()
    let id = try pair.client.session.open(compression: .fixed(.none))
    let whole = ByteBuffer(repeating: 7, count: 1 << 20)
    let slice = try #require(whole.getSlice(at: 1_000, length: byteCount))
    _ = try pair.client.session.write(slice, to: id)
    var batch = TransmitBatch()
    pair.client.session.transmit(maximumByteCount: 1 << 20, now: pair.now, into: &batch)
    var largestStorage = 0
    batch.forEachBuffer { largestStorage = max(largestStorage, $0.storageCapacity) }
    // As much as goes before anything was acknowledged (SPEC ACK-4).
    #expect(batch.byteCount > min(byteCount, 65_535))
    #expect((largestStorage >= 1 << 20) == isLent)
  }

  @Test("a short part of a large buffer is copied when more arrives, and when nothing can be sent (SPEC MEM-1)")
  func waitingParts() throws {
    for isArriving in [true, false] {
      var pair = EnginePair.established()
      let id = try pair.client.session.open(compression: .fixed(.none))
      var whole = ByteBuffer(repeating: 7, count: 1 << 20)
      let place = Self.place(whole)
      _ = try pair.client.session.write(try #require(whole.getSlice(at: 1_000, length: 100)), to: id)
      if isArriving {
        pair.client.session.receive(Self.wire.frame(0x04, bytes(UInt64(1))).bytes, now: pair.now)
      } else {
        pair.client.session.detachFromOutput()
      }
      // It would be copied if it were shared.
      whole.setInteger(UInt8(8), at: 0)
      #expect(Self.place(whole) == place)
    }
  }

  private static func place(_ buffer: ByteBuffer) -> UInt {
    unsafe buffer.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
  }

  @Test("a window full of marks is read in linear time, and takes a writer's budget when it is echoed (SPEC MEM-1)")
  func marks() throws {
    var pair = EnginePair.established()
    let id = StreamID(rawValue: 1)
    let table = [UInt16](repeating: 0, count: 65_535)
    for number in 0..<60 as Range<UInt64> {
      pair.server.receive(Self.wire.data(offset: number * 65_535, marks: table, []).bytes, now: pair.now)
    }
    #expect(pair.server.failure == nil)
    #expect(pair.server.readAll(id).marks.count == 60 * 65_535)
    var hasRoom = true
    var count = 0
    while hasRoom {
      hasRoom = try pair.server.session.write(ByteBuffer(), to: id, endsMessage: true)
      count += 1
    }
    #expect(count <= 1 << 17)
  }

  @Test("replies take one place however many are owed (SPEC LIV-2)")
  func replies() {
    var pair = EnginePair.established()
    for number in 1...100 as ClosedRange<UInt64> {
      pair.server.receive(Self.wire.frame(0x04, bytes(number)).bytes, now: pair.now)
    }
    let answer = pair.server.transmit(now: pair.now)
    #expect(answer.readableBytes == 28)
    #expect(answer.getInteger(at: 16, as: UInt64.self) == 100)
  }

  @Test("ten thousand short streams in a row are honest use")
  func manyShortStreams() throws {
    var pair = EnginePair.established()
    for _ in 0..<10_000 {
      let id = try pair.client.send("x", endsMessage: true)
      pair.exchange()
      _ = pair.server.session.read(id)
      _ = try pair.server.session.write(ByteBuffer(string: "y"), to: id, endsMessage: true)
      pair.exchange()
      _ = pair.client.session.read(id)
      pair.client.session.release(id)
      pair.exchange()
      try pair.server.session.finish(id)
      pair.server.session.release(id)
      pair.exchange()
    }
    #expect(pair.client.failure == nil && pair.server.failure == nil)
    #expect(pair.client.session.streamCount == 0 && pair.server.session.streamCount == 0)
  }
}
