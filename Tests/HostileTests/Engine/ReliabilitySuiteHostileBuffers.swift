import DWCPCore
import HostileSimulation
import NIOCore
import Testing

/// What waits lies in no buffer that is much longer, whoever made it (SPEC MEM-1), and lists do not outlive what is in them.
@Suite(.serialized) struct ReliabilitySuiteHostileBuffers {
  @Test("short blocks do not wait in what their codec used for long ones (SPEC MEM-1)", arguments: [true, false])
  func decodedBlocks(isLZ4: Bool) {
    let codecs = CodecContext()
    let before = Heap.threadByteCount
    var configuration = SessionConfiguration()
    configuration.sessionWindowByteCount = 4 << 20
    configuration.receiveBudgetByteCount = 4 << 20
    configuration.streamWindowByteCount = 4 << 20
    configuration.receiveChains = .none
    configuration.receiveDictionaryByteCount = 0
    configuration.maximumEncodeJobCount = 1
    var rig = EngineRig(configuration, codecs: codecs)
    // Stream 1 is read, the others are not.
    rig.onEvent = { session, event in
      if case .readable(let id) = event, id.rawValue == 1 { while case .bytes = session.read(id) {} }
    }
    func send(_ stream: UInt64, _ offset: UInt64, _ byteCount: Int) {
      rig.send {
        if isLZ4 {
          $0.lz4Run(stream: stream, offset: offset, rawByteCount: byteCount)
        } else {
          $0.bomb(stream: stream, offset: offset, rawByteCount: byteCount)
        }
      }
      rig.transmit()
    }
    for number in 0..<216 as Range<UInt64> {
      if number % 24 == 0 { for block in number..<number + 24 { send(1, block * 262_144, 262_144) } }
      send(2 * number + 3, 0, 16_384)
    }
    #expect(rig.error == nil)
    codecs.forgetOutputs()
    let held = Heap.threadByteCount - before
    let bound = configuration.worstCaseMemoryByteCount(readBufferByteCount: 65_536, sendBudgetByteCount: 0)
    #expect(held <= bound)
  }

