internal import DequeModule
internal import NIOCore

/// A version of an object that is under way to this end: what it changes, and which of its blocks are still to be verified (SPEC BAS-2 to BAS-4).
struct IncomingVersion: Hashable, Sendable {
  /// What a block is to be rebuilt from.
  enum Arrival: Hashable, Sendable {
    /// Nothing but its payload.
    case independent
    /// These bytes of the base, in pieces.
    case needs([ByteBuffer])
    /// Bytes of the base that this end does not have.
    case mismatch
  }

  /// One that may still have to be verified or replaced.
  private struct Block: StreamBlock {
    let offset: UInt64
    let runs: PageRuns
    /// A replacement of it may come.
    var needsBase: Bool
    /// Its place in the queue of its stream, while it is not verified.
    var entryNumber: UInt32 = 0
    var isVerified = false
  }

  /// What is different from the base.
  struct Change: Hashable, Sendable {
    let runs: PageRuns
    let bytes: ByteBuffer
  }

  let version: ObjectVersion
  let streamID: StreamID
  private(set) var changes: [Change] = []
  /// The whole of it, where there is no base to go on from.
  private(set) var whole: ObjectImage?
  /// The stream offset of the first block that could not be rebuilt.
  private(set) var mismatch: UInt64?
  /// FIN has come.
  var isFinished = false
  private var isReplacing = false
  private var pages = PageSet()
  /// In the order of the stream; those in front that nobody will ask for are gone.
  private var blocks: Deque<Block> = []
  private var unverifiedCount = 0

  init(_ version: ObjectVersion, on streamID: StreamID) {
    self.version = version
    self.streamID = streamID
    if version.baseVersion == 0 { whole = ObjectImage(byteCount: Int(version.byteCount)) }
  }

  var isWhole: Bool { isFinished && unverifiedCount == 0 }

  mutating func receive(
    _ head: PageBlockHead, offset: UInt64, rawByteCount: Int, base: ObjectImage?
  ) throws(SessionError) -> Arrival {
    let byteCount = Int(version.byteCount)
    let runs = try PageRuns(reading: head.table, objectByteCount: byteCount, rawByteCount: rawByteCount)
    let needsBase = head.method.needsBase
    guard !needsBase || (version.baseVersion > 0 && !isReplacing) else {
      throw .peer(.protocol, "BAS-3", "a block needs a base, and the version has none, or none any more")
    }
    guard pages.insert(runs) else {
      throw .peer(.protocol, "BAS-2", "a page stands twice in version \(version.version)")
    }
    blocks.append(Block(offset: offset, runs: runs, needsBase: needsBase))
    unverifiedCount &+= 1
    return needsBase ? arrival(head, runs, base) : .independent
  }

  private func arrival(_ head: PageBlockHead, _ runs: PageRuns, _ base: ObjectImage?) -> Arrival {
    guard mismatch == nil, let base else { return .mismatch }
    let ranges =
      head.baseRange.map { [Int($0.lowerBound)..<Int($0.upperBound)] }
      ?? runs.byteRanges(objectByteCount: Int(version.byteCount))
    guard ranges.allSatisfy({ $0.upperBound <= base.byteCount }) else { return .mismatch }
    return .needs(ranges.flatMap(base.slices))
  }

  /// Where the bytes of a block lie.
  func byteRanges(ofBlockAt offset: UInt64) -> [Range<Int>] {
    index(ofBlockAt: offset).map { blocks[$0].runs.byteRanges(objectByteCount: Int(version.byteCount)) } ?? []
  }

  mutating func setEntryNumber(_ number: UInt32, ofBlockAt offset: UInt64) {
    if let index = index(ofBlockAt: offset) { blocks[index].entryNumber = number }
  }

  private func index(ofBlockAt offset: UInt64) -> Int? { blocks.index(ofBlockAt: offset) }

  mutating func noteVerified(_ bytes: ByteBuffer, ofBlockAt offset: UInt64) {
    guard let index = index(ofBlockAt: offset), !blocks[index].isVerified else { return }
    blocks[index].isVerified = true
    unverifiedCount &-= 1
    note(bytes, at: blocks[index].runs)
    removeSettledBlocks()
  }

  private mutating func note(_ bytes: ByteBuffer, at runs: PageRuns) {
    guard whole == nil else {
      whole?.write(bytes, at: runs)
      return
    }
    // The version may be long under way, and must not keep larger buffers alive (SPEC MEM-1).
    changes.append(
      Change(runs: runs, bytes: bytes.isWorthItsStorage ? bytes : ByteBuffer(bytes: bytes.readableBytesView)))
  }

  private mutating func removeSettledBlocks() {
    while let first = blocks.first, first.isVerified, !mayBeReplaced(first) { blocks.removeFirst() }
  }

  private func mayBeReplaced(_ block: Block) -> Bool {
    guard let mismatch else { return false }
    return block.needsBase && block.offset >= mismatch
  }

  /// The first block to be replaced: those in front of this one that are being rebuilt may turn out wrong too.
  mutating func noteMismatch(ofBlockAt offset: UInt64) -> UInt64 {
    let first = blocks.first { $0.needsBase && !$0.isVerified }?.offset ?? offset
    mismatch = first
    return first
  }

  /// Where a replacement belongs; nil when the block turned out right in the meantime.
  mutating func receiveReplacement(
    _ head: PageBlockHead, offset: UInt64, rawByteCount: Int
  ) throws(SessionError) -> UInt32? {
    let runs = try PageRuns(
      reading: head.table, objectByteCount: Int(version.byteCount), rawByteCount: rawByteCount)
    guard head.method == .full, let index = blocks.firstIndex(where: mayBeReplaced), blocks[index].offset == offset,
      blocks[index].runs == runs
    else { throw .peer(.protocol, "BAS-4", "a replacement at \(offset) is not the one that is awaited next") }
    isReplacing = true
    blocks[index].needsBase = false
    let entryNumber = blocks[index].isVerified ? nil : blocks[index].entryNumber
    removeSettledBlocks()
    return entryNumber
  }
}
