internal import DWCPCore
internal import NIOCore
internal import Simulation

/// A well-behaved pair on the same codecs: an echo of a few messages, which has to be exact whatever happens beside it.
struct Neighbour {
  private var client: Session
  private var server: Session
  private var now: Instant
  private let codecs: CodecContext
  private var stream: StreamID?
  private var request: [UInt8] = []
  private var answer: [UInt8] = []
  private var messageCount = 0
  private var answeredCount = 0
  private(set) var isDone = false

  init(seed: UInt64, codecs: CodecContext, now: Instant) {
    var random = SeededGenerator(seed: seed ^ 0x4E45_4947_4842)
    var configuration = SessionConfiguration()
    configuration.compression = random.isOneIn(2) ? .fixed(.zstdDefault) : .fixed(.lz4Default)
    client = Session(
      role: .initiator, configuration: configuration, secrets: SessionSecrets(using: &random), now: now)
    server = Session(role: .acceptor, configuration: configuration, secrets: SessionSecrets(using: &random), now: now)
    self.codecs = codecs
    self.now = now
    stream = try? client.open()
    messageCount = 1 + random.next(below: 4)
    for number in 0..<messageCount {
      // Compressible, and different in each seed and message.
      let word = (0..<1 + random.next(below: 40)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      let message = (0..<1 + random.next(below: 6_000)).map { word[$0 % word.count] &+ UInt8(number) }
      request += message
      if let stream { _ = try? client.write(ByteBuffer(bytes: message), to: stream, endsMessage: true) }
    }
    if let stream { try? client.finish(stream) }
  }

  /// A round trip.
  mutating func step() {
    guard !isDone else { return }
    now = Instant(nanoseconds: now.nanoseconds + 1_000_000)
    carry(from: &client, to: &server)
    while let event = server.nextEvent() { if case .readable(let id) = event { echo(id) } }
    carry(from: &server, to: &client)
    while client.nextEvent() != nil {}
    collect()
  }

  private func runJobs(_ session: inout Session) {
    while let job = session.nextJob() { session.complete(job.run(in: codecs), now: now) }
  }

  private func carry(from sender: inout Session, to receiver: inout Session) {
    var batch = TransmitBatch()
    runJobs(&sender)
    sender.transmit(maximumByteCount: 1 << 16, now: now, into: &batch)
    batch.forEachBuffer { receiver.receive($0, now: now) }
    runJobs(&receiver)
  }

  private mutating func echo(_ id: StreamID) {
    while true {
      switch server.read(id) {
      case .bytes(let bytes, let endsMessage): _ = try? server.write(bytes, to: id, endsMessage: endsMessage)
      case .end:
        try? server.finish(id)
        return server.release(id)
      case .notReady, .failed: return
      }
    }
  }

  private mutating func collect() {
    guard let stream else { return }
    while true {
      switch client.read(stream) {
      case .bytes(let bytes, let endsMessage):
        answer += bytes.readableBytesView
        answeredCount += endsMessage ? 1 : 0
      case .end:
        isDone = true
        return client.release(stream)
      case .notReady, .failed: return
      }
    }
  }

  /// What went wrong with it, in a sentence.
  mutating func finish() -> String? {
    for _ in 0..<200 where !isDone { step() }
    guard isDone, client.phase == .open, server.phase == .open else { return "the session beside it was not served" }
    let isExact = answer == request && answeredCount == messageCount
    return isExact ? nil : "the session beside it got wrong bytes"
  }
}
