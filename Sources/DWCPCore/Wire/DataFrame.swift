internal import NIOCore

/// What stands between the header of a DATA frame and its payload (SPEC section 8).
struct DataFrame: Hashable, Sendable {
  /// Offset, codec and raw length.
  static let extensionByteCount = 12
  static let markCountByteCount = 2
  static let maximumMarkCount = 65_535

  enum Flags {
    static let fin: UInt8 = 0x01
    static let endOfMessage: UInt8 = 0x02
    static let marks: UInt8 = 0x04
    /// The block continues the codec history of its stream (SPEC CHN-1).
    static let chained: UInt8 = 0x08
    /// With `chained`: the history begins with this block.
    static let restart: UInt8 = 0x10
    /// The block was compressed against a dictionary (SPEC DIC-3).
    static let dictionary: UInt8 = 0x40
    /// The block has pages of an object (SPEC BAS-2).
    static let baseline: UInt8 = 0x20
  }

  /// No offset may be above this (SPEC DAT-1).
  static let maximumOffset: UInt64 = 1 << 62

  /// CRC32C of the raw bytes, in front of the payload of a chained block (SPEC CHN-3).
  static let decodedCheckByteCount = 4
  /// The id of the dictionary of a block that has one (SPEC DIC-3).
  static let dictionaryIDByteCount = 4

  var offset: UInt64
  var codecID: UInt8
  var rawByteCount: Int

  init(offset: UInt64, codecID: UInt8, rawByteCount: Int) {
    self.offset = offset
    self.codecID = codecID
    self.rawByteCount = rawByteCount
  }

  /// The longest payload of a chained block: what does not shrink grows by the headers of the codec (SPEC CHN-1).
  static func maximumChainedByteCount(rawByteCount: Int) -> Int { rawByteCount &+ rawByteCount / 32_768 &+ 64 }

  init?(reading buffer: inout ByteBuffer) {
    guard let (offset, packed) = buffer.readMultipleIntegers(as: (UInt64, UInt32).self) else { return nil }
    self.offset = offset
    codecID = UInt8(truncatingIfNeeded: packed >> 24)
    rawByteCount = Int(packed & 0xFF_FFFF)
  }

  /// Reads the 12 bytes behind a header; the caller has made sure that they are there.
  @inline(__always)
  init(behindHeaderIn bytes: RawSpan) {
    offset = bytes.integer(at: FrameHeader.byteCount, as: UInt64.self)
    let packed = bytes.integer(at: FrameHeader.byteCount &+ 8, as: UInt32.self)
    codecID = UInt8(truncatingIfNeeded: packed >> 24)
    rawByteCount = Int(packed & 0xFF_FFFF)
  }

  /// Writes the 12 bytes behind a header, to a place that has room for both.
  @inline(__always)
  func store(behindHeaderIn target: UnsafeMutableRawBufferPointer) {
    unsafe target.storeBytes(of: offset.bigEndian, toByteOffset: FrameHeader.byteCount, as: UInt64.self)
    let packed = UInt32(codecID) << 24 | UInt32(truncatingIfNeeded: rawByteCount)
    unsafe target.storeBytes(of: packed.bigEndian, toByteOffset: FrameHeader.byteCount &+ 8, as: UInt32.self)
  }

  func allowsPayload(byteCount: Int, isChained: Bool) -> Bool {
    if isChained { return byteCount > 0 && byteCount <= Self.maximumChainedByteCount(rawByteCount: rawByteCount) }
    return codecID == Codec.none.rawValue ? byteCount == rawByteCount : byteCount > 0 && byteCount < rawByteCount
  }

  /// SPEC DAT-3: the payload length against the declared raw length, before memory is reserved for either.
  func checkPayload(byteCount: Int, isChained: Bool) throws(SessionError) {
    if isChained {
      guard allowsPayload(byteCount: byteCount, isChained: true) else {
        throw .peer(
          .frameSize, "DAT-3", "a chained block of \(byteCount) bytes does not fit its \(rawByteCount) raw bytes")
      }
    } else if codecID == Codec.none.rawValue {
      guard byteCount == rawByteCount else {
        throw .peer(.frameSize, "DAT-3", "a stored block of \(rawByteCount) bytes came with \(byteCount) bytes")
      }
    } else if byteCount >= rawByteCount || byteCount == 0 {
      throw .peer(
        .frameSize, "DAT-3",
        "a compressed block of \(byteCount) bytes is not smaller than its \(rawByteCount) raw bytes")
    }
  }
}
