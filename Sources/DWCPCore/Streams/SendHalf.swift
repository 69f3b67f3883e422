internal import DequeModule
internal import NIOCore

/// The sending direction of one stream (SPEC section 7, first table).
///
/// Bytes pass through three places: the queue (written, not cut), the blocks (cut and charged, perhaps still being encoded) and the
/// link (sent). Credit is taken when a block is cut, so that encoded blocks can always be sent; a reset gives back what was cut but
/// never sent. The phases follow the table, plus one for what the application has decided and the link has not carried yet:
///
///     open      --finish, all sent-->  finished
///     open      --reset or STOP----->  resetting   --RESET sent-->  reset
///     finished  --reset------------->  resetting
///
/// Every transition is in this file.
struct SendHalf: Hashable, Sendable {
  enum Phase: UInt8, Hashable, Sendable, CaseIterable {
    case open, finished, resetting, reset
  }

  /// A block that has been cut from the queue.
  struct Block: Hashable, Sendable {
    var offset: UInt64
    var rawByteCount: Int
    var endsMessage: Bool
    /// Lengths of the messages in front of the last one (SPEC section 8).
    var markTable = ByteBuffer()
    var codecID: UInt8 = 0
    var payload: ByteBuffer
    /// The number of the encode job that will fill `payload` in; 0 when it is ready.
    var jobNumber: UInt64 = 0

    var span: UInt64 { UInt64(rawByteCount) + UInt64(markTable.readableBytes / 2) + (endsMessage ? 1 : 0) }
  }

  private(set) var phase = Phase.open
  private(set) var isFinishRequested = false
  private(set) var resetCode = ErrorCode.noError
  /// The direction ended because the other end asked for it.
  private(set) var isStoppedByPeer = false
  var queue = SendQueue()
  private(set) var blocks: Deque<Block> = []
  /// The offset behind everything cut, and behind everything sent.
  private(set) var cutEnd: UInt64 = 0
  private(set) var sentEnd: UInt64 = 0
  private(set) var creditLimit: UInt64
  private(set) var queuedBlockByteCount = 0

  init(creditLimit: UInt64) {
    self.creditLimit = creditLimit
  }

  var isEnded: Bool { phase == .finished || phase == .reset }
  var canWrite: Bool { phase == .open && !isFinishRequested }
  var availableCredit: UInt64 { creditLimit - min(creditLimit, cutEnd) }
  /// Bytes the application has handed over and the link has not taken.
  var bufferedByteCount: Int { queue.byteCount + queue.overheadByteCount + queuedBlockByteCount }
  var hasBytesToCut: Bool { phase == .open && !queue.isEmpty }
  /// FIN has to go in a frame of its own.
  var isFinDue: Bool { phase == .open && isFinishRequested && queue.isEmpty && blocks.isEmpty }

  mutating func finish() {
    if canWrite { isFinishRequested = true }
  }

  /// Ends the direction with RESET; returns the units of session credit that were charged and will never be sent.
  mutating func reset(_ code: ErrorCode) -> UInt64 {
    guard phase == .open || phase == .finished else { return 0 }
    phase = .resetting
    resetCode = code
    let unsent = cutEnd - sentEnd
    cutEnd = sentEnd
    queue.removeAll()
    blocks.removeAll()
    queuedBlockByteCount = 0
    return unsent
  }

  /// STOP arrived (SPEC STR-10): the same as a reset, unless FIN has gone.
  mutating func receiveStop(_ code: ErrorCode) -> UInt64 {
    guard phase == .open else { return 0 }
    isStoppedByPeer = true
    return reset(code)
  }

  /// SPEC CRD-4: lower limits are ignored.
  mutating func raiseCredit(to limit: UInt64) {
    creditLimit = max(creditLimit, limit)
  }

  /// Cuts the next block within the stream's own credit; the caller charges the session with its span.
  mutating func cut(maximumRawByteCount: Int, maximumSpan: UInt64) -> Block? {
    let span = Int(min(availableCredit, maximumSpan, UInt64(maximumRawByteCount) + 1))
    guard hasBytesToCut, span > 0 else { return nil }
    let cut = queue.cut(maximumRawByteCount: maximumRawByteCount, maximumSpan: span)
    let block = Block(
      offset: cutEnd, rawByteCount: cut.raw.readableBytes, endsMessage: cut.endsMessage, markTable: cut.markTable,
      payload: cut.raw)
    guard block.span > 0 else { return nil }
    cutEnd += block.span
    return block
  }

  mutating func enqueue(_ block: Block) {
    queuedBlockByteCount += block.rawByteCount
    blocks.append(block)
  }

  /// Takes an encoded block back; false when nobody waits for it any more.
  mutating func completeBlock(jobNumber: UInt64, codecID: UInt8, payload: ByteBuffer) -> Bool {
    guard let index = blocks.firstIndex(where: { $0.jobNumber == jobNumber }) else { return false }
    blocks[index].codecID = codecID
    blocks[index].payload = payload
    blocks[index].jobNumber = 0
    return true
  }

  /// The block in front, which is now being sent; with FIN when it is the last one.
  mutating func takeBlock() -> (block: Block, isFinal: Bool)? {
    guard phase == .open, let first = blocks.first, first.jobNumber == 0 else { return nil }
    blocks.removeFirst()
    queuedBlockByteCount -= first.rawByteCount
    return (first, markSent(first))
  }

  /// A block that was cut and is sent at once, without having been enqueued.
  mutating func markSent(_ block: Block) -> Bool {
    sentEnd = block.offset + block.span
    let isFinal = isFinishRequested && queue.isEmpty && blocks.isEmpty
    if isFinal { phase = .finished }
    return isFinal
  }

  /// FIN is sent in a frame of its own; it takes no credit (SPEC CRD-7).
  mutating func markFinSent() {
    if isFinDue { phase = .finished }
  }

  mutating func markResetSent() {
    if phase == .resetting { phase = .reset }
  }
}
