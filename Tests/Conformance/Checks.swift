import DWCPCore
import NIOCore
import Testing

/// What is asked of every golden vector.
enum Check: String, CaseIterable, Sendable, CustomTestStringConvertible {
  /// The engine does what the vector expects.
  case expectation
  /// However the bytes are cut or joined, the same comes of them.
  case cutting
  /// Cut off after any byte, it is a lost link, and nothing is delivered that was not there.
  case truncation
  /// Any flipped bit is found.
  case flips
  /// Any flipped bit under checks that were made right again is an error or another legal session.
  case repairedFlips

  var testDescription: String { rawValue }

  func run(_ vector: Vector) {
    let run = BaseRun(vector)
    let failures =
      switch self {
      case .expectation: run.expectationFailures()
      case .cutting: run.cuttingFailures()
      case .truncation: run.truncationFailures()
      case .flips: run.flipFailures()
      case .repairedFlips: run.repairedFlipFailures()
      }
    guard !failures.isEmpty else { return }
    Issue.record("\(vector.id): \(failures.count) failures:\n\(failures.prefix(6).joined(separator: "\n"))")
  }
}

/// A vector as it stands, with the engine's state in front of every step.
struct BaseRun {
  let vector: Vector
  let steps: [FixtureStep]
  let bytes: [ByteBuffer?]
  /// One more than there are steps.
  let snapshots: [Replayer]
  let observed: Observation
  /// The most that was there to be read of each stream, at any time.
  let deliverable: [UInt64: StreamContent]

  init(_ vector: Vector) {
    self.vector = vector
    steps = vector.steps.flatMap(Self.expanded)
    bytes = steps.map(\.bytes)
    var replayer = Replayer(role: vector.role, configuration: vector.configuration)
    var snapshots = [replayer]
    for (step, bytes) in zip(steps, bytes) {
      replayer.apply(step, bytes: bytes)
      snapshots.append(replayer)
    }
    self.snapshots = snapshots
    observed = replayer.observation()
    var deliverable = observed.contents
    for var snapshot in snapshots {
      deliverable.merge(snapshot.observation().contents) { left, right in left.isPrefix(of: right) ? right : left }
    }
    self.deliverable = deliverable
  }

  /// The engine in front of a step: a copy of it as it was or, since copies of a session share the history of its chains, one that has gone the same way.
  func replayer(before index: Int) -> Replayer {
    guard vector.id.hasPrefix("chains/") else { return snapshots[index] }
    var replayer = Replayer(role: vector.role, configuration: vector.configuration)
    for (step, bytes) in zip(steps, bytes).prefix(index) { replayer.apply(step, bytes: bytes) }
    return replayer
  }

  /// Nothing was told that this run does not begin with, the end aside, and nothing delivered that was not sent.
  func begins(with other: Observation) -> Bool {
    let told = other.failure == nil ? other.events[...] : other.events.dropLast()
    guard told.count <= observed.events.count, told.elementsEqual(observed.events.prefix(told.count)) else {
      return false
    }
    return other.contents.allSatisfy { id, content in content.isPrefix(of: deliverable[id] ?? StreamContent()) }
  }

  /// The steps behind one, until the session has ended.
  func finish(_ replayer: inout Replayer, after index: Int) -> Observation {
    for (step, bytes) in zip(steps, bytes).dropFirst(index + 1) where !replayer.hasEnded {
      replayer.apply(step, bytes: bytes)
    }
    replayer.flush()
    return replayer.observation()
  }

  /// Bits worth flipping in one step; none in the middle of a flood, whose frames are all the same, and of a long frame those at its beginning.
  func bits(of index: Int) -> Range<Int> {
    let byteCount = bytes[index]?.readableBytes ?? 0
    return 0..<(steps[index].times == nil ? 8 * (byteCount > 4_096 ? 256 : byteCount) : 0)
  }

  /// A frame that is repeated becomes the first one, those between, and the last one, so that there is a state in front of the last.
  private static func expanded(_ step: FixtureStep) -> [FixtureStep] {
    guard let times = step.times, step.receive != nil else { return [step] }
    var single = step
    single.times = nil
    var middle = step
    middle.times = times - 2
    return [single, middle, single]
  }
}

// MARK: - Expectation

extension BaseRun {
  func expectationFailures() -> [String] {
    var failures: [String] = []
    var told = observed.events
    if let error = vector.expect.error {
      failures += self.errorFailures(error)
      if observed.failure != nil { told.removeLast() }
    }
    let wanted = vector.expect.events
    if told.count != wanted.count { failures.append("told \(told), wanted \(wanted)") }
    for (event, want) in zip(told, wanted) where !want.matches(event) {
      failures.append("told \(event), wanted \(want)")
    }
    let listed = vector.expect.streams ?? []
    for want in listed where observed.contents[want.stream] != want.asContent {
      failures.append(
        "stream \(want.stream): \(String(describing: observed.contents[want.stream])), wanted \(want.asContent)")
    }
    for (id, content) in observed.contents where !listed.contains(where: { $0.stream == id }) && content != .init() {
      failures.append("stream \(id) is not mentioned and has \(content)")
    }
    return failures + objectFailures() + sentFailures() + phaseFailures()
  }

