internal import DequeModule
internal import NIOCore

extension ByteBuffer {
  /// Whether a slice may keep the buffer it lies in: it is not tiny, and at least a quarter of that buffer (SPEC MEM-1).
  var isWorthItsStorage: Bool {
    readableBytes >= 2_048 && readableBytes >= storageCapacity / 4
  }
}

/// What has arrived on one stream and what its application has not read yet: blocks in order, some still being decoded, and the
/// marks between them.
struct ReceiveQueue: Hashable, Sendable {
  /// Short pieces are joined up to this, so that tiny frames do not cost more memory than they carry (SPEC MEM-1).
  static let maximumJoinedByteCount = 65_536

  private struct Entry: Hashable, Sendable {
    var bytes: ByteBuffer
    var isDecoding: Bool
    /// The bytes lie in a buffer of our own, to which more can be appended.
    var isOwned: Bool
  }

  private var entries: Deque<Entry> = []
  /// The number of the first entry, counted from the beginning of the stream.
  private var firstEntryNumber: UInt64 = 0
  /// Raw bytes in front of each mark, counted from the mark before; with `continues` the run goes on in the next element.
  private var marks: Deque<UInt16> = []
  /// The most entries and marks since their storage was last made to measure.
  private var highestEntryCount = 0
  private var highestMarkCount = 0
  /// Raw bytes appended behind the last mark and not read.
  private var rawByteCountBehindLastMark: UInt64 = 0

  private static let continues: UInt16 = 0x8000
  private static let longestRun: UInt16 = 0x7FFF

  /// Whether `read` would return something.
  var isReadable: Bool {
    if marks.first == 0 { return true }
    return entries.first.map { !$0.isDecoding } ?? false
  }

  var isEmpty: Bool { entries.isEmpty && marks.isEmpty }

  /// Appends raw bytes. A slice that would pin a much larger buffer is copied (SPEC MEM-1).
  mutating func append(_ piece: ByteBuffer) {
    guard piece.readableBytes > 0 else { return }
    rawByteCountBehindLastMark &+= UInt64(piece.readableBytes)
    if piece.isWorthItsStorage {
      append(Entry(bytes: piece, isDecoding: false, isOwned: false))
    } else {
      appendCopy(of: piece)
    }
  }

  private mutating func appendCopy(of piece: ByteBuffer) {
    if let last = entries.indices.last, entries[last].isOwned,
      entries[last].bytes.readableBytes &+ piece.readableBytes <= Self.maximumJoinedByteCount
    {
      entries[last].bytes.writeImmutableBuffer(piece)
      return
    }
    append(Entry(bytes: ByteBuffer(bytes: piece.readableBytesView), isDecoding: false, isOwned: true))
  }

  private mutating func append(_ entry: Entry) {
    entries.append(entry)
    highestEntryCount = max(highestEntryCount, entries.count)
  }

  /// Keeps a place for a block that is being decoded; `complete` takes the number.
  mutating func appendPlaceholder(rawByteCount: Int) -> UInt64 {
    rawByteCountBehindLastMark &+= UInt64(rawByteCount)
    append(Entry(bytes: ByteBuffer(), isDecoding: true, isOwned: false))
    return firstEntryNumber &+ UInt64(entries.count) &- 1
  }

  /// Fills a place in; numbers that are no longer waited for are ignored.
  mutating func complete(entryNumber: UInt64, with bytes: ByteBuffer) {
    guard let index = Int(exactly: Int64(bitPattern: entryNumber &- firstEntryNumber)), entries.indices.contains(index),
      entries[index].isDecoding
    else { return }
    entries[index].isDecoding = false
    if !bytes.isWorthItsStorage, index > 0, entries[index &- 1].isOwned, !entries[index &- 1].isDecoding,
      entries[index &- 1].bytes.readableBytes &+ bytes.readableBytes <= Self.maximumJoinedByteCount
    {
      // Short blocks are joined when they have been decoded: what was before moves on into this entry, and leaves an empty one, which soon goes,
      // to keep the numbers of those behind it.
      var joined = entries[index &- 1].bytes
      entries[index &- 1].bytes = ByteBuffer()
      joined.writeImmutableBuffer(bytes)
      entries[index].bytes = joined
    } else {
      entries[index].bytes = bytes
    }
    entries[index].isOwned = true
    removeSpentEntries()
  }

  /// The first entry, when there is one, has bytes or waits for them.
  private mutating func removeSpentEntries() {
    while let first = entries.first, !first.isDecoding, first.bytes.readableBytes == 0 {
      entries.removeFirst()
      firstEntryNumber &+= 1
    }
  }

