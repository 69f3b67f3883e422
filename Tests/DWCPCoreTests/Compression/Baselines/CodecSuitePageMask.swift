import CDelta
import Testing

@_spi(Measuring) @testable import DWCPCore

/// The form of changes, byte for byte, and that it is the same on every processor.
struct CodecSuitePageMask {
  @Test func formIsAsWritten() throws {
    let base = [UInt8](repeating: 0x11, count: 2 * 4_096)
    var raw = base
    raw[9] = 0x5A
    raw[15] = 0x5B
    for index in 0..<8 { raw[8_184 + index] = UInt8(0x20 + index) }
    var expected = [UInt8](repeating: 0, count: 128)
    expected[0] = 0b10
    expected[127] = 0b1000_0000
    expected += [0b1000_0010, 0xFF, 0x5A, 0x5B, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27]
    #expect(try mask(Pages(base: base, raw: raw)) == expected)
    #expect(unmask(expected, base: base) == .success(raw))
    #expect(unmask([UInt8](repeating: 0, count: 128), base: base) == .success(base))
  }

  @Test func whatIsChosenForTheProcessorDoesAsThePortableDoes() {
    for seed in 1...10_000 as ClosedRange<UInt64> {
      var generator = SampleGenerator(state: seed)
      let base = [UInt8](repeating: generator.nextByte() & 1, count: 4_096)
      var raw = base
      for _ in 0..<(generator.below(3) == 0 ? generator.below(900) : generator.below(4)) {
        raw[generator.below(4_096)] = generator.nextByte() & 3
      }
      var (masks, portable) = ([UInt8](repeating: 1, count: 64), [UInt8](repeating: 2, count: 64))
      let count = dwcp_delta_compare(raw, base, 1, &masks)
      #expect(count == dwcp_delta_compare_portable(raw, base, 1, &portable))
      #expect(masks == portable)
      #expect(count == dwcp_delta_bit_count(masks, 64))
      let length = generator.below(4_096)
      let isZero = raw.withUnsafeBytes { dwcp_delta_is_zero($0.baseAddress?.advanced(by: 1), min(length, 4_095)) }
      let isZeroPortably = raw.withUnsafeBytes {
        dwcp_delta_is_zero_portable($0.baseAddress?.advanced(by: 1), min(length, 4_095))
      }
      #expect(isZero == isZeroPortably)
    }
  }

  @Test(arguments: [0, 1, 10, 50, 200, 1_000])
  func pagesSurvive(perMille: Int) throws {
    for pageCount in [1, 2, 16, 33] {
      let pages = Pages.scattered(pageCount: pageCount, perMille: perMille, seed: UInt64(pageCount))
      #expect(unmask(try mask(pages), base: pages.base) == .success(pages.raw))
    }
    let unlike = Pages.unlike(.random, pageCount: 3)
    #expect(unmask(try mask(unlike), base: unlike.base) == .success(unlike.raw))
  }

  @Test func everyTruncationAndEveryOtherLengthFails() throws {
    let pages = Pages.scattered(pageCount: 2, perMille: 20)
    let encoded = try mask(pages)
    for byteCount in 0..<encoded.count {
      #expect(unmask(Array(encoded.prefix(byteCount)), base: pages.base) == .failure(CodecError(.wrongLength)))
    }
    #expect(unmask(encoded + [0], base: pages.base) == .failure(CodecError(.wrongLength)))
    #expect(unmask([], base: pages.base) == .failure(CodecError(.wrongLength)))
    let otherBases = [[], Array(pages.base.dropLast()), Array(pages.base.prefix(4_096)), pages.base + pages.base]
    for base in otherBases { #expect(unmask(encoded, base: base) == .failure(CodecError(.wrongLength))) }
  }

  @Test func everyFlippedBitOfAMaskIsNoticed() throws {
    let pages = Pages.scattered(pageCount: 2, perMille: 20)
    let encoded = try mask(pages)
    let byteMaskEnd = 128 + dwcp_delta_bit_count(encoded, 128)
    for bit in 0..<8 * encoded.count {
      var damaged = encoded
      damaged[bit / 8] ^= 1 << UInt8(bit % 8)
      switch unmask(damaged, base: pages.base) {
      case .failure(let error): #expect(error.reason == .wrongLength)
      // A changed byte is another byte, and one more granule can stand for one byte more or fewer behind it.
      case .success(let raw): #expect(raw != pages.raw && (bit / 8 >= byteMaskEnd || bit / 8 < 128))
      }
    }
  }

  @Test func pagesAreLookedAt() {
    let zeros = [UInt8](repeating: 0, count: 4_096)
    #expect(isZero(zeros) && isZero([]))
    for index in zeros.indices {
      var page = zeros
      page[index] = 0x80
      #expect(!isZero(page) && !areEqual(page, zeros))
    }
    #expect(areEqual(zeros, zeros) && !areEqual(zeros, Array(zeros.dropLast())))
  }

  private func isZero(_ bytes: [UInt8]) -> Bool { PageContent.isZero(bytes.span.bytes) }
  private func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    PageContent.areEqual(left.span.bytes, right.span.bytes)
  }
}
