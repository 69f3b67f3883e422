public import NIOCore

/// The content of one version of an object, in segments that are there only where something was written; what was not is zeros.
///
/// A range can be lent to a job as slices; what is written afterwards goes to a copy of the segment then.
public struct ObjectImage: Hashable, Sendable {
  /// Memory for an object is reserved in steps of this, and counted so (SPEC BAS-1).
  static let segmentByteCount = 65_536

  /// The length.
  public private(set) var byteCount: Int
  /// Tells images with other bytes apart, by accident (SPEC BAS-1).
  public private(set) var digest: UInt64 = 0
  private var segments: [Int: ByteBuffer] = [:]

  init(byteCount: Int) {
    self.byteCount = byteCount
  }

  /// An image of these bytes, which takes time in proportion to them.
  ///
  /// - Parameter content: at least one byte.
  public init(_ content: ByteBuffer) {
    self.init(byteCount: content.readableBytes)
    write(content, at: 0)
  }

  /// What an object of this length counts for.
  static func chargedByteCount(_ byteCount: UInt64) -> UInt64 {
    (byteCount &+ UInt64(segmentByteCount) &- 1) & ~UInt64(segmentByteCount &- 1)
  }

  /// The bytes of a range within the object.
  ///
  /// - Parameter range: within its length.
  public func read(_ range: Range<Int>) -> ByteBuffer {
    var result = ByteBuffer()
    result.reserveCapacity(range.count)
    for slice in slices(range) { result.writeImmutableBuffer(slice) }
    return result
  }

  /// The same in pieces that lie where they are kept.
  func slices(_ range: Range<Int>) -> [ByteBuffer] {
    var slices: [ByteBuffer] = []
    var position = range.lowerBound
    while position < range.upperBound {
      let (index, offset) = (position >> 16, position & 0xFFFF)
      let length = min(range.upperBound &- position, Self.segmentByteCount &- offset)
      let segment = segments[index] ?? Self.zeroSegment
      if let slice = segment.getSlice(at: offset, length: length) { slices.append(slice) }
      position &+= length
    }
    return slices
  }

  /// Whether the object has these bytes at a place, none of them in another segment than the first.
  func has(_ bytes: ByteBuffer, at start: Int) -> Bool {
    let end = start &+ bytes.readableBytes
    guard end <= byteCount || start >= byteCount else { return false }
    let segment = segments[start >> 16] ?? Self.zeroSegment
    guard let there = segment.getSlice(at: start & 0xFFFF, length: bytes.readableBytes) else { return false }
    return PageContent.areEqual(there.readableBytesSpan, bytes.readableBytesSpan)
  }

  /// Whether all bytes of a page are 0.
  static func isZero(_ page: ByteBuffer) -> Bool { PageContent.isZero(page.readableBytesSpan) }

  /// Replaces bytes within the object.
  mutating func write(_ bytes: ByteBuffer, at start: Int) {
    var bytes = bytes
    var position = start
    while bytes.readableBytes > 0, position < byteCount {
      let (index, offset) = (position >> 16, position & 0xFFFF)
      let length = min(bytes.readableBytes, Self.segmentByteCount &- offset, byteCount &- position)
      guard let part = bytes.readSlice(length: length) else { return }
      let pages = position >> 12..<PageRuns.pageCount(byteCount: position &+ length)
      digest &-= sum(of: pages)
      segments[index, default: Self.zeroSegment].setBuffer(part, at: offset)
      digest &+= sum(of: pages)
      position &+= length
    }
  }

  /// Replaces the pages of a block.
  mutating func write(_ bytes: ByteBuffer, at runs: PageRuns) {
    var rest = bytes
    for range in runs.byteRanges(objectByteCount: byteCount) {
      guard let part = rest.readSlice(length: range.count) else { return }
      write(part, at: range.lowerBound)
    }
  }

  /// What pages of one segment are in the digest.
  private func sum(of pages: Range<Int>) -> UInt64 {
    guard let first = pages.first, let segment = segments[first >> 4] else { return 0 }
    return pages.reduce(0) { sum, page in
      guard let bytes = segment.getSlice(at: (page & 0xF) << 12, length: PageRuns.pageByteCount),
        !Self.isZero(bytes)
      else { return sum }
      return sum &+ Self.mixed(UInt64(page) << 32 | UInt64(CRC32C.checksum(bytes.readableBytesSpan)))
    }
  }

  private static func mixed(_ value: UInt64) -> UInt64 {
    var value = value
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }

  /// Changes the length; what is cut off is gone, and what is added is zeros.
  mutating func resize(to newByteCount: Int) {
    defer { byteCount = newByteCount }
    guard newByteCount < byteCount else { return }
    let lastIndex = (newByteCount &- 1) >> 16
    for index in segments.keys where index >= lastIndex {
      let pages = index << 4..<(index &+ 1) << 4
      digest &-= sum(of: pages)
      let kept = index > lastIndex ? 0 : newByteCount &- (lastIndex << 16)
      if kept == 0 {
        segments[index] = nil
      } else {
        segments[index]?.setRepeatingByte(0, count: Self.segmentByteCount &- kept, at: kept)
        digest &+= sum(of: pages)
      }
    }
  }

  /// What is not there, without memory of its own.
  private static let zeroSegment = ByteBuffer(repeating: 0, count: segmentByteCount)
}
