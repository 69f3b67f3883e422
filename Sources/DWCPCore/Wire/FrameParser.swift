internal import NIOCore

/// Cuts the bytes of one link into prefaces, control frames and data blocks.
///
/// The parser never waits for more than one frame and never reserves memory in proportion to a declared length (SPEC MEM-2): it collects
/// control bodies only after their bounds were checked, and holds the payload of a block as slices of what has really arrived. It
/// walks through the phases below; each needs a known number of bytes, which `gather` lends without a copy when they lie together.
///
///     preface -> header -> controlBody -> header ...
///                header -> extension -> [markCount -> markTable] -> [dictionaryID] -> [pageHead -> pageTable] -> [decodedCheck] -> payload -> check ...
///
/// Results stay in fields, so that nothing is boxed or copied for a frame.
struct FrameParser: Hashable, Sendable {
  enum Phase: UInt8, Hashable, Sendable, CaseIterable {
    case preface, header, controlBody, dataExtension, markCount, markTable, dictionaryID, pageHead, pageTable,
      decodedCheck,
      payload, payloadCheck
  }

  /// What the caller finds in the fields after a step.
  enum Step: UInt8, Hashable, Sendable {
    case needsMore
    /// ``preface`` is set.
    case preface
    /// ``header`` and ``body`` are set; the payload check was right.
    case controlFrame
    /// ``header``, ``dataFrame``, ``markTable`` and ``pieces`` are set; the payload check was right.
    case dataFrame
  }

  /// A block across the end of a read: its first two parts, from this length on, stay where they lie.
  private static let maximumLentPieceCount = 2
  private static let leastLentByteCount = 2_048

  private(set) var phase = Phase.preface
  private(set) var preface = Preface()
  private(set) var header = FrameHeader(type: .hello, flags: 0, streamID: .session, bodyByteCount: 0)
  private(set) var body: ByteBuffer?
  private(set) var dataFrame = DataFrame(offset: 0, codecID: 0, rawByteCount: 0)
  /// Which pages of an object the block has, where its flag is set (SPEC BAS-2).
  private(set) var pageHead: PageBlockHead?
  private var pageMethod = PageBlockHead.Method.full
  private var pageTableByteCount = 0
  /// What the raw bytes of a block that needs others have to add up to (SPEC CHN-3).
  private(set) var decodedCheck: UInt32 = 0
  /// What the block was compressed against, where its flag is set (SPEC DIC-3).
  private(set) var dictionaryID: UInt32 = 0
  /// Message lengths as `u16`s, still packed (SPEC section 8); nil where there is none.
  private(set) var markTable: ByteBuffer?
  /// The payload of a data block, in order, as slices of what was received; one that lay in the input as a whole is
  /// handed over by `takeWholePayload` instead.
  private(set) var pieces: [ByteBuffer] = []
  private var wholePayload: ByteBuffer?
  /// The last piece is a copy, to which more can be appended.
  private var isLastPieceOwned = false

  /// Bytes of the frame's body that have not been seen yet.
  private var remainingBodyByteCount = 0
  private var markTableByteCount = 0
  let maximumRawBlockByteCount: Int
  /// Flags of DATA that must be zero (SPEC DAT-9).
  let reservedFlags: UInt8
  private var check = CRC32C()
  /// The beginning of something that did not arrive in one piece.
  private var carry = ByteBuffer()

  /// - Parameter allowsChains: this end announced that it takes chained blocks.
  /// - Parameter allowsDictionaries: this end announced that it holds dictionaries.
  /// - Parameter allowsObjects: this end announced that it holds objects.
  init(
    maximumRawBlockByteCount: Int, allowsChains: Bool = false, allowsDictionaries: Bool = false,
    allowsObjects: Bool = false
  ) {
    self.maximumRawBlockByteCount = maximumRawBlockByteCount
    reservedFlags =
      (allowsChains ? 0 : DataFrame.Flags.chained | DataFrame.Flags.restart)
      | (allowsDictionaries ? 0 : DataFrame.Flags.dictionary) | (allowsObjects ? 0 : DataFrame.Flags.baseline)
  }

