/// How a stream's blocks are to be compressed.
public enum CompressionChoice: Hashable, Sendable {
  /// For each block what promises the greatest goodput, `none` included; see ``CodecSelector``.
  case automatic
  /// This codec and level for every block that shrinks; stored if the other end does not decode the codec.
  case fixed(CompressionSetting)
}

/// The same as a set of codecs, to be asked for each block.
struct CodecSet: Hashable, Sendable {
  private var bits: UInt8 = 0

  init(_ codecs: Set<Codec>) {
    for codec in codecs { bits |= 1 << codec.rawValue }
  }

  func contains(_ codec: Codec) -> Bool { bits & (1 << codec.rawValue) != 0 }

  /// No codec that makes anything shorter is in it.
  var isEmpty: Bool { bits & ~1 == 0 }
}

/// The part of one stream's policy that every stream has, busy or not (SPEC CDC-1, CDC-5). Frames without blocks, those of the handshake among them,
/// never see a codec (SPEC CDC-6).
///
/// With a fixed setting and independent blocks, after a few in a row did not shrink, only one in sixteen is tried, so that data that is already compressed
/// costs little. What chooses by itself is a ``CodecSelector``, which is asked again when as many blocks have gone stored as it said.
struct StreamCompression: Hashable, Sendable {
  private static let patienceBlockCount: UInt8 = 4
  private static let probeIntervalBlockCount: Int8 = 16
  /// Shorter blocks cannot earn their header's keep.
  static let leastRawByteCount = 64

  private let choice: CompressionChoice
  /// The stream carries a version of an object, whose blocks all are jobs.
  var isPaged = false
  private var storedRun: UInt8 = 0
  private var blocksUntilProbe: Int8 = 0
  /// Blocks that may still go stored before the selector is asked.
  private var unaskedBlockCount: UInt8 = 0
  /// What the opener said of the stream's content.
  var contentClass: ContentClasses.Index = 0

  init(_ choice: CompressionChoice) {
    self.choice = choice
  }

  var isAutomatic: Bool { choice == .automatic }

  /// The fixed setting to try for the next block, or nil to store it.
  mutating func setting(rawByteCount: Int, peerCodecs: CodecSet) -> CompressionSetting? {
    guard rawByteCount > 0, let setting = fixedSetting(peerCodecs) else { return nil }
    // A stored block would end the chain, and what is behind it would have no history.
    guard !setting.isChained else { return setting }
    guard rawByteCount >= Self.leastRawByteCount else { return nil }
    guard storedRun >= Self.patienceBlockCount else { return setting }
    blocksUntilProbe -= 1
    guard blocksUntilProbe <= 0 else { return nil }
    blocksUntilProbe = Self.probeIntervalBlockCount
    return setting
  }

  /// Learns whether a tried block shrank.
  mutating func note(isStored: Bool) {
    storedRun = isStored ? min(storedRun + 1, Self.patienceBlockCount) : 0
  }

  /// What pages are compressed with; they need no chain.
  func pageSetting(_ peerCodecs: CodecSet) -> CompressionSetting {
    let setting =
      switch choice {
      case .automatic: CompressionSetting.zstdDefault
      case .fixed(let setting): setting.independent
      }
    return peerCodecs.contains(setting.codec) ? setting : .none
  }

  /// The selector chose to store, and wants to be asked again after so many blocks.
  mutating func allowStored(blockCount: Int) {
    unaskedBlockCount = UInt8(clamping: blockCount)
  }

  /// The selector wants to be asked about the next block.
  var isQuestionDue: Bool { isAutomatic && !isPaged && unaskedBlockCount == 0 }

  /// A block went stored without a question.
  @inline(__always)
  mutating func noteStored() {
    if unaskedBlockCount > 0 { unaskedBlockCount -= 1 }
  }

  /// Whether the next blocks are tried at all; when not, they need no job.
  @inline(__always)
  func isCompressing(_ peerCodecs: CodecSet) -> Bool {
    if isPaged { return true }
    return switch choice {
    case .automatic: unaskedBlockCount == 0 && !peerCodecs.isEmpty
    case .fixed(let setting): setting.codec != .none && peerCodecs.contains(setting.codec)
    }
  }

  private func fixedSetting(_ peerCodecs: CodecSet) -> CompressionSetting? {
    guard case .fixed(let setting) = choice else { return nil }
    return setting.codec != .none && peerCodecs.contains(setting.codec) ? setting : nil
  }
}
