internal import DequeModule
internal import NIOCore

/// A version of an object that is under way from this end: pages that wait to be cut into blocks, and blocks that may have to be replaced (SPEC BAS-2
/// to BAS-4).
struct OutgoingVersion: Hashable, Sendable {
  /// Pages that were written together.
  private struct Piece: Hashable, Sendable {
    var firstPage: Int
    var pageCount: Int
    var isZero: Bool
    /// Where the base is like them, if not at the same place.
    var baseRange: Range<UInt64>?
  }

  /// One that was cut.
  struct Block: StreamBlock {
    let offset: UInt64
    let runs: PageRuns
    /// Until the version stands, or where there is no base that could turn out wrong not at all.
    var raw: ByteBuffer
    let baseRange: Range<UInt64>?
    var method = PageBlockHead.Method.full
    var decodedCheck: UInt32 = 0
    var isSent = false
  }

  let version: ObjectVersion
  let streamID: StreamID
  /// The other end cannot use the base.
  private(set) var isBaseLost = false
  private var isMismatched = false
  /// FIN has gone.
  var isFinished = false
  private var pieces: Deque<Piece> = []
  private var pages = PageSet()
  /// The whole of it, where there is no base to go on from.
  private(set) var whole: ObjectImage?
  /// In the order of the stream.
  private(set) var blocks: [Block] = []
  /// Indices of blocks whose replacements have to be sent.
  private var replacements: Deque<Int> = []

  init(_ version: ObjectVersion, on streamID: StreamID) {
    self.version = version
    self.streamID = streamID
    if version.baseVersion == 0 { whole = ObjectImage(byteCount: Int(version.byteCount)) }
  }

  var objectByteCount: Int { Int(version.byteCount) }

  /// False when one of the pages was written before.
  mutating func write(firstPage: Int, pageCount: Int, isZero: Bool, baseRange: Range<UInt64>?) -> Bool {
    var run = PageRuns()
    run.append(firstPage: firstPage, count: pageCount)
    guard pages.insert(run) else { return false }
    pieces.append(Piece(firstPage: firstPage, pageCount: pageCount, isZero: isZero, baseRange: baseRange))
    return true
  }

  /// Raw bytes of the next block: whole pages of one kind that ascend, up to a limit, and pages with a base at the same place up to those of a group.
  func nextBlockByteCount(groupByteCount: Int, limit: Int) -> Int {
    let isGroup = pieces.first.map { !$0.isZero && $0.baseRange == nil } ?? false
    let limit = isGroup ? min(limit, groupByteCount) : limit
    var count = 0
    var last: Piece?
    for piece in pieces {
      if let last, !Self.goTogether(last, piece) { break }
      let byteCount = byteRange(of: piece).count
      guard count &+ byteCount <= limit else {
        // A run that is too long is cut between pages, but its base is like all of it.
        return piece.baseRange == nil || count == 0 ? count &+ ((limit &- count) & ~0xFFF) : count
      }
      count &+= byteCount
      last = piece
    }
    return count
  }

  private static func goTogether(_ first: Piece, _ second: Piece) -> Bool {
    first.isZero == second.isZero && first.baseRange == nil && second.baseRange == nil
      && second.firstPage >= first.firstPage &+ first.pageCount
  }

  private func byteRange(of piece: Piece) -> Range<Int> {
    PageRuns.byteRange(
      of: PageRuns.Run(firstPage: piece.firstPage, count: piece.pageCount), objectByteCount: objectByteCount)
  }

  /// Takes the pages of a block that was cut.
  mutating func takeBlock(offset: UInt64, raw: ByteBuffer) -> Block {
    var runs = PageRuns()
    var rest = raw.readableBytes
    let first = pieces.first
    while rest > 0, let piece = pieces.first {
      let byteCount = byteRange(of: piece).count
      let isWhole = byteCount <= rest
      let pageCount = isWhole ? piece.pageCount : rest >> 12
      guard pageCount > 0 else { break }
      runs.append(firstPage: piece.firstPage, count: pageCount)
      rest &-= isWhole ? byteCount : rest
      if isWhole {
        pieces.removeFirst()
      } else {
        pieces[0].firstPage &+= pageCount
        pieces[0].pageCount &-= pageCount
      }
    }
    var block = Block(
      offset: offset, runs: runs, raw: raw, baseRange: first?.baseRange,
      method: first?.isZero == true ? .zero : .full)
    let result = block
    if whole != nil {
      whole?.write(raw, at: runs)
      block.raw = ByteBuffer()
    }
    blocks.append(block)
    return result
  }

  /// Bytes that a block needs room for in one piece, in its base: nil when there is none to go by.
  func base(of block: Block, in image: ObjectImage?) -> [ByteBuffer]? {
    guard !isBaseLost, version.baseVersion > 0, let image else { return nil }
    let ranges =
      block.baseRange.map { [Int($0.lowerBound)..<Int($0.upperBound)] }
      ?? block.runs.byteRanges(objectByteCount: objectByteCount)
    guard ranges.allSatisfy({ $0.upperBound <= image.byteCount }) else { return nil }
    return ranges.flatMap(image.slices)
  }

  private func index(ofBlockAt offset: UInt64) -> Int? { blocks.index(ofBlockAt: offset) }

  mutating func noteEncoded(_ method: PageBlockHead.Method, decodedCheck: UInt32, ofBlockAt offset: UInt64) {
    guard let index = index(ofBlockAt: offset) else { return }
    blocks[index].method = method
    blocks[index].decodedCheck = decodedCheck
  }

  /// A block is sent now: as it is, or in full where the other end cannot use the base any more.
  mutating func noteSent(_ offset: UInt64) -> (block: Block, isMadeFull: Bool)? {
    guard let index = index(ofBlockAt: offset) else { return nil }
    blocks[index].isSent = true
    let isMadeFull = isBaseLost && blocks[index].method.needsBase
    if isMadeFull { blocks[index].method = .full }
    return (blocks[index], isMadeFull)
  }

  /// The other end found a block wrong, and cannot use the base. False when no such block was sent.
  mutating func noteMismatch(at offset: UInt64) -> Bool {
    guard !isMismatched, let first = index(ofBlockAt: offset), blocks[first].isSent, blocks[first].method.needsBase
    else { return false }
    isMismatched = true
    isBaseLost = true
    for index in first..<blocks.count where blocks[index].isSent && blocks[index].method.needsBase {
      replacements.append(index)
    }
    return true
  }

  /// The other end has dropped the base: what goes from now on does without.
  mutating func loseBase() {
    isBaseLost = true
  }

  mutating func takeReplacement() -> Block? {
    guard let index = replacements.popFirst() else { return nil }
    blocks[index].method = .full
    return blocks[index]
  }
}
