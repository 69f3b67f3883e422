import DWCPCore
import DWCPNIO
import NIOCore
import Testing

/// What the metrics say about real transfers, beside what a relay in the middle saw.
@Suite(.timeLimit(.minutes(5)), .serialized) struct MetricsSuiteTruth {
  @Test("raw and wire bytes, by direction and by codec, are those of the wire to the byte", arguments: Codec.allCases)
  func transfer(codec: Codec) async throws {
    let contents = [text(byteCount: 300_000), noise(byteCount: 200_000), noise(byteCount: 50)]
    let rawByteCount = contents.reduce(0) { $0 + $1.count }
    let setting = try #require(CompressionSetting(codec.name))
    var (server, client) = (Meters(), Meters())
    let truth = try await Self.transcripts(server, client, setting, onStream: echo) { session in
      for content in contents {
        try await session.withStream { stream in
          try await stream.write(ByteBuffer(bytes: content))
          try await stream.finish()
          var answer: [UInt8] = []
          while let chunk = try await stream.read() { answer += Array(chunk.bytes.readableBytesView) }
          #expect(answer == content)
        }
      }
    }
    let transcript = try #require(truth.first)
    try #require(truth.count == 1)
    for (scrape, sent, received) in [
      (await client.read(), transcript.toServer, transcript.toClient),
      (await server.read(), transcript.toClient, transcript.toServer),
    ] {
      Self.expectBytes(scrape, "sent", sent, rawByteCount: rawByteCount)
      Self.expectBytes(scrape, "received", received, rawByteCount: rawByteCount)
      let stored = WireTruth(sent).byCodec[Codec.none.rawValue]?.fullFrames ?? 0
      let tried = scrape[#"dwcp_codec_stored_blocks_total{reason="tried"}"#] ?? -1
      let untried = scrape[#"dwcp_codec_stored_blocks_total{reason="untried"}"#] ?? -1
      #expect(tried + untried == (codec == .none ? 0 : stored))
      for other in ["lz4", "zstd"] {
        for operation in ["encode", "decode"] {
          let seconds = scrape.real("dwcp_codec_seconds_total{codec=\"\(other)\",operation=\"\(operation)\"}")
          #expect(codec.name == other ? (seconds ?? 0) > 0 : seconds == 0)
        }
      }
      #expect(scrape[#"dwcp_streams_closed_total{outcome="finished"}"#] == 3)
      #expect(scrape["dwcp_sessions_opened_total"] == 1)
      #expect(scrape[#"dwcp_sessions_closed_total{outcome="orderly"}"#] == 1)
      #expect(scrape["dwcp_sessions_open"] == 0)
    }
  }

  private static func expectBytes(_ scrape: Scrape, _ direction: String, _ bytes: [UInt8], rawByteCount: Int) {
    let truth = WireTruth(bytes)
    #expect(scrape["dwcp_wire_bytes_total{direction=\"\(direction)\"}"] == bytes.count)
    #expect(scrape["dwcp_raw_bytes_total{direction=\"\(direction)\"}"] == rawByteCount)
    let frameCount = scrape["dwcp_frames_total{direction=\"\(direction)\"}"] ?? -1
    // The last words of the other end may come when this end is through.
    let leastFrameCount = truth.frameCount - (direction == "sent" ? 0 : 3)
    #expect((leastFrameCount...truth.frameCount).contains(frameCount))
    for codec in Codec.allCases {
      let traffic = truth.byCodec[codec.rawValue] ?? WireTruth.Traffic()
      let labels = "{codec=\"\(codec.name)\",direction=\"\(direction)\"}"
      #expect(scrape["dwcp_codec_raw_bytes_total" + labels] == traffic.rawBytes)
      #expect(scrape["dwcp_codec_wire_bytes_total" + labels] == traffic.wireBytes)
      #expect(scrape["dwcp_codec_blocks_total" + labels] == traffic.frames)
      let ratio = traffic.frames == 0 ? nil : Double(traffic.rawBytes) / Double(traffic.wireBytes)
      #expect(scrape.real("dwcp_codec_compression_ratio" + labels) == ratio)
    }
  }

  @Test("what dictionaries came to is what the wire carried (SPEC DIC-1, DIC-2)")
  func dictionaries() async throws {
    var (server, client) = (Meters(), Meters())
    let message = text(byteCount: 150) + noise(byteCount: 100)
    let truth = try await Self.transcripts(server, client, .zstdDefault, onStream: echo) { session in
      for number in 0..<2 as Range<UInt8> {
        let dictionary = try CompressionDictionary(message + [number])
        try await session.offer(dictionary)
        try await eventually("dictionary \(number) is accepted") {
          (try? await session.dictionaryInUse()) == dictionary
        }
        try await session.withStream { stream in
          try await stream.write(ByteBuffer(bytes: message), endsMessage: true)
          #expect(try await stream.readMessage() == ByteBuffer(bytes: message))
        }
      }
      // The first retires when its last block has been acknowledged.
      try await eventually("a dictionary retires") {
        (try? await session.counters().dictionaries.sent.retired) == 1
      }
    }
    let bytes = try #require(truth.first).toServer
    let traffic = WireTruth(bytes).withDictionary
    #expect(traffic.frames == 2 && traffic.rawBytes == 500 && traffic.wireBytes < 200)
    for (scrape, direction) in [(await client.read(), "sent"), (await server.read(), "received")] {
      let other = direction == "sent" ? "received" : "sent"
      for (step, count) in [("offered", 2), ("accepted", 2), ("rejected", 0), ("retired", 1)] {
        #expect(scrape["dwcp_dictionaries_total{direction=\"\(direction)\",step=\"\(step)\"}"] == count, "\(step)")
        #expect(scrape["dwcp_dictionaries_total{direction=\"\(other)\",step=\"\(step)\"}"] == 0)
      }
      #expect(scrape["dwcp_dictionary_blocks_total{direction=\"\(direction)\"}"] == traffic.frames)
      #expect(scrape["dwcp_dictionary_raw_bytes_total{direction=\"\(direction)\"}"] == traffic.rawBytes)
      #expect(scrape["dwcp_dictionary_wire_bytes_total{direction=\"\(direction)\"}"] == traffic.wireBytes)
      #expect(scrape["dwcp_dictionary_blocks_total{direction=\"\(other)\"}"] == 0)
    }
  }

  @Test(
    "what objects came to is what the wire carried, those whose base is missing or dropped too (SPEC BAS-1 to BAS-5)")
  func objects() async throws {
    var (server, client) = (Meters(), Meters())
    let (object, lost) = (ObjectName(number: 1), ObjectName(number: 2))
    let first = noise(byteCount: 40 * 4_096)
    var second = first
    for page in [3, 4, 30] { second[page * 4_096] ^= 1 }
    let statistics = [client.statistics, server.statistics]
    let truth = try await Self.transcripts(server, client, .zstdDefault) { stream in
      while try await stream.read() != nil {}
      if stream.opening["drop"] != nil { try await stream.session.dropObject(object) }
    } body: { session in
      func send(_ content: [UInt8], _ name: ObjectName) async throws -> UInt64 {
        try await session.withVersion(of: name, byteCount: content.count) { stream in
          try await stream.writePages(ByteBuffer(bytes: content), at: 0)
        }.version
      }
      #expect(try await send(first, object) == 1)
      #expect(try await send(second, object) == 2)
      let held = [await statistics[0].snapshot(), await statistics[1].snapshot()]
      #expect(held.map(\.outgoingObjectByteCount) == [3 * 65_536, 0])
      #expect(held.map(\.incomingObjectByteCount) == [0, 3 * 65_536])
      // The other end has nothing of this one.
      #expect(try await session.adoptOutgoing(ObjectImage(ByteBuffer(bytes: first)), of: lost, version: 9))
      #expect(try await send(second, lost) == 0)
      try await session.withStream(StreamOpening(metadata: ["drop": "1"])) { _ in }
      try await eventually("the object is dropped") {
        await statistics[0].snapshot().counters.objects.sent.dropped == 1
      }
    }
    let traffic = WireTruth(try #require(truth.first).toServer).withPages
    // 40 pages in two blocks, 3 in one, and 3 in one that is replaced.
    #expect(traffic.frames == 5 && traffic.rawBytes == 49 * 4_096)
    for (scrape, direction) in [(await client.read(), "sent"), (await server.read(), "received")] {
      let other = direction == "sent" ? "received" : "sent"
      for (name, value) in [
        ("version_bytes", 2 * first.count), ("raw_bytes", 46 * 4_096), ("wire_bytes", traffic.wireBytes),
        ("mismatches", 1), ("replaced_blocks", 1), ("drops", 1),
      ] {
        #expect(scrape["dwcp_object_\(name)_total{direction=\"\(direction)\"}"] == value, "\(direction) \(name)")
        #expect(scrape["dwcp_object_\(name)_total{direction=\"\(other)\"}"] == 0, "\(other) \(name)")
      }
      for (outcome, count) in [("stood", 2), ("failed", 1)] {
        let sample = "dwcp_object_versions_total{direction=\"\(direction)\",outcome=\"\(outcome)\"}"
        #expect(scrape[sample] == count, "\(sample)")
      }
      #expect(scrape["dwcp_object_unchanged_pages_total"] == (direction == "sent" ? 2 * 37 : 0))
      #expect(scrape["dwcp_object_held_bytes{direction=\"\(direction)\"}"] == 0)
    }
  }

  @Test("resets and outcomes are those of the wire, each by its code")
  func resets() async throws {
    var (server, client) = (Meters(), Meters())
    let codes =
      [ErrorCode.unknownService, .unknownService, .internal] + Array(repeating: ErrorCode(rawValue: 1 << 30), count: 3)
    let truth = try await Self.transcripts(server, client, .none) { stream in
      let number = stream.opening["code"].flatMap { UInt32($0) } ?? 0
      throw SessionError(code: ErrorCode(rawValue: number), blame: .caller, rule: "", message: "as asked for")
    } body: { session in
      for code in codes {
        try? await session.withStream(StreamOpening(metadata: ["code": "\(code.rawValue)"])) { stream in
          _ = try await stream.read()
          Issue.record("a reset stream was read")
        }
      }
    }
    let transcript = try #require(truth.first)
    let (clientScrape, serverScrape) = (await client.read(), await server.read())
    for (scrape, sent, received, outcome) in [
      (clientScrape, transcript.toServer, transcript.toClient, "reset_peer"),
      (serverScrape, transcript.toClient, transcript.toServer, "reset_local"),
    ] {
      #expect(WireTruth(sent).resetsByCode == [0x13: 2, 0x01: 1, 1 << 30: 3])
      for (direction, bytes) in [("sent", sent), ("received", received)] {
        let resets = WireTruth(bytes).resetsByCode
        for (code, label) in [
          (UInt32(0x13), "UNKNOWN_SERVICE"), (0x01, "INTERNAL"), (1 << 30, "other"), (0x11, "CANCELLED"),
        ] {
          let sample = "dwcp_stream_resets_total{code=\"\(label)\",direction=\"\(direction)\"}"
          #expect(scrape[sample] == resets[code] ?? 0, "\(sample)")
        }
      }
      #expect(scrape["dwcp_streams_closed_total{outcome=\"\(outcome)\"}"] == codes.count)
      #expect(scrape[#"dwcp_streams_closed_total{outcome="finished"}"#] == 0)
    }
    #expect(clientScrape[#"dwcp_streams_opened_total{opener="local"}"#] == codes.count)
    #expect(serverScrape[#"dwcp_streams_opened_total{opener="peer"}"#] == codes.count)
  }

  @Test("counters never go back while sessions come, work and end, and add up to the truth")
  func monotonic() async throws {
    let server = Meters()
    let rounds = 12
    let byteCount = 200_000
    let isDone = Flag()
    try await withServer(
      host: "127.0.0.1", port: 0, configuration: server.configuration(.lz4Default), onStream: echo
    ) { listening in
      let port = try #require(listening.localAddress?.port)
      async let scrapes = Self.scrapeAll(server, until: isDone)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for client in 0..<3 {
          group.addTask {
            for round in 0..<rounds {
              try await Self.roundTrip(port: port, content: text(byteCount: byteCount + client + round))
            }
          }
        }
        try await group.waitForAll()
      }
      try await eventually("all sessions end") { await server.statistics.snapshot().openSessionCount == 0 }
      isDone.set()
      let readings = await scrapes
      #expect(readings.count > 3)
      for (earlier, later) in zip(readings, readings.dropFirst()) {
        for (name, value) in earlier.counters { #expect((later.counters[name] ?? -1) >= value, "\(name)") }
      }
      let raw = 3 * rounds * byteCount + (0..<3).reduce(0) { $0 + rounds * $1 + rounds * (rounds - 1) / 2 }
      let last = try #require(readings.last)
      #expect(last[#"dwcp_raw_bytes_total{direction="received"}"#] == raw)
      #expect(last[#"dwcp_raw_bytes_total{direction="sent"}"#] == raw)
      #expect(last[#"dwcp_sessions_closed_total{outcome="orderly"}"#] == 3 * rounds)
      #expect(last[#"dwcp_streams_opened_total{opener="peer"}"#] == 3 * rounds)
    }
  }

  private static func scrapeAll(_ meters: Meters, until isDone: Flag) async -> [Scrape] {
    var meters = meters
    var readings: [Scrape] = []
    while !isDone.isSet {
      readings.append(await meters.read())
      // Without a rest the scrapes would take the threads that the sessions need.
      try? await Task.sleep(for: .milliseconds(5))
    }
    readings.append(await meters.read())
    return readings
  }

  private static func roundTrip(port: Int, content: [UInt8]) async throws {
    try await withSession(host: "127.0.0.1", port: port, configuration: Meters().configuration(.lz4Default)) {
      session in
      try await session.withStream { stream in
        try await stream.write(ByteBuffer(bytes: content))
        try await stream.finish()
        while try await stream.read() != nil {}
      }
    }
  }

  @Test("round trips are those of the open sessions, and none is not zero")
  func roundTrips() async throws {
    var server = Meters()
    try await withServer(host: "127.0.0.1", port: 0, configuration: server.configuration(), onStream: echo) {
      listening in
      let port = try #require(listening.localAddress?.port)
      try await withSession(host: "127.0.0.1", port: port, configuration: Meters().configuration()) { session in
        _ = try await session.agreement()
        #expect(await server.read().samples["dwcp_round_trip_seconds"] == "NaN")
        #expect(await server.read()["dwcp_sessions_open"] == 1)
        server.statistics.measureRoundTrips()
        let statistics = server.statistics
        try await eventually("a round trip") { await statistics.snapshot().roundTrips.sessionCount == 1 }
        let seconds = try #require(await server.read().real("dwcp_round_trip_seconds"))
        #expect(seconds > 0 && seconds < 5)
      }
      let statistics = server.statistics
      try await eventually("the session ends") { await statistics.snapshot().openSessionCount == 0 }
      #expect(await server.read().samples["dwcp_round_trip_max_seconds"] == "NaN")
    }
  }

  /// One session through a relay; what the relay saw when everything had ended.
  private static func transcripts(
    _ server: Meters, _ client: Meters, _ setting: CompressionSetting,
    onStream: @escaping @Sendable (SessionStream) async throws -> Void, body: (LiveSession) async throws -> Void
  ) async throws -> [CountingProxy.Transcript] {
    try await withServer(
      host: "127.0.0.1", port: 0, configuration: server.configuration(setting), onStream: onStream
    ) { listening in
      let port = try #require(listening.localAddress?.port)
      return try await CountingProxy.run(to: port) { proxy, proxyPort in
        try await withSession(
          host: "127.0.0.1", port: proxyPort, configuration: client.configuration(setting)
        ) { session in
          // Before the handshake blocks go stored without having been asked to compress (SPEC HS-2).
          _ = try await session.agreement()
          try await body(session)
        }
        try await eventually("both ends and the relay see the end") {
          proxy.isIdle && server.statistics.connectionCount == 0 && client.statistics.connectionCount == 0
        }
        return proxy.transcripts
      }
    }
  }
}
