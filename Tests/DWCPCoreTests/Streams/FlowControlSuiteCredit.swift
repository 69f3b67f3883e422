import NIOCore
import Testing

@testable import DWCPCore

@Suite struct FlowControlSuiteCredit {
  private static func smallWindows() -> SessionConfiguration {
    var configuration = SessionConfiguration()
    configuration.streamWindowByteCount = 65_536
    configuration.sessionWindowByteCount = 1 << 20
    return configuration
  }

  @Test(
    "a sender stops at the stream's credit and goes on as the reader reads (SPEC CRD-1, CRD-5)",
    arguments: [
      CompressionChoice.fixed(.none), .fixed(.zstdDefault), .fixed(.lz4Default),
    ])
  func streamWindow(compression: CompressionChoice) throws {
    var pair = EnginePair.established(server: Self.smallWindows())
    let content = [UInt8](repeating: 7, count: 500_000)
    let id = try pair.client.session.open(compression: compression)
    _ = try pair.client.session.write(ByteBuffer(bytes: content), to: id)
    try pair.client.session.finish(id)
    pair.exchange()
    #expect(pair.server.session.unreadUnitCount == 65_536)
    var received: [UInt8] = []
    while true {
      let read = pair.server.readAll(id)
      received += read.bytes
      #expect(pair.server.session.unreadUnitCount == 0)
      if read.end == .end { break }
      #expect(!read.bytes.isEmpty)
      guard !read.bytes.isEmpty else { return }
      pair.exchange()
    }
    #expect(received == content)
  }

  @Test("all streams together stop at the session's credit; a stalled reader does not stop the others (SPEC CRD-2)")
  func sessionWindow() throws {
    var pair = EnginePair.established(server: Self.smallWindows())
    var ids: [StreamID] = []
    for _ in 0..<40 {
      let id = try pair.client.session.open(compression: .fixed(.none))
      _ = try pair.client.session.write(ByteBuffer(repeating: 1, count: 60_000), to: id)
      try pair.client.session.finish(id)
      ids.append(id)
    }
    pair.exchange()
    #expect(pair.server.session.unreadUnitCount == 1 << 20)
    var received = 0
    var isProgressing = true
    while isProgressing {
      isProgressing = false
      for id in pair.server.openedStreams.dropFirst(2) {
        let count = pair.server.readAll(id).bytes.count
        received += count
        isProgressing = isProgressing || count > 0
      }
      pair.exchange()
    }
    #expect(received == 38 * 60_000)
  }

  @Test("a message mark costs one unit, so that empty messages are bounded too (SPEC DAT-1, CRD-1)")
  func marksTakeCredit() throws {
    var pair = EnginePair.established(server: Self.smallWindows())
    let id = try pair.client.session.open()
    for _ in 0..<70_000 { _ = try pair.client.session.write(ByteBuffer(), to: id, endsMessage: true) }
    pair.exchange()
    #expect(pair.server.session.unreadUnitCount == 65_536)
    #expect(pair.server.readAll(id).marks.count == 65_536)
    pair.exchange()
    #expect(pair.server.readAll(id).marks.count == 70_000 - 65_536)
  }

  @Test("a writer is told to wait at its budget, and told when there is room")
  func writerBudget() throws {
    var clientSide = SessionConfiguration()
    clientSide.streamSendBudgetByteCount = 100_000
    var pair = EnginePair.established(client: clientSide, server: Self.smallWindows())
    let id = try pair.client.session.open(compression: .fixed(.none))
    #expect(try pair.client.session.write(ByteBuffer(repeating: 1, count: 99_000), to: id))
    #expect(try !pair.client.session.write(ByteBuffer(repeating: 1, count: 100_000), to: id))
    pair.exchange()
    #expect(!pair.client.events.contains(.writable(id)))
    for _ in 0..<100 where pair.client.session.bufferedByteCount(id) > 0 {
      _ = pair.server.readAll(id)
      pair.exchange()
    }
    #expect(pair.client.events.filter { $0 == .writable(id) }.count == 1)
  }

