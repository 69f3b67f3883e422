import Testing

@testable import DWCPCore

struct CodecSuiteRoundTrip {
  static let settings: [CompressionSetting] = Codec.allCases.filter { $0 != .none }.flatMap { codec in
    (-7...19).compactMap { CompressionSetting(codec: codec, level: $0) }
  }

  /// One context for all sizes and kinds, so that nothing of a block is left for the next one.
  @Test(arguments: settings)
  func everySizeAndKind(setting: CompressionSetting) throws {
    let context = CodecContext()
    for byteCount in [0, 1, 63, 64, 65, 1000, 65_536, 262_144] {
      for kind in SampleKind.allCases {
        let raw = kind.bytes(byteCount)
        let encoded = try #require(try encode(raw, setting, in: context))
        #expect(try decode(encoded, setting.codec, rawByteCount: byteCount, in: context) == raw)
      }
    }
  }

  @Test(arguments: ["lz4", "lz4:9", "zstd:-3", "zstd", "zstd:3", "zstd:15"])
  func largestBlock(text: String) throws {
    let raw = SampleKind.mixed.bytes(text == "zstd:15" ? 3 << 20 : 16 << 20)
    let encoded = try #require(try encode(raw, setting(text)))
    #expect(encoded.count < raw.count)
    #expect(try decode(encoded, setting(text).codec, rawByteCount: raw.count) == raw)
  }

  @Test(arguments: ["lz4", "lz4:9", "zstd", "zstd:3", "zstd:15"])
  func whatDoesNotFitIsNotAppended(text: String) throws {
    let context = CodecContext()
    let raw = SampleKind.text.bytes(20_000)
    let encoded = try #require(try encode(raw, setting(text), in: context))
    let chosen = try setting(text)
    for limit in [Int.min, -1, 0, 1, 10, encoded.count / 2, encoded.count - 1] {
      let outcome = withOutput(capacity: 30_000, used: 5) { output throws(CodecError) in
        try context.compress(raw.span.bytes, setting: chosen, maximumByteCount: limit, into: &output)
      }
      #expect(outcome == OutputOutcome(bytes: [UInt8](repeating: 0xAA, count: 5)))
    }
    // The failed tries leave the context as good as new.
    #expect(try encode(raw, setting(text), maximumByteCount: encoded.count + 64, in: context) == encoded)
    let random = SampleKind.random.bytes(20_000)
    #expect(try encode(random, setting(text), maximumByteCount: 18_750, in: context) == nil)
  }

  @Test func theRoomInTheOutputIsALimitToo() {
    let raw = SampleKind.random.bytes(1000)
    let outcome = withOutput(capacity: 500) { output throws(CodecError) in
      try CodecContext().compress(raw.span.bytes, setting: .zstdDefault, maximumByteCount: .max, into: &output)
    }
    #expect(outcome == OutputOutcome(bytes: []))
    let tooSmall = withOutput(capacity: 10) { output throws(CodecError) in
      try CodecContext().decompress(
        [0x10, 0x41].span.bytes, codec: .lz4, rawByteCount: 11, maximumWindowLog: 18, into: &output)
      return true
    }
    #expect(tooSmall.failure?.reason == .notAvailable)
    #expect(tooSmall.bytes.isEmpty)
  }

  @Test func noneIsNothingToEncodeOrDecode() throws {
    #expect(try encode([1, 2, 3], .none) == nil)
    #expect(decodeFailure([1, 2, 3], .none, rawByteCount: 3) == .malformed)
  }

  @Test func oneContextServesManyThreads() async throws {
    let context = CodecContext()
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for seed in 1...8 as ClosedRange<UInt64> {
        group.addTask {
          let raw = SampleKind.mixed.bytes(50_000, seed: seed)
          for setting in [CompressionSetting.zstdDefault, .lz4Default] {
            guard let encoded = try encode(raw, setting, in: context) else { return false }
            guard try decode(encoded, setting.codec, rawByteCount: raw.count, in: context) == raw else { return false }
          }
          return true
        }
      }
      for try await isEqual in group { #expect(isEqual) }
    }
  }
}
