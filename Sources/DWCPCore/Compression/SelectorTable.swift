/// The selectors of a session's streams: only those that have had something to compress have one.
struct SelectorTable: Hashable, Sendable {
  struct Entry: Hashable, Sendable {
    var selector: CodecSelector
    /// Raw bytes that it let pass unasked.
    var unaskedByteCount = 0
  }

  /// Header, DATA's own fields and check of a frame.
  private static let frameByteCount = 32
  /// Idle streams keep what they have learned up to this.
  private static let leastSweepCount = 128

  private let ladder: CodecLadder
  private var entries: [StreamID: Entry] = [:]
  private var sweepCount = SelectorTable.leastSweepCount

  init(ladder: CodecLadder) {
    self.ladder = ladder
  }

  var isEmpty: Bool { entries.isEmpty }

  mutating func choose(
    rawByteCount: Int, of id: StreamID, under conditions: CodecSelector.Conditions
  ) -> CodecSelector.Choice {
    var choice = CodecSelector.Choice(setting: .none)
    with(id) { entry in
      choice = entry.selector.choose(rawByteCount: rawByteCount &+ entry.unaskedByteCount, under: conditions)
      entry.unaskedByteCount = choice.unaskedByteCount
    }
    return choice
  }

  private mutating func with(_ id: StreamID, _ body: (inout Entry) -> Void) {
    body(&entries[id, default: Entry(selector: CodecSelector(ladder: ladder))])
  }

  /// The stream's blocks go stored by choice.
  func isStoring(_ id: StreamID) -> Bool { entries[id]?.selector.current.setting == CompressionSetting.none }

  mutating func learn(_ block: EncodedBlock, nanoseconds: UInt64) {
    entries[block.streamID]?.selector.learn(
      block.tried, rawByteCount: block.triedRawByteCount, wireByteCount: block.triedByteCount &+ Self.frameByteCount,
      nanoseconds: nanoseconds)
  }

  mutating func remove(_ id: StreamID) {
    if !entries.isEmpty { entries[id] = nil }
  }

  /// There are so many that streams without work have to forget what they learned.
  var isFull: Bool { entries.count >= sweepCount }

  var ids: Dictionary<StreamID, Entry>.Keys { entries.keys }

  /// Forgets all others.
  mutating func keep(_ ids: [StreamID]) {
    let kept = Set(ids)
    entries = entries.filter { kept.contains($0.key) }
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
      \(Self.megabytes(linkBytesPerSecond)) MB/s, cores \(conditions.coreCount); MB/s: \(rungs)
      """
  }

  private static func megabytes(_ bytesPerSecond: Double) -> String {
    let tenths = Int(min(max(0, bytesPerSecond / 1e5), 1e12).rounded())
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
