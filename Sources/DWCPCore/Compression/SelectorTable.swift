/// The selectors of a session's streams: only those that have had something to compress have one.
struct SelectorTable: Hashable, Sendable {
  struct Entry: Hashable, Sendable {
    var selector: CodecSelector
    /// Blocks that it let pass unasked.
    var unaskedBlockCount = 0
    let contentClass: ContentClasses.Index
  }

  /// Header, DATA's own fields and check of a frame.
  private static let frameByteCount = 32
  /// Idle streams keep what they have learned up to this.
  private static let leastSweepCount = 128

  private let ladder: CodecLadder
  private var entries: [StreamID: Entry] = [:]
  private var sweepCount = SelectorTable.leastSweepCount
  /// What streams begin with.
  private var classes = ContentClasses()

  init(ladder: CodecLadder) {
    self.ladder = ladder
  }

  /// No stream has chosen by itself yet.
  var isEmpty: Bool { entries.isEmpty }

  /// What the opener says of a stream's content, for `choose` (SPEC CDC-8).
  mutating func contentClass(of opening: StreamOpening, isOwn: Bool) -> ContentClasses.Index {
    classes.index(of: opening, isOwn: isOwn)
  }

  /// - Parameter contentClass: of the stream.
  /// - Parameter storedByteCount: of each block that went without a question, about.
  mutating func choose(
    rawByteCount: Int, of id: StreamID, contentClass: ContentClasses.Index, storedByteCount: Int,
    under conditions: CodecSelector.Conditions
  ) -> CodecSelector.Choice {
    var entry = entries.removeValue(forKey: id) ?? begin(id, contentClass)
    let unaskedByteCount = entry.unaskedBlockCount &* storedByteCount
    let choice = entry.selector.choose(rawByteCount: rawByteCount &+ unaskedByteCount, under: conditions)
    entry.unaskedBlockCount = choice.unaskedBlockCount
    entries[id] = entry
    return choice
  }

  /// A stream begins with what the session knows of its kind of content.
  private mutating func begin(_ id: StreamID, _ contentClass: ContentClasses.Index) -> Entry {
    let (ended, streamID) = classes.begin(contentClass, with: id)
    let live = streamID.flatMap { entries[$0]?.selector }
    var selector = CodecSelector(ladder: ladder, continuing: live ?? ended)
    // Streams side by side do not spend the same time on trials.
    if live != nil { selector.forgoTrials() }
    return Entry(selector: selector, contentClass: contentClass)
  }

  /// The stream's blocks go stored by choice.
  func isStoring(_ id: StreamID) -> Bool { entries[id]?.selector.current.setting == CompressionSetting.none }

  mutating func learn(_ block: EncodedBlock, nanoseconds: UInt64) {
    // Changed in its place it would take three allocations a block, even where there is none.
    guard !entries.isEmpty, var entry = entries.removeValue(forKey: block.streamID) else { return }
    entry.selector.learn(
      block.tried, rawByteCount: block.triedRawByteCount, wireByteCount: block.triedByteCount &+ Self.frameByteCount,
      nanoseconds: nanoseconds)
    entries[block.streamID] = entry
  }

  mutating func remove(_ id: StreamID) {
    guard !entries.isEmpty, let entry = entries.removeValue(forKey: id) else { return }
    classes.end(entry.contentClass, id, with: entry.selector)
  }

  /// There are so many that streams without work have to forget what they learned.
  var isFull: Bool { entries.count >= sweepCount }

  var ids: Dictionary<StreamID, Entry>.Keys { entries.keys }

  /// Forgets all others.
  mutating func keep(_ ids: [StreamID]) {
    let kept = Set(ids)
    for id in entries.keys.sorted(by: { $0.rawValue < $1.rawValue }) where !kept.contains(id) { remove(id) }
    sweepCount = max(Self.leastSweepCount, 2 &* entries.count)
  }

  func explain(
    _ choice: CodecSelector.Choice, of id: StreamID, under conditions: CodecSelector.Conditions
  ) -> CodecDecision {
    guard let selector = entries[id]?.selector else {
      return CodecDecision(streamID: id, choice: choice, conditions: conditions, linkBytesPerSecond: 0, goodputs: [])
    }
    return CodecDecision(
      streamID: id, choice: choice, conditions: conditions, linkBytesPerSecond: selector.presumedLinkBytesPerSecond,
      goodputs: zip(selector.ladder.rungs, selector.goodputs(under: conditions)).map {
        CodecDecision.Candidate(setting: $0.setting, bytesPerSecond: $1)
      })
  }
}

/// Why a stream's automatic choice of a codec has changed; told when ``SessionConfiguration/explainsCodecs`` is on.
public struct CodecDecision: Hashable, Sendable {
  /// What a rung promised.
  public struct Candidate: Hashable, Sendable {
    /// Codec and level.
    public let setting: CompressionSetting
    /// Raw bytes a second.
    public let bytesPerSecond: Double
  }

  /// The stream.
  public let streamID: StreamID
  /// What was chosen.
  public let choice: CodecSelector.Choice
  /// What was known.
  public let conditions: CodecSelector.Conditions
  /// The link's rate that the choice went by, in bytes a second: as measured, or as suspected.
  public let linkBytesPerSecond: Double
  /// All rungs, fastest first.
  public let goodputs: [Candidate]
}

extension CodecDecision: CustomStringConvertible {
  /// One line: stream, link, cores, what holds the stream up, what the rungs promise in 10^6 bytes a second, and the choice.
  public var description: String {
    let rungs = goodputs.map { "\($0.setting) \(Self.megabytes($0.bytesPerSecond))" }.joined(separator: ", ")
    return """
      stream \(streamID): \(choice.setting) for the most goodput; waits for the \(conditions.bottleneck), link \
      \(Self.megabytes(linkBytesPerSecond)) MB/s, cores \(Self.tenths(conditions.coreCount)); MB/s: \(rungs)
      """
  }

  private static func megabytes(_ bytesPerSecond: Double) -> String { tenths(bytesPerSecond / 1e6) }

  private static func tenths(_ value: Double) -> String {
    let tenths = Int(min(max(0, value / 0.1), 1e12).rounded())
    return tenths >= 1_000 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
  }
}

extension PeerDecoding {
  /// - Parameter codecs: what the other end decodes and this end sends with.
  /// - Parameter speeds: as announced, by codec id; anything a peer can say.
  init(_ codecs: Set<Codec>, megabytesPerSecond speeds: [UInt8: UInt32]) {
    func speed(_ codec: Codec) -> Double {
      guard codecs.contains(codec) else { return 0 }
      return speeds[codec.rawValue].map { Double($0) / 1e-6 } ?? .infinity
    }
    self.init(lz4BytesPerSecond: speed(.lz4), zstdBytesPerSecond: speed(.zstd))
  }
}
