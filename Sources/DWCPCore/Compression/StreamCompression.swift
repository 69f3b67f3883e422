/// How a stream's blocks are to be compressed.
public enum CompressionChoice: Hashable, Sendable {
  /// zstd 1 if the other end decodes zstd, else lz4, else nothing; blocks that do not shrink go stored.
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
}

/// The fixed policy by which one stream picks a codec for each block (SPEC CDC-1, CDC-5). Frames without blocks, those of the handshake among them,
/// never see a codec (SPEC CDC-6).
///
/// After a few independent blocks in a row did not shrink, only one in sixteen is tried, so that data that is already compressed costs little.
struct StreamCompression: Hashable, Sendable {
  private static let patienceBlockCount: UInt8 = 4
  private static let probeIntervalBlockCount: Int8 = 16
  /// Shorter blocks cannot earn their header's keep.
  static let leastRawByteCount = 64

  private let choice: CompressionChoice
  private var storedRun: UInt8 = 0
  private var blocksUntilProbe: Int8 = 0

  init(_ choice: CompressionChoice) {
    self.choice = choice
  }

  /// The setting to try for the next block, or nil to store it.
  mutating func setting(rawByteCount: Int, peerCodecs: CodecSet) -> CompressionSetting? {
    guard rawByteCount > 0, let setting = bestSetting(peerCodecs) else { return nil }
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

  /// Whether the next blocks are tried at all; when not, they need no job.
  func isCompressing(_ peerCodecs: CodecSet) -> Bool {
    bestSetting(peerCodecs) != nil
  }

  private func bestSetting(_ peerCodecs: CodecSet) -> CompressionSetting? {
    switch choice {
    case .automatic:
      if peerCodecs.contains(.zstd) { return .zstdDefault }
      return peerCodecs.contains(.lz4) ? .lz4Default : nil
    case .fixed(let setting):
      return setting.codec != .none && peerCodecs.contains(setting.codec) ? setting : nil
    }
  }
}
