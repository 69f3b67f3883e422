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
        * (2 * 262_144 + 1_024) + 65_536)
  }
}
