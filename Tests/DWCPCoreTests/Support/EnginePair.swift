import DWCPCore
import NIOCore

/// Two engines, the wire between them, and a clock that only the test moves.
struct EnginePair {
  var client: Peer
  var server: Peer
  private(set) var now = Instant(nanoseconds: 1_000_000_000)

  init(
    client: SessionConfiguration = SessionConfiguration(), server: SessionConfiguration = SessionConfiguration(),
    seed: UInt64 = 1
  ) {
    var random = SeededGenerator(seed: seed)
    let start = Instant(nanoseconds: 1_000_000_000)
    self.client = Peer(
      session: Session(role: .initiator, configuration: client, secrets: SessionSecrets(using: &random), now: start))
    self.server = Peer(
      session: Session(role: .acceptor, configuration: server, secrets: SessionSecrets(using: &random), now: start))
  }

  /// A pair whose handshake is complete and whose events so far have been dropped.
  static func established(
    client: SessionConfiguration = SessionConfiguration(), server: SessionConfiguration = SessionConfiguration()
  ) -> EnginePair {
    var pair = EnginePair(client: client, server: server)
    pair.exchange()
    pair.client.events.removeAll()
    pair.server.events.removeAll()
    return pair
  }

  /// Carries bytes both ways, in pieces of at most `pieceByteCount`, until both ends are silent.
  mutating func exchange(pieceByteCount: Int = .max) {
    var isSilent = false
    while !isSilent {
      let fromClient = client.transmit(now: now)
      let fromServer = server.transmit(now: now)
      isSilent = fromClient.readableBytes == 0 && fromServer.readableBytes == 0
      server.receive(fromClient, pieceByteCount: pieceByteCount, now: now)
      client.receive(fromServer, pieceByteCount: pieceByteCount, now: now)
    }
  }

  mutating func advance(milliseconds: UInt64) {
    now = Instant(nanoseconds: now.nanoseconds + milliseconds * 1_000_000)
    client.session.handleDeadline(now: now)
    server.session.handleDeadline(now: now)
  }
}

/// One engine and what its owner has seen of it.
struct Peer {
  var session: Session
  var events: [SessionEvent] = []
  private let codecs = CodecContext()

  init(session: Session) {
    self.session = session
  }

  /// Everything the engine wants to send now; codec jobs run at once.
  mutating func transmit(now: Instant, maximumByteCount: Int = 1 << 20) -> ByteBuffer {
    settle(now: now)
    var batch = TransmitBatch()
    session.transmit(maximumByteCount: maximumByteCount, now: now, into: &batch)
    var bytes = ByteBuffer()
    batch.forEachBuffer { bytes.writeImmutableBuffer($0) }
    settle(now: now)
    return bytes
  }

  mutating func receive(_ bytes: ByteBuffer, pieceByteCount: Int = .max, now: Instant) {
    var rest = bytes
    while rest.readableBytes > 0, let piece = rest.readSlice(length: min(rest.readableBytes, pieceByteCount)) {
      session.receive(piece, now: now)
    }
    settle(now: now)
  }

  mutating func settle(now: Instant) {
    while let job = session.nextJob() { session.complete(job.run(in: codecs), now: now) }
    while let event = session.nextEvent() { events.append(event) }
  }

  /// Opens a stream and writes to it.
  mutating func send(_ text: String, endsMessage: Bool = false, finishes: Bool = true) throws -> StreamID {
    let id = try session.open()
    _ = try session.write(ByteBuffer(string: text), to: id, endsMessage: endsMessage)
    if finishes { try session.finish(id) }
    return id
  }

  /// Reads what there is: bytes joined, the marks' places, and how it ended.
  mutating func readAll(_ id: StreamID) -> (bytes: [UInt8], marks: [Int], end: StreamRead) {
    var bytes: [UInt8] = []
    var marks: [Int] = []
    while true {
      let read = session.read(id)
      guard case .bytes(let part, let endsMessage) = read else { return (bytes, marks, read) }
      bytes += Array(part.readableBytesView)
      if endsMessage { marks.append(bytes.count) }
    }
  }

  /// The error that ended the session, if one did.
  var failure: SessionError? {
    for case .ended(let error?) in events { return error }
    return nil
  }

  var openedStreams: [StreamID] {
    events.compactMap { event in
      if case .streamOpened(let id, _) = event { return id }
      return nil
    }
  }
}

/// SplitMix64: the same numbers for the same seed, everywhere.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}