  @Test("what is reset or stopped gives its session credit back (SPEC CRD-6)")
  func resetSettlesCredit() throws {
    var pair = EnginePair.established(server: Self.smallWindows())
    for round in 0..<60 {
      let id = try pair.client.session.open(compression: .fixed(round % 2 == 0 ? .none : .zstdDefault))
      _ = try pair.client.session.write(ByteBuffer(repeating: 1, count: 65_536), to: id)
      pair.exchange()
      if round % 3 == 0 {
        pair.server.session.stop(id, code: .cancelled)
      } else {
        pair.client.session.reset(id, code: .cancelled)
      }
      pair.exchange()
      pair.client.session.release(id)
      pair.server.session.release(id)
      pair.exchange()
    }
    #expect(pair.client.failure == nil && pair.server.failure == nil)
    #expect(pair.server.session.streamCount == 0)
    #expect(pair.server.session.unreadUnitCount == 0)
  }

  @Test("credit that STOP gives back goes to the streams that wait for it (SPEC CRD-6)")
  func stopWakesWaiters() throws {
    var serverSide = Self.smallWindows()
    serverSide.streamWindowByteCount = 1 << 20
    var clientSide = SessionConfiguration()
    clientSide.maximumEncodeJobCount = 64
    var pair = EnginePair.established(client: clientSide, server: serverSide)
    let stopped = try (0..<8).map { _ in try pair.client.session.open(compression: .fixed(.zstdDefault)) }
    let waiting = try pair.client.session.open(compression: .fixed(.none))
    pair.exchange()
    for id in stopped { _ = try pair.client.session.write(ByteBuffer(repeating: 1, count: 1 << 20), to: id) }
    // Blocks at the codec have taken all of the session's credit; their jobs never come back.
    while pair.client.session.nextJob() != nil {}
    _ = try pair.client.session.write(ByteBuffer(repeating: 2, count: 1_000), to: waiting)
    pair.exchange()
    #expect(pair.server.readAll(waiting).bytes.isEmpty)
    for id in stopped { pair.server.session.stop(id, code: .cancelled) }
    pair.exchange()
    #expect(pair.server.readAll(waiting).bytes.count == 1_000)
  }

  @Test("what a stream is known to bring is granted at once, as far as the session's window goes (SPEC CRD-8)")
  func expectedSize() throws {
    var pair = EnginePair.established(server: Self.smallWindows())
    let id = try pair.client.session.open(StreamOpening(expectedByteCount: 700_000), compression: .fixed(.none))
    pair.exchange()
    _ = try pair.client.session.write(ByteBuffer(repeating: 1, count: 700_000), to: id)
    pair.exchange()
    #expect(pair.server.session.unreadUnitCount == 700_000)
  }

  /// Streams of 60,000 bytes each that nobody reads.
  private static func stalled(_ count: Int, budget: UInt64) throws -> (pair: EnginePair, ids: [StreamID]) {
    var server = smallWindows()
    server.receiveBudgetByteCount = budget
    var pair = EnginePair.established(server: server)
    let ids = try (0..<count).map { _ in
      let id = try pair.client.session.open(compression: .fixed(.none))
      _ = try pair.client.session.write(ByteBuffer(repeating: 1, count: 60_000), to: id)
      return id
    }
    pair.exchange()
    return (pair, ids)
  }

  @Test("readers that have stalled do not hold the session's window up while the budget lasts (SPEC CRD-9)")
  func stalledReaders() throws {
    var (pair, ids) = try Self.stalled(17, budget: 4 << 20)
    let live = try pair.client.session.open(compression: .fixed(.none))
    _ = try pair.client.session.write(ByteBuffer(repeating: 2, count: 3_000_000), to: live)
    var readByteCount = 0
    for _ in 0..<100 {
      pair.exchange()
      readByteCount += pair.server.readAll(live).bytes.count
      pair.advance(milliseconds: 200)
    }
    #expect(readByteCount == 3_000_000)
    #expect(pair.server.failure == nil && pair.client.failure == nil)
    // Nothing of the others is lost, and it does not count twice.
    for id in ids {
      let byteCount = pair.server.readAll(id).bytes.count
      #expect(byteCount == 60_000)
    }
    #expect(pair.server.session.unreadUnitCount == 0)
  }

