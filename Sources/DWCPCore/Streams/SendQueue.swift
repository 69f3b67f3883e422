internal import DequeModule
internal import NIOCore

/// What an application has written to one stream and what has not been cut into blocks yet.
struct SendQueue: Hashable, Sendable {
  /// A chunk at least this long becomes a block without a copy; shorter ones are joined.
  static let leastUncopiedByteCount = 32_768

  /// A slice at least this long is never copied: what a peer can cause to be written lies in no buffer of over four times as many bytes, and
  /// a larger one is the application's own (SPEC MEM-1).
  static let leastLentByteCount = 65_536

  /// Messages up to this share a block with others, which is up to so long: the copy costs less than a frame.
  private static let longestSharedByteCount = 8_192
  private static let maximumSharedByteCount = 65_536
  private static let maximumSharedCount = 4_096

  private var chunks: Deque<ByteBuffer> = []
  /// Raw bytes in front of each mark, counted from the mark before.
  private var marks: Deque<Int> = []
  /// Raw bytes behind the last mark.
  private var tailByteCount = 0
  private(set) var byteCount = 0

  var isEmpty: Bool { byteCount == 0 && marks.isEmpty }
  /// What the queue itself costs, so that empty and tiny messages fill a writer's budget too.
  var overheadByteCount: Int { 32 * chunks.count + 8 * marks.count }

  mutating func append(_ bytes: ByteBuffer, endsMessage: Bool) {
    if bytes.readableBytes > 0 {
      // A short answer cut from a long request must not keep the request alive (SPEC MEM-1).
      let pinsMuch = bytes.readableBytes < min(bytes.storageCapacity / 4, Self.leastLentByteCount)
      chunks.append(pinsMuch ? ByteBuffer(bytes: bytes.readableBytesView) : bytes)
      byteCount += bytes.readableBytes
      tailByteCount += bytes.readableBytes
    }
    if endsMessage {
      marks.append(tailByteCount)
      tailByteCount = 0
    }
  }

  /// What goes into one block.
  struct Cut {
    var raw: ByteBuffer
    /// The lengths of whole messages in front of the last one, as `u16`s (SPEC section 8); empty when the block has one mark at most.
    var markTable = ByteBuffer()
    /// A message ends behind the last raw byte.
    var endsMessage = false
  }

  /// Cuts the next block: at most `maximumRawByteCount` raw bytes and `maximumSpan` units. Short messages that are whole share one; any other block
  /// has one message, or a part of one.
  mutating func cut(maximumRawByteCount: Int, maximumSpan: Int) -> Cut {
    if marks.count > 1, let shared = cutShortMessages(maximumRawByteCount, maximumSpan) { return shared }
    let untilMark = marks.first
    let raw = take(min(untilMark ?? tailByteCount, maximumRawByteCount, maximumSpan))
    guard let untilMark else {
      tailByteCount -= raw.readableBytes
      return Cut(raw: raw)
    }
    let endsMessage = raw.readableBytes == untilMark && raw.readableBytes < maximumSpan
    if endsMessage {
      marks.removeFirst()
    } else {
      marks[0] = untilMark - raw.readableBytes
    }
    return Cut(raw: raw, endsMessage: endsMessage)
  }

  /// Joins as many short messages as go into one block; nil when that is fewer than two.
  private mutating func cutShortMessages(_ maximumRawByteCount: Int, _ maximumSpan: Int) -> Cut? {
    let limit = min(maximumRawByteCount, Self.maximumSharedByteCount)
    var rawByteCount = 0
    var count = 0
    for length in marks {
      let sum = rawByteCount + length
      guard length <= Self.longestSharedByteCount, sum <= limit, sum + count < maximumSpan,
        count < Self.maximumSharedCount
      else { break }
      rawByteCount = sum
      count += 1
    }
    guard count > 1 else { return nil }
    var cut = Cut(raw: takeJoined(rawByteCount), endsMessage: true)
    cut.markTable.reserveCapacity(2 * count)
    for length in marks.prefix(count - 1) { cut.markTable.writeInteger(UInt16(length)) }
    marks.removeFirst(count)
    return cut
  }

  mutating func removeAll() {
    self = SendQueue()
  }

  /// Takes up to `wanted` bytes that lie together; fewer when the first chunk is long enough to go without a copy.
  private mutating func take(_ wanted: Int) -> ByteBuffer {
    guard wanted > 0, let head = chunks.first else { return ByteBuffer() }
    let available = head.readableBytes
    if available >= wanted || available >= Self.leastUncopiedByteCount {
      return takeFromHead(min(available, wanted))
    }
    return takeJoined(wanted)
  }

  /// Takes so many bytes, in one piece.
  private mutating func takeJoined(_ wanted: Int) -> ByteBuffer {
    var joined = ByteBuffer()
    joined.reserveCapacity(min(wanted, byteCount))
    while joined.readableBytes < wanted, let next = chunks.first {
      var part = takeFromHead(min(next.readableBytes, wanted - joined.readableBytes))
      joined.writeBuffer(&part)
    }
    return joined
  }

  private mutating func takeFromHead(_ count: Int) -> ByteBuffer {
    guard let part = chunks[0].readSlice(length: count) else { return ByteBuffer() }
    if chunks[0].readableBytes == 0 { chunks.removeFirst() }
    byteCount -= count
    return part
  }
}
