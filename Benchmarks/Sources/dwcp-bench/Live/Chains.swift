import BenchGate
import CZstdBare
import DWCPCore
import NIOCore

/// Chained blocks beside independent ones and beside one streaming context of libzstd that is flushed behind each block, on ordinary files as one stream.
enum Chains {
  static func scenario(level: Int) -> LiveScenario {
    LiveScenario(reference: "streamed") {
      let corpus = MachineCorpora.ordinaryFiles()
      guard corpus.byteCount > 4 << 20 else { throw Unavailable(reason: "there are few files on this machine") }
      guard let chained = CompressionSetting(codec: .zstd, level: level, isChained: true),
        let independent = CompressionSetting(codec: .zstd, level: level)
      else { throw BenchmarkError("there is no zstd level \(level)") }
      return [
        Contender(name: "streamed") { try streamed(corpus, level: level) },
        Contender(name: "chained") { try ChainedTransfer.run(corpus, chained) },
        Contender(name: "independent") { try ChainedTransfer.run(corpus, independent) },
      ]
    }
  }

  fileprivate static func figures(_ corpus: Corpus, payloadByteCount: Int, seconds: Double) -> [Figure] {
    [
      Figure(
        name: "ratio", unit: "raw/payload", direction: .higherIsBetter, isCompared: true,
        value: Double(corpus.byteCount) / Double(payloadByteCount)),
      Figure(
        name: "speed", unit: "MiB/s", direction: .higherIsBetter, isCompared: true,
        value: Double(corpus.byteCount) / 1_048_576 / seconds),
    ]
  }

  private static func streamed(_ corpus: Corpus, level: Int) throws -> [Figure] {
    let context = unsafe ZSTD_createCCtx()
    defer { unsafe ZSTD_freeCCtx(context) }
    unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(level))
    var room = [UInt8](repeating: 0, count: ZSTD_compressBound(Corpus.blockByteCount) + 64)
    var payloadByteCount = 0
    let stopwatch = Stopwatch()
    for block in corpus.blocks {
      payloadByteCount += try unsafe block.withUnsafeReadableBytes { raw in
        try unsafe room.withUnsafeMutableBytes { room in
          var input = unsafe ZSTD_inBuffer(src: raw.baseAddress, size: raw.count, pos: 0)
          var output = unsafe ZSTD_outBuffer(dst: room.baseAddress, size: room.count, pos: 0)
          let rest = unsafe ZSTD_compressStream2(context, &output, &input, ZSTD_e_flush)
          guard rest == 0 else { throw BenchmarkError("libzstd does not flush") }
          return unsafe output.pos
        }
      }
    }
    return figures(corpus, payloadByteCount: payloadByteCount, seconds: stopwatch.elapsedSeconds)
  }
}

/// A corpus on one stream between two engines in one thread; what arrives is compared with what was sent.
private struct ChainedTransfer {
  private var sender: Session
  private var receiver: Session
  private let codecs = CodecContext()
  /// Goes on with each exchange, so that the engines take the link for as fast as one between two processes and cut blocks of full length.
  private var now = Instant(nanoseconds: 1_000_000_000)
  private var encodingSeconds = 0.0
  private var received = ByteBuffer()

  static func run(_ corpus: Corpus, _ setting: CompressionSetting) throws -> [Figure] {
    var transfer = ChainedTransfer(setting)
    while transfer.carry() {}
    let id = try transfer.sender.open()
    for block in corpus.blocks {
      _ = try transfer.sender.write(block, to: id)
      while transfer.carry() {}
      guard transfer.received == block else { throw BenchmarkError("a block arrived differently") }
      transfer.received.clear()
    }
    let traffic = transfer.sender.counters.sentByCodec
    return Chains.figures(
      corpus, payloadByteCount: Int(traffic[.zstd].payloadBytes + traffic[.none].payloadBytes),
      seconds: transfer.encodingSeconds)
  }

  private init(_ setting: CompressionSetting) {
    var configuration = SessionConfiguration()
    configuration.compression = .fixed(setting)
    configuration.blockByteCount = Corpus.blockByteCount
    var random = SeededGenerator(seed: 3)
    sender = Session(
      role: .initiator, configuration: configuration, secrets: SessionSecrets(using: &random), now: now)
    receiver = Session(
      role: .acceptor, configuration: configuration, secrets: SessionSecrets(using: &random), now: now)
  }

  /// False when both ends are silent.
  private mutating func carry() -> Bool {
    now = Instant(nanoseconds: now.nanoseconds + 20_000)
    let stopwatch = Stopwatch()
    sender.runJobs(in: codecs, now: now)
    encodingSeconds += stopwatch.elapsedSeconds
    let sent = sender.takeBytes(now: now)
    receiver.receive(sent, now: now)
    receiver.runJobs(in: codecs, now: now)
    read()
    let answer = receiver.takeBytes(now: now)
    sender.receive(answer, now: now)
    return sent.readableBytes + answer.readableBytes > 0
  }

  private mutating func read() {
    while let event = receiver.nextEvent() {
      guard case .readable(let id) = event else { continue }
      while case .bytes(let bytes, endsMessage: _) = receiver.read(id) { received.writeImmutableBuffer(bytes) }
    }
  }
}
