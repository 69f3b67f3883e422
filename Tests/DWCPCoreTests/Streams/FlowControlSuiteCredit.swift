import DWCPCore
import NIOCore
import Testing

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
    var pair = EnginePair.established(server: serverSide)
    let stopped = try pair.client.session.open(compression: .fixed(.zstdDefault))
    let waiting = try pair.client.session.open(compression: .fixed(.none))
    pair.exchange()
    _ = try pair.client.session.write(ByteBuffer(repeating: 1, count: 2 << 20), to: stopped)
    // Blocks at the codec have taken all of the session's credit; their jobs never come back.
    while pair.client.session.nextJob() != nil {}
    _ = try pair.client.session.write(ByteBuffer(repeating: 2, count: 1_000), to: waiting)
    pair.exchange()
    #expect(pair.server.readAll(waiting).bytes.isEmpty)
    pair.server.session.stop(stopped, code: .cancelled)
    pair.exchange()
    #expect(pair.server.readAll(waiting).bytes.count == 1_000)
  }
}
