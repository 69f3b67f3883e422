/// What stands in front of the blocks of a Zstandard frame (RFC 8878, section 3.1.1.1).
///
/// The library would take skippable frames, several frames in a row, and any window, so a payload is checked here
/// before the library sees it (SPEC CDC-3).
struct ZstdFrameHeader: Hashable, Sendable {
  private static let magic: UInt64 = 0xFD2F_B528
  private static let checksumByteCount = 4

  let byteCount: Int
  /// Nil if the frame does not say.
  let contentByteCount: UInt64?
  /// The content size if the frame is a single segment.
  let windowByteCount: UInt64
  let hasChecksum: Bool
  let isSingleSegment: Bool

  /// Reads the header of a frame that needs no dictionary.
  init(_ frame: RawSpan) throws(CodecError) {
    guard frame.littleEndian(at: 0, byteCount: 4) == Self.magic, let descriptor = frame.byte(at: 4) else {
      throw CodecError(.notASingleFrame)
    }
    let isReservedBitSet = descriptor & 0x08 != 0
    guard !isReservedBitSet else { throw CodecError(.notASingleFrame) }
    guard descriptor & 0x03 == 0 else { throw CodecError(.dictionaryRequired) }
    hasChecksum = descriptor & 0x04 != 0

    isSingleSegment = descriptor & 0x20 != 0
    var offset = 5
    var declaredWindow: UInt64?
    if !isSingleSegment {
      guard let window = frame.byte(at: offset) else { throw CodecError(.notASingleFrame) }
      declaredWindow = Self.windowByteCount(descriptor: window)
      offset &+= 1
    }
    let fieldByteCount = Self.contentSizeFieldByteCount(descriptor: descriptor)
    guard let field = frame.littleEndian(at: offset, byteCount: fieldByteCount) else {
      throw CodecError(.notASingleFrame)
    }
    let content: UInt64? =
      switch fieldByteCount {
      case 0: nil
      case 2: field &+ 256
      default: field
      }
    contentByteCount = content
    // A single segment always has a content size field.
    windowByteCount = declaredWindow ?? content ?? 0
    byteCount = offset &+ fieldByteCount
  }

  /// Verifies that a payload is exactly one frame, that it does not contradict the declared raw length, and that its
  /// window is at most 2 to `maximumWindowLog` bytes (SPEC CDC-3). Reads headers only.
  static func verify(_ payload: RawSpan, rawByteCount: Int, maximumWindowLog: Int) throws(CodecError) {
    let header = try ZstdFrameHeader(payload)
    guard header.contentByteCount == nil || header.contentByteCount == UInt64(exactly: rawByteCount) else {
      throw CodecError(.wrongContentSize)
    }
    guard maximumWindowLog >= 0, header.windowByteCount <= UInt64(1) << min(maximumWindowLog, 63) else {
      throw CodecError(.windowTooLarge)
    }
    guard header.frameByteCount(payload) == payload.byteCount else { throw CodecError(.notASingleFrame) }
  }

  /// Verifies that a payload is exactly one frame that is a single segment of the declared raw length, so that it is decoded in place and needs no window of its
  /// own. Reads headers only.
  static func verifySingleSegment(_ payload: RawSpan, rawByteCount: Int) throws(CodecError) {
    let header = try ZstdFrameHeader(payload)
    guard header.contentByteCount == UInt64(exactly: rawByteCount) else { throw CodecError(.wrongContentSize) }
    guard header.isSingleSegment else { throw CodecError(.windowTooLarge) }
    guard header.frameByteCount(payload) == payload.byteCount else { throw CodecError(.notASingleFrame) }
  }

  /// Verifies that a payload is a flushed part of a frame that goes on, or the beginning of one whose window is at most 2 to `maximumWindowLog` bytes
  /// (SPEC CHN-1, CHN-2). Reads headers only.
  static func verifyPart(_ payload: RawSpan, isFirst: Bool, maximumWindowLog: Int) throws(CodecError) {
    var offset = 0
    if isFirst {
      let header = try ZstdFrameHeader(payload)
      guard header.contentByteCount == nil else { throw CodecError(.wrongContentSize) }
      guard maximumWindowLog >= 0, header.windowByteCount <= UInt64(1) << min(maximumWindowLog, 63) else {
        throw CodecError(.windowTooLarge)
      }
      offset = header.byteCount
    }
    guard offset < payload.byteCount else { throw CodecError(.notAPart) }
    while offset < payload.byteCount {
      guard let block = Block(payload, at: offset), !block.isLast else { throw CodecError(.notAPart) }
      offset = block.end
    }
    guard offset == payload.byteCount else { throw CodecError(.notAPart) }
  }

  /// A block of a frame, by its header.
  private struct Block {
    let isLast: Bool
    let end: Int

    /// Nil when its header is cut short or its type reserved.
    init?(_ frame: RawSpan, at offset: Int) {
      guard let header = frame.littleEndian(at: offset, byteCount: 3) else { return nil }
      isLast = header & 1 != 0
      switch header >> 1 & 3 {
      case 0, 2: end = offset &+ 3 &+ Int(header >> 3)
      case 1: end = offset &+ 4
      default: return nil
      }
    }
  }

  /// Steps from block to block; nil if the frame is cut short or has a block of the reserved type.
  private func frameByteCount(_ frame: RawSpan) -> Int? {
    var offset = byteCount
    var isLast = false
    while !isLast {
      guard let block = Block(frame, at: offset) else { return nil }
      offset = block.end
      isLast = block.isLast
    }
    return hasChecksum ? offset &+ Self.checksumByteCount : offset
  }

  private static func windowByteCount(descriptor: UInt8) -> UInt64 {
    let base = UInt64(1) << (10 &+ UInt64(descriptor >> 3))
    return base &+ base / 8 &* UInt64(descriptor & 7)
  }

  private static func contentSizeFieldByteCount(descriptor: UInt8) -> Int {
    switch descriptor >> 6 {
    case 0: descriptor & 0x20 != 0 ? 1 : 0
    case 1: 2
    case 2: 4
    default: 8
    }
  }
}

extension RawSpan {
  fileprivate func byte(at offset: Int) -> UInt8? {
    guard offset < byteCount else { return nil }
    return unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
  }

  /// At most 8 bytes; nil if they reach beyond the end.
  fileprivate func littleEndian(at offset: Int, byteCount: Int) -> UInt64? {
    guard offset &+ byteCount <= self.byteCount else { return nil }
    var value: UInt64 = 0
    for index in 0..<byteCount {
      guard let byte = byte(at: offset &+ index) else { return nil }
      value |= UInt64(byte) << (8 &* UInt64(index))
    }
    return value
  }
}
