import NIOCore

/// Pages, and what they were some time before.
struct PagePairs: Sendable {
  static let pageByteCount = 4_096

  let old: ByteBuffer
  let new: ByteBuffer

  /// Groups of so many pages, the last one with what is left.
  func groups(pageCount: Int) -> [(old: ByteBuffer, new: ByteBuffer)] {
    stride(from: 0, to: new.readableBytes, by: pageCount * Self.pageByteCount).compactMap { start in
      let length = min(pageCount * Self.pageByteCount, new.readableBytes - start)
      guard let old = old.getSlice(at: start, length: length), let new = new.getSlice(at: start, length: length) else {
        return nil
      }
      return (old, new)
    }
  }
}

/// Pairs that anyone can make again from a seed: half memory-like pages, half log lines, and a share of all bytes changed in one of several ways.
enum SeededPairs {
  enum Change: String, CaseIterable, Sendable {
    /// Single bytes, anywhere.
    case bytes
    /// 8 bytes that were written at once.
    case words
    /// Cache lines of 64 bytes.
    case lines
    /// 1 to 64 bytes, every 16 KiB or so, that push what follows up to the end of its 64 KiB.
    case inserted
  }

  private static let pageCount = 2_048

  static func pairs(_ change: Change, percent: Int) -> PagePairs {
    let old = pages(count: pageCount)
    var generator = SeededGenerator(seed: 17)
    return PagePairs(
      old: old,
      new: change == .inserted ? inserted(old, &generator) : changed(old, change, percent: percent, &generator))
  }

  /// A large object of the same kind.
  static func pages(count: Int) -> ByteBuffer {
    var writer = SampleWriter(seed: 16)
    var buffer = ByteBuffer()
    buffer.reserveCapacity((count + 1) * PagePairs.pageByteCount)
    for page in 0..<count {
      guard page % 2 == 0 else {
        writer.writePage(into: &buffer)
        continue
      }
      let end = buffer.writerIndex + PagePairs.pageByteCount
      while buffer.writerIndex < end { writer.writeLogLine(into: &buffer) }
      buffer.moveWriterIndex(to: end)
    }
    return buffer
  }

  private static func changed(
    _ old: ByteBuffer, _ change: Change, percent: Int, _ generator: inout SeededGenerator
  ) -> ByteBuffer {
    let length = change == .bytes ? 1 : change == .words ? 8 : 64
    let placeCount = old.readableBytes / length
    var new = old
    for _ in 0..<placeCount * percent / 100 {
      let place = Int(generator.next() % UInt64(placeCount)) * length
      guard length > 1 else {
        new.setInteger(UInt8(truncatingIfNeeded: generator.next()), at: place)
        continue
      }
      for offset in stride(from: 0, to: length, by: 8) { new.setInteger(generator.next(), at: place + offset) }
    }
    return new
  }

  private static func inserted(_ old: ByteBuffer, _ generator: inout SeededGenerator) -> ByteBuffer {
    let stretch = 16 * PagePairs.pageByteCount
    var new = ByteBuffer()
    for start in stride(from: 0, to: old.readableBytes, by: stretch) {
      var object = ObjectPair.inserting(
        into: old.getSlice(at: start, length: stretch) ?? old, every: 16_384, 64, &generator)
      object.moveWriterIndex(to: stretch)
      new.writeBuffer(&object)
    }
    return new
  }
}

/// A large object, and the same with bytes inserted.
struct ObjectPair: Sendable {
  let old: ByteBuffer
  let new: ByteBuffer

  /// - Parameter spacing: bytes from one insertion to the next, on average.
  init(byteCount: Int, spacing: Int) {
    old = SeededPairs.pages(count: byteCount / PagePairs.pageByteCount)
    var generator = SeededGenerator(seed: 18)
    new = Self.inserting(into: old, every: spacing, 256, &generator)
  }

  /// 1 to `maximumLength` bytes at a time: words, as somebody would type them.
  static func inserting(
    into old: ByteBuffer, every spacing: Int, _ maximumLength: Int, _ generator: inout SeededGenerator
  ) -> ByteBuffer {
    var writer = SampleWriter(seed: generator.next())
    var old = old
    var new = ByteBuffer()
    new.reserveCapacity(old.readableBytes + old.readableBytes / spacing * maximumLength)
    while old.readableBytes > 0 {
      var piece = old.readSlice(length: min(old.readableBytes, 1 + Int(generator.next() % UInt64(2 * spacing)))) ?? old
      new.writeBuffer(&piece)
      let end = new.writerIndex + 1 + Int(generator.next() % UInt64(maximumLength))
      while new.writerIndex < end { writer.writeLogLine(into: &new) }
      new.moveWriterIndex(to: end)
    }
    return new
  }
}
