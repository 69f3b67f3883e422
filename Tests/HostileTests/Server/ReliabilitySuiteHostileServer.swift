import DWCPCore
import DWCPNIO
import HostileSimulation
import NIOCore
import Synchronization
import Testing

/// Attacks for which a real server needs no virtual clock and no particular application.
private let quickAttacks = [Attack.onSession, Attack.onStreams, Attack.onLengths, Attack.onEvidence].joined().filter {
  attack in
  guard case .refused = attack.ending, case .serves = attack.owner else { return false }
  return attack.readsReplies && attack.nanosecondsPerSalvo == 0 && attack.configuration == .tight
}

/// Set once, seen from all tasks.
private final class Flag: Sendable {
  private let value = Atomic(false)

  var isSet: Bool { value.load(ordering: .relaxed) }

  func set() {
    value.store(true, ordering: .relaxed)
  }
}

extension ReliabilitySuiteHostile {
  /// A real server, with sockets.
  @Suite(.timeLimit(.minutes(3))) struct OnServer {
    @Test(
      "attackers get their code, and an honest session beside them goes on and gets its bytes right (SPEC ERR-1, MEM-1)"
    )
    func neighbours() async throws {
      try await withHostileServer { server, port in
        let isHonestDone = Flag()
        let areAttackersDone = Flag()
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask {
            repeat {
              for attack in quickAttacks { try await fight(attack, port: port) }
            } while !isHonestDone.isSet
            areAttackersDone.set()
          }
          group.addTask {
            try await withSession(host: "127.0.0.1", port: port, configuration: .tight) { session in
              var count = 0
              // Until every attack has been met, and at least so many.
              while count < 100 || !areAttackersDone.isSet {
                try await exchange(count, over: session, byteCount: count % 20 == 0 ? 500_000 : 8)
                count += 1
                if count >= 100 { isHonestDone.set() }
              }
            }
          }
          try await group.waitForAll()
        }
        #expect(try await server.reaches(sessionCount: 0))
      }
    }

    @Test(
      "peers that never read hold no more than the bound, and nothing when they have gone (SPEC MEM-1, LIV-2)",
      .enabled(if: Heap.isCounted, "\(Heap.whyNot)"))
    func neverReading() async throws {
      try await withHostileServer { server, port in
        let baseline = Heap.processByteCount
        var peers: [RawPeer] = []
        for _ in 0..<4 {
          let peer = try await RawPeer.connect(port: port, reads: false)
          #expect(await peer.send { $0.helloWithEndlessCredit() })
          for number in 0..<16 as Range<UInt64> { _ = await peer.send { $0.pour(stream: 2 * number + 1) } }
          peers.append(peer)
        }
        #expect(try await server.reaches(sessionCount: 4))
        try await Task.sleep(for: .seconds(1))
        let atFirst = Heap.processByteCount - baseline
        let bound = TransportConfiguration.tight.worstCaseSessionMemoryByteCount(
          sendBudgetByteCount: 16 * (65_536 + 65_536))
        #expect(atFirst <= 4 * Int(bound))
        for round in 0..<10 {
          // Legal, and each wants an answer that cannot be sent.
          for peer in peers { _ = await peer.send { $0.frame(0x04, number: UInt64(round)) } }
          try await Task.sleep(for: .milliseconds(50))
        }
        #expect(Heap.processByteCount - baseline <= atFirst + 1 << 20)
        try await withSession(host: "127.0.0.1", port: port, configuration: .tight) { try await exchange(1, over: $0) }
        for peer in peers { await peer.close() }
        #expect(try await server.reaches(sessionCount: 0))
        try await Task.sleep(for: .milliseconds(1_200))
        #expect(Heap.processByteCount - baseline <= 2 << 20)
      }
    }

    @Test(
      "connections that say nothing, too little, or half are given up, with the code where somebody can read it (SPEC HS-6, LIV-3, END-5)"
    )
    func halfOpen() async throws {
      var configuration = TransportConfiguration.tight
      configuration.session.idleTimeoutMilliseconds = 1_000
      try await withHostileServer(configuration) { server, port in
        let silent = try await RawPeer.connect(port: port)
        let stuttering = try await RawPeer.connect(port: port)
        let idle = try await RawPeer.connect(port: port)
        let halfClosed = try await RawPeer.connect(port: port)
        _ = await stuttering.send { $0.number(HostileWire.preface) }
        _ = await idle.send { $0.hello() }
        _ = await halfClosed.send { $0.hello() }
        await halfClosed.closeOutput()
        #expect(try await silent.lastWords() == nil)
        #expect(try await stuttering.lastWords() == .handshakeTimeout)
        #expect(try await idle.lastWords() == .idleTimeout)
        #expect(try await halfClosed.lastWords() == nil)
        #expect(try await server.reaches(sessionCount: 0))
      }
    }

    @Test(
      "hundreds of attackers, one after the other, leave nothing behind", .enabled(if: Heap.isCounted, "\(Heap.whyNot)")
    )
    func manyInTurn() async throws {
      try await withHostileServer { server, port in
        var baseline = 0
        for number in 0..<500 {
          let peer = try await RawPeer.connect(port: port)
          if number % 5 > 0 { _ = await peer.send { $0.hello() } }
          // Some break a rule, some are gone in mid-frame, some before a word.
          if number % 5 > 2 { _ = await peer.send { $0.raw(.init(repeating: 0x55, count: 64)) } }
          if number % 5 == 2 { _ = await peer.send { $0.header(0x41, stream: 1, length: 60_000) } }
          await peer.close()
          if number == 100 { baseline = try await settledHeap(server) }
        }
        #expect(try await settledHeap(server) - baseline <= 1 << 20)
      }
    }

    private func settledHeap(_ server: Server) async throws -> Int {
      #expect(try await server.reaches(sessionCount: 0))
      // Those that were sent CLOSE get a second to read it (SPEC END-4).
      try await Task.sleep(for: .milliseconds(1_200))
      return Heap.processByteCount
    }

    private func fight(_ attack: Attack, port: Int) async throws {
      let peer = try await RawPeer.connect(port: port)
      var isOpen = await peer.send { $0.hello(attack.announcement) }
      for number in 0..<UInt64(attack.salvoCount) where isOpen {
        isOpen = await peer.send(salvo: number, of: attack)
      }
      guard case .refused(let code, let name) = attack.ending else { return }
      let words = try await peer.lastWords()
      // A task cannot let go of its stream as fast as this peer opens the next.
      let isRight = words == code || (name == "resets" && words == .streamLimit)
      #expect(isRight, "\(attack.name): \(String(describing: words))")
    }
  }
}

extension HostileWire {
  fileprivate mutating func helloWithEndlessCredit() {
    hello { body in
      for tag in [0x0004, 0x0005] as [UInt16] { body.writeMultipleIntegers(tag, UInt16(8), UInt64(1) << 40) }
    }
  }

  fileprivate mutating func pour(stream: UInt64) {
    open(stream: stream) { body in
      body.writeMultipleIntegers(UInt16(1), UInt16(12), UInt8(7))
      body.writeString("servicepour")
    }
  }
}
