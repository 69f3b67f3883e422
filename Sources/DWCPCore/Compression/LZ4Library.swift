internal import CLZ4

/// The seam to liblz4: owns its working memory.
@safe struct LZ4Library: ~Copyable {
  /// The library copies wide steps as long as so much room is left, and decodes what comes behind with more care, which is slower: a match that ends a
  /// block counts as behind from its first byte on.
  static let decodingSlackByteCount = 64
  /// The lowest level of the high compression mode; what is below is the fast mode.
  private static let leastHighLevel = 3

  private var fastState: UnsafeMutableRawPointer?
  private var highState: UnsafeMutableRawPointer?

  deinit {
    unsafe fastState?.deallocate()
    unsafe highState?.deallocate()
  }

  /// Appends the block unless it is longer than `maximumByteCount`, which is at least 1; returns whether it did.
  mutating func compress(
    _ raw: RawSpan, level: Int, maximumByteCount: Int, into output: inout OutputRawSpan
  ) throws(CodecError) -> Bool {
    guard raw.byteCount <= LZ4_MAX_INPUT_SIZE, let rawByteCount = Int32(exactly: raw.byteCount) else { return false }
    let isFast = level < Self.leastHighLevel
    let state = unsafe isFast ? fast() : high()
    return unsafe try output.appendFromLibrary(byteCount: min(maximumByteCount, Int(Int32.max))) { room in
      let target = unsafe room.baseAddress?.assumingMemoryBound(to: CChar.self)
      let written = unsafe raw.withUnsafeBytes { bytes in
        // Empty bytes may have no address, which not every mode of the library allows for.
        let source = unsafe bytes.baseAddress?.assumingMemoryBound(to: CChar.self) ?? UnsafePointer(target)
        return unsafe isFast
          ? LZ4_compress_fast_extState(state, source, target, rawByteCount, Int32(room.count), 1)
          : LZ4_compress_HC_extStateHC(state, source, target, rawByteCount, Int32(room.count), Int32(level))
      }
      return written > 0 ? Int(written) : nil
    }
  }

  /// Appends `rawByteCount` bytes, for which there is room; if there is more, `slackByteCount` bytes behind them may be written too.
  static func decompress(
    _ encoded: RawSpan, rawByteCount: Int, slackByteCount: Int, into output: inout OutputRawSpan
  ) throws(CodecError) {
    guard let encodedByteCount = Int32(exactly: encoded.byteCount),
      let roomByteCount = Int32(
        exactly: rawByteCount &+ min(slackByteCount, output.freeCapacity &- rawByteCount))
    else {
      throw CodecError(.wrongLength)
    }
    _ = unsafe try output.appendFromLibrary(byteCount: Int(roomByteCount)) { room throws(CodecError) in
      let written = unsafe encoded.withUnsafeBytes { bytes in
        unsafe LZ4_decompress_safe(
          bytes.baseAddress?.assumingMemoryBound(to: CChar.self), room.baseAddress?.assumingMemoryBound(to: CChar.self),
          encodedByteCount, roomByteCount)
      }
      // What is too long by no more than the slack fails as what is longer does.
      guard written >= 0, written <= rawByteCount else { throw CodecError(.malformed) }
      guard written == rawByteCount else { throw CodecError(.wrongLength) }
      return rawByteCount
    }
  }

  private mutating func fast() -> UnsafeMutableRawPointer {
    if let fastState = unsafe fastState { return unsafe fastState }
    let made = unsafe Self.makeState(byteCount: LZ4_sizeofState())
    unsafe fastState = made
    return unsafe made
  }

  private mutating func high() -> UnsafeMutableRawPointer {
    if let highState = unsafe highState { return unsafe highState }
    let made = unsafe Self.makeState(byteCount: LZ4_sizeofStateHC())
    unsafe highState = made
    return unsafe made
  }

  private static func makeState(byteCount: Int32) -> UnsafeMutableRawPointer {
    UnsafeMutableRawPointer.allocate(byteCount: Int(byteCount), alignment: 16)
  }
}
