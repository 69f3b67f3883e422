import DWCPCore
import NIOCore
import Simulation

/// The owner of one engine in a target: feeds it, polls it, and keeps what came of it.
struct SessionObserver {
  private(set) var session: Session
  private(set) var events: [SessionEvent] = []
  private(set) var sent = ByteBuffer()
  private(set) var reads: [StreamID: [UInt8]] = [:]
  private(set) var problem: String?
  var now: Instant
  private var opened: [StreamID] = []
  private let unreadLimit: UInt64
  private let codecs: CodecContext

  init(_ session: Session, now: Instant, codecs: CodecContext) {
    self.session = session
    self.now = now
    self.codecs = codecs
    unreadLimit = max(session.configuration.sessionWindowByteCount, 1 << 20)
  }

  mutating func receive(_ piece: ByteBuffer) {
    session.receive(piece, now: now)
  }

  /// Takes events and runs codec jobs.
  mutating func poll() {
    while let job = session.nextJob() { session.complete(job.run(in: codecs), now: now) }
    while let event = session.nextEvent() { take(event) }
    checkBounds()
  }

  private mutating func take(_ event: SessionEvent) {
    events.append(event)
    switch event {
    case .streamOpened(let id, _):
      if session.agreement == nil { problem = "a stream was told of before the handshake was complete (HS-2)" }
      opened.append(id)
    case .ended(let error):
      if events.dropLast().contains(where: { if case .ended = $0 { true } else { false } }) {
        problem = "the session ended twice"
      }
      if let error { check(error) }
    default:
      break
    }
  }

  private mutating func check(_ error: SessionError) {
    // What a person would be shown must not trap either.
    _ = (error.description, error.refusal?.report)
    if error.blame == .internal { problem = "the engine blames itself: \(error)" }
    if error.rule.isEmpty, !error.isReportedByPeer { problem = "an error names no rule: \(error)" }
  }

  private mutating func checkBounds() {
    if session.unreadUnitCount > unreadLimit { problem = "\(session.unreadUnitCount) units are held unread (CRD-1)" }
    let ownStreams = Int(clamping: session.counters.streamsOpened)
    let streamLimit = Int(clamping: session.configuration.maximumPeerStreamCount) + ownStreams
    if session.streamCount > streamLimit { problem = "\(session.streamCount) streams are held (STR-3)" }
  }

  /// Reads everything there is of every stream the other end opened.
  mutating func readAll() {
    for id in opened {
      var rounds = 0
      reading: while true {
        rounds += 1
        guard rounds < 1 << 20 else {
          problem = "reading stream \(id) does not end"
          return
        }
        switch session.read(id, maximumByteCount: 1 + rounds * 7) {
        case .bytes(let bytes, let endsMessage):
          reads[id, default: []] += bytes.readableBytesView
          if endsMessage { reads[id, default: []].append(0xFF) }
        case .failed, .end, .notReady: break reading
        }
      }
    }
    checkBounds()
  }

  /// Answers on every stream, ends half of them and leaves the other half.
  mutating func answer() {
    for id in opened {
      _ = try? session.write(ByteBuffer(string: "answer"), to: id, endsMessage: true)
      if id.rawValue & 2 == 0 { try? session.finish(id) } else { session.release(id) }
    }
  }

  mutating func transmit() {
    var rounds = 0
    while rounds < 1_000 {
      rounds += 1
      var batch = TransmitBatch()
      session.transmit(maximumByteCount: 4_096, now: now, into: &batch)
      guard batch.byteCount > 0 else { return }
      let before = sent.readableBytes
      batch.forEachBuffer { sent.writeImmutableBuffer($0) }
      if sent.readableBytes - before != batch.byteCount { problem = "a batch does not have as many bytes as it says" }
    }
    problem = "the engine never stops sending"
  }

  mutating func advance(milliseconds: UInt64) {
    now = Instant(nanoseconds: now.nanoseconds + milliseconds * 1_000_000)
    session.handleDeadline(now: now)
  }

  mutating func endOfInput() {
    session.endOfInput()
  }

  mutating func command(_ body: (inout Session, Instant) -> Void) {
    body(&session, now)
  }

  /// What the engine sends has to be valid by itself, whatever it was sent.
  ///
  /// - Parameter isContinued: the bytes go on where others, a preface among them, left off.
  mutating func checkSent(isContinued: Bool) {
    var lister = FrameLister()
    do throws(SessionError) {
      if isContinued {
        var preface = ByteBuffer()
        Preface().write(to: &preface)
        _ = try lister.next(&preface)
      }
      var bytes = sent
      while try lister.next(&bytes) != nil {}
    } catch {
      problem = "the engine sent a frame that breaks a rule: \(error)"
    }
    if lister.unfinishedByteCount > 0, problem == nil { problem = "the engine sent part of a frame" }
  }
}

/// Engines to start from; made once, since a session is a value.
enum Engines {
  static let start = Instant(nanoseconds: 1_000_000_000)

  static func make(_ role: Role, _ configuration: SessionConfiguration, seed: UInt64 = 1) -> Session {
    var random = SeededGenerator(seed: seed)
    return Session(role: role, configuration: configuration, secrets: SessionSecrets(using: &random), now: start)
  }

  static func configuration(integrity: Bool) -> SessionConfiguration {
    var configuration = SessionConfiguration()
    configuration.requiresIntegrity = integrity
    configuration.streamWindowByteCount = 65_536
    configuration.sessionWindowByteCount = 1 << 20
    configuration.maximumPeerStreamCount = 16
    configuration.receiveObjectByteCount = 1 << 20
    return configuration
  }

  /// Two ends with a completed handshake, and what each sent for it.
  static func established(integrity: Bool) -> [Role: Session] {
    var client = make(.initiator, configuration(integrity: integrity))
    var server = make(.acceptor, configuration(integrity: integrity), seed: 2)
    for _ in 0..<4 {
      carry(from: &client, to: &server)
      carry(from: &server, to: &client)
    }
    while client.nextEvent() != nil {}
    while server.nextEvent() != nil {}
    return [.initiator: client, .acceptor: server]
  }

  /// Carries what one end has to send; returns it.
  @discardableResult
  static func carry(from sender: inout Session, to receiver: inout Session) -> ByteBuffer {
    var batch = TransmitBatch()
    sender.transmit(maximumByteCount: 1 << 20, now: start, into: &batch)
    var bytes = ByteBuffer()
    batch.forEachBuffer { bytes.writeImmutableBuffer($0) }
    receiver.receive(bytes, now: start)
    return bytes
  }
}
