import DWCPCore
import NIOCore
import Testing

/// What the engine counts about streams and sessions, seen from both ends.
@Suite struct MultiplexingSuiteCounters {
  /// One stream from the client, with bytes on it, that ends as `act` says.
  private static func outcomes(
    _ act: (inout EnginePair, StreamID) throws -> Void
  ) throws -> (client: SessionCounters, server: SessionCounters) {
    var pair = EnginePair.established()
    let id = try pair.client.send("some bytes", finishes: false)
    pair.exchange()
    try act(&pair, id)
    pair.exchange()
    _ = pair.server.readAll(id)
    _ = pair.client.readAll(id)
    pair.server.session.release(id)
    pair.client.session.release(id)
    pair.exchange()
    #expect(pair.client.session.streamCount == 0 || pair.client.session.phase == .closed)
    return (pair.client.session.counters, pair.server.session.counters)
  }

  private static func only(_ place: WritableKeyPath<StreamOutcomeCounters, UInt64>) -> StreamOutcomeCounters {
    var counters = StreamOutcomeCounters()
    counters[keyPath: place] = 1
    return counters
  }

  @Test("a stream that both ends finish is finished at both (SPEC STR-8)")
  func finished() throws {
    let (client, server) = try Self.outcomes { pair, id in
      _ = pair.server.readAll(id)
      try pair.client.session.finish(id)
      try pair.server.session.finish(id)
    }
    #expect(client.streamsClosed == Self.only(\.finished))
    #expect(server.streamsClosed == Self.only(\.finished))
    #expect(client.resetsSent.total == 0 && server.resetsSent.total == 0)
  }

  @Test("RESET counts for the end that sent it (SPEC STR-9)")
  func reset() throws {
    let (client, server) = try Self.outcomes { pair, id in
      pair.client.session.reset(id, code: .internal)
      try pair.server.session.finish(id)
    }
    #expect(client.streamsClosed == Self.only(\.resetByThisEnd))
    #expect(server.streamsClosed == Self.only(\.resetByPeer))
    #expect(client.resetsSent[.internal] == 1 && client.resetsSent.total == 1)
    #expect(server.resetsReceived == client.resetsSent)
  }

  @Test("STOP counts for the end that sent it, and not for the one that answers with RESET (SPEC STR-10)")
  func stop() throws {
    let (client, server) = try Self.outcomes { pair, id in
      pair.server.session.stop(id, code: .stalled)
      try pair.server.session.finish(id)
    }
    #expect(client.streamsClosed == Self.only(\.resetByPeer))
    #expect(server.streamsClosed == Self.only(\.resetByThisEnd))
    #expect(client.resetsSent[.stalled] == 1 && server.resetsReceived[.stalled] == 1)
  }

  @Test("an end that leaves unread bytes behind has cut the stream short (SPEC STR-4)")
  func abandoned() throws {
    let (client, server) = try Self.outcomes { pair, id in
      try pair.server.session.finish(id)
      pair.server.session.release(id)
      pair.exchange()
    }
    #expect(client.streamsClosed == Self.only(\.resetByPeer))
    #expect(server.streamsClosed == Self.only(\.resetByThisEnd))
  }

  @Test("streams that are open when the session ends count once, whatever is done with them later (SPEC END-4)")
  func sessionEnded() throws {
    let (client, server) = try Self.outcomes { pair, _ in pair.client.session.close(.noError, text: "") }
    #expect(client.streamsClosed == Self.only(\.sessionEnded))
    #expect(server.streamsClosed == Self.only(\.sessionEnded))
    #expect(client.sessionsClosed.orderly == 1 && server.sessionsClosed.orderly == 1)
  }

  @Test("codes that SPEC does not give to the wire share one place, so that no peer can fill a table (SPEC ERR-1)")
  func otherCodes() throws {
    var pair = EnginePair.established()
    let codes: [UInt32] = [0x18, 0x19, 0x1A, ErrorCode.applicationBase, .max]
    for code in codes {
      let id = try pair.client.send("x", finishes: false)
      pair.client.session.reset(id, code: ErrorCode(rawValue: code))
      pair.exchange()
    }
    let received = pair.server.session.counters.resetsReceived
    #expect(received == pair.client.session.counters.resetsSent)
    #expect(received.other == 4 && received[.digestMismatch] == 1 && received.total == 5)
    #expect(received[ErrorCode(rawValue: .max)] == 4)
    #expect(ResetCounters.codes.count == 25)
  }

  @Test("sessions count by how they ended: in order, by an error, or before the handshake (SPEC END-4, END-5, HS-6)")
  func sessions() {
    var pair = EnginePair.established()
    #expect(pair.server.session.counters.sessionsOpened == 1)
    pair.server.session.endOfInput()
    #expect(pair.server.session.counters.sessionsClosed.failed == 1)
    var stranger = EnginePair()
    stranger.server.receive(ByteBuffer(string: "GET / HTTP/1.1\r\n\r\n"), now: stranger.now)
    stranger.server.session.endOfInput()
    #expect(stranger.server.session.counters.sessionsOpened == 0)
    #expect(stranger.server.session.counters.sessionsClosed.handshakeFailed == 1)
    #expect(stranger.server.session.counters.sessionsClosed.failed == 0)
  }

