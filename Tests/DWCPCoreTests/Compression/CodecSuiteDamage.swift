import Testing

@testable import DWCPCore

/// Damaged blocks give an error or the declared number of bytes; `decode` checks that an error appends nothing.
struct CodecSuiteDamage {
  static let settings = ["lz4", "lz4:9", "zstd:-5", "zstd", "zstd:9"]

  private func smallBlock(_ text: String) throws -> (encoded: [UInt8], codec: Codec, rawByteCount: Int) {
    let raw = SampleKind.text.bytes(700) + SampleKind.zero.bytes(100) + SampleKind.random.bytes(50)
    return (try #require(try encode(raw, setting(text))), try setting(text).codec, raw.count)
  }

  @Test(arguments: settings)
  func everyTruncationFails(text: String) throws {
    let block = try smallBlock(text)
    let context = CodecContext()
    for byteCount in 0..<block.encoded.count {
      let cut = Array(block.encoded.prefix(byteCount))
      #expect(decodeFailure(cut, block.codec, rawByteCount: block.rawByteCount, in: context) != nil)
    }
  }

  @Test(arguments: settings)
  func everyFlippedBitIsSurvived(text: String) throws {
    let block = try smallBlock(text)
    let context = CodecContext()
    for bit in 0..<8 * block.encoded.count {
      var damaged = block.encoded
      damaged[bit / 8] ^= 1 << UInt8(bit % 8)
      _ = decodeFailure(damaged, block.codec, rawByteCount: block.rawByteCount, in: context)
    }
    #expect(decodeFailure(block.encoded, block.codec, rawByteCount: block.rawByteCount, in: context) == nil)
  }

  @Test(arguments: settings)
  func everyOtherDeclaredLengthFails(text: String) throws {
    let block = try smallBlock(text)
    let context = CodecContext()
    for rawByteCount in Array(0..<block.rawByteCount) + [block.rawByteCount + 1, block.rawByteCount * 10] {
      #expect(decodeFailure(block.encoded, block.codec, rawByteCount: rawByteCount, in: context) != nil)
    }
  }

  @Test(arguments: settings)
  func trailingByteFails(text: String) throws {
    let block = try smallBlock(text)
    for byte in [0, 1, 0x50, 0xFF] as [UInt8] {
      #expect(decodeFailure(block.encoded + [byte], block.codec, rawByteCount: block.rawByteCount) != nil)
    }
  }

  @Test func noiseIsSurvived() {
    let context = CodecContext()
    for seed in 1...3000 as ClosedRange<UInt64> {
      let noise = SampleKind.random.bytes(Int(seed % 90), seed: seed)
      for codec in Codec.allCases { _ = decodeFailure(noise, codec, rawByteCount: 64, in: context) }
      let frame: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, UInt8(seed % 4) << 6 | 0x20] + noise
      _ = decodeFailure(frame, .zstd, rawByteCount: Int(noise.first ?? 0), in: context)
    }
  }
}
