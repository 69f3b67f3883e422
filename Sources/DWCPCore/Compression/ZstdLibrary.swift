internal import CZstd

/// The seam to libzstd: owns its contexts.
@safe struct ZstdLibrary: ~Copyable {
  /// Releases before 1.5.5 could, rarely, write a broken frame in their high compression mode, which for short blocks
  /// starts at level 13.
  private static let isFlawedAtHighLevels = ZSTD_versionNumber() < 10505
  private static let leastHighLevel = 13

  /// Whether blocks of this level have to be decoded to be trusted.
  static func isFlawed(atLevel level: Int) -> Bool { isFlawedAtHighLevels && level >= leastHighLevel }

  private var compressor: OpaquePointer?
  private var decompressor: OpaquePointer?
  private var trial = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)

  deinit {
    unsafe ZSTD_freeCCtx(compressor)
    unsafe ZSTD_freeDCtx(decompressor)
    unsafe trial.deallocate()
  }

  /// Appends the frame unless it is longer than `maximumByteCount`; returns whether it did.
  mutating func compress(
    _ raw: RawSpan, level: Int, maximumByteCount: Int, maximumWindowLog: Int, dictionary: ZstdEncoderDictionary?,
    into output: inout OutputRawSpan
  ) throws(CodecError) -> Bool {
    let compressor = unsafe try preparedCompressor(
      level: level, maximumWindowLog: maximumWindowLog, rawByteCount: raw.byteCount)
    if let dictionary { unsafe ZSTD_CCtx_refCDict(compressor, dictionary.pointer) }
    defer {
      // It may be gone when the next block comes.
      if dictionary != nil { unsafe ZSTD_CCtx_reset(compressor, ZSTD_reset_session_and_parameters) }
    }
    return unsafe try output.appendFromLibrary(byteCount: maximumByteCount) { room throws(CodecError) in
      let written = unsafe raw.withUnsafeBytes { source in
        unsafe ZSTD_compress2(compressor, room.baseAddress, room.count, source.baseAddress, source.count)
      }
      guard ZSTD_isError(written) == 0 else {
        guard ZSTD_getErrorCode(written) == ZSTD_error_dstSize_tooSmall else { throw CodecError(.notAvailable) }
        return nil
      }
      guard Self.isFlawed(atLevel: level), dictionary == nil else { return written }
      let frame = unsafe UnsafeRawBufferPointer(rebasing: room[..<written])
      return unsafe isFaithful(frame, to: raw) ? written : nil
    }
  }

  /// Appends `rawByteCount` bytes, for which there is room. The caller has verified the frame's headers.
  mutating func decompress(
    _ encoded: RawSpan, rawByteCount: Int, dictionary: ZstdDecoderDictionary?, into output: inout OutputRawSpan
  ) throws(CodecError) {
    _ = unsafe try output.appendFromLibrary(byteCount: rawByteCount) { room throws(CodecError) in
      unsafe try encoded.withUnsafeBytes { source throws(CodecError) in
        unsafe try decompress(source, dictionary, filling: room)
      }
      return rawByteCount
    }
  }

  private mutating func decompress(
    _ source: UnsafeRawBufferPointer, _ dictionary: ZstdDecoderDictionary?, filling room: UnsafeMutableRawBufferPointer
  ) throws(CodecError) {
    let decompressor = unsafe try preparedDecompressor()
    let written = unsafe ZSTD_decompress_usingDDict(
      decompressor, room.baseAddress, room.count, source.baseAddress, source.count, dictionary?.pointer)
    try Self.check(written, room.count)
  }

  private mutating func preparedDecompressor() throws(CodecError) -> OpaquePointer {
    if unsafe decompressor == nil { unsafe decompressor = ZSTD_createDCtx() }
    guard let decompressor = unsafe decompressor else { throw CodecError(.notAvailable) }
    return unsafe decompressor
  }

  /// Looks at what a call to decompress returned.
  private static func check(_ written: Int, _ rawByteCount: Int) throws(CodecError) {
    guard ZSTD_isError(written) == 0 else {
      switch ZSTD_getErrorCode(written) {
      case ZSTD_error_dstSize_tooSmall: throw CodecError(.wrongLength)
      case ZSTD_error_memory_allocation: throw CodecError(.notAvailable)
      default: throw CodecError(.malformed)
      }
    }
    guard written == rawByteCount else { throw CodecError(.wrongLength) }
  }

  private mutating func preparedCompressor(
    level: Int, maximumWindowLog: Int, rawByteCount: Int
  ) throws(CodecError) -> OpaquePointer {
    if unsafe compressor == nil { unsafe compressor = ZSTD_createCCtx() }
    guard let compressor = unsafe compressor else { throw CodecError(.notAvailable) }
    // A frame that did not fit leaves its session open, and parameters are fixed within a session.
    unsafe ZSTD_CCtx_reset(compressor, ZSTD_reset_session_and_parameters)
    unsafe ZSTD_CCtx_setParameter(compressor, ZSTD_c_compressionLevel, Int32(clamping: level))
    unsafe ZSTD_CCtx_setParameter(compressor, ZSTD_c_contentSizeFlag, 1)
    unsafe ZSTD_CCtx_setParameter(compressor, ZSTD_c_checksumFlag, 0)
    unsafe ZSTD_CCtx_setParameter(compressor, ZSTD_c_dictIDFlag, 0)
    // A source within the limit becomes a single segment, whose window is its own length.
    let windowLog = min(maximumWindowLog, 31)
    if rawByteCount > 1 << windowLog {
      let result = unsafe ZSTD_CCtx_setParameter(compressor, ZSTD_c_windowLog, Int32(clamping: windowLog))
      guard ZSTD_isError(result) == 0 else { throw CodecError(.notAvailable) }
    }
    return unsafe compressor
  }

  private mutating func isFaithful(_ frame: UnsafeRawBufferPointer, to raw: RawSpan) -> Bool {
    if unsafe trial.count < raw.byteCount {
      unsafe trial.deallocate()
      unsafe trial = .allocate(byteCount: raw.byteCount, alignment: 16)
    }
    let room = unsafe UnsafeMutableRawBufferPointer(rebasing: trial[..<raw.byteCount])
    do {
      unsafe try decompress(frame, nil, filling: room)
    } catch {
      return false
    }
    return unsafe raw.withUnsafeBytes { unsafe $0.elementsEqual(room) }
  }
}