  @Test("a snapshot tells what is open, what may be, and how long a round trip takes (SPEC STR-3, LIV-1)")
  func snapshot() throws {
    var serverSide = SessionConfiguration()
    serverSide.maximumPeerStreamCount = 16
    var pair = EnginePair.established(server: serverSide)
    let ids = try (0..<12).map { _ in try pair.client.send("x") }
    _ = try pair.server.send("y")
    pair.client.session.ping(now: pair.now)
    let ping = pair.client.transmit(now: pair.now)
    pair.advance(milliseconds: 3)
    pair.server.receive(ping, now: pair.now)
    pair.exchange()
    let (client, server) = (pair.client.session.snapshot, pair.server.session.snapshot)
    #expect(server.openSessionCount == 1)
    #expect(server.peerStreams.openCount == 12 && server.peerStreams.limit == 16)
    #expect(server.localStreams.openCount == 1 && server.localStreams.limit == 256)
    #expect(client.localStreams.openCount == 12 && client.localStreams.limit == 16)
    #expect(client.highestStreamUse == 0.75 && server.highestStreamUse == 0.75)
    #expect(client.roundTrips.highestNanoseconds == 3_000_000 && client.roundTrips.sessionCount == 1)
    #expect(server.roundTrips.sessionCount == 0)
    for id in ids {
      _ = pair.server.readAll(id)
      pair.server.session.release(id)
      pair.client.session.release(id)
    }
    pair.exchange()
    #expect(pair.server.session.snapshot.peerStreams.openCount == 0)
    #expect(pair.client.session.snapshot.localStreams.limit == 16)
    pair.client.session.close(.noError, text: "")
    #expect(pair.client.session.snapshot.openSessionCount == 0)
    #expect(pair.client.session.snapshot.localStreams.limit == 0)
  }
}

/// Sums and differences of counters.
@Suite struct MultiplexingSuiteCounterSums {
  /// Counters of which each one has a value of its own.
  private static func distinct(times factor: UInt64) -> SessionCounters {
    var counters = SessionCounters()
    withUnsafeMutableBytes(of: &counters) { bytes in
      for (place, value) in bytes.bindMemory(to: UInt64.self).indices.enumerated() {
        bytes.storeBytes(of: UInt64(value + 1) * factor, toByteOffset: place * 8, as: UInt64.self)
      }
    }
    return counters
  }

  @Test("a sum holds every counter there is")
  func add() {
    var sum = Self.distinct(times: 1)
    sum.add(Self.distinct(times: 2))
    #expect(sum == Self.distinct(times: 3))
    #expect(sum != Self.distinct(times: 2))
  }

  @Test("progress tells each rise once, and readings that come in the wrong order tell none")
  func progress() {
    var progress = CounterProgress()
    #expect(progress.rise(to: Self.distinct(times: 2)) == Self.distinct(times: 2))
    #expect(progress.rise(to: Self.distinct(times: 1)) == SessionCounters())
    #expect(progress.rise(to: Self.distinct(times: 5)) == Self.distinct(times: 3))
    #expect(progress.rise(to: Self.distinct(times: 5)) == SessionCounters())
    var huge = SessionCounters()
    huge.rawBytesSent = .max
    #expect(progress.rise(to: huge).rawBytesSent == UInt64(Int64.max))
  }

  @Test("the time of a codec counts for the codec that was tried, at both ends")
  func codecTime() throws {
    var pair = EnginePair.established()
    let id = try pair.client.session.open(compression: .fixed(.lz4Default))
    _ = try pair.client.session.write(ByteBuffer(repeating: 7, count: 20_000), to: id)
    var random = SeededGenerator(seed: 3)
    let noise = (0..<4_000).map { _ in UInt8.random(in: 0...255, using: &random) }
    _ = try pair.client.session.write(ByteBuffer(bytes: noise), to: id, endsMessage: true)
    let codecs = CodecContext()
    while let job = pair.client.session.nextJob() {
      pair.client.session.complete(job.run(in: codecs), durationNanoseconds: 1_000, now: pair.now)
    }
    let sent = pair.client.session.counters.sentByCodec
    #expect(sent[.lz4].nanoseconds >= 1_000 && sent[.lz4].nanoseconds.isMultiple(of: 1_000))
    #expect(sent[.none].nanoseconds == 0 && sent[.zstd].nanoseconds == 0)
    pair.server.session.receive(pair.client.transmit(now: pair.now), now: pair.now)
    while let job = pair.server.session.nextJob() {
      pair.server.session.complete(job.run(in: codecs), durationNanoseconds: 500, now: pair.now)
    }
    let received = pair.server.session.counters.receivedByCodec
    #expect(received[.lz4].nanoseconds == received[.lz4].blocks * 500)
    #expect(received[.lz4].wireBytes == pair.client.session.counters.sentByCodec[.lz4].wireBytes)
  }
}
