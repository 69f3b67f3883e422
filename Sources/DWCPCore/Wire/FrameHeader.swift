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

  /// The first 8 bytes.
  @inline(__always)
  var firstWord: UInt64 { UInt64(type.rawValue) << 56 | UInt64(flags) << 48 | streamID.rawValue }

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
    try self.init(verifying: buffer.readableBytesSpan)
    buffer.moveReaderIndex(forwardBy: Self.byteCount)
  }

  private init(verifying bytes: RawSpan) throws(SessionError) {
    guard bytes.byteCount >= Self.byteCount else {
      throw SessionError(code: .internal, blame: .internal, rule: "HDR-1", message: "a header was read too early")
    }
    guard Self.hasRightCheck(bytes) else {
      throw .peer(.headerCheck, "HDR-1", "a frame header arrived damaged; check the path between the hosts")
    }
    self.init(unchecked: bytes)
    guard bodyByteCount <= Self.maximumBodyByteCount else {
      throw .peer(.frameSize, "HDR-2", "a frame of \(bodyByteCount) bytes is longer than any frame may be")
    }
  }

  /// The fields of 16 bytes or more, whose check and bounds are still to be looked at.
  @inline(__always)
  init(unchecked bytes: RawSpan) {
    let first = bytes.integer(at: 0, as: UInt64.self)
    type = FrameType(rawValue: UInt8(truncatingIfNeeded: first >> 56))
    flags = UInt8(truncatingIfNeeded: first >> 48)
    streamID = StreamID(rawValue: first & StreamID.maximumRawValue)
    bodyByteCount = Int(bytes.integer(at: 8, as: UInt32.self))
  }

  /// SPEC HDR-1, for 16 bytes or more.
  @inline(__always)
  static func hasRightCheck(_ bytes: RawSpan) -> Bool {
    bytes.integer(at: 12, as: UInt32.self) == CRC32C.checksum(bytes.extracting(0..<12))
  }

  /// Appends the 16 bytes, header check included.
  func write(to buffer: inout ByteBuffer) {
    unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.byteCount) { target in
      unsafe store(in: target)
      return Self.byteCount
    }
  }

  /// Overwrites 16 bytes that were written before.
  func set(at index: Int, in buffer: inout ByteBuffer) {
    unsafe buffer.withVeryUnsafeMutableBytes { bytes in
      guard index >= 0, index <= bytes.count &- Self.byteCount else { return }
      unsafe store(in: UnsafeMutableRawBufferPointer(rebasing: bytes[index..<index &+ Self.byteCount]))
    }
  }

  /// Writes the 16 bytes at the beginning of `target`, which has room for them.
  @inline(__always)
  func store(in target: UnsafeMutableRawBufferPointer) {
    unsafe target.storeBytes(of: firstWord.bigEndian, as: UInt64.self)
    unsafe target.storeBytes(of: UInt32(truncatingIfNeeded: bodyByteCount).bigEndian, toByteOffset: 8, as: UInt32.self)
    let check = unsafe CRC32C.checksum(UnsafeRawBufferPointer(target), 0, 12)
    unsafe target.storeBytes(of: check.bigEndian, toByteOffset: 12, as: UInt32.self)
  }
}

extension RawSpan {
  /// A big-endian integer that lies wholly within the span.
  @inline(__always)
  func integer<Integer: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as type: Integer.Type) -> Integer {
    Integer(bigEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: type))
  }
}

enum FrameFlags {
  /// A payload check follows the body (SPEC HDR-3).
  static let check: UInt8 = 0x80
  /// Flag bits that must be zero in all types but DATA (SPEC HDR-5).
  static let reservedOutsideData: UInt8 = 0x3F
}