  /// What is held of each object that the vector names, to its end.
  private func objectFailures() -> [String] {
    (vector.expect.objects ?? []).compactMap { want in
      var content = ByteBuffer()
      for part in want.content { content.writeImmutableBuffer(ByteBuffer(hex: part.hex, times: part.times ?? 1)) }
      guard let held = snapshots.last?.session.object(want.name, range: 0..<content.readableBytes + 1) else {
        return "\(want.name) is not held"
      }
      guard held.version == want.version, held.bytes == content else {
        return "\(want.name): version \(held.version), \(held.bytes.readableBytes) bytes, wanted \(want)"
      }
      return nil
    }
  }

  private func phaseFailures() -> [String] {
    let isOver = vector.expect.error != nil || vector.expect.events.last?.event == "ended"
    guard let session = snapshots.last?.session else { return ["no steps"] }
    if isOver { return session.wantsClose ? [] : ["the connection is not to be closed"] }
    return session.phase == .open ? [] : ["the session is not open but \(session.phase)"]
  }

  private func errorFailures(_ error: Expectation.Failure) -> [String] {
    guard let failure = observed.failure else { return ["no error; events: \(observed.events)"] }
    var failures: [String] = []
    if !error.codes.contains("\(failure.code)") { failures.append("code \(failure.code), wanted \(error.codes)") }
    if !error.clauses.contains(failure.rule) { failures.append("clause \(failure.rule), wanted \(error.clauses)") }
    if failure.isReportedByPeer || ![.peer, .network].contains(failure.blame) {
      failures.append("the error is blamed on \(failure.blame)")
    }
    let answer = sentFrames?.last
    switch error.answer {
    case "nothing":
      if !sentBytes.readableBytesView.isEmpty { failures.append("something was answered: \(sentBytes.hex)") }
    case "any": break
    default:
      let code = answer?.body.getInteger(at: answer?.body.readerIndex ?? 0, as: UInt32.self)
      if answer?.name != error.answer || code != failure.code.rawValue {
        failures.append("the last frame is \(answer?.name ?? "missing") \(code ?? 0), wanted \(error.answer)")
      }
    }
    return failures
  }

  private var sentBytes: ByteBuffer {
    var bytes = ByteBuffer()
    for part in snapshots.last?.sent ?? [] { bytes.writeImmutableBuffer(part) }
    return bytes
  }

  private var sentFrames: [WireFrame]? { WireFrame.all(in: sentBytes, hasPreface: true) }

  /// The frames a vector names are among those sent, for each stream in this order.
  private func sentFailures() -> [String] {
    guard let frames = sentFrames else { return ["what was sent is not a sequence of frames: \(sentBytes.hex)"] }
    var rest = Dictionary(grouping: frames, by: \.stream)
    for want in vector.expect.sends ?? [] {
      guard let index = rest[want.stream]?.firstIndex(where: { want.matches($0) }) else {
        let sent = frames.map { "\($0.name) \($0.stream) \($0.body.hex.prefix(64))" }
        return ["not sent in its place: \(want); sent: \(sent)"]
      }
      rest[want.stream]?.removeFirst(index + 1)
    }
    return []
  }
}

extension Expectation.Event {
  func matches(_ event: SessionEvent) -> Bool {
    switch event {
    case .established(let agreement):
      self.event == "established" && minor == Int(agreement.minorVersion) && integrity == agreement.isIntegrityOn
        && sendCodecs == agreement.sendCodecs.map(\.rawValue)
    case .streamOpened(let id, let opening):
      self.event == "streamOpened" && stream == id.rawValue && expectedSize == opening.expectedByteCount
        && (urgency ?? 3) == opening.urgency
        && (metadata == nil || metadata == opening.metadata.map { .init(key: $0.key, value: $0.value) })
    case .stopped(let id, let code): self.event == "stopped" && stream == id.rawValue && self.code == "\(code)"
    case .goingAway(let code, let last):
      self.event == "goingAway" && self.code == "\(code)" && lastStream == last.rawValue
    case .streamLimitRaised: self.event == "streamLimitRaised"
    case .ended(let error): self.event == "ended" && code == "\(error?.code ?? .noError)" && isBlamed(error)
    case .sendCodecsChanged(let codecs): self.event == "sendCodecsChanged" && sendCodecs == codecs.map(\.rawValue)
    case .objectStands(let name, let version, let isOwn):
      self.event == "objectStands" && domain == name.domain && object == name.number && self.version == version
        && own == isOwn
    case .pong, .readable, .writable, .closed, .codecChosen: false
    }
  }

  private func isBlamed(_ error: SessionError?) -> Bool {
    guard let error else { return true }
    return by == (error.isReportedByPeer ? "peer" : error.blame == .network ? "network" : "self")
  }
}

extension Expectation.Frame {
  func matches(_ frame: WireFrame) -> Bool {
    frame.name == type && frame.stream == stream
      && frame.body.readableBytesView.starts(with: [UInt8](hex: bodyStart))
  }
}

extension Expectation.Content {
  var asContent: StreamContent {
    var content = StreamContent()
    for part in self.content {
      content.bytes.writeImmutableBuffer(ByteBuffer(hex: part.hex, times: part.times ?? 1))
      if part.kind == "message" { content.marks.append(content.bytes.readableBytes) }
    }
    let code = code.flatMap { ErrorCode(named: $0) } ?? .noError
    switch state {
    case "ended": content.state = .ended
    case "reset": content.state = .reset(code)
    case "stopped": content.state = .stopped(code)
    case "broken": content.state = .broken
    default: content.state = .open
    }
    return content
  }
}
