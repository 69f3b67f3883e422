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
    /// The payload may be a short part of a large buffer, which must not wait in the transport with it (SPEC MEM-1).
    var mayPinMuch = false
    /// Lengths of the messages in front of the last one (SPEC section 8); nil where there is none.
    var markTable: ByteBuffer?
    var codecID: UInt8 = 0
    /// The block was cut for a chain, and begins it with `isRestart` (SPEC CHN-1).
    var isCutForChain = false
    var isRestart = false
    /// CRC32C of the raw bytes of a chained block (SPEC CHN-3).
    var decodedCheck: UInt32 = 0
    /// What the block was cut to be compressed against; 0 for nothing (SPEC DIC-3).
    var dictionaryID: UInt32 = 0
    var payload: ByteBuffer
    /// The number of the encode job that will fill `payload` in; 0 when it is ready.
    var jobNumber: UInt64 = 0

    /// One that could not be encoded goes stored.
    @inline(__always)
    var isChained: Bool { isCutForChain && codecID != Codec.none.rawValue }

    /// The id that goes with the block.
    @inline(__always)
    var namedDictionaryID: UInt32? {
      dictionaryID == 0 || codecID == Codec.none.rawValue ? nil : dictionaryID
    }

    /// Copies a payload that is a short part of a large buffer, since it will not go at once.
    mutating func detach() {
      guard mayPinMuch, SendQueue.pinsMuch(payload) else { return }
      payload = ByteBuffer(bytes: payload.readableBytesView)
      mayPinMuch = false
    }

    var span: UInt64 { UInt64(rawByteCount) + UInt64((markTable?.readableBytes ?? 0) / 2) + (endsMessage ? 1 : 0) }
  }

  /// What waits to be sent.
  struct Backlog: Lendable {
    fileprivate(set) var queue = SendQueue()
    fileprivate(set) var blocks: Deque<Block> = []
    fileprivate var blockByteCount = 0
    fileprivate var blockPeak = Peak()
    /// Units of the blocks; none when there is no block.
    fileprivate var unsentUnitCount: UInt64 = 0

    @inline(__always)
    var isSpent: Bool { queue.isEmpty && unsentUnitCount == 0 }
    @inline(__always)
    var storageByteCount: Int { queue.storageByteCount + 2 * MemoryLayout<Block>.stride * blockPeak.count }
  }

  /// The offset behind everything cut.
  private(set) var cutEnd: UInt64 = 0
  private(set) var creditLimit: UInt64
  var backlog = Lent<Backlog>()
  private(set) var resetCode = ErrorCode.noError
  private(set) var phase = Phase.open
  private(set) var isFinishRequested = false
  /// The direction ended because the other end asked for it.
  private(set) var isStoppedByPeer = false

  init(creditLimit: UInt64) {
    self.creditLimit = creditLimit
  }

  @inline(__always)
  var isEnded: Bool { phase == .finished || phase == .reset }
  @inline(__always)
  var canWrite: Bool { phase == .open && !isFinishRequested }
  @inline(__always)
  var availableCredit: UInt64 { creditLimit - min(creditLimit, cutEnd) }
  /// The offset behind everything sent.
  @inline(__always)
  var sentEnd: UInt64 { backlog.isHeld ? cutEnd - backlog.contents.unsentUnitCount : cutEnd }
  /// Bytes the application has handed over and the link has not taken.
  @inline(__always)
  var bufferedByteCount: Int {
    guard backlog.isHeld else { return 0 }
    return backlog.contents.queue.byteCount + backlog.contents.queue.overheadByteCount + backlog.contents.blockByteCount
  }
  @inline(__always)
  var hasBytesToCut: Bool { phase == .open && backlog.isHeld && !backlog.contents.queue.isEmpty }
  @inline(__always)
  var hasOneChunkAtMost: Bool { !backlog.isHeld || !backlog.contents.queue.hasMoreThanOneChunk }
  @inline(__always)
  var hasBlocks: Bool { backlog.isHeld && backlog.contents.unsentUnitCount > 0 }
  /// All that is to be sent is so many bytes at most, which have not been cut.
  func hasOnly(byteCount: Int) -> Bool {
    hasBytesToCut && !hasBlocks && backlog.contents.queue.byteCount <= byteCount
  }
  /// A block can be sent that has been cut before.
  @inline(__always)
  var hasReadyBlock: Bool { hasBlocks && backlog.contents.blocks.first?.jobNumber == 0 }
  @inline(__always)
  private var hasNothingToSend: Bool { !backlog.isHeld || backlog.contents.isSpent }
  /// FIN has to go in a frame of its own.
  @inline(__always)
  var isFinDue: Bool { phase == .open && isFinishRequested && hasNothingToSend }

  /// The dictionaries that blocks were cut for and not sent, each as often as there are blocks.
  var dictionaryIDs: [UInt32] {
    hasBlocks ? backlog.contents.blocks.compactMap { $0.dictionaryID == 0 ? nil : $0.dictionaryID } : []
  }

  /// What the application writes behind the end is dropped. True when `detach` has to be called before long.
  @inline(__always)
  mutating func append(_ bytes: consuming ByteBuffer, endsMessage: Bool) -> Bool {
    guard canWrite else { return false }
    return backlog.contents.queue.append(consume bytes, endsMessage: endsMessage)
  }

  /// What waits no longer keeps large buffers alive (SPEC MEM-1).
  mutating func detach() {
    if backlog.isHeld { backlog.contents.queue.detach() }
  }

  mutating func finish() {
    if canWrite { isFinishRequested = true }
  }

  /// Ends the direction with RESET; returns the units of session credit that were charged and will never be sent.
  mutating func reset(_ code: ErrorCode) -> UInt64 {
    guard phase == .open || phase == .finished else { return 0 }
    phase = .resetting
    resetCode = code
    let unsent = cutEnd - sentEnd
    cutEnd -= unsent
    backlog.removeAll()
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

  /// The next block where that is bytes as they were written, and not too many, as `cut`; `markSent` tells whether FIN goes with it.
  @inline(__always)
  mutating func takeWhole(
    maximumRawByteCount: Int, maximumSpan: UInt64, longestByteCount: Int = .max
  ) -> SendQueue.Chunk? {
    let span = Int(min(availableCredit, maximumSpan, UInt64(maximumRawByteCount) + 1))
    guard hasBytesToCut, !hasBlocks, span > 0,
      let chunk = backlog.contents.queue.takeWhole(
        maximumRawByteCount: maximumRawByteCount, maximumSpan: span, longestByteCount: longestByteCount)
    else { return nil }
    cutEnd += chunk.span
    return chunk
  }

  /// Cuts the next block within the stream's own credit; the caller charges the session with its span.
  @inline(__always)
  mutating func cut(maximumRawByteCount: Int, maximumSpan: UInt64) -> Block? {
    let span = Int(min(availableCredit, maximumSpan, UInt64(maximumRawByteCount) + 1))
    guard hasBytesToCut, span > 0 else { return nil }
    let cut = backlog.contents.queue.cut(maximumRawByteCount: maximumRawByteCount, maximumSpan: span)
    let block = Block(
      offset: cutEnd, rawByteCount: cut.raw.readableBytes, endsMessage: cut.endsMessage, mayPinMuch: cut.mayPinMuch,
      markTable: cut.markTable, payload: cut.raw)
    guard block.span > 0 else { return nil }
    cutEnd += block.span
    return block
  }

  /// A block that was cut waits to be sent; it has been detached from large buffers.
  mutating func enqueue(_ block: Block) {
    backlog.contents.blockByteCount += block.rawByteCount
    backlog.contents.unsentUnitCount += block.span
    backlog.contents.blocks.append(block)
    backlog.contents.blockPeak.note(backlog.contents.blocks.count)
  }

  /// A block that goes stored after all waits to be sent, in pieces of which none holds up the link for long, marks aside. Returns how many.
  mutating func enqueueStored(_ block: Block, pieceByteCount: Int) -> Int {
    var rest = block
    var count = 1
    while rest.markTable == nil, rest.rawByteCount > pieceByteCount,
      let payload = rest.payload.readSlice(length: pieceByteCount)
    {
      var piece = rest
      piece.rawByteCount = pieceByteCount
      piece.endsMessage = false
      piece.payload = payload
      enqueue(piece)
      rest.offset += UInt64(pieceByteCount)
      rest.rawByteCount -= pieceByteCount
      count += 1
    }
    enqueue(rest)
    return count
  }

  /// Takes an encoded block back; false when nobody waits for it any more.
  mutating func completeBlock(
    _ jobNumber: UInt64, codec: Codec, payload: ByteBuffer, decodedCheck: UInt32
  ) -> Bool {
    guard hasBlocks, let index = backlog.contents.blocks.firstIndex(where: { $0.jobNumber == jobNumber }) else {
      return false
    }
    backlog.contents.blocks[index].codecID = codec.rawValue
    backlog.contents.blocks[index].payload = payload
    // It may lie in a buffer that was made for a block that does not shrink.
    backlog.contents.blocks[index].mayPinMuch = payload.readableBytes < payload.storageCapacity / 4
    backlog.contents.blocks[index].decodedCheck = decodedCheck
    backlog.contents.blocks[index].jobNumber = 0
    return true
  }

  /// The block in front, which is now being sent; with FIN when it is the last one.
  @inline(__always)
  mutating func takeBlock() -> (block: Block, isFinal: Bool)? {
    guard phase == .open, hasReadyBlock else { return nil }
    let first = backlog.contents.blocks.removeFirst()
    backlog.contents.blockByteCount -= first.rawByteCount
    backlog.contents.unsentUnitCount -= first.span
    return (first, markSent())
  }

  /// What was cut last is sent at once, without having been enqueued; true when FIN goes with it.
  @inline(__always)
  mutating func markSent() -> Bool {
    let isFinal = isFinishRequested && hasNothingToSend
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
