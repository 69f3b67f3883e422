internal import NIOCore
internal import Synchronization

/// How the bytes of a block are told to somebody who has other bytes already, the base: as a group of pages that stand where the base's do, or as any bytes
/// that resemble a range of it.
///
/// A group of 32 pages is a good one, and any number will do (docs/decisions/0012-what-has-not-changed.md). The choice is made for each group by what it costs:
/// few changes are told by masks; otherwise a part of the group, that in which most has changed, is encoded in each way, and the best way is taken.
@_spi(Measuring) public struct PageGroupCodec: Sendable {
  /// The raw value is the one on the wire.
  public enum Method: UInt8, Hashable, Sendable, CaseIterable {
    /// The base is of no use: the payload is an ordinary one.
    case full = 0
    /// A zstd frame, a single segment, that is decoded with the base as a prefix of raw content.
    case prefix = 1
    /// A ``PageMask``, as it is or as the content of a zstd frame.
    case mask = 2
  }

  /// What became of a group.
  public struct Encoding: Hashable, Sendable {
    /// How it refers to the base.
    public let method: Method
    /// What the payload is; with method full the codec of an ordinary block, and never `none`.
    public let codec: Codec

    /// - Parameters:
    ///   - method: how the payload refers to the base.
    ///   - codec: what the payload is.
    public init(method: Method, codec: Codec) {
      self.method = method
      self.codec = codec
    }
  }

  /// What the other end, and whoever chooses for this one, allow.
  public struct Terms: Hashable, Sendable {
    /// What a block without a base would be encoded with, and the level of zstd.
    public var setting = CompressionSetting.zstdDefault
    /// The other end decodes zstd.
    public var mayUseZstd = true
    /// The bytes stand where the base's do: where they are of one length, and whole pages, masks are of use.
    public var isInPlace = true
    /// The longest payload that is of use.
    public var maximumByteCount: Int
    /// The receiver's limit on the window of a zstd frame without a prefix.
    public var maximumWindowLog = 18

    /// Zstd at level 1, in place.
    ///
    /// - Parameter maximumByteCount: the longest payload that is of use.
    public init(maximumByteCount: Int) {
      self.maximumByteCount = maximumByteCount
    }

    /// The level for what is made against a base.
    fileprivate var level: Int { setting.codec == .zstd ? setting.level : CompressionSetting.zstdDefault.level }
  }

  /// Whose libraries and memory are used.
  public let context: CodecContext

  /// - Parameter context: whose libraries and memory are used; for several threads one each.
  public init(context: CodecContext) {
    self.context = context
  }

  /// Appends the payload for the bytes, if it is short enough.
  ///
  /// - Parameters:
  ///   - raw: the bytes.
  ///   - base: those that the other end has; nil when it has none that are of use.
  ///   - terms: what is allowed.
  ///   - output: where the payload is appended.
  /// - Returns: what it is; nil when it would be longer than the terms or the room in `output` allow. Nothing has been appended then, and the bytes are to be
  ///   sent stored.
  /// - Throws: ``CodecError/Reason/notAvailable`` if a library has no memory.
  public func encode(
    _ raw: RawSpan, base: RawSpan?, terms: Terms, into output: inout OutputRawSpan
  ) throws(CodecError) -> Encoding? {
    var terms = terms
    terms.maximumByteCount = min(terms.maximumByteCount, output.freeCapacity)
    guard terms.maximumByteCount > 0, !raw.isEmpty else { return nil }
    if let base, !base.isEmpty {
      let encoding = try context.libraries.withLock { libraries throws(CodecError) in
        try libraries.encode(raw, base: base, terms, into: &output)
      }
      if let encoding { return encoding }
    }
    let isEncoded = try context.compress(
      raw, setting: terms.setting, maximumByteCount: terms.maximumByteCount, maximumWindowLog: terms.maximumWindowLog,
      into: &output)
    return isEncoded ? Encoding(method: .full, codec: terms.setting.codec) : nil
  }

  /// Appends exactly `rawByteCount` bytes, or none and an error (SPEC CDC-3, CDC-4).
  ///
  /// - Parameters:
  ///   - encoded: the payload.
  ///   - encoding: what the other end says that it is.
  ///   - base: the bytes that it was made against; nil for method full.
  ///   - rawByteCount: the declared raw length.
  ///   - maximumWindowLog: this end's limit on the window of a zstd frame without a prefix. One with a prefix is a single segment, which is decoded in place: its
  ///     window is the raw bytes themselves.
  ///   - output: where the raw bytes are appended; it needs room for `rawByteCount`.
  /// - Throws: the reason for which the payload is broken, or ``CodecError/Reason/notAvailable`` when there is no room.
  public func decode(
    _ encoded: RawSpan, _ encoding: Encoding, base: RawSpan?, rawByteCount: Int, maximumWindowLog: Int,
    into output: inout OutputRawSpan
  ) throws(CodecError) {
    guard rawByteCount >= 0 else { throw CodecError(.wrongLength) }
    guard rawByteCount <= output.freeCapacity else { throw CodecError(.notAvailable) }
    switch (encoding.method, encoding.codec, base) {
    case (.full, .lz4, _), (.full, .zstd, _):
      try context.decompress(
        encoded, codec: encoding.codec, rawByteCount: rawByteCount, maximumWindowLog: maximumWindowLog, into: &output)
    case (.prefix, .zstd, let base?):
      try ZstdFrameHeader.verifySingleSegment(encoded, rawByteCount: rawByteCount)
      try context.libraries.withLock { libraries throws(CodecError) in
        try libraries.zstd.decompress(encoded, prefix: base, rawByteCount: rawByteCount, into: &output)
      }
    case (.mask, .none, let base?):
      guard base.byteCount == rawByteCount else { throw CodecError(.wrongLength) }
      try PageMask.decode(encoded, base: base, into: &output)
    case (.mask, .zstd, let base?):
      guard base.byteCount == rawByteCount else { throw CodecError(.wrongLength) }
      try context.libraries.withLock { libraries throws(CodecError) in
        try libraries.decodeMask(encoded, base: base, maximumWindowLog: maximumWindowLog, into: &output)
      }
    default: throw CodecError(.malformed)
    }
  }
}