  mutating func step(_ input: inout ByteBuffer) throws(SessionError) -> Step {
    while true {
      switch phase {
      case .preface:
        return try parsePreface(&input) ? .preface : .needsMore
      case .header:
        guard input.readableBytes > 0 else { return .needsMore }
        if carry.readableBytes == 0, input.readableBytes >= FrameHeader.byteCount {
          header = try FrameHeader(reading: &input)
        } else {
          guard var bytes = gather(FrameHeader.byteCount, from: &input) else { return .needsMore }
          header = try FrameHeader(reading: &bytes)
        }
        try beginFrame()
      case .controlBody:
        guard var bytes = gather(header.remainderByteCount, from: &input) else { return .needsMore }
        try finishControlFrame(&bytes)
        return .controlFrame
      case .dataExtension:
        guard let bytes = gatherBody(DataFrame.extensionByteCount, from: &input) else { return .needsMore }
        try beginBlock(bytes)
      case .markCount:
        guard let bytes = gatherBody(DataFrame.markCountByteCount, from: &input) else { return .needsMore }
        try beginMarkTable(bytes)
      case .markTable:
        guard let bytes = gatherBody(markTableByteCount, from: &input) else { return .needsMore }
        markTable = bytes
        try beginDictionaryID()
      case .dictionaryID:
        guard let bytes = gatherBody(DataFrame.dictionaryIDByteCount, from: &input) else { return .needsMore }
        dictionaryID = bytes.getInteger(at: bytes.readerIndex, as: UInt32.self) ?? 0
        try beginPageHead()
      case .pageHead:
        guard let bytes = gatherBody(PageBlockHead.fixedByteCount, from: &input) else { return .needsMore }
        try beginPageTable(bytes)
      case .pageTable:
        guard let bytes = gatherBody(pageTableByteCount, from: &input) else { return .needsMore }
        pageHead = try PageBlockHead(method: pageMethod, reading: bytes)
        try beginDecodedCheck()
      case .decodedCheck:
        guard let bytes = gatherBody(DataFrame.decodedCheckByteCount, from: &input) else { return .needsMore }
        decodedCheck = bytes.getInteger(at: bytes.readerIndex, as: UInt32.self) ?? 0
        try beginPayload()
      case .payload:
        takePieces(from: &input)
        guard remainingBodyByteCount == 0 else { return .needsMore }
        guard header.isChecked else {
          phase = .header
          return .dataFrame
        }
        phase = .payloadCheck
      case .payloadCheck:
        guard let bytes = gather(FrameHeader.checkByteCount, from: &input) else { return .needsMore }
        try verify(bytes)
        phase = .header
        return .dataFrame
      }
    }
  }

  /// The short way for what most frames are: a block that lies in the input as a whole and breaks no rule. Whatever else it is goes the long way, which
  /// says what is wrong. The caller moves on by `byteCount`.
  ///
  /// - Parameter input: what has arrived.
  /// - Parameter bytes: what is left of it, so that all of its blocks are found in one look.
  /// - Parameter offset: where that begins among the input's readable bytes.
  @inline(__always)
  mutating func takeWholeBlock(from input: ByteBuffer, _ bytes: RawSpan, at offset: Int) -> Int? {
    guard phase == .header, carry.readableBytes == 0,
      let block = Self.wholeBlock(
        in: bytes, maximumRawByteCount: maximumRawBlockByteCount,
        excludedFlags: reservedFlags | DataFrame.Flags.baseline)
    else { return nil }
    header = block.header
    dataFrame = block.frame
    var index = FrameHeader.byteCount &+ DataFrame.extensionByteCount
    if block.markCount > 0 {
      index &+= DataFrame.markCountByteCount
      markTable = input.getSlice(at: input.readerIndex &+ offset &+ index, length: 2 &* block.markCount)
      index &+= 2 &* block.markCount
    }
    if block.header.flags & DataFrame.Flags.dictionary != 0 {
      dictionaryID = bytes.integer(at: index, as: UInt32.self)
      index &+= DataFrame.dictionaryIDByteCount
    }
    if block.header.flags & DataFrame.Flags.chained != 0 {
      decodedCheck = bytes.integer(at: index, as: UInt32.self)
      index &+= DataFrame.decodedCheckByteCount
    }
    if block.payloadByteCount > 0 {
      wholePayload = input.getSlice(at: input.readerIndex &+ offset &+ index, length: block.payloadByteCount)
    }
    return FrameHeader.byteCount &+ block.header.remainderByteCount
  }

  /// All bytes of the last frame.
  @inline(__always)
  var wireByteCount: Int { FrameHeader.byteCount &+ header.remainderByteCount }

  /// Bytes of the last block's payload.
  @inline(__always)
  var payloadByteCount: Int {
    let tableByteCount = markTable.map { DataFrame.markCountByteCount &+ $0.readableBytes } ?? 0
    return header.bodyByteCount &- DataFrame.extensionByteCount &- tableByteCount
      &- (hasDecodedCheck ? DataFrame.decodedCheckByteCount : 0)
      &- (hasDictionary ? DataFrame.dictionaryIDByteCount : 0) &- (pageHead?.byteCount ?? 0)
  }

  /// Hands the payload over where it lay in the input as a whole.
  mutating func takeWholePayload() -> ByteBuffer? { wholePayload.take() }