// MARK: Against a prefix

extension ZstdLibrary {
  /// Later releases may write broken frames at higher levels too, which for frames with a prefix nobody tries.
  private static let maximumPrefixLevel = 12
  /// From here on matches lie too far apart for the tables of the lower levels.
  private static let leastLongDistanceByteCount = 512 << 10
  private static let dictionaryMagic: [UInt8] = [0x37, 0xA4, 0x30, 0xEC]

  /// Appends the frame that is decoded with the same prefix, a single segment, unless it is longer than `maximumByteCount`; returns whether it did.
  mutating func compress(
    _ raw: RawSpan, prefix: RawSpan, level: Int, maximumByteCount: Int, into output: inout OutputRawSpan
  ) throws(CodecError) -> Bool {
    let level = min(level, Self.maximumPrefixLevel)
    let compressor = unsafe try preparedCompressor(level: level, maximumWindowLog: 31, rawByteCount: raw.byteCount)
    let windowLog = max(10, Int.bitWidth &- (raw.byteCount &+ prefix.byteCount &- 1).leadingZeroBitCount)
    guard windowLog <= 31 else { throw CodecError(.notAvailable) }
    unsafe ZSTD_CCtx_setParameter(compressor, ZSTD_c_windowLog, Int32(windowLog))
    if level <= 2 {
      // The library's own choice has room for a part of the prefix only.
      unsafe ZSTD_CCtx_setParameter(compressor, ZSTD_c_hashLog, Int32(clamping: max(13, windowLog &- 3)))
    }
    if prefix.byteCount >= Self.leastLongDistanceByteCount {
      unsafe ZSTD_CCtx_setParameter(compressor, ZSTD_c_enableLongDistanceMatching, 1)
    }
    defer { unsafe ZSTD_CCtx_reset(compressor, ZSTD_reset_session_and_parameters) }
    return unsafe try output.appendFromLibrary(byteCount: maximumByteCount) { room throws(CodecError) in
      let written = unsafe prefix.withUnsafeBytes { prefix in
        unsafe raw.withUnsafeBytes { source in
          unsafe ZSTD_CCtx_refPrefix(compressor, prefix.baseAddress, prefix.count)
          return unsafe ZSTD_compress2(compressor, room.baseAddress, room.count, source.baseAddress, source.count)
        }
      }
      guard ZSTD_isError(written) == 0 else {
        guard ZSTD_getErrorCode(written) == ZSTD_error_dstSize_tooSmall else { throw CodecError(.notAvailable) }
        return nil
      }
      return written
    }
  }

  /// Appends `rawByteCount` bytes, for which there is room. The caller has verified the frame's headers.
  mutating func decompress(
    _ encoded: RawSpan, prefix: RawSpan, rawByteCount: Int, into output: inout OutputRawSpan
  ) throws(CodecError) {
    let decompressor = unsafe try preparedDecompressor()
    _ = unsafe try output.appendFromLibrary(byteCount: rawByteCount) { room throws(CodecError) in
      let written = unsafe prefix.withUnsafeBytes { prefix in
        unsafe encoded.withUnsafeBytes { source in
          // This takes what begins like a dictionary of its own for one, and the other call allocates.
          guard unsafe prefix.starts(with: Self.dictionaryMagic) else {
            return unsafe ZSTD_decompress_usingDict(
              decompressor, room.baseAddress, room.count, source.baseAddress, source.count, prefix.baseAddress,
              prefix.count)
          }
          unsafe ZSTD_DCtx_refPrefix(decompressor, prefix.baseAddress, prefix.count)
          return unsafe ZSTD_decompressDCtx(
            decompressor, room.baseAddress, room.count, source.baseAddress, source.count)
        }
      }
      try Self.check(written, room.count)
      return rawByteCount
    }
  }
}
