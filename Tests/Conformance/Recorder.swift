import DWCPCore
import Foundation
import NIOCore

/// Two engines and the wire between them; one of them is recorded.
struct Recorder {
  private(set) var recording: Recording
  private var recorded: Replayer
  private(set) var peer: Replayer

  init(session: String, about: String, role: String, configuration: FixtureConfiguration, peer: FixtureConfiguration) {
    let secrets = (0..<80 as Range<UInt8>).map { $0 }
    recording = Recording(
      session: session, about: about, role: role, secrets: ByteBuffer(bytes: secrets).hex, configuration: configuration,
      steps: [])
    recorded = Replayer(role: role, configuration: configuration, secrets: secrets)
    self.peer = Replayer(role: role == "acceptor" ? "initiator" : "acceptor", configuration: peer)
    deliver(recorded.sent)
    exchange()
  }

  /// Something that the recorded end's application does.
  mutating func act(_ step: FixtureStep) {
    let count = recorded.sent.count
    recording.steps.append(recorded.recordedStep(step))
    deliver(recorded.sent[count...])
    exchange()
  }

  /// Something that the other end's application does.
  mutating func actAtPeer(_ step: FixtureStep) {
    peer.apply(step)
    exchange()
  }

  /// Opens a stream of the other end that is compressed, as that end's library happens to do it; what it made is in the recording.
  mutating func openAtPeer(_ setting: CompressionSetting, metadata: [FixtureStep.Metadatum] = []) {
    peer.open(metadata, setting)
    exchange()
  }

  /// Time passes at both ends.
  mutating func wait(milliseconds: UInt64) {
    act(FixtureStep(command: "wait", milliseconds: milliseconds))
    actAtPeer(FixtureStep(command: "wait", milliseconds: milliseconds))
  }

  private mutating func deliver(_ parts: some Sequence<ByteBuffer>) {
    for part in parts { peer.receive(part) }
    peer.flush()
  }

  /// How much of what the other end sent has been delivered.
  private var deliveredPartCount = 0

  private mutating func exchange() {
    while peer.sent.count > deliveredPartCount {
      var bytes = ByteBuffer()
      for part in peer.sent[deliveredPartCount...] { bytes.writeImmutableBuffer(part) }
      deliveredPartCount = peer.sent.count
      let count = recorded.sent.count
      recording.steps.append(recorded.recordedStep(FixtureStep(receive: bytes.hex)))
      deliver(recorded.sent[count...])
    }
  }

  func write() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let directory = "\(Fixtures.directory)/recorded"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let data = try encoder.encode(recording) + Data("\n".utf8)
    try data.write(to: URL(fileURLWithPath: "\(directory)/\(recording.session).json"))
  }
}

extension Replayer {
  /// Takes a step and says what came of it: everything told or read, and every byte that was to be sent.
  mutating func recordedStep(_ step: FixtureStep) -> FixtureStep {
    let before = self
    apply(step)
    var outcome = step
    outcome.outcomes = events[before.events.count...].map(\.text)
    for (id, content) in contents.sorted(by: { $0.key < $1.key }) {
      let known = before.contents[id] ?? StreamContent()
      if content != known { outcome.outcomes?.append("read \(id) \(content.text(behind: known))") }
    }
    var bytes = ByteBuffer()
    for part in sent[before.sent.count...] { bytes.writeImmutableBuffer(part) }
    outcome.sent = bytes.hex
    return outcome
  }
}

extension StreamContent {
  /// What was read since: in full with a bar where a message ends, or when it is long its length, the marks and its CRC32C.
  fileprivate func text(behind known: StreamContent) -> String {
    var text = ""
    var position = known.bytes.readableBytes
    guard bytes.readableBytes - position <= 256 else {
      let check = WireFrame.checksum(bytes, position..<bytes.readableBytes)
      return "\(bytes.readableBytes - position) bytes, marks \(marks), crc32c \(ByteBuffer(integer: check).hex)"
    }
    for mark in marks.dropFirst(known.marks.count) {
      text += (bytes.getSlice(at: position, length: mark - position) ?? ByteBuffer()).hex + "|"
      position = mark
    }
    text += (bytes.getSlice(at: position, length: bytes.readableBytes - position) ?? ByteBuffer()).hex
    let end =
      switch state {
      case .open: ""
      case .ended: " end"
      case .reset(let code): " reset \(code)"
      case .stopped(let code): " stopped \(code)"
      case .broken: " broken"
      }
    return text + end
  }
}

extension SessionEvent {
  /// In the words of the fixtures, so that no compiler's way of printing values matters.
  fileprivate var text: String {
    switch self {
    case .established(let agreement):
      let codecs = agreement.sendCodecs.map(\.name).joined(separator: ",")
      return "established minor \(agreement.minorVersion) integrity \(agreement.isIntegrityOn) codecs \(codecs)"
    case .streamOpened(let id, let opening):
      let pairs = opening.metadata.map { " \($0.key)=\($0.value)" }.joined()
      return "streamOpened \(id) urgency \(opening.urgency)\(pairs)"
    case .readable(let id): return "readable \(id)"
    case .writable(let id): return "writable \(id)"
    case .stopped(let id, let code): return "stopped \(id) \(code)"
    case .closed(let id): return "closed \(id)"
    case .streamLimitRaised: return "streamLimitRaised"
    case .pong(let roundTrip): return "pong \(roundTrip)"
    case .goingAway(let code, let last): return "goingAway \(code) \(last)"
    case .sendCodecsChanged(let codecs): return "sendCodecsChanged \(codecs.map(\.name).joined(separator: ","))"
    case .objectStands(let name, let version, _): return "objectStands \(name.domain)/\(name.number) \(version)"
    case .codecChosen(let decision): return "codecChosen \(decision)"
    case .ended(let error): return "ended \(error?.code ?? .noError)"
    }
  }
}
