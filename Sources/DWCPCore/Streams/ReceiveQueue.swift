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
struct ReceiveQueue: Lendable {
  /// Short pieces are joined up to this, so that tiny frames do not cost more memory than they carry (SPEC MEM-1).
  static let maximumJoinedByteCount = 65_536
  /// A decoded block of this length stays by itself.
  private static let leastKeptByteCount = 16_384

  private struct Entry: Hashable, Sendable {
    enum Kind: UInt8, Hashable, Sendable {
      /// A slice of what the connection brought, to be copied if nobody reads it at once.
      case borrowed
      /// A slice that keeps its buffer.
      case kept
      /// The bytes lie in a buffer of our own, to which more can be appended.
      case owned
      case decoding
    }

    var bytes: ByteBuffer
    /// Rises from entry to entry, by one for each that was appended.
    var number: UInt32
    var kind: Kind

    /// What is long lies in a buffer that its maker uses again, and is not appended to.
    @inline(__always)
    mutating func fill(with decoded: ByteBuffer) {
      // What its maker used for a much longer block before must not wait here with a short one (SPEC MEM-1).
      let isExact = decoded.readableBytes >= decoded.storageCapacity / 4
      bytes = isExact ? decoded : ByteBuffer(bytes: decoded.readableBytesView)
      kind = decoded.readableBytes >= ReceiveQueue.leastKeptByteCount && bytes.isWorthItsStorage ? .kept : .owned
    }
  }

  private var entries = ShortQueue<Entry>()
  /// Entries appended since `detach`, some of which may have been read: only the last ones can be borrowed.
  private var newCount: UInt32 = 0
  private var nextNumber: UInt32 = 0
  private var decodingCount = 0
  /// Raw bytes in front of each mark, counted from the mark before; with `continues` the run goes on in the next element.
  private var marks: Deque<UInt16> = []
  /// The most entries and marks since their storage was last made to measure.
  private var entryPeak = Peak()
  private var markPeak = Peak()
  /// Raw bytes appended behind the last mark and not read.
  private var rawByteCountBehindLastMark: UInt64 = 0
  /// Units that were charged and have not been read, and those of them that the session counts as consumed (SPEC CRD-9).
  var unreadUnitCount: UInt64 = 0
  var writtenOffUnitCount: UInt64 = 0
  /// There was something to read when stalled readers were looked for last, and nothing has been read since.
  private(set) var isSuspectedStalled = false
  /// The look at which the reader was found stalled; 0 while it is not.
  private(set) var stalledSinceLook: UInt32 = 0

  private static let continues: UInt16 = 0x8000
  private static let longestRun: UInt16 = 0x7FFF

  /// Whether `read` would return something.
  @inline(__always)
  var isReadable: Bool {
    if decodingCount == 0 { return !isEmpty }
    if marks.first == 0 { return true }
    return entries.first != nil && entries.first?.kind != .decoding
  }

  /// The same, asked where the queue lies: a getter of another type would be given a copy of it.
  @inline(__always)
  mutating func checkReadable() -> Bool { isReadable }

  @inline(__always)
  var isEmpty: Bool { unreadUnitCount == 0 }
  @inline(__always)
  var isSpent: Bool { isEmpty }
  @inline(__always)
  var storageByteCount: Int { 2 &* (MemoryLayout<Entry>.stride &* entryPeak.count &+ 2 &* markPeak.count) }

  /// Appends raw bytes, as the slice that they are. True when `detach` has to be called before long.
  @inline(__always)
  mutating func append(_ piece: consuming ByteBuffer) -> Bool {
    guard piece.readableBytes > 0 else { return false }
    rawByteCountBehindLastMark &+= UInt64(piece.readableBytes)
    if lastKind == .owned, join(piece, to: entries.count &- 1) { return false }
    let isKept = piece.isWorthItsStorage
    append(piece, isKept ? .kept : .borrowed)
    return !isKept
  }

  /// The same with the payload of the block that has just come, however many pieces it is in.
  @inline(__always)
  mutating func append(payloadOf parser: inout FrameParser) -> Bool {
    if let payload = parser.takeWholePayload() { return append(payload) }
    var isBorrowing = false
    for piece in parser.pieces where append(piece) { isBorrowing = true }
    return isBorrowing
  }

