internal import CDelta

/// What has changed in a group of pages: which granules of 8 bytes, which of their bytes, and those bytes.
///
/// The form, for n pages of 4,096 bytes: n masks of 64 bytes, with a bit for each granule that differs from the base's, the first granule in the lowest bit
/// of the first byte; for each such granule a byte with a bit for each of its bytes that differs, the first in the lowest bit; and those bytes, new. Like stands
/// beside like, so that a codec finds what repeats.
enum PageMask {
  /// The length of a page.
  static let pageByteCount = Int(DWCP_DELTA_PAGE)
  static let granulesPerPage = 512
  private static let maskByteCount = Int(DWCP_DELTA_MASK)
  private static let maximumGranuleByteCount = 9

  /// The lengths that the form can have for so many pages.
  static func byteCounts(pageCount: Int) -> ClosedRange<Int> {
    let least = pageCount &* maskByteCount
    return least...least &+ pageCount &* granulesPerPage &* maximumGranuleByteCount
  }

  /// The room that writing takes, of which the last byte is never used.
  static func roomByteCount(pageCount: Int) -> Int { byteCounts(pageCount: pageCount).upperBound &+ 1 }

  /// How many pages both are; nil when they are not whole pages, or not as many.
  static func pageCount(_ raw: RawSpan, base: RawSpan) -> Int? {
    guard raw.byteCount == base.byteCount, !raw.isEmpty, raw.byteCount % pageByteCount == 0 else { return nil }
    return raw.byteCount / pageByteCount
  }

  /// Appends the masks.
  ///
  /// - Returns: how many granules differ.
  static func appendMasks(
    of raw: RawSpan, base: RawSpan, into output: inout OutputRawSpan
  ) throws(CodecError) -> Int {
    let pageCount = try checkedPageCount(raw, base)
    let byteCount = pageCount &* maskByteCount
    guard output.freeCapacity >= byteCount else { throw CodecError(.notAvailable) }
    var granuleCount = 0
    _ = unsafe try output.appendFromLibrary(byteCount: byteCount) { room throws(CodecError) in
      guard let masks = unsafe room.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return nil }
      granuleCount = unsafe raw.withUnsafeBytes { raw in
        unsafe base.withUnsafeBytes { base in
          unsafe dwcp_delta_compare(raw.baseAddress, base.baseAddress, pageCount, masks)
        }
      }
      return byteCount
    }
    return granuleCount
  }

  /// Appends what stands behind the masks.
  ///
  /// - Parameters:
  ///   - masks: what ``appendMasks(of:base:into:)`` made of the same pages.
  ///   - granuleCount: what that returned.
  static func appendChanges(
    of raw: RawSpan, base: RawSpan, masks: RawSpan, granuleCount: Int, into output: inout OutputRawSpan
  ) throws(CodecError) {
    let pageCount = try checkedPageCount(raw, base)
    let roomByteCount = granuleCount &* maximumGranuleByteCount &+ 1
    guard masks.byteCount == pageCount &* maskByteCount, granuleCount <= pageCount &* granulesPerPage,
      output.freeCapacity >= roomByteCount
    else { throw CodecError(.notAvailable) }
    _ = unsafe try output.appendFromLibrary(byteCount: roomByteCount) { room throws(CodecError) in
      guard let changes = unsafe room.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return nil }
      return unsafe raw.withUnsafeBytes { raw in
        unsafe base.withUnsafeBytes { base in
          unsafe masks.withUnsafeBytes { masks in
            unsafe dwcp_delta_gather(
              raw.baseAddress, base.baseAddress, pageCount, masks.baseAddress?.assumingMemoryBound(to: UInt8.self),
              granuleCount, changes)
          }
        }
      }
    }
  }

  /// Appends exactly as many bytes as the base has, or none.
  ///
  /// - Throws: ``CodecError/Reason/wrongLength`` when the masks and what stands behind them disagree, or the base is not whole pages.
  static func decode(_ encoded: RawSpan, base: RawSpan, into output: inout OutputRawSpan) throws(CodecError) {
    let pageCount = try checkedPageCount(base, base)
    guard output.freeCapacity >= base.byteCount else { throw CodecError(.notAvailable) }
    let isWhole = unsafe try output.appendFromLibrary(byteCount: base.byteCount) { room throws(CodecError) in
      let isWhole = unsafe encoded.withUnsafeBytes { encoded in
        unsafe base.withUnsafeBytes { base in
          unsafe dwcp_delta_apply(
            encoded.baseAddress?.assumingMemoryBound(to: UInt8.self), encoded.count, base.baseAddress, pageCount,
            room.baseAddress)
        }
      }
      return isWhole != 0 ? room.count : nil
    }
    guard isWhole else { throw CodecError(.wrongLength) }
  }

  /// How many granules some masks say differ.
  static func changedCount(_ masks: RawSpan) -> Int {
    unsafe masks.withUnsafeBytes {
      unsafe dwcp_delta_bit_count($0.baseAddress?.assumingMemoryBound(to: UInt8.self), $0.count)
    }
  }

  /// Appends bytes as they are; there has to be room for them.
  static func append(_ bytes: RawSpan, to output: inout OutputRawSpan) throws(CodecError) {
    guard output.freeCapacity >= bytes.byteCount else { throw CodecError(.notAvailable) }
    _ = unsafe try output.appendFromLibrary(byteCount: bytes.byteCount) { room throws(CodecError) in
      unsafe bytes.withUnsafeBytes { unsafe room.copyMemory(from: $0) }
      return room.count
    }
  }

  private static func checkedPageCount(_ raw: RawSpan, _ base: RawSpan) throws(CodecError) -> Int {
    guard let pageCount = pageCount(raw, base: base) else { throw CodecError(.wrongLength) }
    return pageCount
  }
}

/// Questions about single pages, for those who look for what need not be sent.
enum PageContent {
  /// Whether all bytes are 0.
  static func isZero(_ page: RawSpan) -> Bool {
    unsafe page.withUnsafeBytes { unsafe dwcp_delta_is_zero($0.baseAddress, $0.count) != 0 }
  }

  /// Whether both have the same bytes.
  static func areEqual(_ page: RawSpan, _ other: RawSpan) -> Bool {
    guard page.byteCount == other.byteCount else { return false }
    return unsafe page.withUnsafeBytes { page in
      unsafe other.withUnsafeBytes { other in
        unsafe dwcp_delta_is_equal(page.baseAddress, other.baseAddress, page.count) != 0
      }
    }
  }
}