/// Buffers that stay from group to group.
struct PageGroupScratch {
  fileprivate var masks = ByteBuffer()
  /// Masks, and what stands behind them.
  fileprivate var stream = ByteBuffer()
  fileprivate var trial = ByteBuffer()
}

extension CodecLibraries {
  /// Of so many granules, fewer than one changed: masks, without another look.
  private static let fewDivisor = 256
  /// Which part of a group is tried.
  private static let sampleDivisor = 16
  /// A frame with a prefix takes longer to make and to decode: it has to be shorter than masks by a fifth, and than an ordinary payload by a tenth.
  private static let prefixToMask = (5, 4)
  private static let prefixToFull = (10, 9)

  fileprivate mutating func encode(
    _ raw: RawSpan, base: RawSpan, _ terms: PageGroupCodec.Terms, into output: inout OutputRawSpan
  ) throws(CodecError) -> PageGroupCodec.Encoding? {
    switch try method(for: raw, base: base, terms) {
    case .full: return nil
    case .prefix:
      let isEncoded = try zstd.compress(
        raw, prefix: base, level: terms.level, maximumByteCount: terms.maximumByteCount, into: &output)
      return isEncoded ? PageGroupCodec.Encoding(method: .prefix, codec: .zstd) : nil
    case .mask:
      let codec = try encodeMask(raw, base: base, terms, into: &output)
      return codec.map { PageGroupCodec.Encoding(method: .mask, codec: $0) }
    }
  }

  private mutating func method(
    for raw: RawSpan, base: RawSpan, _ terms: PageGroupCodec.Terms
  ) throws(CodecError) -> PageGroupCodec.Method {
    guard terms.isInPlace, let pageCount = PageMask.pageCount(raw, base: base) else {
      return terms.mayUseZstd ? .prefix : .full
    }
    let changedCount = try compare(raw, base: base)
    let granuleCount = pageCount &* PageMask.granulesPerPage
    guard terms.mayUseZstd else { return changedCount <= granuleCount / 2 ? .mask : .full }
    guard changedCount > granuleCount / Self.fewDivisor else { return .mask }
    let part = busiestPart(pageCount: pageCount)
    return try method(for: raw.extracting(part), base: base.extracting(part), terms, changedCount > granuleCount / 2)
  }

  /// Tries a part.
  ///
  /// - Parameter mayBeNew: most of the group has changed, so that the base may be of no use.
  private mutating func method(
    for raw: RawSpan, base: RawSpan, _ terms: PageGroupCodec.Terms, _ mayBeNew: Bool
  ) throws(CodecError) -> PageGroupCodec.Method {
    let byPrefix = try trialByteCount(raw.byteCount) { libraries, output throws(CodecError) in
      try libraries.zstd.compress(
        raw, prefix: base, level: terms.level, maximumByteCount: raw.byteCount, into: &output)
    }
    let byMask = try trialByteCount(raw.byteCount) { libraries, output throws(CodecError) in
      var terms = terms
      terms.maximumByteCount = raw.byteCount
      return try libraries.encodeMask(raw, base: base, terms, into: &output) != nil
    }
    let isPrefixBest = byPrefix &* Self.prefixToMask.0 < byMask &* Self.prefixToMask.1
    let best = isPrefixBest ? byPrefix : byMask
    guard mayBeNew else { return isPrefixBest ? .prefix : .mask }
    let full = try trialByteCount(raw.byteCount) { libraries, output throws(CodecError) in
      try libraries.compressFull(raw, terms, into: &output)
    }
    return best &* Self.prefixToFull.0 > full &* Self.prefixToFull.1 ? .full : isPrefixBest ? .prefix : .mask
  }

  private mutating func compressFull(
    _ raw: RawSpan, _ terms: PageGroupCodec.Terms, into output: inout OutputRawSpan
  ) throws(CodecError) -> Bool {
    switch terms.setting.codec {
    case .none: false
    case .lz4:
      try lz4.compress(raw, level: terms.setting.level, maximumByteCount: raw.byteCount, into: &output)
    case .zstd:
      try zstd.compress(
        raw, level: terms.setting.level, maximumByteCount: raw.byteCount, maximumWindowLog: terms.maximumWindowLog,
        dictionary: nil, into: &output)
    }
  }

