import DWCPCore
import DWCPLinkEmulation
import DWCPNIO
import NIOCore
import NIOPosix
import Testing

/// The relay between real sockets. Bounds from below hold on any machine; those from above are wide, for busy ones.
@Suite(.timeLimit(.minutes(2))) struct RelaySuite {
  private static let plenty = Duration.seconds(60)

  @Test("an echo takes at least both delays")
  func delay() async throws {
    var emulation = LinkEmulation(LinkConditions(delayNanoseconds: 40 * milliseconds), seed: 1)
    emulation.toClient.delayNanoseconds = 25 * milliseconds
    try await withEchoServer { port in
      try await withLinkRelay(toHost: "127.0.0.1", port: port, emulation: emulation) { relay in
        try await withConnection(to: relay) { inbound, outbound in
          for seed: UInt64 in 0..<3 {
            let begin = ContinuousClock.now
            try await outbound.write(noise(64, seed: seed))
            #expect(try await inbound.next(64) == noise(64, seed: seed))
            let elapsed = ContinuousClock.now - begin
            #expect(elapsed >= .milliseconds(65) && elapsed < Self.plenty)
          }
        }
      }
    }
  }

  @Test("bulk for two seconds at 100 Mb/s is not faster than that, and arrives whole")
  func rate() async throws {
    let emulation = LinkEmulation(
      LinkConditions(delayNanoseconds: 5 * milliseconds, rateBitsPerSecond: 100_000_000), seed: 1)
    let byteCount = 25_000_000
    let bytes = noise(byteCount)
    try await withSink { port, sink in
      try await withLinkRelay(toHost: "127.0.0.1", port: port, emulation: emulation) { relay in
        try await withConnection(to: relay) { _, outbound in
          let begin = ContinuousClock.now
          try await outbound.write(bytes)
          outbound.finish()
          #expect(try await sink.wholeConnection() == bytes)
          let elapsed = ContinuousClock.now - begin
          #expect(elapsed >= .milliseconds(2_005))
          // On a machine with time to spare it is 2.01 to 2.03 s.
          #expect(elapsed < Self.plenty)
        }
        #expect(try await relay.counters().toServerByteCount == UInt64(byteCount))
      }
    }
  }

  @Test("a stall holds everything, back-pressure bounds what is held, and it resumes with all bytes")
  func stall() async throws {
    var conditions = LinkConditions()
    conditions.bufferByteCount = 300_000
    let bytes = noise(20_000_000)
    try await withSink { port, sink in
      try await withLinkRelay(
        toHost: "127.0.0.1", port: port, emulation: LinkEmulation(conditions, seed: 1)
      ) { relay in
        try await relay.stall()
        try await withConnection(to: relay) { _, outbound in
          async let writing: Void = outbound.write(bytes)
          try await waitUntil { try await relay.counters().acceptedFromClientByteCount >= 300_000 }
          try await Task.sleep(for: .milliseconds(200))
          let counters = try await relay.counters()
          #expect(counters.toServerByteCount == 0)
          #expect(counters.acceptedFromClientByteCount <= 300_000 + 65_536)
          try await relay.resume()
          try await writing
          outbound.finish()
          #expect(try await sink.wholeConnection() == bytes)
        }
      }
    }
  }

  @Test("a receiver that does not read stops the sender, and then gets everything")
  func slowReceiver() async throws {
    var conditions = LinkConditions(delayNanoseconds: milliseconds)
    conditions.bufferByteCount = 100_000
    let bytes = noise(30_000_000)
    try await withSink(pause: .milliseconds(500)) { port, sink in
      try await withLinkRelay(toHost: "127.0.0.1", port: port, emulation: LinkEmulation(conditions, seed: 1)) { relay in
        try await withConnection(to: relay) { _, outbound in
          try await outbound.write(bytes)
          outbound.finish()
          #expect(try await sink.wholeConnection() == bytes)
        }
      }
    }
  }

  @Test("half-closes travel behind the bytes")
  func halfClose() async throws {
    let emulation = LinkEmulation(
      LinkConditions(delayNanoseconds: 2 * milliseconds, rateBitsPerSecond: 400_000_000), seed: 1)
    let bytes = noise(3_000_000)
    try await withEchoServer { port in
      try await withLinkRelay(toHost: "127.0.0.1", port: port, emulation: emulation) { relay in
        try await withConnection(to: relay) { inbound, outbound in
          async let writing: Void = outbound.write(bytes)
          let first = try await inbound.next(1_000_000)
          try await writing
          outbound.finish()
          var echo = first
          echo.writeImmutableBuffer(try await inbound.rest())
          #expect(echo == bytes)
        }
        try await waitUntil { try await relay.counters().openConnectionCount == 0 }
        #expect(try await relay.counters().killedConnectionCount == 0)
      }
    }
  }

  @Test("a kill by command ends both sides")
  func killByCommand() async throws {
    try await withSink { port, sink in
      try await withLinkRelay(toHost: "127.0.0.1", port: port, emulation: LinkEmulation(LinkConditions(), seed: 1)) {
        relay in
        try await withConnection(to: relay) { inbound, outbound in
          try await outbound.write(noise(1_000))
          try await waitUntil { try await relay.counters().toServerByteCount == 1_000 }
          try await relay.kill()
          await expectBreak { try await inbound.rest() }
          await expectBreak { try await sink.wholeConnection() }
        }
        let counters = try await relay.counters()
        #expect(counters.killedConnectionCount == 1 && counters.openConnectionCount == 0)
      }
    }
  }

  @Test("a kill by schedule lets exactly so many bytes out of the link")
  func killAtOffset() async throws {
    var emulation = LinkEmulation(LinkConditions(), seed: 1)
    emulation.toServer.kill = .atByteOffset(123_456)
    try await withSink { port, sink in
      try await withLinkRelay(toHost: "127.0.0.1", port: port, emulation: emulation) { relay in
        try await withConnection(to: relay) { inbound, outbound in
          try? await outbound.write(noise(1_000_000))
          await expectBreak { try await inbound.rest() }
          await expectBreak { try await sink.wholeConnection() }
        }
        #expect(try await relay.counters().toServerByteCount == 123_456)
      }
    }
  }

  @Test("a target that cannot be reached ends the client's connection")
  func unreachable() async throws {
    // A port that was free a moment ago.
    let port = try await withSink { port, _ in port }
    try await withLinkRelay(toHost: "127.0.0.1", port: port, emulation: LinkEmulation(LinkConditions(), seed: 1)) {
      relay in
      // It may be gone before the client has been told that it was there.
      await expectBreak {
        try await withConnection(to: relay) { inbound, _ in try await inbound.rest() }
      }
      // And not for want of a relay.
      let counters = try await relay.counters()
      #expect(counters.connectionCount == 1)
      #expect(counters.killedConnectionCount == 1)
    }
  }

  @Test("a DWCP session works across the relay, and measures its round trip")
  func session() async throws {
    let emulation = LinkEmulation(LinkConditions(delayNanoseconds: 15 * milliseconds), seed: 1)
    try await withServer(host: "127.0.0.1", port: 0) { stream in
      while let message = try await stream.readMessage() { try await stream.write(message, endsMessage: true) }
    } body: { server in
      let port = try #require(server.localAddress?.port)
      try await withLinkRelay(toHost: "127.0.0.1", port: port, emulation: emulation) { relay in
        let answer = try await withSession(host: "127.0.0.1", port: relay.port) { session in
          try await session.withStream { stream in
            try await stream.write(noise(500_000), endsMessage: true)
            return try await stream.readMessage()
          }
        }
        #expect(answer == noise(500_000))
      }
    }
  }
}
