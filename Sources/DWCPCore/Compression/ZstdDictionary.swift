internal import CZstd

/// A dictionary as one level of zstd compresses with it: made once, and used by any number of threads at a time.
@safe final class ZstdEncoderDictionary: Sendable {
  /// libzstd only reads it.
  nonisolated(unsafe) let pointer: OpaquePointer

  /// Nil when the library has no memory, or finds the dictionary damaged.
  init?(_ content: RawSpan, level: Int) {
    let made = unsafe content.withUnsafeBytes {
      unsafe ZSTD_createCDict($0.baseAddress, $0.count, Int32(clamping: level))
    }
    guard let made = unsafe made else { return nil }
    unsafe pointer = made
  }

  deinit {
    unsafe ZSTD_freeCDict(pointer)
  }
}

/// The same for what decompresses, at any level.
@safe final class ZstdDecoderDictionary: Sendable {
  nonisolated(unsafe) let pointer: OpaquePointer

  /// Nil when the library has no memory, or finds the dictionary damaged.
  init?(_ content: RawSpan) {
    let made = unsafe content.withUnsafeBytes { unsafe ZSTD_createDDict($0.baseAddress, $0.count) }
    guard let made = unsafe made else { return nil }
    unsafe pointer = made
  }

  deinit {
    unsafe ZSTD_freeDDict(pointer)
  }
}
