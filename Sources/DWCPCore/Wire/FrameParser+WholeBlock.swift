/// What most frames are: a block that lies in the input as a whole and breaks no rule.
extension FrameParser {
  struct WholeBlock {
    var header: FrameHeader
    var frame: DataFrame
    var markCount = 0
    var payloadByteCount: Int
  }

  /// The frame at the beginning of the bytes, if it is such a block. Not a method of the parser, of which it would be given a copy.
  ///
  /// - Parameter excludedFlags: those that must not be set, or are rare.
  @inline(__always)
  static func wholeBlock(
    in bytes: RawSpan, maximumRawByteCount: Int, excludedFlags: UInt8
  ) -> WholeBlock? {
    let headByteCount = FrameHeader.byteCount &+ DataFrame.extensionByteCount
    guard bytes.byteCount >= headByteCount else { return nil }
    let header = FrameHeader(unchecked: bytes)
    guard header.type == .data, header.flags & excludedFlags == 0, header.streamID != .session,
      header.bodyByteCount >= DataFrame.extensionByteCount, header.bodyByteCount <= FrameHeader.maximumBodyByteCount,
      header.remainderByteCount <= bytes.byteCount &- FrameHeader.byteCount, FrameHeader.hasRightCheck(bytes)
    else { return nil }
    var block = WholeBlock(
      header: header, frame: DataFrame(behindHeaderIn: bytes),
      payloadByteCount: header.bodyByteCount &- DataFrame.extensionByteCount)
    if header.flags & DataFrame.Flags.marks != 0 {
      guard block.payloadByteCount >= DataFrame.markCountByteCount else { return nil }
      block.markCount = Int(bytes.integer(at: headByteCount, as: UInt16.self))
      block.payloadByteCount &-= DataFrame.markCountByteCount &+ 2 &* block.markCount
      guard block.markCount > 0, block.payloadByteCount >= 0 else { return nil }
    }
    let isChained = header.flags & DataFrame.Flags.chained != 0
    if isChained { block.payloadByteCount &-= DataFrame.decodedCheckByteCount }
    let hasDictionary = header.flags & DataFrame.Flags.dictionary != 0
    if hasDictionary { block.payloadByteCount &-= DataFrame.dictionaryIDByteCount }
    guard block.frame.rawByteCount <= maximumRawByteCount,
      block.frame.allowsPayload(byteCount: block.payloadByteCount, isChained: isChained),
      isChained ? !hasDictionary : header.flags & DataFrame.Flags.restart == 0,
      !header.isChecked || hasRightPayloadCheck(header, bytes)
    else { return nil }
    return block
  }

  /// The payload's length, if the bytes begin with a stored block at a known place that has no mark, no FIN and nothing in front of its payload.
  ///
  /// - Parameter firstWord: what its header has to begin with.
  @inline(__always)
  static func storedByteCount(
    in bytes: RawSpan, firstWord: UInt64, offset: UInt64, maximumByteCount: Int
  ) -> Int? {
    let headByteCount = FrameHeader.byteCount &+ DataFrame.extensionByteCount
    guard bytes.byteCount >= headByteCount, bytes.integer(at: 0, as: UInt64.self) == firstWord else { return nil }
    let header = FrameHeader(unchecked: bytes)
    let frame = DataFrame(behindHeaderIn: bytes)
    guard frame.offset == offset, frame.codecID == Codec.none.rawValue,
      frame.rawByteCount > 0, frame.rawByteCount <= maximumByteCount,
      header.bodyByteCount == DataFrame.extensionByteCount &+ frame.rawByteCount,
      header.remainderByteCount <= bytes.byteCount &- FrameHeader.byteCount, FrameHeader.hasRightCheck(bytes),
      !header.isChecked || hasRightPayloadCheck(header, bytes)
    else { return nil }
    return frame.rawByteCount
  }

  @inline(__always)
  private static func hasRightPayloadCheck(_ header: FrameHeader, _ bytes: RawSpan) -> Bool {
    let bodyEnd = FrameHeader.byteCount &+ header.bodyByteCount
    return bytes.integer(at: bodyEnd, as: UInt32.self)
      == CRC32C.checksum(bytes.extracting(FrameHeader.byteCount..<bodyEnd))
  }
}
