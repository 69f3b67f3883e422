import DWCPCore
import HostileSimulation
import NIOCore
import Testing

extension ReliabilitySuiteHostile {
  /// One frame is enough: what is cut short, and numbers from the edges of what a field can hold.
  @Suite struct Fields {
    /// Every frame of the protocol, well formed, for a session in which stream 1 is open.
    static let frames: [(type: UInt8, stream: UInt64, body: [UInt8])] = [
      (0x01, 0, .init(repeating: 0, count: 60)), (0x02, 0, .init(repeating: 0, count: 120)),
      (0x03, 0, .init(repeating: 0, count: 40)), (0x04, 0, number(1)), (0x05, 0, number(1)), (0x06, 0, number(0)),
      (0x07, 0, number(1 << 21)), (0x07, 1, number(1 << 21)), (0x08, 0, number(40)),
      (0x09, 0, [0, 0, 0, 2, 0, 3, 0x61, 0x62, 0x63]),
      (0x40, 3, [0, 1, 0, 4, 1, 0x6B, 0x61, 0x62, 0, 2, 0, 8] + number(9) + [0, 3, 0, 1, 5]),
      (0x41, 1, number(0) + [0, 0, 0, 5, 7, 7, 7, 7, 7]), (0x42, 1, [0, 0, 0, 0x11] + number(0)),
      (0x43, 1, [0, 0, 0, 0x11]), (0x44, 0, [0, 0, 0, 0x14] + number(9) + [0, 1, 0x61]), (0xB1, 0, number(7)),
    ]

    private static func number(_ value: UInt64) -> [UInt8] {
      (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * $0)) }
    }

    static let edges: [UInt64] = [
      0, 1, 2, 1 << 15, 0xFFFF, 65_536, 1 << 24 - 1, 1 << 31 - 1, 1 << 31, 1 << 32 - 1, 1 << 46, 1 << 46 + 1,
      1 << 48 - 1, 1 << 62 - 1, 1 << 62, 1 << 62 + 1, 1 << 63 - 1, 1 << 63, .max - 1, .max,
    ]

    @Test(
      "every frame, cut short at every byte, with right checks: a typed end at once, or a frame that is whole (SPEC HDR-2, ERR-1)",
      arguments: frames.indices, [Role.acceptor, .initiator])
    func truncations(index: Int, victim: Role) {
      let frame = Self.frames[index]
      for length in 0..<frame.body.count {
        let salvo = Self.salvo { $0.frame(frame.type, stream: frame.stream) { $0.writeBytes(frame.body[..<length]) } }
        Self.expectTyped(salvo, victim, "frame \(frame.type) of \(length) bytes")
        // The same for a DATA frame with a mark table.
        let marked = Self.salvo {
          $0.frame(frame.type, flags: 0x84, stream: frame.stream) { $0.writeBytes(frame.body[..<length]) }
        }
        Self.expectTyped(marked, victim, "frame \(frame.type) of \(length) bytes with a mark table")
      }
    }

    @Test(
      "every 1, 2, 3, 4 and 8 bytes of every frame, with every number from the edges: a typed end at once, or none (SPEC ERR-1)",
      arguments: frames.indices, [Role.acceptor, .initiator])
    func extremes(index: Int, victim: Role) {
      let frame = Self.frames[index]
      for width in [1, 2, 3, 4, 8] where width <= frame.body.count {
        for place in 0...frame.body.count - width {
          for edge in Set(Self.edges.map { $0 & (UInt64.max >> (64 - 8 * UInt64(width))) }) {
            let body = frame.body[..<place] + Self.number(edge).suffix(width) + frame.body[(place + width)...]
            let salvo = Self.salvo { $0.frame(frame.type, stream: frame.stream) { $0.writeBytes(body) } }
            Self.expectTyped(salvo, victim, "frame \(frame.type) with \(edge) in \(width) bytes at \(place)")
          }
        }
      }
    }

    @Test("every frame with every stream id and length from the edges (SPEC HDR-2, HDR-8, STR-5)")
    func headers() {
      for (frame, victim) in Self.frames.flatMap({ frame in [Role.acceptor, .initiator].map { (frame, $0) } }) {
        for edge in Self.edges {
          let stream = edge & 0xFFFF_FFFF_FFFF
          let named = Self.salvo { $0.frame(frame.type, stream: stream) { $0.writeBytes(frame.body) } }
          Self.expectTyped(named, victim, "frame \(frame.type) for stream \(stream)")
          let long = Self.salvo { $0.header(frame.type, stream: frame.stream, length: Int(edge & 0xFFFF_FFFF)) }
          Self.expectTyped(long, victim, "frame \(frame.type) of length \(edge)")
        }
      }
    }

    private static func salvo(_ write: @escaping @Sendable (inout HostileWire) -> Void) -> Attack {
      Attack(name: "fields", ending: .bounded, readBufferByteCount: 4_096, salvoCount: 2) { number, wire in
        if number == 0 { wire.open(stream: 1) } else { write(&wire) }
      }
    }

    private static let codecs = CodecContext()

    private static func expectTyped(_ attack: Attack, _ victim: Role, _ what: String) {
      var attack = attack
      attack.victim = victim
      let report = Arena.run(attack, codecs: codecs)
      guard let error = report.error else { return }
      #expect(error.blame == .peer, "\(what): \(error)")
      #expect(error.isReportedByPeer || !error.rule.isEmpty, "\(what): \(error)")
      #expect(error.isReportedByPeer || report.lastWords?.code == error.code.rawValue, "\(what): \(error)")
    }
  }
}

