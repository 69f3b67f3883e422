internal import CZstd

extension CompressionDictionary {
  /// Makes a dictionary from messages that resemble those to come: the more the better, a hundred times `byteCount` bytes at best.
  ///
  /// - Parameters:
  ///   - samples: each of them one message.
  ///   - byteCount: how long the dictionary may become, 256 to 114,688; 16,384 suits messages up to some kilobytes.
  /// - Returns: a dictionary of zstd (RFC 8878, section 5), the same one for the same samples and libzstd.
  /// - Throws: ``CodecError/Reason/tooFewSamples`` when libzstd can make none of the samples.
  public static func trained(
    on samples: [[UInt8]], byteCount: Int = 16_384
  ) throws(CodecError) -> CompressionDictionary {
    let content = samples.flatMap { $0 }
    var sizes = samples.map(\.count)
    let capacity = min(max(byteCount, 256), byteCounts.upperBound)
    var made = [UInt8](repeating: 0, count: capacity)
    let madeByteCount = unsafe made.withUnsafeMutableBytes { room in
      unsafe content.withUnsafeBytes { bytes in
        unsafe sizes.withUnsafeMutableBufferPointer { sizes in
          unsafe ZDICT_trainFromBuffer(
            room.baseAddress, room.count, bytes.baseAddress, sizes.baseAddress, UInt32(clamping: sizes.count))
        }
      }
    }
    guard ZDICT_isError(madeByteCount) == 0 else { throw CodecError(.tooFewSamples) }
    return try CompressionDictionary(Array(made.prefix(madeByteCount)))
  }
}