  /// Ends a message `rawByteCount` bytes behind the mark before; those bytes have been, or will be, appended.
  mutating func appendMark(afterRawByteCount rawByteCount: UInt64) {
    var rest = rawByteCount
    while rest > UInt64(Self.longestRun) {
      marks.append(Self.longestRun | Self.continues)
      rest &-= UInt64(Self.longestRun)
    }
    marks.append(UInt16(truncatingIfNeeded: rest))
    highestMarkCount = max(highestMarkCount, marks.count)
  }

  /// Adds the marks of one block, whose raw bytes have just been appended (SPEC section 8).
  mutating func appendMarks(table: ByteBuffer, endsMessage: Bool, blockRawByteCount: Int) {
    var remaining = UInt64(blockRawByteCount)
    var carried = rawByteCountBehindLastMark &- remaining
    if table.readableBytes > 0 {
      let lengths = table.readableBytesSpan
      for mark in 0..<table.readableBytes / 2 {
        let length = UInt64(lengths.integer(at: 2 &* mark, as: UInt16.self))
        appendMark(afterRawByteCount: carried &+ length)
        carried = 0
        remaining &-= length
      }
    }
    if endsMessage {
      appendMark(afterRawByteCount: carried &+ remaining)
      rawByteCountBehindLastMark = 0
    } else {
      rawByteCountBehindLastMark = carried &+ remaining
    }
  }

  /// The next raw bytes up to a mark, or nil when nothing is ready. Bytes may be empty when a message ends there.
  mutating func read(maximumByteCount: Int) -> (bytes: ByteBuffer, endsMessage: Bool)? {
    defer { returnStorage() }
    if marks.first == 0 {
      marks.removeFirst()
      return (ByteBuffer(), true)
    }
    guard let head = entries.first, !head.isDecoding else { return nil }
    let count = rawByteCountToMark(limit: min(maximumByteCount, head.bytes.readableBytes))
    guard let bytes = entries[0].bytes.readSlice(length: count) else { return nil }
    copyRestIfSmall()
    removeSpentEntries()
    return (bytes, consumeMark(rawByteCount: count))
  }

  /// What is left of the first entry must not pin a much larger buffer, perhaps for ever (SPEC MEM-1). Each copy is at most a third of what was
  /// read since the one before.
  private mutating func copyRestIfSmall() {
    let rest = entries[0].bytes
    guard rest.readableBytes > 0, rest.readableBytes < rest.storageCapacity / 4 else { return }
    entries[0].bytes = ByteBuffer(bytes: rest.readableBytesView)
    entries[0].isOwned = true
  }

  /// Queues that were long and have become short give their storage back (SPEC MEM-1), so that a peer cannot have each stream in turn keep that of
  /// a whole window.
  private mutating func returnStorage() {
    if entries.hasRoomToReturn(highestCount: highestEntryCount) {
      entries = entries.madeToMeasure()
      highestEntryCount = entries.count
    }
    if marks.hasRoomToReturn(highestCount: highestMarkCount) {
      marks = marks.madeToMeasure()
      highestMarkCount = marks.count
    }
  }

  /// Raw bytes in front of the next mark, counted no further than `limit`.
  private func rawByteCountToMark(limit: Int) -> Int {
    var count = 0
    for index in marks.indices {
      count &+= Int(marks[index] & Self.longestRun)
      if count >= limit || marks[index] & Self.continues == 0 { return min(count, limit) }
    }
    return limit
  }

  /// Moves the first mark nearer; true when it has been reached.
  private mutating func consumeMark(rawByteCount: Int) -> Bool {
    var rest = rawByteCount
    while let first = marks.first {
      let run = Int(first & Self.longestRun)
      guard rest >= run else {
        marks[0] = first &- UInt16(truncatingIfNeeded: rest)
        return false
      }
      rest &-= run
      marks.removeFirst()
      if first & Self.continues == 0 { return true }
      if rest == 0 { return false }
    }
    rawByteCountBehindLastMark &-= UInt64(rest)
    return false
  }

  mutating func removeAll() {
    firstEntryNumber &+= UInt64(entries.count)
    entries.removeAll()
    marks.removeAll()
    highestEntryCount = 0
    highestMarkCount = 0
    rawByteCountBehindLastMark = 0
  }
}

extension Deque {
  /// Short queues keep their storage, so that the steady state allocates nothing.
  fileprivate func hasRoomToReturn(highestCount: Int) -> Bool {
    highestCount > 256 && count < highestCount / 2
  }

  /// A copy whose storage is not larger than it has to be.
  fileprivate func madeToMeasure() -> Deque {
    var copy = Deque()
    copy.reserveCapacity(count)
    copy.append(contentsOf: self)
    return copy
  }
}