  @inline(__always)
  private var lastKind: Entry.Kind? {
    entries.hasMoreThanOne ? entries[entries.count &- 1].kind : entries.first?.kind
  }

  /// Copies bytes to the end of an entry of our own; false when it is long enough.
  private mutating func join(_ piece: ByteBuffer, to index: Int) -> Bool {
    guard !piece.isWorthItsStorage,
      entries[index].bytes.readableBytes &+ piece.readableBytes <= Self.maximumJoinedByteCount
    else { return false }
    entries[index].bytes.writeImmutableBuffer(piece)
    return true
  }

  @inline(__always)
  private mutating func append(_ bytes: consuming ByteBuffer, _ kind: Entry.Kind) {
    if entries.isEmpty {
      nextNumber = 0
      newCount = 0
    }
    entries.append(Entry(bytes: bytes, number: nextNumber, kind: kind))
    nextNumber &+= 1
    newCount &+= 1
    entryPeak.note(entries.count)
  }

  /// Copies what is still in buffers of the connection's that are much larger, and joins what is short (SPEC MEM-1).
  mutating func detach() {
    var end = entries.count &- min(Int(newCount), entries.count)
    for index in end..<entries.count {
      var entry = entries[index]
      if entry.kind == .borrowed {
        if end > 0, entries[end &- 1].kind == .owned, join(entry.bytes, to: end &- 1) { continue }
        entry = Entry(bytes: ByteBuffer(bytes: entry.bytes.readableBytesView), number: entry.number, kind: .owned)
      }
      entries[end] = entry
      end &+= 1
    }
    while entries.count > end { entries.removeLast() }
    newCount = 0
  }

  /// Keeps a place for a block that is being decoded; `complete` takes the number.
  mutating func appendPlaceholder(rawByteCount: Int) -> UInt32 {
    rawByteCountBehindLastMark &+= UInt64(rawByteCount)
    append(ByteBuffer(), .decoding)
    decodingCount &+= 1
    return nextNumber &- 1
  }

  /// Fills a place in; numbers that are no longer waited for are ignored.
  mutating func complete(entryNumber: UInt32, with bytes: ByteBuffer) {
    // Mostly nothing is in front of it.
    if entries.first?.number == entryNumber {
      guard entries.first?.kind == .decoding else { return }
      entries.first?.fill(with: bytes)
    } else {
      guard let index = index(ofEntry: entryNumber), index > 0, entries[index].kind == .decoding else { return }
      entries[index].fill(with: bytes)
      joinShort(at: index)
    }
    decodingCount &-= 1
    removeSpentEntries()
  }

  /// Short blocks are joined when they have been decoded: what was before moves on into this entry, and leaves an empty one, which soon goes.
  private mutating func joinShort(at index: Int) {
    let bytes = entries[index].bytes
    guard !bytes.isWorthItsStorage, entries[index &- 1].kind == .owned,
      entries[index &- 1].bytes.readableBytes &+ bytes.readableBytes <= Self.maximumJoinedByteCount
    else { return }
    var joined = entries[index &- 1].bytes
    entries[index &- 1].bytes = ByteBuffer()
    joined.writeImmutableBuffer(bytes)
    entries[index].bytes = joined
  }

