internal import NIOCore

/// The 16 bytes in front of every frame (SPEC section 4), its integers big-endian like all others (SPEC CONV-1).
struct FrameHeader: Hashable, Sendable {
  static let byteCount = 16
  static let checkByteCount = 4
  /// SPEC HDR-2: the highest 8 bits of the length are reserved.
  static let maximumBodyByteCount = 0xFF_FFFF

  var type: FrameType
  var flags: UInt8
  var streamID: StreamID
  /// Bytes between the header and the payload check.
  var bodyByteCount: Int

  var isChecked: Bool { flags & FrameFlags.check != 0 }

  /// Bytes behind the header, the payload check included.
  var remainderByteCount: Int { bodyByteCount &+ (isChecked ? Self.checkByteCount : 0) }

  init(type: FrameType, flags: UInt8, streamID: StreamID, bodyByteCount: Int) {
    self.type = type
    self.flags = flags
    self.streamID = streamID
    self.bodyByteCount = bodyByteCount
  }

  /// Reads and verifies 16 bytes at the reader index (SPEC HDR-1, HDR-2); the caller has made sure that they are there.
  init(reading buffer: inout ByteBuffer) throws(SessionError) {
    let computed = CRC32C.checksum(buffer.readableBytesSpan.extracting(first: 12))
    guard let (first, length, check) = buffer.readMultipleIntegers(as: (UInt64, UInt32, UInt32).self) else {
      throw SessionError(code: .internal, blame: .internal, rule: "HDR-1", message: "a header was read too early")
    }
    guard check == computed else {
      throw .peer(.headerCheck, "HDR-1", "a frame header arrived damaged; check the path between the hosts")
    }
    guard length <= Self.maximumBodyByteCount else {
      throw .peer(.frameSize, "HDR-2", "a frame of \(length) bytes is longer than any frame may be")
    }
    type = FrameType(rawValue: UInt8(truncatingIfNeeded: first >> 56))
    flags = UInt8(truncatingIfNeeded: first >> 48)
    streamID = StreamID(rawValue: first & StreamID.maximumRawValue)
    bodyByteCount = Int(length)
  }

  /// Appends the 16 bytes, header check included.
  func write(to buffer: inout ByteBuffer) {
    buffer.writeMultipleIntegers(typeFlagsAndStream, length, headerCheck(typeFlagsAndStream, length))
  }

  /// Overwrites 16 bytes that were written before.
  func set(at index: Int, in buffer: inout ByteBuffer) {
    buffer.setInteger(typeFlagsAndStream, at: index)
    buffer.setInteger(length, at: index &+ 8)
    buffer.setInteger(headerCheck(typeFlagsAndStream, length), at: index &+ 12)
  }

  private var typeFlagsAndStream: UInt64 {
    UInt64(type.rawValue) << 56 | UInt64(flags) << 48 | streamID.rawValue
  }

  private var length: UInt32 { UInt32(truncatingIfNeeded: bodyByteCount) }
}

/// The CRC32C of the first 12 bytes of a header.
private func headerCheck(_ first: UInt64, _ length: UInt32) -> UInt32 {
  var check = CRC32C()
  unsafe withUnsafeBytes(of: (first.bigEndian, length.bigEndian)) { bytes in
    unsafe check.update(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: bytes[..<12])))
  }
  return check.value
}

enum FrameFlags {
  /// A payload check follows the body (SPEC HDR-3).
  static let check: UInt8 = 0x80
  /// Flag bits that must be zero in all types but DATA (SPEC HDR-5).
  static let reservedOutsideData: UInt8 = 0x3F
}
