internal import CDelta

/// Finds where the bytes of a new object come from in an old one, when bytes in between were inserted, left out or moved.
///
/// Both are looked at for anchors, places that depend on the 64 bytes in front of them alone. Of the old object's, about one in 512 bytes, a table remembers
/// where they were. The anchors of a block of the new object then say which range of the old one has most of what is in the block, and that range is to
/// be what it goes on from ("moved", SPEC BAS-3). The table takes a 32nd of the object, whatever is in it.
public struct BaseFinder: Sendable {
  /// The table takes this part of the object's length.
  public static let memoryDivisor = 32
  /// A block is taken for new when fewer of its anchors are in the old object.
  private static let leastShareDivisor = 16
  /// Blocks up to 4 MiB have fewer anchors, unless somebody made them so.
  private static let maximumHitCount = 16_384

  private let byteCount: Int
  private var slots: [UInt64]
  private var state: UInt64 = 0
  private var enteredByteCount = 0
  private var hits: [dwcp_delta_hit] = []

  /// An empty table.
  ///
  /// - Parameter byteCount: the length of the old object.
  public init(byteCount: Int) {
    self.byteCount = byteCount
    slots = [UInt64](repeating: 0, count: byteCount / (Self.memoryDivisor &* MemoryLayout<UInt64>.size))
  }

  /// Enters the old object's next bytes.
  ///
  /// - Parameter bytes: a piece of any length; all together are the object, from its beginning.
  public mutating func enter(_ bytes: RawSpan) {
    unsafe slots.withUnsafeMutableBufferPointer { slots in
      unsafe bytes.withUnsafeBytes { bytes in
        unsafe dwcp_delta_enter(
          slots.baseAddress, slots.count, &state, UInt64(truncatingIfNeeded: enteredByteCount), bytes.baseAddress,
          bytes.count)
      }
    }
    enteredByteCount &+= bytes.byteCount
  }

  /// The range of the old object that serves the block best as a prefix; nil when there is none with a good part of it.
  ///
  /// - Parameters:
  ///   - block: of the new object.
  ///   - maximumByteCount: the longest range; a little more than the block has leaves room for what was left out.
  /// - Returns: offsets in the old object.
  public mutating func base(for block: RawSpan, maximumByteCount: Int) -> Range<Int>? {
    if hits.isEmpty { hits = Array(repeating: dwcp_delta_hit(), count: Self.maximumHitCount) }
    var anchorCount = 0
    let hitCount = unsafe slots.withUnsafeBufferPointer { slots in
      unsafe hits.withUnsafeMutableBufferPointer { hits in
        unsafe block.withUnsafeBytes { block in
          unsafe dwcp_delta_look_up(
            slots.baseAddress, slots.count, block.baseAddress, block.count, hits.baseAddress, hits.count, &anchorCount)
        }
      }
    }
    hits[..<hitCount].sort { $0.object_offset < $1.object_offset }
    guard let best = densest(hitCount: hitCount, within: maximumByteCount),
      best.count &* Self.leastShareDivisor >= anchorCount
    else { return nil }
    return stretched(from: hits[best.lowerBound], to: hits[best.upperBound &- 1], block.byteCount, maximumByteCount)
  }

  /// The most hits that lie within so many bytes of the old object.
  private func densest(hitCount: Int, within byteCount: Int) -> Range<Int>? {
    var best = 0..<0
    var start = 0
    for end in 0..<hitCount {
      while hits[end].object_offset &- hits[start].object_offset > UInt64(clamping: byteCount) { start &+= 1 }
      if end &+ 1 &- start > best.count { best = start..<end &+ 1 }
    }
    return best.isEmpty ? nil : best
  }

  /// What is between two hits, and on both sides as much as the block has there, within the bounds.
  private func stretched(
    from first: dwcp_delta_hit, to last: dwcp_delta_hit, _ blockByteCount: Int, _ maximumByteCount: Int
  ) -> Range<Int> {
    let (start, end) = (Int(truncatingIfNeeded: first.object_offset), Int(truncatingIfNeeded: last.object_offset))
    let spare = max(0, maximumByteCount &- (end &- start))
    let wantedBefore = min(Int(truncatingIfNeeded: first.block_offset), start)
    let wantedAfter = max(0, min(blockByteCount &- Int(truncatingIfNeeded: last.block_offset), byteCount &- end))
    let before = min(wantedBefore, max(spare / 2, spare &- wantedAfter))
    let after = min(wantedAfter, spare &- before)
    return start &- before..<end &+ after
  }
}
