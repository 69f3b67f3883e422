import BenchGate
import DWCPCore
import NIOCore

/// Small JSON messages, each a block of its own, with a dictionary that was trained on other messages of their kind and without.
enum Dictionaries {
  private static let messageCount = 8_000
  private static let dictionaryByteCount = 16_384

  static func scenario(messageByteCount: Int) -> LiveScenario {
    LiveScenario(reference: "plain") {
      let (training, held) = messages(byteCount: messageByteCount)
      let dictionary = try CompressionDictionary.trained(
        on: training.map { Array($0.readableBytesView) }, byteCount: dictionaryByteCount)
      return [
        Contender(name: "plain") { try MessageTransfer.figures(of: held, nil) },
        Contender(name: "dictionary") { try MessageTransfer.figures(of: held, dictionary) },
      ]
    }
  }

  /// Every other message is for training; the others are measured.
  private static func messages(byteCount: Int) -> (training: [ByteBuffer], held: [ByteBuffer]) {
    var writer = SampleWriter(seed: 5)
    let all = (0..<messageCount).map { _ in
      var message = ByteBuffer()
      writer.writeReport(into: &message, byteCount: byteCount)
      return message
    }
    return (
      all.indices.filter { $0 % 2 == 0 }.map { all[$0] }, all.indices.filter { $0 % 2 == 1 }.map { all[$0] }
    )
  }
}

/// Messages on one stream between two engines in one thread; what arrives is compared with what was sent.
private struct MessageTransfer {
  private static let batchCount = 64

  private var sender: Session
  private var receiver: Session
  private let codecs = CodecContext()
  private var now = Instant(nanoseconds: 1_000_000_000)
  private var encodingSeconds = 0.0
  private var decodingSeconds = 0.0
  private var received = ByteBuffer()

  static func figures(of messages: [ByteBuffer], _ dictionary: CompressionDictionary?) throws -> [Figure] {
    let single = try run(messages, dictionary, batchCount: 1)
    let batched = try run(messages, dictionary, batchCount: batchCount)
    let raw = Double(messages.reduce(0) { $0 + $1.readableBytes })
    func ratio(_ name: String, _ byteCount: UInt64) -> Figure {
      Figure(
        name: name, unit: "raw/bytes", direction: .higherIsBetter, isCompared: true, value: raw / Double(byteCount))
    }
    let count = Double(messages.count)
    return [
      ratio("ratio", single.payloadByteCount), ratio("wire-ratio", single.wireByteCount),
      ratio("batched-wire-ratio", batched.wireByteCount),
      Figure(name: "encode", unit: "CPU us/message", isCompared: true, value: single.encodingSeconds * 1e6 / count),
      Figure(name: "decode", unit: "CPU us/message", isCompared: true, value: single.decodingSeconds * 1e6 / count),
    ]
  }

  private struct Sums {
    let payloadByteCount: UInt64
    let wireByteCount: UInt64
    let encodingSeconds: Double
    let decodingSeconds: Double
  }

  /// - Parameter batchCount: messages that are written before anything is sent.
  private static func run(
    _ messages: [ByteBuffer], _ dictionary: CompressionDictionary?, batchCount: Int
  ) throws -> Sums {
    var transfer = MessageTransfer(dictionary)
    while transfer.carry() {}
    guard transfer.sender.dictionaryInUse == dictionary else { throw BenchmarkError("the dictionary is not in use") }
    transfer.encodingSeconds = 0
    transfer.decodingSeconds = 0
    let before = transfer.sender.counters.wireBytesSent
    let id = try transfer.sender.open()
    for start in stride(from: 0, to: messages.count, by: batchCount) {
      let batch = messages[start..<min(start + batchCount, messages.count)]
      for message in batch { _ = try transfer.sender.write(message, to: id, endsMessage: true) }
      while transfer.carry() {}
      let sent = batch.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) }
      guard transfer.received == sent else { throw BenchmarkError("messages arrived differently") }
      transfer.received.clear()
    }
    let traffic = transfer.sender.counters.sentByCodec
    return Sums(
      payloadByteCount: traffic[.zstd].payloadBytes + traffic[.none].payloadBytes,
      wireByteCount: transfer.sender.counters.wireBytesSent - before, encodingSeconds: transfer.encodingSeconds,
      decodingSeconds: transfer.decodingSeconds)
  }

  private init(_ dictionary: CompressionDictionary?) {
    var configuration = SessionConfiguration()
    configuration.compression = .fixed(.zstdDefault)
    configuration.sendDictionary = dictionary
    var random = SeededGenerator(seed: 3)
    sender = Session(
      role: .initiator, configuration: configuration, secrets: SessionSecrets(using: &random), now: now)
    configuration.sendDictionary = nil
    receiver = Session(
      role: .acceptor, configuration: configuration, secrets: SessionSecrets(using: &random), now: now)
  }

  /// False when both ends are silent.
  private mutating func carry() -> Bool {
    now = Instant(nanoseconds: now.nanoseconds + 20_000)
    encodingSeconds += Self.runJobs(of: &sender, codecs, now)
    let sent = sender.takeBytes(now: now)
    receiver.receive(sent, now: now)
    decodingSeconds += Self.runJobs(of: &receiver, codecs, now)
    read()
    let answer = receiver.takeBytes(now: now)
    sender.receive(answer, now: now)
    return sent.readableBytes + answer.readableBytes > 0
  }

  private static func runJobs(of session: inout Session, _ codecs: CodecContext, _ now: Instant) -> Double {
    let stopwatch = Stopwatch()
    session.runJobs(in: codecs, now: now)
    return stopwatch.processorSeconds
  }

  private mutating func read() {
    while let event = receiver.nextEvent() {
      guard case .readable(let id) = event else { continue }
      while case .bytes(let bytes, endsMessage: _) = receiver.read(id) { received.writeImmutableBuffer(bytes) }
    }
  }
}
