internal import CZstd

/// One zstd frame that goes on from block to block and never ends.
@safe struct ZstdChainEncoder: ~Copyable {
  private let compressor: OpaquePointer

  init(level: Int, windowLog: Int) throws(CodecError) {
    guard let made = unsafe ZSTD_createCCtx() else { throw CodecError(.notAvailable) }
    unsafe compressor = made
    unsafe ZSTD_CCtx_setParameter(made, ZSTD_c_compressionLevel, Int32(clamping: level))
    unsafe ZSTD_CCtx_setParameter(made, ZSTD_c_contentSizeFlag, 0)
    unsafe ZSTD_CCtx_setParameter(made, ZSTD_c_checksumFlag, 0)
    unsafe ZSTD_CCtx_setParameter(made, ZSTD_c_dictIDFlag, 0)
    unsafe ZSTD_CCtx_setParameter(made, ZSTD_c_windowLog, Int32(clamping: min(windowLog, Self.windowLog(level: level))))
  }

  deinit {
    unsafe ZSTD_freeCCtx(compressor)
  }

  /// What the library takes for a level when it may take what it likes; a larger window would only cost memory.
  private static func windowLog(level: Int) -> Int {
    switch level {
    case ...1: 19
    case 2: 20
    case 3...8: 21
    default: 22
    }
  }

  /// Appends what the next raw bytes become, flushed; throws when that is longer than the room, and the frame cannot go on then.
  mutating func append(_ raw: RawSpan, into output: inout OutputRawSpan) throws(CodecError) {
    _ = unsafe try output.appendFromLibrary(byteCount: output.freeCapacity) { room throws(CodecError) in
      unsafe try raw.withUnsafeBytes { source throws(CodecError) in
        var input = unsafe ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: 0)
        var target = unsafe ZSTD_outBuffer(dst: room.baseAddress, size: room.count, pos: 0)
        let rest = unsafe ZSTD_compressStream2(compressor, &target, &input, ZSTD_e_flush)
        guard ZSTD_isError(rest) == 0, rest == 0, unsafe input.pos == input.size else {
          throw CodecError(.notAvailable)
        }
        return unsafe target.pos
      }
    }
  }
}

/// The other end of a ``ZstdChainEncoder``.
@safe struct ZstdChainDecoder: ~Copyable {
  private let decompressor: OpaquePointer
  private let windowLog: Int
  private var isFirst = true

  /// - Parameter windowLog: larger windows are refused before there is memory for them.
  init(windowLog: Int) throws(CodecError) {
    guard let made = unsafe ZSTD_createDCtx() else { throw CodecError(.notAvailable) }
    unsafe decompressor = made
    self.windowLog = windowLog
    unsafe ZSTD_DCtx_setParameter(made, ZSTD_d_windowLogMax, Int32(clamping: windowLog))
  }

  deinit {
    unsafe ZSTD_freeDCtx(decompressor)
  }

  /// Appends exactly `rawByteCount` bytes, for which there is room, or none; after an error the frame cannot go on.
  mutating func append(_ encoded: RawSpan, rawByteCount: Int, into output: inout OutputRawSpan) throws(CodecError) {
    try ZstdFrameHeader.verifyPart(encoded, isFirst: isFirst, maximumWindowLog: windowLog)
    isFirst = false
    _ = unsafe try output.appendFromLibrary(byteCount: rawByteCount) { room throws(CodecError) in
      unsafe try encoded.withUnsafeBytes { source throws(CodecError) in
        unsafe try decode(source, filling: room)
      }
      return rawByteCount
    }
  }

  private mutating func decode(
    _ source: UnsafeRawBufferPointer, filling room: UnsafeMutableRawBufferPointer
  ) throws(CodecError) {
    var input = unsafe ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: 0)
    var target = unsafe ZSTD_outBuffer(dst: room.baseAddress, size: room.count, pos: 0)
    while unsafe input.pos < input.size, unsafe target.pos < target.size {
      unsafe try step(&target, &input)
    }
    guard unsafe target.pos == target.size else { throw CodecError(.wrongLength) }
    // Whatever would still come is more than was declared.
    var excess: UInt8 = 0
    let excessByteCount = try unsafe withUnsafeMutableBytes(of: &excess) { byte throws(CodecError) in
      var more = unsafe ZSTD_outBuffer(dst: byte.baseAddress, size: byte.count, pos: 0)
      repeat { unsafe try step(&more, &input) } while unsafe input.pos < input.size && more.pos == 0
      return unsafe more.pos
    }
    guard excessByteCount == 0 else { throw CodecError(.wrongLength) }
  }

  private func step(_ target: inout ZSTD_outBuffer, _ input: inout ZSTD_inBuffer) throws(CodecError) {
    let result = unsafe ZSTD_decompressStream(decompressor, &target, &input)
    guard ZSTD_isError(result) == 0 else {
      throw CodecError(ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation ? .notAvailable : .malformed)
    }
  }
}