extension ReliabilitySuiteHostile.Fields {
  @Test(
    "a block never shows what lay in memory before: LZ4 matches at distance 0 or in front of the block, and blocks that end early (SPEC CDC-4, DAT-7)",
    arguments: [0, 2, 300, 0xFFFF] as [UInt16])
  func staleBytes(distance: UInt16) {
    var random = SystemRandomNumberGenerator()
    let start = Instant(nanoseconds: 1)
    let secrets = SessionSecrets(using: &random)
    for byteCount in [100, 4_000, 60_000] {
      // What the allocator gives next is full of secrets.
      var secret: [ByteBuffer] = (0..<8).map { _ in ByteBuffer(repeating: 0x53, count: 65_536) }
      secret.removeAll()
      var session = Session(role: .acceptor, configuration: .tight, secrets: secrets, now: start)
      var wire = HostileWire(readBufferByteCount: 4_096)
      wire.hello()
      wire.lz4Run(flags: 0x01, offset: 0, rawByteCount: byteCount, distance: distance)
      session.receive(wire.bytes, now: start)
      while let job = session.nextJob() { session.complete(job.run(in: CodecContext()), now: start) }
      while case .bytes(let bytes, _) = session.read(StreamID(rawValue: 1)) {
        #expect(bytes.readableBytesView.allSatisfy { $0 == 0 || $0 == 7 }, "distance \(distance)")
      }
      #expect(session.phase == .open)
    }
  }

  @Test(
    "our own probes never trip our own budgets: minutes of bulk and of rest, under the least a peer may rely on (SPEC CRD-8, LIV-3, LIM-1)"
  )
  func ownProbes() throws {
    var configuration = SessionConfiguration.tight
    configuration.abuseBudgets.pings = AbuseBudgets.Budget(capacity: 20, perSecond: 4)
    configuration.abuseBudgets.framesWithoutProgress = AbuseBudgets.Budget(capacity: 100, perSecond: 10)
    configuration.idleTimeoutMilliseconds = 1_000
    var pair = ProbePair(configuration)
    // Bulk, short pauses and long rests, with round trips from 2 to 200 ms.
    for minute in 0..<6 as Range<UInt64> {
      let delay = [1, 10, 100][Int(minute % 3)] as UInt64
      let deadline = pair.now.nanoseconds + 60_000_000_000
      while pair.now.nanoseconds < deadline {
        let isBulk = minute % 2 == 0 && pair.now.nanoseconds / 5_000_000_000 % 2 == 0
        pair.step(milliseconds: isBulk ? delay : 10, isBulk: isBulk)
      }
      try #require(pair.errors.isEmpty, "minute \(minute): \(pair.errors)")
    }
    #expect(pair.client.counters.framesReceived > 1_000)
    #expect(pair.client.roundTripNanoseconds != nil)
    #expect(pair.server.roundTripNanoseconds != nil)
  }
}

/// Two engines of ours that upload to each other.
private struct ProbePair {
  var client: Session
  var server: Session
  private(set) var now = Instant(nanoseconds: 1_000_000_000)
  private(set) var errors: [String] = []
  private let stream: StreamID?

  init(_ configuration: SessionConfiguration) {
    var random = SystemRandomNumberGenerator()
    client = Session(
      role: .initiator, configuration: configuration, secrets: SessionSecrets(using: &random), now: now)
    server = Session(role: .acceptor, configuration: configuration, secrets: SessionSecrets(using: &random), now: now)
    stream = try? client.open(compression: .fixed(.none))
  }

  private static let chunk = ByteBuffer(repeating: 7, count: 30_000)

  mutating func step(milliseconds: UInt64, isBulk: Bool) {
    if isBulk, let stream {
      for isClient in [true, false] {
        let buffered = isClient ? client.bufferedByteCount(stream) : server.bufferedByteCount(stream)
        guard buffered < 60_000 else { continue }
        _ = isClient ? try? client.write(Self.chunk, to: stream) : try? server.write(Self.chunk, to: stream)
      }
    }
    now = Instant(nanoseconds: now.nanoseconds + milliseconds * 1_000_000)
    errors += Self.carry(from: &client, to: &server, now: now)
    now = Instant(nanoseconds: now.nanoseconds + milliseconds * 1_000_000)
    errors += Self.carry(from: &server, to: &client, now: now)
  }

  /// Everything that ended a session.
  private static func carry(from sender: inout Session, to receiver: inout Session, now: Instant) -> [String] {
    var errors: [String] = []
    var batch = TransmitBatch()
    sender.handleDeadline(now: now)
    receiver.handleDeadline(now: now)
    sender.transmit(maximumByteCount: 1 << 17, now: now, into: &batch)
    batch.forEachBuffer { receiver.receive($0, now: now) }
    while let event = receiver.nextEvent() {
      if case .readable(let id) = event { while case .bytes = receiver.read(id) {} }
      if case .ended(let error) = event { errors.append("\(String(describing: error))") }
    }
    return errors
  }
}
