import DWCPCore
import NIOCore
import Testing

@Suite struct MultiplexingSuiteStreams {
  @Test("metadata, size and urgency arrive with OPEN (SPEC STR-7)")
  func opening() throws {
    var pair = EnginePair.established()
    let opening = StreamOpening(metadata: ["service": "put", "name": "ä/b"], expectedByteCount: 1 << 40, urgency: 7)
    let id = try pair.client.session.open(opening)
    pair.exchange()
    #expect(pair.server.events == [.streamOpened(id, opening)])
  }

  @Test("many streams share the session; each arrives whole and in order (SPEC DAT-7)")
  func manyStreams() throws {
    var pair = EnginePair.established()
    var expected: [StreamID: [UInt8]] = [:]
    for number in 0..<200 {
      let id = try pair.client.session.open()
      let content = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 1_000 * (number % 40))
      _ = try pair.client.session.write(ByteBuffer(bytes: content), to: id)
      try pair.client.session.finish(id)
      expected[id] = content
    }
    pair.exchange(pieceByteCount: 5_000)
    #expect(Set(pair.server.openedStreams) == Set(expected.keys))
    for (id, content) in expected {
      let read = pair.server.readAll(id)
      #expect(read.bytes == content)
      #expect(read.end == .end)
    }
  }

  @Test("both ends open streams; ids are odd and even (SPEC STR-1)")
  func parity() throws {
    var pair = EnginePair.established()
    let fromClient = try pair.client.send("a")
    let fromServer = try pair.server.send("b")
    pair.exchange()
    #expect(fromClient.rawValue == 1)
    #expect(fromServer.rawValue == 2)
    #expect(pair.server.readAll(fromClient).bytes == Array("a".utf8))
    #expect(pair.client.readAll(fromServer).bytes == Array("b".utf8))
  }

  @Test("messages keep their borders, empty ones too (SPEC DAT-8)")
  func messages() throws {
    var pair = EnginePair.established()
    let id = try pair.client.session.open()
    for text in ["one", "", "", "four", ""] {
      _ = try pair.client.session.write(ByteBuffer(string: text), to: id, endsMessage: true)
    }
    _ = try pair.client.session.write(ByteBuffer(string: "tail"), to: id)
    try pair.client.session.finish(id)
    pair.exchange(pieceByteCount: 9)
    let read = pair.server.readAll(id)
    #expect(read.bytes == Array("onefourtail".utf8))
    #expect(read.marks == [3, 3, 3, 7, 7])
    #expect(read.end == .end)
  }

  @Test(
    "a direction ends by itself (SPEC STR-8), and a stream is gone when both have and both applications are done (SPEC STR-4)"
  )
  func halfClose() throws {
    var pair = EnginePair.established()
    let id = try pair.client.send("question")
    pair.exchange()
    #expect(pair.server.readAll(id).end == .end)
    _ = try pair.server.session.write(ByteBuffer(string: "answer"), to: id)
    try pair.server.session.finish(id)
    pair.exchange()
    #expect(pair.client.readAll(id).bytes == Array("answer".utf8))
    #expect(pair.client.session.read(id) == .end)
    pair.client.session.release(id)
    pair.server.session.release(id)
    pair.exchange()
    #expect(pair.client.session.streamCount == 0)
    #expect(pair.server.session.streamCount == 0)
  }

  @Test("RESET drops what was not read and reports its code (SPEC STR-9)")
  func reset() throws {
    var pair = EnginePair.established()
    let id = try pair.client.send("lost", finishes: false)
    pair.exchange()
    pair.client.session.reset(id, code: ErrorCode(rawValue: 0x4000_0001))
    pair.exchange()
    guard case .failed(let error) = pair.server.session.read(id) else {
      Issue.record("the reset was not reported")
      return
    }
    #expect(error.code.rawValue == 0x4000_0001)
    #expect(error.isReportedByPeer)
    #expect(pair.server.session.unreadUnitCount == 0)
  }

  @Test("STOP is answered by RESET with its code, and the writer learns it (SPEC STR-10)")
  func stop() throws {
    var pair = EnginePair.established()
    let id = try pair.client.send("unwanted", finishes: false)
    pair.exchange()
    pair.server.session.stop(id, code: .cancelled)
    pair.exchange()
    #expect(pair.client.events.contains(.stopped(id, .cancelled)))
    #expect(throws: SessionError.self) { try pair.client.session.finish(id) }
    #expect(pair.client.session.counters.resetsSent.total == 1)
    #expect(pair.client.failure == nil && pair.server.failure == nil)
  }

  @Test("the limit on open streams holds, and rises when streams are done (SPEC STR-3, STR-4)")
  func streamLimit() throws {
    var serverSide = SessionConfiguration()
    serverSide.maximumPeerStreamCount = 16
    var pair = EnginePair.established(server: serverSide)
    var ids: [StreamID] = []
    while pair.client.session.canOpenStream { ids.append(try pair.client.send("x")) }
    #expect(ids.count == 16)
    #expect(throws: SessionError(code: .streamLimit, blame: .caller, rule: "", message: "")) {
      try pair.client.session.open()
    }
    pair.exchange()
    for id in ids {
      _ = pair.server.readAll(id)
      pair.server.session.release(id)
      pair.client.session.release(id)
    }
    pair.exchange()
    #expect(pair.client.session.canOpenStream)
    #expect(pair.client.events.contains(.streamLimitRaised))
  }

  @Test("GOAWAY in two phases: streams under way finish, then CLOSE (SPEC END-1, END-2)")
  func drain() throws {
    var pair = EnginePair.established()
    let id = try pair.client.send("last", finishes: false)
    pair.exchange()
    pair.server.session.drain(now: pair.now)
    pair.exchange()
    #expect(!pair.client.session.canOpenStream)
    #expect(pair.client.session.phase == .open)
    try pair.client.session.finish(id)
    pair.client.session.release(id)
    pair.exchange()
    #expect(pair.server.readAll(id).bytes == Array("last".utf8))
    pair.server.session.release(id)
    pair.exchange()
    #expect(pair.server.session.phase == .closed)
    #expect(pair.client.session.phase == .closed)
    #expect(pair.client.events.last == .ended(nil))
  }

  @Test("a stream opened across GOAWAY is refused and may be tried elsewhere (SPEC END-3)")
  func openAcrossGoAway() throws {
    var pair = EnginePair.established()
    let first = try pair.client.send("in time", finishes: false)
    pair.exchange()
    pair.server.session.drain(now: pair.now)
    pair.advance(milliseconds: 1_000)
    _ = pair.server.transmit(now: pair.now)
    let late = try pair.client.send("late")
    pair.server.receive(pair.client.transmit(now: pair.now), now: pair.now)
    #expect(pair.server.openedStreams == [first])
    pair.client.receive(pair.server.transmit(now: pair.now), now: pair.now)
    #expect(pair.client.failure == nil)
    guard case .failed(let error) = pair.client.session.read(late) else {
      Issue.record("the late stream was not refused")
      return
    }
    #expect(error.code == .refusedStream)
  }

  @Test("sessions are values: a copy goes its own way, and the same steps lead to the same state")
  func copies() throws {
    var one = EnginePair.established()
    var other = one
    #expect(one.client.session == other.client.session)
    #expect(one.client.session.hashValue == other.client.session.hashValue)
    _ = try one.client.send("same")
    #expect(one.client.session != other.client.session)
    _ = try other.client.send("same")
    #expect(one.client.session == other.client.session)
    one.exchange()
    other.exchange()
    #expect(one.server.session == other.server.session)
  }

  @Test("what is done to a copy, whatever it was copied in the middle of, changes nothing here", arguments: 0..<50)
  func busyCopies(seed: UInt64) throws {
    let alone = try steps(seed: seed, copying: false)
    let beside = try steps(seed: seed, copying: true)
    #expect(alone.seen == beside.seen)
    #expect(alone.pair.client.session == beside.pair.client.session)
    #expect(alone.pair.server.session == beside.pair.server.session)
    for id in Set(alone.seen.map(\.id)) {
      let steps = alone.seen.filter { $0.id == id }
      #expect(steps.flatMap(\.written) == steps.flatMap(\.read))
    }
  }

  /// What was written to a stream, and read of it at the other end.
  private struct Step: Equatable {
    let id: StreamID
    var written: [UInt8] = []
    var read: [UInt8] = []
    var marks: [Int] = []
  }

  /// Writes, reads and exchanges on a few streams, in an order of the seed, and reads all that is left; before each step something else is done to a copy, if
  /// asked for.
  private func steps(seed: UInt64, copying: Bool) throws -> (pair: EnginePair, seen: [Step]) {
    var pair = EnginePair.established()
    var random = SeededGenerator(seed: seed)
    var noise = SeededGenerator(seed: ~seed)
    let ids = try (0..<6).map { _ in try pair.client.session.open() }
    var copies: [EnginePair] = []
    var seen: [Step] = []
    for _ in 0..<60 {
      if copying {
        var copy = pair
        for _ in 0..<4 { _ = try step(&copy, ids, &noise) }
        // Some live on for a while.
        copies = copies.suffix(3) + [copy]
      }
      seen.append(try step(&pair, ids, &random))
    }
    pair.exchange()
    for id in ids { seen.append(Step(id: id, read: pair.server.readAll(id).bytes)) }
    return (pair, seen)
  }

  private func step(_ pair: inout EnginePair, _ ids: [StreamID], _ random: inout SeededGenerator) throws -> Step {
    var step = Step(id: ids[Int.random(in: 0..<ids.count, using: &random)])
    switch Int.random(in: 0..<8, using: &random) {
    case 0...3:
      step.written = (0..<Int.random(in: 1...200, using: &random)).map { _ in .random(in: 0...255, using: &random) }
      let endsMessage = Bool.random(using: &random)
      _ = try pair.client.session.write(ByteBuffer(bytes: step.written), to: step.id, endsMessage: endsMessage)
    case 4, 5:
      pair.server.receive(pair.client.transmit(now: pair.now), now: pair.now)
      pair.client.receive(pair.server.transmit(now: pair.now), now: pair.now)
    case 6:
      if case .bytes(let bytes, _) = pair.server.session.read(step.id, maximumByteCount: 50) {
        step.read = Array(bytes.readableBytesView)
      }
    default:
      let all = pair.server.readAll(step.id)
      (step.read, step.marks) = (all.bytes, all.marks)
    }
    return step
  }
}