  /// Lets go of what the last block was made of; between two reads nothing may pin a read buffer without need (SPEC MEM-1).
  mutating func releaseBlock() {
    wholePayload = nil
    markTable = nil
    pageHead = nil
    releasePieces()
  }

  /// The same for a block that had nothing else, or whose payload has been taken.
  @inline(__always)
  mutating func releasePieces() {
    if !pieces.isEmpty { pieces.removeAll(keepingCapacity: true) }
  }

  /// Hands the body of a control frame over, so that it pins no read buffer.
  mutating func takeBody() -> ByteBuffer { body.take() ?? ByteBuffer() }

  /// Lends `byteCount` bytes that lie together, or nil after having kept what there is.
  private mutating func gather(_ byteCount: Int, from input: inout ByteBuffer) -> ByteBuffer? {
    if carry.readableBytes == 0, let bytes = input.readSlice(length: byteCount) {
      return bytes
    }
    let missing = byteCount &- carry.readableBytes
    if var part = input.readSlice(length: min(missing, input.readableBytes)) {
      carry.writeBuffer(&part)
    }
    guard carry.readableBytes == byteCount else { return nil }
    let bytes = carry
    carry = ByteBuffer()
    return bytes
  }

  /// As `gather`, for bytes of the body of a data frame: they count and are checked.
  private mutating func gatherBody(_ byteCount: Int, from input: inout ByteBuffer) -> ByteBuffer? {
    guard let bytes = gather(byteCount, from: &input) else { return nil }
    remainingBodyByteCount &-= byteCount
    if header.isChecked { check.update(bytes.readableBytesSpan) }
    return bytes
  }

  /// SPEC PRE-2: decides on the first differing byte.
  private mutating func parsePreface(_ input: inout ByteBuffer) throws(SessionError) -> Bool {
    let gathered = gather(Preface.byteCount, from: &input)
    let seen = gathered ?? carry
    if Preface.firstDifference(in: seen.readableBytesUInt8Span) != nil {
      throw .peer(.protocol, "PRE-2", strangerDescription(seen.readableBytesUInt8Span))
    }
    guard let packed = gathered?.getInteger(at: seen.readerIndex, as: UInt64.self) else { return false }
    preface = Preface(packed: packed)
    phase = .header
    return true
  }

  /// Checks everything that the header alone can tell (SPEC HDR-2, HDR-5, HDR-6, HDR-8).
  private mutating func beginFrame() throws(SessionError) {
    guard let shape = header.type.shape else {
      guard header.type.isIgnorable else {
        throw .peer(.protocol, "HDR-6", "frame \(header.type) is unknown and must not be ignored")
      }
      guard header.bodyByteCount <= FrameType.maximumIgnorableByteCount else {
        throw .peer(.frameSize, "HDR-6", "an unknown frame of \(header.bodyByteCount) bytes is too long to skip")
      }
      phase = .controlBody
      return
    }
    guard shape.bodyByteCounts.contains(header.bodyByteCount) else {
      throw .peer(.frameSize, "HDR-2", "\(header.type) cannot have \(header.bodyByteCount) bytes")
    }
    let namesStream = header.streamID != .session
    guard shape.addressing == .either || (shape.addressing == .stream) == namesStream else {
      throw .peer(.protocol, "HDR-8", "\(header.type) cannot carry stream id \(header.streamID)")
    }
    guard header.type == .data else {
      guard header.flags & FrameFlags.reservedOutsideData == 0 else {
        throw .peer(.protocol, "HDR-5", "a reserved flag of \(header.type) is set")
      }
      phase = .controlBody
      return
    }
    guard header.flags & reservedFlags == 0 else {
      throw .peer(.protocol, "DAT-9", "a DATA flag is set that was never announced")
    }
    guard isChained || header.flags & DataFrame.Flags.restart == 0 else {
      throw .peer(.protocol, "CHN-1", "RESTART is set without CHAINED")
    }
    guard !(isChained && hasDictionary) else {
      throw .peer(.protocol, "DIC-3", "a block of a chain names a dictionary")
    }
    let others =
      DataFrame.Flags.chained | DataFrame.Flags.dictionary | DataFrame.Flags.marks | DataFrame.Flags.endOfMessage
    guard !isPaged || header.flags & others == 0 else {
      throw .peer(.protocol, "BAS-2", "a block of pages has marks, or is of a chain or a dictionary")
    }
    remainingBodyByteCount = header.bodyByteCount
    check = CRC32C()
    isLastPieceOwned = false
    phase = .dataExtension
  }

  private mutating func finishControlFrame(_ bytes: inout ByteBuffer) throws(SessionError) {
    let content = bytes.readSlice(length: header.bodyByteCount) ?? ByteBuffer()
    if header.isChecked {
      check = CRC32C()
      check.update(content.readableBytesSpan)
      try verify(bytes)
    }
    body = consume content
    phase = .header
  }

