internal import NIOCore

extension CodecLadder {
  /// What is worth measuring: lz4, and zstd from its fastest to its densest levels, without those that are known to be no better than their neighbours.
  public static let candidates: [CompressionSetting] = [
    "none", "lz4:1", "zstd:-7", "zstd:-5", "zstd:-3", "zstd:-1", "zstd:1", "zstd:2", "zstd:3", "zstd:5", "zstd:7",
    "zstd:9", "zstd:12", "zstd:15", "zstd:19",
  ].compactMap(CompressionSetting.init).filter(isTrustworthy)

  /// Measures ratio and speeds on a mixture of memory-like pages, text and program-like bytes, made from a seed: about a second on one core.
  ///
  /// - Parameter nanoseconds: a clock that never goes back, from any origin.
  /// - Returns: what is left of ``candidates`` when rungs that others beat in both speed and ratio are gone.
  /// - Throws: ``CodecError/Reason/notAvailable`` if a library has no memory.
  public static func measured(nanoseconds: () -> UInt64) throws(CodecError) -> CodecLadder {
    let sample = CalibrationSample.blocks()
    let context = CodecContext()
    var rungs: [CodecRung] = []
    for setting in candidates where setting.codec != .none {
      rungs.append(try measure(setting, sample, context, nanoseconds))
    }
    return CodecLadder(rungs)
  }

  /// Of several passes the quickest counts: whatever else the machine does can only slow one down.
  private static func measure(
    _ setting: CompressionSetting, _ blocks: [ByteBuffer], _ context: CodecContext, _ nanoseconds: () -> UInt64
  ) throws(CodecError) -> CodecRung {
    let start = nanoseconds()
    var encoding = UInt64.max
    var decoding = UInt64.max
    var encodedByteCount = 0
    repeat {
      let begin = nanoseconds()
      var encoded: [ByteBuffer] = []
      for block in blocks { encoded.append(try encode(block, setting, context)) }
      let middle = nanoseconds()
      for (block, payload) in zip(blocks, encoded) {
        try decode(payload, setting.codec, rawByteCount: block.readableBytes, context)
      }
      encoding = min(encoding, middle &- begin)
      decoding = min(decoding, nanoseconds() &- middle)
      encodedByteCount = encoded.reduce(0) { $0 &+ $1.readableBytes }
    } while nanoseconds() &- start < passNanoseconds
    let rawByteCount = blocks.reduce(0) { $0 &+ $1.readableBytes }
    return CodecRung(
      setting: setting, ratio: Double(rawByteCount) / Double(max(1, encodedByteCount)),
      compressBytesPerSecond: perSecond(rawByteCount, nanoseconds: encoding),
      decompressBytesPerSecond: perSecond(rawByteCount, nanoseconds: decoding))
  }

  private static func perSecond(_ byteCount: Int, nanoseconds: UInt64) -> Double {
    Double(byteCount) / (Double(max(1, nanoseconds)) / 1e9)
  }

  private static let passNanoseconds: UInt64 = 20_000_000

  private static func encode(
    _ raw: ByteBuffer, _ setting: CompressionSetting, _ context: CodecContext
  ) throws(CodecError) -> ByteBuffer {
    var output = ByteBuffer()
    var failure: CodecError?
    output.writeWithOutputRawSpan(minimumWritableBytes: raw.readableBytes) { span in
      do throws(CodecError) {
        _ = try context.compress(
          raw.readableBytesSpan, setting: setting, maximumByteCount: raw.readableBytes, into: &span)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return output
  }

  private static func decode(
    _ encoded: ByteBuffer, _ codec: Codec, rawByteCount: Int, _ context: CodecContext
  ) throws(CodecError) {
    var output = ByteBuffer()
    var failure: CodecError?
    output.writeWithOutputRawSpan(minimumWritableBytes: rawByteCount) { span in
      do throws(CodecError) {
        try context.decompress(
          encoded.readableBytesSpan, codec: codec, rawByteCount: rawByteCount, maximumWindowLog: 20, into: &span)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
  }
}

/// Two blocks of each kind of data that is usual, the same everywhere.
enum CalibrationSample {
  private static let blockByteCount = 131_072
  private static let words = [
    "connection", "request", "started", "finished", "timeout", "volume", "snapshot", "migrated", "guest", "memory",
    "dirty", "pages", "network", "device", "attached", "lease",
  ]

  static func blocks() -> [ByteBuffer] {
    var random = SplitMix64(state: 1)
    let writers: [(inout ByteBuffer, inout SplitMix64) -> Void] = [writePage, writeMessage, writeCode]
    return writers.flatMap { write in
      (0..<2).map { _ in
        var block = ByteBuffer()
        while block.readableBytes < blockByteCount { write(&block, &random) }
        block.moveWriterIndex(to: blockByteCount)
        return block
      }
    }
  }

  /// A page that is empty, a table of pointers, small numbers, or noise.
  private static func writePage(into block: inout ByteBuffer, _ random: inout SplitMix64) {
    let kind = random.next() % 8
    let base = 0x7FFF_0000_0000 | random.next() & 0xFFFF_0000
    for _ in 0..<512 {
      switch kind {
      case 0, 1: block.writeInteger(UInt64(0))
      case 2, 3, 4: block.writeInteger(base | random.next() & 0xFFF8, endianness: .little)
      case 5, 6: block.writeInteger(random.next() & 0xFF, endianness: .little)
      default: block.writeInteger(random.next())
      }
    }
  }

  private static func writeMessage(into block: inout ByteBuffer, _ random: inout SplitMix64) {
    let bits = random.next()
    block.writeString("{\"id\":\"\(String(random.next() >> 32, radix: 16))\",\"cpu\":\(bits & 0x3FF),\"text\":\"")
    for shift in 1...5 {
      block.writeString(words[Int(bits >> UInt64(8 &* shift) & 15)])
      block.writeStaticString(" ")
    }
    block.writeString("\",\"bytes\":\(bits >> 44)}\n")
  }

  /// Words of four bytes like those of a program: a few operations, often the same registers, near addresses.
  private static func writeCode(into block: inout ByteBuffer, _ random: inout SplitMix64) {
    let function = random.next()
    for _ in 0..<(16 &+ Int(function & 63)) {
      let bits = random.next()
      let operation = UInt32(truncatingIfNeeded: [0x48, 0x8B, 0xE8, 0x0F, 0x89, 0xC3, 0x4C, 0x83][Int(bits & 7)])
      switch bits >> 3 & 3 {
      case 0: block.writeInteger(operation << 24 | UInt32(truncatingIfNeeded: bits >> 8 & 0x3F), endianness: .little)
      case 1: block.writeInteger(operation << 16 | UInt32(truncatingIfNeeded: bits >> 8 & 0x0FFF), endianness: .little)
      case 2: block.writeInteger(UInt32(truncatingIfNeeded: function >> 8 & 0xFFFF | (bits >> 8 & 0xF) << 16))
      default: block.writeInteger(operation)
      }
    }
  }
}

/// The same numbers for the same seed, everywhere.
struct SplitMix64 {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}
