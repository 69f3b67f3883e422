import Testing

@_spi(Measuring) @testable import DWCPCore

/// Where the bytes of a new object come from in an old one.
struct CodecSuiteBaseFinder {
  private func finder(_ old: [UInt8], pieceByteCount: Int = 65_536) -> BaseFinder {
    var finder = BaseFinder(byteCount: old.count)
    for start in stride(from: 0, to: old.count, by: pieceByteCount) {
      finder.enter(old.span.bytes.extracting(start..<min(start + pieceByteCount, old.count)))
    }
    return finder
  }

  @Test func whatHasMovedIsFound() throws {
    let old = SampleKind.random.bytes(4 << 20)
    var finder = finder(old)
    for shift in [0, 1, 4_095, 1_000_003] {
      for start in stride(from: shift, to: old.count - (256 << 10), by: 300_000) {
        let block = old[start..<start + (256 << 10)]
        let inserted = Array(block.prefix(100_000)) + SampleKind.text.bytes(77) + Array(block.dropFirst(100_000))
        let found = finder.base(for: inserted.span.bytes, maximumByteCount: 512 << 10)
        let base = try #require(found)
        #expect(base.lowerBound <= start && base.upperBound >= block.endIndex)
        #expect(base.count <= 2 * block.count && base.upperBound <= old.count)
      }
    }
  }

  @Test func whatIsNewHasNoBase() {
    var finder = finder(SampleKind.random.bytes(1 << 20))
    for block in [SampleKind.random.bytes(256 << 10, seed: 9), []] {
      let base = finder.base(for: block.span.bytes, maximumByteCount: 1 << 20)
      #expect(base == nil)
    }
    var empty = BaseFinder(byteCount: 0)
    empty.enter([1, 2, 3].span.bytes)
    let base = empty.base(for: SampleKind.random.bytes(1 << 16).span.bytes, maximumByteCount: 1 << 20)
    #expect(base == nil)
  }

  @Test func rangesKeepToTheirBounds() {
    let old = SampleKind.mixed.bytes(1 << 20)
    var finder = finder(old)
    for (start, byteCount) in [(0, 1 << 20), (0, 65_536), (983_040, 65_536), (500_000, 100)] {
      for maximumByteCount in [0, 1, 100, 40_000, 1 << 20, .max] {
        let block = old.span.bytes.extracting(start..<start + byteCount)
        guard let base = finder.base(for: block, maximumByteCount: maximumByteCount) else { continue }
        #expect(base.count <= max(maximumByteCount, 0))
        #expect(base.lowerBound >= 0 && base.upperBound <= old.count)
      }
    }
  }

  @Test func cutsOfTheOldObjectDoNotMatter() {
    let old = SampleKind.random.bytes(300_000)
    let block = Array(old[7_000..<200_000])
    var ranges: Set<Range<Int>?> = []
    for pieceByteCount in [1_000, 4_096, 77_777, 300_000] {
      var finder = finder(old, pieceByteCount: pieceByteCount)
      ranges.insert(finder.base(for: block.span.bytes, maximumByteCount: 300_000))
    }
    #expect(ranges.count == 1 && ranges.first != .some(nil))
  }

  @Test func whatRepeatsDoesNotCrowdTheRestOut() throws {
    let record = SampleKind.random.bytes(700, seed: 5)
    let unique = SampleKind.random.bytes(400_000, seed: 6)
    let old =
      [UInt8](repeating: 0x41, count: 1 << 20) + (0..<1_000).flatMap { _ in record } + unique
      + [UInt8](repeating: 0, count: 1 << 20)
    var finder = finder(old)
    let found = finder.base(for: unique.span.bytes, maximumByteCount: 500_000)
    let base = try #require(found)
    let start = (1 << 20) + 700_000
    #expect(base.lowerBound <= start && base.upperBound >= start + unique.count)
  }
}
