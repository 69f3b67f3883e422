import Testing

@testable import DWCPCore

/// What SPEC CDC-3 lets through, on handmade frames, and what this end makes.
struct CodecSuiteZstd {
  private static let magic: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD]
  private static let hello = Array("hello".utf8)
  /// One last raw block of 5 bytes.
  private static let helloBlock: [UInt8] = [0x29, 0, 0] + hello
  /// A single segment with a content size field of one byte.
  private static let helloFrame: [UInt8] = magic + [0x20, 5] + helloBlock

  private func failure(_ frame: [UInt8], rawByteCount: Int = 5, maximumWindowLog: Int = 18) -> CodecError.Reason? {
    decodeFailure(frame, .zstd, rawByteCount: rawByteCount, maximumWindowLog: maximumWindowLog)
  }

  @Test func handmadeFramesDecode() throws {
    #expect(try decode(Self.helloFrame, .zstd, rawByteCount: 5) == Self.hello)
    let withWindow = Self.magic + [0x00, 0x00] + Self.helloBlock
    #expect(try decode(withWindow, .zstd, rawByteCount: 5) == Self.hello)
    let wideContentSizes: [[UInt8]] = [[0xA0, 5, 0, 0, 0], [0xE0, 5, 0, 0, 0, 0, 0, 0, 0]]
    for header in wideContentSizes {
      #expect(try decode(Self.magic + header + Self.helloBlock, .zstd, rawByteCount: 5) == Self.hello)
    }
    let repeated = Self.magic + [0x60, 0x2C, 0x00, 0x63, 0x09, 0x00, 0x78]
    #expect(try decode(repeated, .zstd, rawByteCount: 300) == [UInt8](repeating: 0x78, count: 300))
    let severalBlocks = Self.magic + [0x20, 7, 0x10, 0, 0, 0x61, 0x62, 0x00, 0, 0] + Self.helloBlock
    #expect(try decode(severalBlocks, .zstd, rawByteCount: 7) == Array("abhello".utf8))
    #expect(try decode(Self.magic + [0x20, 0, 1, 0, 0], .zstd, rawByteCount: 0) == [])
  }

  @Test func frameMustBeAlone() {
    let skippable: [UInt8] = [0x50, 0x2A, 0x4D, 0x18, 2, 0, 0, 0, 1, 2]
    #expect(failure(Self.helloFrame + [0]) == .notASingleFrame)
    #expect(failure(Self.helloFrame + Self.helloFrame) == .notASingleFrame)
    #expect(failure(Self.helloFrame + Self.helloFrame, rawByteCount: 10) == .wrongContentSize)
    #expect(failure(Self.helloFrame + skippable) == .notASingleFrame)
    #expect(failure(skippable + Self.helloFrame) == .notASingleFrame)
    #expect(failure(skippable, rawByteCount: 0) == .notASingleFrame)
    let noContentSize = Self.magic + [0x00, 0x00] + Self.helloBlock
    #expect(failure(noContentSize + noContentSize, rawByteCount: 10) == .notASingleFrame)
    #expect(failure(Array(Self.helloFrame.dropFirst(4))) == .notASingleFrame)
    #expect(failure([]) == .malformed)
    let notLast = Self.magic + [0x20, 5, 0x28, 0, 0] + Self.hello
    #expect(failure(notLast) == .notASingleFrame)
  }

  @Test func reservedThingsAreRefused() {
    let reservedBit = Self.magic + [0x28, 5] + Self.helloBlock
    #expect(failure(reservedBit) == .notASingleFrame)
    let reservedBlock = Self.magic + [0x20, 5, 0x2F, 0, 0] + Self.hello
    #expect(failure(reservedBlock) == .notASingleFrame)
    // The bit that RFC 8878 calls unused is not to be looked at.
    #expect(failure(Self.magic + [0x30, 5] + Self.helloBlock) == nil)
  }

  @Test func dictionaryIDsAreRefused() {
    #expect(failure(Self.magic + [0x21, 7, 5] + Self.helloBlock) == .dictionaryRequired)
    #expect(failure(Self.magic + [0x22, 7, 0, 5] + Self.helloBlock) == .dictionaryRequired)
    #expect(failure(Self.magic + [0x23, 7, 0, 0, 0, 5] + Self.helloBlock) == .dictionaryRequired)
  }

  @Test func contentSizeMustBeTheRawLength() {
    for rawByteCount in [0, 4, 6, 261, 1 << 20] {
      #expect(failure(Self.helloFrame, rawByteCount: rawByteCount) == .wrongContentSize)
    }
    #expect(failure(Self.helloFrame, rawByteCount: -5) == .wrongLength)
    let enormous = Self.magic + [0xE0] + [UInt8](repeating: 0xFF, count: 8) + Self.helloBlock
    #expect(failure(enormous) == .wrongContentSize)
    let noContentSize = Self.magic + [0x00, 0x00] + Self.helloBlock
    #expect(failure(noContentSize, rawByteCount: 4) == .wrongLength)
    #expect(failure(noContentSize, rawByteCount: 6) == .wrongLength)
    #expect(failure(noContentSize, rawByteCount: 0) == .wrongLength)
  }

  @Test func windowMustBeWithinTheLimit() {
    func withWindow(_ descriptor: UInt8) -> [UInt8] { Self.magic + [0x00, descriptor] + Self.helloBlock }
    #expect(failure(withWindow(8 << 3)) == nil)
    #expect(failure(withWindow(8 << 3 | 1)) == .windowTooLarge)
    #expect(failure(withWindow(9 << 3)) == .windowTooLarge)
    #expect(failure(withWindow(0xFF)) == .windowTooLarge)
    #expect(failure(withWindow(9 << 3), maximumWindowLog: 19) == nil)
    #expect(failure(withWindow(0), maximumWindowLog: 9) == .windowTooLarge)
    for limit in [Int.min, -1] { #expect(failure(withWindow(0), maximumWindowLog: limit) == .windowTooLarge) }
    #expect(failure(withWindow(0), maximumWindowLog: .max) == nil)

    let zeros = 1 << 18
    let largest = Self.magic + [0xA0, 0, 0, 4, 0, 0x02, 0, 0x10, 0, 0x03, 0, 0x10, 0]
    #expect(decodeFailure(largest, .zstd, rawByteCount: zeros) == nil)
    #expect(decodeFailure(largest, .zstd, rawByteCount: zeros, maximumWindowLog: 17) == .windowTooLarge)
  }

  @Test func checksumIsPartOfTheFrame() throws {
    let withoutSum = Self.magic + [0x24, 5] + Self.helloBlock
    #expect(failure(withoutSum) == .notASingleFrame)
    #expect(failure(withoutSum + [1, 2, 3, 4]) == .malformed)
    #expect(failure(withoutSum + [1, 2, 3, 4, 5]) == .notASingleFrame)
  }

  @Test(arguments: [10, 14, 18, 20])
  func ownFramesKeepToTheFormAndTheWindow(maximumWindowLog: Int) throws {
    let context = CodecContext()
    let limit = UInt64(1) << UInt64(maximumWindowLog)
    for byteCount in [1, 1024, 1025, 300_000, 1 << 20, 3_000_000] {
      let raw = SampleKind.mixed.bytes(byteCount)
      for text in ["zstd:-7", "zstd:1", "zstd:3", "zstd:9"] {
        let encoded = try #require(
          try encode(raw, setting(text), maximumWindowLog: maximumWindowLog, in: context))
        let header = try ZstdFrameHeader(encoded.span.bytes)
        #expect(header.contentByteCount == UInt64(byteCount))
        #expect(header.windowByteCount <= limit)
        #expect(!header.hasChecksum)
        let decoded = try decode(
          encoded, .zstd, rawByteCount: byteCount, maximumWindowLog: maximumWindowLog, in: context)
        #expect(decoded == raw)
      }
    }
  }

  @Test func parametersAndFailuresAreNotKept() throws {
    let context = CodecContext()
    let raw = SampleKind.text.bytes(100_000)
    let fresh = try encode(raw, .zstdDefault)
    #expect(try encode(raw, setting("zstd:9"), maximumWindowLog: 10, in: context) != fresh)
    #expect(try encode(raw, .zstdDefault, in: context) == fresh)
    let random = SampleKind.random.bytes(100_000)
    #expect(try encode(random, setting("zstd:9"), maximumByteCount: 5000, maximumWindowLog: 10, in: context) == nil)
    #expect(try encode(raw, .zstdDefault, in: context) == fresh)
    #expect(try encode(random, setting("zstd:9"), maximumByteCount: 5000, in: context) == nil)
    let narrow = try #require(try encode(raw, .zstdDefault, maximumWindowLog: 10, in: context))
    #expect(try ZstdFrameHeader(narrow.span.bytes).windowByteCount == 1024)
  }

  @Test func errorsNameTheirRule() {
    #expect(CodecError(.windowTooLarge).rule == "CDC-3")
    #expect(CodecError(.wrongLength).rule == "CDC-4")
    let messages = Set(CodecError.Reason.allCases.map { CodecError($0).message })
    #expect(messages.count == CodecError.Reason.allCases.count)
  }
}