  @Test("readers that pause lose nothing while nobody else needs their memory (SPEC CRD-9)")
  func pausedReaders() throws {
    var (pair, ids) = try Self.stalled(17, budget: 0)
    for _ in 0..<120 {
      pair.advance(milliseconds: 1_000)
      pair.exchange()
    }
    for id in ids {
      let byteCount = pair.server.readAll(id).bytes.count
      #expect(byteCount == 60_000)
    }
  }

  @Test("when the budget is used up, the reader that stalled first is stopped, and says why (SPEC CRD-9)")
  func exhaustedBudget() throws {
    var (pair, ids) = try Self.stalled(17, budget: (1 << 20) + 500_000)
    _ = try pair.client.session.open(compression: .fixed(.none))
    for second in 0..<40 {
      pair.advance(milliseconds: 1_000)
      pair.exchange()
      if second < 30 { #expect(!pair.client.events.contains(.stopped(ids[0], .stalled))) }
    }
    let ends = ids.map { pair.server.readAll($0).end }
    let stoppedCount = ends.count { end in
      if case .failed(let error) = end { return error.code == .stalled }
      return false
    }
    // 500,000 bytes of budget bear 8 of them.
    #expect(stoppedCount == 17 - 8)
    guard case .failed = ends[0] else {
      Issue.record("the first one was not stopped")
      return
    }
    #expect(pair.client.events.contains(.stopped(ids[0], .stalled)))
  }

  @Test("a window never grows into what is kept for readers that stall (SPEC CRD-9)")
  func keptBack() {
    var credit = SessionReceiveCredit(window: 1 << 20, budget: 8 << 20)
    var now = Instant(nanoseconds: 0)
    for _ in 0..<50 {
      now = Instant(nanoseconds: now.nanoseconds + 1_000_000)
      credit.charge(credit.window)
      credit.consume(credit.window, recovered: 0)
      credit.tune(roundTripNanoseconds: 1_000_000, now: now)
    }
    #expect(credit.window == 6 << 20)
    #expect(credit.writeOffRoom == 2 << 20)
  }

  @Test("a window shrinks again when less is read in a round trip (SPEC CRD-8)")
  func shrinkingWindow() {
    var tuner = WindowTuner(window: 1_000)
    var now = Instant(nanoseconds: 0)
    var consumed: UInt64 = 0
    func step(_ units: UInt64) {
      consumed += units
      now = Instant(nanoseconds: now.nanoseconds + 10)
      tuner.tune(consumed: consumed, roundTripNanoseconds: 10, now: now, bounds: 1_000...100_000)
    }
    for _ in 0..<10 { step(tuner.window) }
    #expect(tuner.window == 100_000)
    for _ in 0..<50 { step(10) }
    #expect(tuner.window == 1_000)
  }

  @Test("each stream's window grows with what is read of it, whichever of them comes first (SPEC CRD-8)")
  func windowsOfAll() throws {
    var server = SessionConfiguration()
    server.streamWindowByteCount = 65_536
    var client = SessionConfiguration()
    client.compression = .fixed(.none)
    var pair = EnginePair.established(client: client, server: server)
    let ids = try (0..<4).map { _ in try pair.client.session.open() }
    for _ in 0..<200 {
      for id in ids { _ = try pair.client.session.write(ByteBuffer(repeating: 7, count: 32_768), to: id) }
      pair.advance(milliseconds: 1)
      pair.server.receive(pair.client.transmit(now: pair.now), now: pair.now)
      for id in ids { _ = pair.server.readAll(id) }
      pair.advance(milliseconds: 1)
      pair.client.receive(pair.server.transmit(now: pair.now), now: pair.now)
    }
    for id in ids {
      let receive = try #require(pair.server.session.streams[id]?.receive)
      #expect(receive.grantedLimit - receive.received > 65_536, "\(id)")
    }
  }
}