  private func index(ofEntry number: UInt32) -> Int? {
    guard let first = entries.first?.number else { return nil }
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low &+ high) / 2
      if entries[middle].number &- first < number &- first { low = middle &+ 1 } else { high = middle }
    }
    return low < entries.count && entries[low].number == number ? low : nil
  }

  /// The first entry, when there is one, has bytes or waits for them.
  private mutating func removeSpentEntries() {
    while let kind = entries.first?.kind, kind != .decoding, entries.first?.bytes.readableBytes == 0 {
      _ = entries.popFirst()
    }
  }

  /// The same where that is the only entry as it is, and no message ends: what most reads find. Nil when it is anything else.
  @inline(__always)
  mutating func readWhole(maximumByteCount: Int) -> ByteBuffer? {
    guard marks.isEmpty, !entries.hasMoreThanOne, entries.first?.kind != .decoding,
      let count = entries.first?.bytes.readableBytes, count <= maximumByteCount
    else { return nil }
    rawByteCountBehindLastMark &-= UInt64(count)
    noteRead(units: UInt64(count))
    return entries.popFirst()?.bytes
  }

  /// The next raw bytes up to a mark, or nil when nothing is ready. Bytes may be empty when a message ends there.
  mutating func read(maximumByteCount: Int) -> (bytes: ByteBuffer, endsMessage: Bool)? {
    if marks.first == 0 {
      marks.removeFirst()
      noteRead(units: 1)
      return (ByteBuffer(), true)
    }
    guard let kind = entries.first?.kind, kind != .decoding else { return nil }
    let available = entries.first?.bytes.readableBytes ?? 0
    let count = rawByteCountToMark(limit: min(maximumByteCount, available))
    let bytes = count == available ? entries.popFirst()?.bytes ?? ByteBuffer() : readSlice(length: count)
    removeSpentEntries()
    let endsMessage = consumeMark(rawByteCount: count)
    noteRead(units: UInt64(count) &+ (endsMessage ? 1 : 0))
    return (bytes, endsMessage)
  }

  private mutating func readSlice(length: Int) -> ByteBuffer {
    let bytes = entries.first?.bytes.readSlice(length: length) ?? ByteBuffer()
    if entries.first?.kind != .borrowed { copyRestIfSmall() }
    return bytes
  }

  /// What is left of the first entry must not pin a much larger buffer, perhaps for ever (SPEC MEM-1). Each copy is at most a third of what was
  /// read since the one before.
  private mutating func copyRestIfSmall() {
    guard let rest = entries.first?.bytes, rest.readableBytes > 0, rest.readableBytes < rest.storageCapacity / 4 else {
      return
    }
    entries.first?.bytes = ByteBuffer(bytes: rest.readableBytesView)
    entries.first?.kind = .owned
  }

  /// A look for stalled readers has found something to read.
  mutating func suspect(look: UInt32) {
    if isSuspectedStalled, stalledSinceLook == 0 { stalledSinceLook = look }
    isSuspectedStalled = true
  }

  /// Those that were written off go first.
  @inline(__always)
  private mutating func noteRead(units: UInt64) {
    unreadUnitCount &-= units
    writtenOffUnitCount &-= min(units, writtenOffUnitCount)
    isSuspectedStalled = false
    stalledSinceLook = 0
    if entryPeak.count > 256 || markPeak.count > 256 { returnStorage() }
  }

  /// Short queues keep their storage, so that the steady state allocates nothing.
  private static func hasRoomToReturn(count: Int, highestCount: Int) -> Bool {
    highestCount > 256 && count < highestCount / 2
  }

  /// Queues that were long and have become short give their storage back (SPEC MEM-1), so that a peer cannot have each stream in turn keep that of
  /// a whole window.
  private mutating func returnStorage() {
    if Self.hasRoomToReturn(count: entries.count, highestCount: entryPeak.count) {
      entries.trim()
      entryPeak.reset(to: entries.count)
    }
    if Self.hasRoomToReturn(count: marks.count, highestCount: markPeak.count) {
      marks = marks.madeToMeasure()
      markPeak.reset(to: marks.count)
    }
  }
}

/// Marks.
extension ReceiveQueue {
  /// Ends a message `rawByteCount` bytes behind the mark before; those bytes have been, or will be, appended.
  private mutating func appendMark(afterRawByteCount rawByteCount: UInt64) {
    var rest = rawByteCount
    while rest > UInt64(Self.longestRun) {
      marks.append(Self.longestRun | Self.continues)
      rest &-= UInt64(Self.longestRun)
    }
    marks.append(UInt16(truncatingIfNeeded: rest))
    markPeak.note(marks.count)
  }

  /// Adds the marks of one block, whose raw bytes have just been appended (SPEC section 8).
  mutating func appendMarks(table: ByteBuffer?, endsMessage: Bool, blockRawByteCount: Int) {
    var remaining = UInt64(blockRawByteCount)
    var carried = rawByteCountBehindLastMark &- remaining
    if let table {
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
}
