import BenchGate
import Crypto
import DWCPCore
import NIOCore

/// Blocks of one corpus through one codec, without an engine.
final class CodecWork: Work {
  private let setting: CompressionSetting
  private let isDecoding: Bool
  private let measuring: Measuring
  private let context = CodecContext()
  private let blocks: [ByteBuffer]
  private var encoded: [ByteBuffer] = []
  private var next = 0

  init(_ corpus: Corpus, _ setting: CompressionSetting, isDecoding: Bool, _ measuring: Measuring) throws {
    self.setting = setting
    self.isDecoding = isDecoding
    self.measuring = measuring
    blocks = corpus.blocks
    for block in blocks { encoded.append(try CodecBlocks.encode(block, setting, in: context)) }
  }

  func turn() throws -> Int {
    let number = next % blocks.count
    next += 1
    let isRight = try measuring.meter.measure(isDecoding ? .receiver : .sender) {
      if isDecoding { return try CodecBlocks.decode(encoded[number], setting.codec, as: blocks[number], in: context) }
      return try CodecBlocks.encode(blocks[number], setting, in: context).readableBytes == encoded[number].readableBytes
    }
    guard isRight else { throw BenchmarkError("block \(number) came out of \(setting) differently") }
    return 1
  }

  func beginCounting() {
    measuring.meter.reset()
  }

  func metrics(unitCount: Int) -> [Metric] {
    measuring.meter.metrics(unitCount: unitCount, unit: "block")
  }
}

enum CodecBlocks {
  /// The block as the codec makes it; the raw bytes where it does not shrink.
  static func encode(
    _ raw: ByteBuffer, _ setting: CompressionSetting, in context: CodecContext
  ) throws -> ByteBuffer {
    var output = ByteBuffer()
    var isShrunk = false
    try output.writeWithOutputRawSpan(minimumWritableBytes: raw.readableBytes) { span in
      isShrunk = try context.compress(
        raw.readableBytesSpan, setting: setting, maximumByteCount: raw.readableBytes, into: &span)
    }
    return isShrunk ? output : raw
  }

  /// Decodes and compares the ends; whether they are the raw block's.
  static func decode(
    _ encoded: ByteBuffer, _ codec: Codec, as raw: ByteBuffer, in context: CodecContext
  ) throws -> Bool {
    guard encoded.readableBytes < raw.readableBytes else { return encoded == raw }
    var output = ByteBuffer()
    try output.writeWithOutputRawSpan(minimumWritableBytes: raw.readableBytes) { span in
      try context.decompress(
        encoded.readableBytesSpan, codec: codec, rawByteCount: raw.readableBytes, maximumWindowLog: 20, into: &span)
    }
    return output.readableBytes == raw.readableBytes
      && output.getInteger(at: output.writerIndex - 8, as: UInt64.self)
        == raw.getInteger(at: raw.writerIndex - 8, as: UInt64.self)
  }
}

/// Compressed sizes: each codec and level on one corpus.
enum CodecSizes {
  static let settings: [CompressionSetting] =
    (1...12).compactMap { CompressionSetting(codec: .lz4, level: $0) }
    + (-7...19).compactMap { CompressionSetting(codec: .zstd, level: $0) }

  static func metrics(of corpus: Corpus) throws -> [Metric] {
    let context = CodecContext()
    var digest = SHA256()
    var metrics = try settings.map { setting in
      var byteCount = 0
      for block in corpus.blocks {
        let encoded = try CodecBlocks.encode(block, setting, in: context)
        guard try CodecBlocks.decode(encoded, setting.codec, as: block, in: context) else {
          throw BenchmarkError("\(setting) does not decode what it encoded of \(corpus.name)")
        }
        digest.update(encoded)
        byteCount += encoded.readableBytes
      }
      return Metric(
        "ratio.\(setting.codec.name)_\(setting.level)", .exact, unit: "raw/compressed", direction: .higherIsBetter,
        .number(Double(corpus.byteCount) / Double(byteCount)))
    }
    metrics.append(
      Metric("output-sha256", .exact, unit: "digest", direction: .unchanged, .digest(digest.hexadecimal)))
    return metrics
  }
}