  /// What would be written comes to; `limit` when it does not fit in that.
  private mutating func trialByteCount(
    _ limit: Int, _ write: (inout CodecLibraries, inout OutputRawSpan) throws(CodecError) -> Bool
  ) throws(CodecError) -> Int {
    var trial = ByteBuffer()
    swap(&trial, &pageGroups.trial)
    defer { swap(&trial, &pageGroups.trial) }
    trial.clear(minimumCapacity: limit)
    var fits = false
    try trial.writeWithOutputRawSpan(minimumWritableBytes: limit) { output throws(CodecError) in
      fits = try write(&self, &output)
    }
    return fits ? trial.readableBytes : limit
  }

  /// Makes the masks of the group; returns how many granules differ.
  private mutating func compare(_ raw: RawSpan, base: RawSpan) throws(CodecError) -> Int {
    let byteCount = PageMask.byteCounts(pageCount: raw.byteCount / PageMask.pageByteCount).lowerBound
    var count = 0
    pageGroups.masks.clear(minimumCapacity: byteCount)
    try pageGroups.masks.writeWithOutputRawSpan(minimumWritableBytes: byteCount) { output throws(CodecError) in
      count = try PageMask.appendMasks(of: raw, base: base, into: &output)
    }
    return count
  }

  /// The part in which most has changed, by the masks that are there.
  private func busiestPart(pageCount: Int) -> Range<Int> {
    let partCount = max(1, pageCount / Self.sampleDivisor)
    let masks = pageGroups.masks.readableBytesSpan
    let maskByteCount = masks.byteCount / pageCount
    var best = (start: 0, changedCount: -1)
    for start in stride(from: 0, through: pageCount &- partCount, by: partCount) {
      let part = masks.extracting(start &* maskByteCount..<(start &+ partCount) &* maskByteCount)
      let changedCount = PageMask.changedCount(part)
      if changedCount > best.changedCount { best = (start, changedCount) }
    }
    let start = best.start &* PageMask.pageByteCount
    return start..<start &+ partCount &* PageMask.pageByteCount
  }

  /// Appends the masks and what stands behind them, by zstd where that saves a sixteenth; nil when neither is short enough.
  private mutating func encodeMask(
    _ raw: RawSpan, base: RawSpan, _ terms: PageGroupCodec.Terms, into output: inout OutputRawSpan
  ) throws(CodecError) -> Codec? {
    let granuleCount = try compare(raw, base: base)
    let masks = pageGroups.masks
    let room = masks.readableBytes &+ granuleCount &* 9 &+ 1
    var stream = ByteBuffer()
    swap(&stream, &pageGroups.stream)
    defer { swap(&stream, &pageGroups.stream) }
    stream.clear(minimumCapacity: room)
    stream.writeImmutableBuffer(masks)
    try stream.writeWithOutputRawSpan(minimumWritableBytes: room &- masks.readableBytes) { output throws(CodecError) in
      try PageMask.appendChanges(
        of: raw, base: base, masks: masks.readableBytesSpan, granuleCount: granuleCount, into: &output)
    }
    let byteCount = stream.readableBytes
    if terms.mayUseZstd {
      let isShorter = try zstd.compress(
        stream.readableBytesSpan, level: terms.level,
        maximumByteCount: min(terms.maximumByteCount, byteCount &- byteCount / 16),
        maximumWindowLog: terms.maximumWindowLog, dictionary: nil, into: &output)
      if isShorter { return .zstd }
    }
    guard byteCount <= terms.maximumByteCount else { return nil }
    try PageMask.append(stream.readableBytesSpan, to: &output)
    return Codec.none
  }

  /// A zstd frame of a mask says how long that is, within what so many pages can come to.
  fileprivate mutating func decodeMask(
    _ encoded: RawSpan, base: RawSpan, maximumWindowLog: Int, into output: inout OutputRawSpan
  ) throws(CodecError) {
    guard let pageCount = PageMask.pageCount(base, base: base) else { throw CodecError(.wrongLength) }
    guard let declared = try ZstdFrameHeader(encoded).contentByteCount, let byteCount = Int(exactly: declared),
      PageMask.byteCounts(pageCount: pageCount).contains(byteCount)
    else { throw CodecError(.wrongContentSize) }
    try ZstdFrameHeader.verify(encoded, rawByteCount: byteCount, maximumWindowLog: maximumWindowLog)
    var stream = ByteBuffer()
    swap(&stream, &pageGroups.stream)
    defer { swap(&stream, &pageGroups.stream) }
    stream.clear(minimumCapacity: byteCount)
    try stream.writeWithOutputRawSpan(minimumWritableBytes: byteCount) { output throws(CodecError) in
      try zstd.decompress(encoded, rawByteCount: byteCount, dictionary: nil, into: &output)
    }
    try PageMask.decode(stream.readableBytesSpan, base: base, into: &output)
  }
}
