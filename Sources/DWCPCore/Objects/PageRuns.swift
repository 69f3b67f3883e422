internal import NIOCore

/// Which pages of an object the raw bytes of a block are, in order (SPEC BAS-2).
struct PageRuns: Hashable, Sendable {
  static let pageByteCount = 4_096

  /// Pages that follow one another.
  struct Run: Hashable, Sendable {
    var firstPage: Int
    var count: Int

    var end: Int { firstPage &+ count }
  }

  private(set) var runs: [Run] = []

  init() {}

  /// Pages behind those there are, which may make the last run longer.
  mutating func append(firstPage: Int, count: Int) {
    if let last = runs.indices.last, runs[last].end == firstPage {
      runs[last].count &+= count
    } else {
      runs.append(Run(firstPage: firstPage, count: count))
    }
  }

  /// Bytes of a run in an object of this length, whose last page may be shorter.
  static func byteRange(of run: Run, objectByteCount: Int) -> Range<Int> {
    let start = min(run.firstPage << 12, objectByteCount)
    return start..<min(run.end << 12, objectByteCount)
  }

  /// Where the raw bytes lie in an object of this length.
  func byteRanges(objectByteCount: Int) -> [Range<Int>] {
    runs.map { Self.byteRange(of: $0, objectByteCount: objectByteCount) }
  }

  static func pageCount(byteCount: Int) -> Int { (byteCount &+ pageByteCount &- 1) >> 12 }
}

extension PageRuns {
  /// The table in front of a block's payload.
  func write(to buffer: inout ByteBuffer) {
    var end = 0
    for run in runs {
      buffer.writeRunInteger(run.firstPage &- end)
      buffer.writeRunInteger(run.count &- 1)
      end = run.end
    }
  }

  /// Reads a table and checks it against the object's length and the block's raw length.
  init(reading table: ByteBuffer, objectByteCount: Int, rawByteCount: Int) throws(SessionError) {
    var table = table
    var end = 0
    var sum = 0
    let pageCount = Self.pageCount(byteCount: objectByteCount)
    while table.readableBytes > 0 {
      guard let skipped = table.readRunInteger(), let more = table.readRunInteger() else {
        throw .peer(.protocol, "BAS-2", "a run of pages is cut short, or begins with the reserved bits")
      }
      let run = Run(firstPage: end &+ skipped, count: more &+ 1)
      guard run.end <= pageCount, skipped > 0 || runs.isEmpty else {
        throw .peer(.protocol, "BAS-2", "a run ends at page \(run.end) of \(pageCount), or continues the one before it")
      }
      runs.append(run)
      sum &+= Self.byteRange(of: run, objectByteCount: objectByteCount).count
      // A long table of a short block is not read to its end.
      guard sum <= rawByteCount else { break }
      end = run.end
    }
    guard sum == rawByteCount, sum > 0 else {
      throw .peer(.protocol, "BAS-2", "a block of \(rawByteCount) raw bytes names pages of \(sum)")
    }
  }
}

extension ByteBuffer {
  /// One, two or four bytes; the highest two bits say which.
  fileprivate mutating func writeRunInteger(_ value: Int) {
    switch value {
    case ..<0x40: writeInteger(UInt8(truncatingIfNeeded: value))
    case ..<0x4000: writeInteger(UInt16(truncatingIfNeeded: value) | 0x4000)
    default: writeInteger(UInt32(truncatingIfNeeded: value) | 0x8000_0000)
    }
  }

  fileprivate mutating func readRunInteger() -> Int? {
    guard let first = getInteger(at: readerIndex, as: UInt8.self) else { return nil }
    switch first >> 6 {
    case 0: return readInteger(as: UInt8.self).map(Int.init)
    case 1: return readInteger(as: UInt16.self).map { Int($0 & 0x3FFF) }
    case 2: return readInteger(as: UInt32.self).map { Int($0 & 0x3FFF_FFFF) }
    default: return nil
    }
  }
}
