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

  /// Shorter chunks are copied when they are sent, wherever they lie.
  private static let leastExaminedByteCount = TransmitBatch.leastUncopiedByteCount

  struct Chunk: Hashable, Sendable {
    var bytes: ByteBuffer
    /// A message ends behind the bytes, which may be none.
    var endsMessage: Bool
    /// They are a short part of a large buffer, or too short to be worth the look.
    var mayPinMuch: Bool

    @inline(__always)
    var span: UInt64 { UInt64(bytes.readableBytes) + (endsMessage ? 1 : 0) }
  }

  private var chunks = ShortQueue<Chunk>()
  /// Chunks appended since `detach`, some of which may have gone: only the last ones can be short parts of large buffers.
  private var newCount: UInt32 = 0
  private var peak = Peak()
  private(set) var byteCount = 0
  /// Messages that end in it.
  private var endCount = 0

  @inline(__always)
  var isEmpty: Bool { byteCount == 0 && endCount == 0 }
  @inline(__always)
  var hasMoreThanOneChunk: Bool { chunks.hasMoreThanOne }
  /// What the queue itself costs, so that empty and tiny messages fill a writer's budget too.
  var overheadByteCount: Int { 32 * chunks.count }
  /// What its memory takes.
  @inline(__always)
  var storageByteCount: Int { 2 * MemoryLayout<Chunk>.stride * peak.count }

  /// Appends bytes as the slice that they are. True when `detach` has to be called before long.
  @inline(__always)
  mutating func append(_ bytes: consuming ByteBuffer, endsMessage: Bool) -> Bool {
    let count = bytes.readableBytes
    guard count > 0 || endsMessage else { return false }
    let mayPinMuch = count < Self.leastExaminedByteCount || Self.pinsMuch(bytes)
    if chunks.isEmpty { newCount = 0 }
    chunks.append(Chunk(bytes: consume bytes, endsMessage: endsMessage, mayPinMuch: mayPinMuch))
    newCount &+= 1
    peak.note(chunks.count)
    byteCount += count
    if endsMessage { endCount += 1 }
    return mayPinMuch
  }

  /// A short answer cut from a long request must not keep the request alive (SPEC MEM-1).
  static func pinsMuch(_ bytes: ByteBuffer) -> Bool {
    bytes.readableBytes < min(bytes.storageCapacity / 4, leastLentByteCount)
  }

  /// Copies what could not be sent at once and lies in buffers that are much larger.
  mutating func detach() {
    for index in (0..<chunks.count).suffix(Int(newCount)) where chunks[index].mayPinMuch {
      guard Self.pinsMuch(chunks[index].bytes) else { continue }
      chunks[index].bytes = ByteBuffer(bytes: chunks[index].bytes.readableBytesView)
      chunks[index].mayPinMuch = false
    }
    newCount = 0
  }

  /// What goes into one block.
  struct Cut {
    var raw: ByteBuffer
    /// The lengths of whole messages in front of the last one, as `u16`s (SPEC section 8); nil when the block has one mark at most.
    var markTable: ByteBuffer?
    /// A message ends behind the last raw byte.
    var endsMessage = false
    /// The raw bytes may be a short part of a large buffer.
    var mayPinMuch = false
  }

  /// The next block where that is the first chunk as it is, which nothing is joined with or cut from: what `cut` would cut, without the detour. Nil also when it
  /// is longer than `longestByteCount`.
  @inline(__always)
  mutating func takeWhole(maximumRawByteCount: Int, maximumSpan: Int, longestByteCount: Int = .max) -> Chunk? {
    guard endCount <= 1, let count = chunks.first?.bytes.readableBytes, let endsMessage = chunks.first?.endsMessage
    else { return nil }
    let limit = min(maximumRawByteCount, maximumSpan)
    guard count <= min(limit, longestByteCount),
      endsMessage ? count < maximumSpan : count == limit || !chunks.hasMoreThanOne
    else {
      return nil
    }
    byteCount -= count
    if endsMessage { endCount -= 1 }
    return chunks.popFirst()
  }

  /// Cuts the next block: at most `maximumRawByteCount` raw bytes and `maximumSpan` units. Short messages that are whole share one; any other block
  /// has one message, or a part of one.
  @inline(__always)
  mutating func cut(maximumRawByteCount: Int, maximumSpan: Int) -> Cut {
    if endCount > 1, let shared = cutShortMessages(maximumRawByteCount, maximumSpan) { return shared }
    return cutOne(min(maximumRawByteCount, maximumSpan), maximumSpan)
  }

  /// Joins as many short messages as go into one block; nil when that is fewer than two.
  private mutating func cutShortMessages(_ maximumRawByteCount: Int, _ maximumSpan: Int) -> Cut? {
    let limit = min(maximumRawByteCount, Self.maximumSharedByteCount)
    var rawByteCount = 0
    var length = 0
    var count = 0
    for index in 0..<chunks.count {
      let chunk = chunks[index]
      length += chunk.bytes.readableBytes
      let sum = rawByteCount + length
      guard length <= Self.longestSharedByteCount, sum <= limit, sum + count < maximumSpan,
        count < Self.maximumSharedCount
      else { break }
      guard chunk.endsMessage else { continue }
      rawByteCount = sum
      count += 1
      length = 0
    }
    guard count > 1 else { return nil }
    return takeMessages(count, rawByteCount: rawByteCount)
  }

  private mutating func takeMessages(_ count: Int, rawByteCount: Int) -> Cut {
    var raw = ByteBuffer()
    raw.reserveCapacity(rawByteCount)
    var markTable = ByteBuffer()
    markTable.reserveCapacity(2 * count)
    var remaining = count
    var start = 0
    while remaining > 0, let chunk = chunks.popFirst() {
      raw.writeImmutableBuffer(chunk.bytes)
      guard chunk.endsMessage else { continue }
      remaining -= 1
      let length = raw.writerIndex - start
      start = raw.writerIndex
      if remaining > 0 { markTable.writeInteger(UInt16(length)) }
    }
    byteCount -= rawByteCount
    endCount -= count
    return Cut(raw: raw, markTable: markTable, endsMessage: true)
  }

  /// Cuts from one message, or from bytes that belong to none yet.
  @inline(__always)
  private mutating func cutOne(_ maximumRawByteCount: Int, _ maximumSpan: Int) -> Cut {
    let wanted = firstJointByteCount(limit: maximumRawByteCount)
    let available = firstByteCount
    let liesTogether = available >= wanted || available >= Self.leastUncopiedByteCount
    let mayPinMuch = liesTogether && chunks.first?.mayPinMuch == true
    let raw = liesTogether ? takeFromHead(min(available, wanted)) : takeJoined(wanted)
    return Cut(raw: raw, endsMessage: takeEnd(roomAfter: maximumSpan - raw.readableBytes), mayPinMuch: mayPinMuch)
  }

  @inline(__always)
  private var firstByteCount: Int { chunks.first?.bytes.readableBytes ?? 0 }

  /// Bytes up to the first end of a message, counted no further than `limit`, nor into a chunk that goes without a copy: the rest of one that was cut would
  /// otherwise be joined with the next, of which the rest would be joined with the one behind it, and all that is written would be copied.
  @inline(__always)
  private func firstJointByteCount(limit: Int) -> Int {
    var count = 0
    for index in 0..<chunks.count {
      let chunkByteCount = chunks[index].bytes.readableBytes
      if count > 0, chunkByteCount >= Self.leastUncopiedByteCount { break }
      count += chunkByteCount
      if count >= limit || chunks[index].endsMessage { break }
    }
    return min(count, limit)
  }

  /// Takes so many bytes, in one piece.
  private mutating func takeJoined(_ wanted: Int) -> ByteBuffer {
    var joined = ByteBuffer()
    joined.reserveCapacity(wanted)
    while joined.readableBytes < wanted {
      let part = takeFromHead(min(firstByteCount, wanted - joined.readableBytes))
      joined.writeImmutableBuffer(part)
    }
    return joined
  }

  /// Takes up to so many bytes from the first chunk, which stays while its message's end does.
  @inline(__always)
  private mutating func takeFromHead(_ count: Int) -> ByteBuffer {
    byteCount -= count
    if count == firstByteCount, chunks.first?.endsMessage == false { return chunks.popFirst()?.bytes ?? ByteBuffer() }
    let bytes = chunks.first?.bytes.readSlice(length: count) ?? ByteBuffer()
    copyRestIfSmall()
    return bytes
  }

  /// What is left of a chunk must not pin a much larger buffer (SPEC MEM-1), but one so large that it is the application's own. Each copy is at most a third of
  /// what was taken since the one before.
  private mutating func copyRestIfSmall() {
    guard firstByteCount > 0, let rest = chunks.first?.bytes, Self.pinsMuch(rest),
      rest.storageCapacity <= 4 * Self.leastLentByteCount
    else { return }
    chunks.first?.bytes = ByteBuffer(bytes: rest.readableBytesView)
  }

  /// Takes the end of a message whose bytes have all been taken, if there is a unit for it.
  @inline(__always)
  private mutating func takeEnd(roomAfter rest: Int) -> Bool {
    guard chunks.first?.endsMessage == true, firstByteCount == 0 else { return false }
    guard rest > 0 else {
      // What it ended must not be kept until there is credit for it.
      chunks.first?.bytes = ByteBuffer()
      return false
    }
    _ = chunks.popFirst()
    endCount -= 1
    return true
  }
}
