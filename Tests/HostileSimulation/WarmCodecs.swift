internal import DWCPCore
internal import NIOCore

/// Codec contexts belong to threads, not to sessions, and are not in the sum of SPEC MEM-1: what they need is taken before anything is measured. zstd
/// gives memory back that it has not needed for 128 blocks; a long block now and then keeps it.
struct WarmCodecs {
  let context = CodecContext()
  private var blockCount = 0
  private let longest = ByteBuffer(repeating: 7, count: 131_072)
  private static let restingBlockCount = 32

  init() {
    for setting in [CompressionSetting.lz4Default, .zstdDefault] {
      let encoded = encode(longest, setting)
      var raw = ByteBuffer()
      raw.writeWithOutputRawSpan(minimumWritableBytes: longest.readableBytes) { output in
        try? context.decompress(
          encoded.readableBytesSpan, codec: setting.codec, rawByteCount: longest.readableBytes, maximumWindowLog: 20,
          into: &output)
      }
    }
  }

  private func encode(_ raw: ByteBuffer, _ setting: CompressionSetting) -> ByteBuffer {
    var encoded = ByteBuffer()
    encoded.writeWithOutputRawSpan(minimumWritableBytes: 65_536) { output in
      _ = try? context.compress(
        raw.readableBytesSpan, setting: setting, maximumByteCount: 65_536, maximumWindowLog: 20, into: &output)
    }
    return encoded
  }

  /// True when it is time for `refresh`.
  mutating func isDue(for job: CodecJob) -> Bool {
    guard case .encode = job else { return false }
    blockCount += 1
    return blockCount >= Self.restingBlockCount
  }

  mutating func refresh() {
    blockCount = 0
    _ = encode(longest, .zstdDefault)
  }
}
