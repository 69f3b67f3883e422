import DWCPCore
import NIOCore

/// One engine, driven through its public API by the steps of a fixture, on a clock that only the fixture moves. Like the engine it is a
/// value: a copy made before a byte is flipped goes its own way.
struct Replayer {
  private(set) var session: Session
  private(set) var events: [SessionEvent] = []
  private(set) var contents: [UInt64: StreamContent] = [:]
  /// What the engine wanted written, step by step.
  private(set) var sent: [ByteBuffer] = []
  private(set) var now = Instant(nanoseconds: 1_000_000_000)
  private let codecs: CodecContext

  /// - Parameter secrets: 80 bytes: nonce, session id, token.
  init(
    role: String, configuration: FixtureConfiguration?, secrets: [UInt8] = [UInt8](repeating: 0x55, count: 80),
    codecs: CodecContext = CodecContext()
  ) {
    var bytes = GivenBytes(bytes: secrets)
    session = Session(
      role: role == "acceptor" ? .acceptor : .initiator, configuration: (configuration ?? .init()).applied(),
      secrets: SessionSecrets(using: &bytes), now: now)
    self.codecs = codecs
    flush()
  }

  var hasEnded: Bool { session.wantsClose || session.phase == .closing }

  /// Takes one step, and everything that the engine wants done after it.
  mutating func apply(_ step: FixtureStep) { apply(step, bytes: step.bytes) }

  /// The same, with the bytes read from the step before.
  mutating func apply(_ step: FixtureStep, bytes: ByteBuffer?) {
    if let bytes {
      receive(bytes)
    } else {
      perform(step)
    }
    flush()
  }

  mutating func receive(_ bytes: ByteBuffer) {
    session.receive(bytes, now: now)
    settle()
  }

  /// Everything that is to be sent now.
  mutating func flush() {
    settle()
    while true {
      var batch = TransmitBatch()
      session.transmit(maximumByteCount: 1 << 20, now: now, into: &batch)
      guard batch.byteCount > 0 else { break }
      batch.forEachBuffer { sent.append($0) }
      settle()
    }
    settle()
  }

  private mutating func settle() {
    while let job = session.nextJob() { session.complete(job.run(in: codecs), now: now) }
    while let event = session.nextEvent() {
      events.append(event)
      if case .streamOpened(let id, _) = event { contents[id.rawValue] = StreamContent() }
    }
  }

  /// What the application does; an engine that has ended may turn it down.
  private mutating func perform(_ step: FixtureStep) {
    let id = StreamID(rawValue: step.stream ?? 0)
    let code = step.code.flatMap { ErrorCode(named: $0) } ?? .noError
    switch step.command {
    case "open":
      var opening = StreamOpening()
      opening.metadata = (step.metadata ?? []).map { StreamOpening.Entry(key: $0.key, value: $0.value) }
      if let opened = try? session.open(opening) { contents[opened.rawValue] = StreamContent() }
    case "write":
      let bytes = ByteBuffer(hex: step.hex ?? "", times: step.times ?? 1)
      _ = try? session.write(bytes, to: id, endsMessage: step.endsMessage ?? false)
    case "finish": try? session.finish(id)
    case "stop": session.stop(id, code: code)
    case "reset": session.reset(id, code: code)
    case "release": session.release(id)
    case "read": read(id.rawValue)
    case "ping": session.ping(now: now)
    case "drain": session.drain(now: now)
    case "close": session.close(code, text: "")
    case "version":
      let name = ObjectName(domain: step.domain ?? 0, number: step.object ?? 0)
      if let opened = try? session.openVersion(of: name, byteCount: step.length ?? 0) {
        contents[opened.rawValue] = StreamContent()
      }
    case "pages":
      _ = try? session.writePages(ByteBuffer(hex: step.hex ?? "", times: step.times ?? 1), at: step.offset ?? 0, to: id)
    case "drop": session.dropObject(ObjectName(domain: step.domain ?? 0, number: step.object ?? 0))
    case "endOfInput": session.endOfInput()
    case "acknowledge": acknowledge()
    case "wait": wait(milliseconds: step.milliseconds ?? 0)
    default: break
    }
  }

