internal import NIOCore

/// What one direction of one stream should look like, known without any engine: what was written, what was read, how it ended.
struct Flow {
  private(set) var written: [UInt8] = []
  private(set) var writtenMarks: [Int] = []
  private(set) var isFinished = false
  /// Reset, stopped, released or refused by somebody: it may end early.
  var mayEndEarly = false
  /// The reader has released the stream and reads no more.
  var isAbandoned = false
  private(set) var readCount = 0
  private(set) var readMarkCount = 0
  private(set) var hasEnded = false

  mutating func write(_ bytes: [UInt8], endsMessage: Bool) {
    written += bytes
    if endsMessage { writtenMarks.append(written.count) }
  }

  mutating func finish() {
    isFinished = true
  }

  /// Takes what a reader got; a sentence when that is not what was written.
  mutating func read(_ bytes: ByteBuffer, endsMessage: Bool) -> String? {
    guard !hasEnded else { return "delivered bytes behind its end" }
    guard readCount + bytes.readableBytes <= written.count else { return "delivered more than was written" }
    // As buffers, which are compared at once; byte by byte a fuzzer follows each.
    let expected = ByteBuffer(bytes: written[readCount..<readCount + bytes.readableBytes])
    guard expected == bytes else { return "delivered wrong bytes" }
    readCount += bytes.readableBytes
    let nextMark = readMarkCount < writtenMarks.count ? writtenMarks[readMarkCount] : Int.max
    guard endsMessage else { return readCount > nextMark ? "lost a mark" : nil }
    readMarkCount += 1
    return nextMark == readCount ? nil : "delivered a mark at \(readCount) that was written at \(nextMark)"
  }

  /// Takes the end of the direction; a sentence when it came too early.
  mutating func end(isFailure: Bool) -> String? {
    hasEnded = true
    if isFailure { return mayEndEarly ? nil : "failed though nobody ended it early" }
    return isComplete || mayEndEarly ? nil : "ended before everything was read"
  }

  var isComplete: Bool { isFinished && readCount == written.count && readMarkCount == writtenMarks.count }
}