  private mutating func beginBlock(_ bytes: ByteBuffer) throws(SessionError) {
    var bytes = bytes
    guard let frame = DataFrame(reading: &bytes) else {
      throw SessionError(
        code: .internal, blame: .internal, rule: "HDR-2", message: "a DATA extension was read too early")
    }
    guard frame.rawByteCount <= maximumRawBlockByteCount else {
      throw .peer(.frameSize, "DAT-5", "a block of \(frame.rawByteCount) raw bytes is longer than the announced limit")
    }
    dataFrame = frame
    guard header.flags & DataFrame.Flags.marks != 0 else { return try beginDictionaryID() }
    guard remainingBodyByteCount >= DataFrame.markCountByteCount else {
      throw .peer(.protocol, "DAT-4", "a mark table is cut short")
    }
    phase = .markCount
  }

  private mutating func beginMarkTable(_ bytes: ByteBuffer) throws(SessionError) {
    let count = bytes.getInteger(at: bytes.readerIndex, as: UInt16.self).map(Int.init) ?? 0
    guard count > 0, remainingBodyByteCount >= 2 &* count else {
      throw .peer(.protocol, "DAT-4", "a mark table is empty or cut short")
    }
    markTableByteCount = 2 &* count
    phase = .markTable
  }

  private var isChained: Bool { header.flags & DataFrame.Flags.chained != 0 }
  private var hasDictionary: Bool { header.flags & DataFrame.Flags.dictionary != 0 }
  private var isPaged: Bool { header.flags & DataFrame.Flags.baseline != 0 }
  private var hasDecodedCheck: Bool { isChained || isPaged }

  /// What stands in front of the payload must not reach past the body's end.
  private func requireBody(_ byteCount: Int, of what: String) throws(SessionError) {
    guard remainingBodyByteCount >= byteCount else {
      throw .peer(.frameSize, "DAT-3", "\(what) is cut short in front of its payload")
    }
  }

  private mutating func beginDictionaryID() throws(SessionError) {
    guard hasDictionary else { return try beginPageHead() }
    try requireBody(DataFrame.dictionaryIDByteCount, of: "a block with a dictionary")
    phase = .dictionaryID
  }

  private mutating func beginPageHead() throws(SessionError) {
    guard isPaged else { return try beginDecodedCheck() }
    try requireBody(PageBlockHead.fixedByteCount, of: "a block of pages")
    phase = .pageHead
  }

  private mutating func beginPageTable(_ bytes: ByteBuffer) throws(SessionError) {
    (pageMethod, pageTableByteCount) = try PageBlockHead.readFixed(bytes)
    try requireBody(pageTableByteCount, of: "a block of pages")
    phase = .pageTable
  }

  private mutating func beginDecodedCheck() throws(SessionError) {
    guard hasDecodedCheck else { return try beginPayload() }
    try requireBody(DataFrame.decodedCheckByteCount, of: "a block with a check of its raw bytes")
    phase = .decodedCheck
  }

  private mutating func beginPayload() throws(SessionError) {
    if let pageHead {
      try dataFrame.checkPayload(byteCount: remainingBodyByteCount, method: pageHead.method)
    } else {
      try dataFrame.checkPayload(byteCount: remainingBodyByteCount, isChained: isChained)
    }
    phase = .payload
  }

  private mutating func takePieces(from input: inout ByteBuffer) {
    guard let piece = input.readSlice(length: min(remainingBodyByteCount, input.readableBytes)), piece.readableBytes > 0
    else { return }
    remainingBodyByteCount &-= piece.readableBytes
    if header.isChecked { check.update(piece.readableBytesSpan) }
    // A block that arrives in crumbs must not pin a read buffer for each of them (SPEC MEM-1).
    let isLent = pieces.count < Self.maximumLentPieceCount && piece.readableBytes >= Self.leastLentByteCount
    if piece.isWorthItsStorage || isLent {
      pieces.append(piece)
      isLastPieceOwned = false
    } else if isLastPieceOwned, let last = pieces.indices.last {
      pieces[last].writeImmutableBuffer(piece)
    } else {
      pieces.append(ByteBuffer(bytes: piece.readableBytesView))
      isLastPieceOwned = true
    }
  }

  /// SPEC HDR-3.
  private func verify(_ bytes: ByteBuffer) throws(SessionError) {
    guard bytes.getInteger(at: bytes.readerIndex, as: UInt32.self) == check.value else {
      throw .peer(.payloadCheck, "HDR-3", "a \(header.type) frame arrived damaged; check the path between the hosts")
    }
  }
}