  /// Opens a stream with a codec of its own.
  mutating func open(_ metadata: [FixtureStep.Metadatum], _ setting: CompressionSetting) {
    var opening = StreamOpening()
    opening.metadata = metadata.map { StreamOpening.Entry(key: $0.key, value: $0.value) }
    if let opened = try? session.open(opening, compression: .fixed(setting)) {
      contents[opened.rawValue] = StreamContent()
    }
    flush()
  }

  /// The other end acknowledges all that was sent, and what goes because of that, until nothing more goes.
  private mutating func acknowledge() {
    flush()
    var acknowledgedCount: UInt64 = 0
    while session.unacknowledgedFrameCount > 0, session.phase == .open {
      acknowledgedCount += session.unacknowledgedFrameCount
      receive(WireFrame.acknowledgement(of: acknowledgedCount))
      flush()
    }
  }

  private mutating func wait(milliseconds: UInt64) {
    let end = Instant(nanoseconds: now.nanoseconds + milliseconds * 1_000_000)
    while let deadline = session.nextDeadline, deadline <= end, deadline > now {
      now = deadline
      session.handleDeadline(now: now)
      flush()
    }
    now = end
    session.handleDeadline(now: now)
  }

  /// Reads what there is of one stream.
  private mutating func read(_ id: UInt64) {
    guard var content = contents[id], content.state == .open else { return }
    while content.state == .open {
      let read = session.read(StreamID(rawValue: id))
      guard content.take(read) else { break }
    }
    contents[id] = content
  }

  /// What an application has seen when it has read everything.
  mutating func observation() -> Observation {
    for id in contents.keys.sorted() { read(id) }
    let told = events.filter { event in
      switch event {
      case .readable, .writable, .closed: false
      default: true
      }
    }
    return Observation(events: told, contents: contents)
  }
}

extension Observation: CustomStringConvertible {
  var description: String {
    let told = events.map { event in
      switch event {
      case .established: "established"
      case .ended(let error): error.map { "ended \($0)" } ?? "ended"
      default: "\(event)".replacing("DWCPCore.SessionEvent.", with: "")
      }
    }
    let read = contents.filter { $0.value != .init() }.map { "\($0.key): \($0.value)" }
    return "\(told) \(read.isEmpty ? "" : read.sorted().joined(separator: "; "))"
  }
}

extension StreamContent: CustomStringConvertible {
  var description: String {
    "\(bytes.readableBytes) bytes \(ByteBuffer(bytes: bytes.readableBytesView.prefix(32)).hex), marks \(marks), \(state)"
  }
}

/// What was read from one stream.
struct StreamContent: Hashable, Sendable {
  enum State: Hashable, Sendable {
    case open, ended
    case reset(ErrorCode)
    case stopped(ErrorCode)
    case broken
  }

  var bytes = ByteBuffer()
  /// Places of the marks, as numbers of raw bytes in front of each.
  var marks: [Int] = []
  var state = State.open

  /// False when there is nothing to be read now.
  mutating func take(_ read: StreamRead) -> Bool {
    switch read {
    case .bytes(var part, let endsMessage):
      bytes.writeBuffer(&part)
      if endsMessage { marks.append(bytes.readableBytes) }
    case .notReady: return false
    case .end: state = .ended
    case .failed(let error):
      state = error.isReportedByPeer ? .reset(error.code) : error.rule == "CDC-4" ? .broken : .stopped(error.code)
    }
    return true
  }

  /// Whether all of it stands at the beginning of `other`.
  func isPrefix(of other: StreamContent) -> Bool {
    bytes.readableBytes <= other.bytes.readableBytes && marks.count <= other.marks.count
      && other.bytes.getSlice(at: other.bytes.readerIndex, length: bytes.readableBytes) == bytes
      && marks.elementsEqual(other.marks.prefix(marks.count))
  }
}

/// What an engine told and delivered, in terms that do not depend on how its bytes were cut.
struct Observation: Hashable, Sendable {
  var events: [SessionEvent]
  var contents: [UInt64: StreamContent]

  /// The error that ended the session.
  var failure: SessionError? {
    if case .ended(let error?) = events.last { return error }
    return nil
  }
}

/// A source of "random" bytes that are given.
struct GivenBytes: RandomNumberGenerator {
  let bytes: [UInt8]
  private var position = 0

  init(bytes: [UInt8]) {
    self.bytes = bytes
  }

  mutating func next() -> UInt64 {
    defer { position += 1 }
    return UInt64(bytes[position % bytes.count])
  }
}