  @Test("an encoded block does not keep the buffer of a whole read while it waits for its codec (SPEC MEM-1)")
  func encodedBlocks() {
    var rig = EngineRig(SessionConfiguration())
    var jobs: [CodecJob] = []
    for number in 0..<100 as Range<UInt64> {
      var wire = HostileWire(readBufferByteCount: 65_536)
      wire.data(stream: 1, offset: number * 2_100, codec: 1, rawByteCount: 2_100) {
        $0.writeRepeatingByte(1, count: 2_048)
      }
      // Header and extension come in a read, and the payload in another.
      var payload = ByteBufferAllocator().buffer(capacity: 65_536)
      var rest = wire.bytes
      let head = rest.readSlice(length: 28).map { ByteBuffer(bytes: $0.readableBytesView) } ?? ByteBuffer()
      payload.writeImmutableBuffer(rest)
      for bytes in [head, payload] { rig.session.receive(bytes, now: rig.now) }
      while rig.session.nextEvent() != nil {}
      while let job = rig.session.nextJob() { jobs.append(job) }
      rig.session.detachFromInput()
    }
    #expect(jobs.count == 100)
    for case .decode(let job) in jobs { #expect(job.encoded.storageCapacity <= 4 * job.rawByteCount) }
  }

  @Test("what was encoded does not go to the connection in what its codec wrote it to (SPEC MEM-1)")
  func sentBlocks() throws {
    var configuration = SessionConfiguration()
    configuration.compression = .fixed(.zstdDefault)
    configuration.sendChains = .none
    var rig = EngineRig(role: .initiator, configuration) {
      announceZstd(sessionCredit: 1 << 60, &$0)
    }
    let id = try rig.session.open()
    var chunk = chatter(byteCount: 2_100, valueCount: 255)
    chunk.writeRepeatingByte(0, count: 128_972)
    for _ in 0..<300 {
      for _ in 0..<4 { _ = try rig.session.write(chunk, to: id) }
      rig.settle()
      rig.transmit()
      rig.tick()
      rig.acknowledge()
    }
    // The connection takes nothing more.
    var (byteCount, storageByteCount) = (0, 0)
    for _ in 0..<200 {
      _ = try rig.session.write(chunk, to: id)
      rig.settle()
      var batch = TransmitBatch()
      rig.session.transmit(maximumByteCount: 65_536, now: rig.now, into: &batch)
      batch.forEachBuffer {
        byteCount += $0.readableBytes
        storageByteCount += $0.storageCapacity
      }
    }
    #expect(byteCount > 8_192)
    #expect(storageByteCount <= 4 * byteCount)
  }

  @Test("streams that end while their lists stand still are forgotten there", arguments: [false, true])
  func lists(areWaitingForCredit: Bool) throws {
    func heapByteCount(streamCount: UInt64) throws -> Int {
      let before = Heap.threadByteCount
      var rig = EngineRig(role: .initiator, SessionConfiguration()) {
        entry(0x0004, areWaitingForCredit ? 1 << 20 : 1 << 60, &$0)
        entry(0x0005, 1 << 60, &$0)
        entry(0x0006, 1 << 40, &$0)
      }
      rig.onEvent = { session, event in
        if case .stopped(let id, _) = event { session.release(id) }
      }
      for number in 0..<streamCount {
        _ = try rig.session.write(ByteBuffer(repeating: 1, count: 5_000), to: rig.session.open())
        rig.transmit()
        rig.send {
          $0.stop(stream: 2 * number + 1)
          $0.stored(stream: 2 * number + 1, flags: 1, offset: 0, byteCount: 0)
        }
        rig.transmit()
        // Else the link is full.
        if areWaitingForCredit { rig.acknowledge() }
      }
      #expect(rig.error == nil && rig.session.streamCount == 0)
      rig.sent = [:]
      return Heap.threadByteCount - before
    }
    let few = try heapByteCount(streamCount: 10_000)
    let many = try heapByteCount(streamCount: 40_000)
    #expect(many <= few + 65_536)
  }

  @Test("a RESET that changes nothing is a frame without progress (SPEC LIM-1)")
  func repeatedReset() throws {
    var rig = EngineRig(role: .initiator, SessionConfiguration())
    _ = try rig.session.write(ByteBuffer(string: "x"), to: rig.session.open())
    rig.transmit()
    for _ in 0..<500 { rig.send { for _ in 0..<1_000 { $0.reset(stream: 1) } } }
    #expect(rig.error?.code == .excessiveLoad)
    #expect(rig.error?.rule == "LIM-1")
  }

  @Test("pages and bases beyond every object are refused, and no limit is a limit (SPEC BAS-2)")
  func farOutside() throws {
    var rig = EngineRig(role: .initiator, SessionConfiguration()) {
      $0.writeMultipleIntegers(UInt16(1), UInt16(2), UInt8(2), UInt8(0))
      entry(0x000E, 1 << 30, &$0)
    }
    let name = ObjectName(number: 1)
    _ = rig.session.adoptOutgoing(ObjectImage(ByteBuffer(repeating: 1, count: 65_536)), of: name, version: 1)
    let id = try rig.session.openVersion(of: name, byteCount: 65_536)
    let page = ByteBuffer(repeating: 2, count: 4_096)
    #expect(throws: SessionError.self) { try rig.session.writePages(page, at: Int.max & ~0xFFF, to: id) }
    let bases: [Range<UInt64>] = [1 << 63..<(1 << 63 + 4_096), 0..<UInt64.max, 1 << 62..<(1 << 62 + 9)]
    for (number, base) in bases.enumerated() {
      _ = try rig.session.writePages(page, at: number << 12, to: id, base: base)
    }
    for _ in 0..<3 {
      rig.settle()
      rig.session.transmit(maximumByteCount: .max, now: rig.now, into: &rig.batch)
    }
    #expect(rig.error == nil)
  }
}
