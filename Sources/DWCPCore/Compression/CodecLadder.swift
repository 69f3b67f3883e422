/// One way to encode a block, and what it came to on a sample: figures to begin with, until a stream has its own.
///
/// Blocks are independent of one another (SPEC CDC-2).
public struct CodecRung: Hashable, Sendable {
  /// Codec and level.
  public let setting: CompressionSetting
  /// Raw over encoded bytes; at least 1.
  public let ratio: Double
  /// Raw bytes a second that one core encodes; infinite for `none`.
  public let compressBytesPerSecond: Double
  /// Raw bytes a second that one core decodes; infinite for `none`.
  public let decompressBytesPerSecond: Double

  /// Blocks as they are, at no cost.
  public static let none = CodecRung(
    setting: .none, ratio: 1, compressBytesPerSecond: .infinity, decompressBytesPerSecond: .infinity)

  /// Speeds of 0 or less make a rung that is never chosen; a ratio below 1 counts as 1.
  public init(
    setting: CompressionSetting, ratio: Double, compressBytesPerSecond: Double, decompressBytesPerSecond: Double
  ) {
    self.setting = setting
    self.ratio = max(1, ratio)
    self.compressBytesPerSecond = compressBytesPerSecond
    self.decompressBytesPerSecond = decompressBytesPerSecond
  }
}

/// The rungs between which ``CompressionChoice/automatic`` picks (SPEC CDC-7), fastest first: `none`, and what no other rung beats in both speed and ratio.
public struct CodecLadder: Hashable, Sendable {
  /// `none` first; each later one is slower and denser.
  public let rungs: [CodecRung]

  /// Keeps of these, in any order, what is worth having.
  ///
  /// - Parameter rungs: measured on one sample. `none` is added; levels at which the library in use is flawed are left out.
  public init(_ rungs: [CodecRung]) {
    var kept = [CodecRung.none]
    let candidates = rungs.filter { $0.setting.codec != .none && Self.isTrustworthy($0.setting) }
    for rung in candidates.sorted(by: Self.isFaster) where rung.ratio > kept[kept.endIndex &- 1].ratio {
      kept.append(rung)
    }
    self.rungs = kept
  }

  private static func isFaster(_ left: CodecRung, _ right: CodecRung) -> Bool {
    (left.compressBytesPerSecond, left.ratio) > (right.compressBytesPerSecond, right.ratio)
  }

  /// Releases of libzstd with a flaw at high levels make a block twice to be sure of it, at the price of speed; others of the ladder serve instead.
  static func isTrustworthy(_ setting: CompressionSetting) -> Bool {
    setting.codec != .zstd || !ZstdLibrary.isFlawed(atLevel: setting.level)
  }

  /// What one core of an ordinary server makes of memory pages and programs, in case nothing was measured.
  public static let standard = CodecLadder(
    [
      ("lz4:1", 2.1, 1_000, 4_500), ("zstd:-7", 2.2, 900, 2_800), ("zstd:-5", 2.3, 830, 2_700),
      ("zstd:-3", 2.5, 760, 2_600), ("zstd:-1", 2.7, 700, 2_400),
      ("zstd:1", 3.1, 520, 1_650), ("zstd:3", 3.2, 330, 1_650), ("zstd:5", 3.25, 150, 1_600),
      ("zstd:7", 3.3, 110, 1_600), ("zstd:9", 3.4, 80, 1_600), ("zstd:12", 3.7, 20, 1_700),
      ("zstd:15", 3.8, 9, 1_700), ("zstd:19", 4.0, 3, 1_600),
    ].compactMap { text, ratio, compress, decompress in
      CompressionSetting(text).map {
        CodecRung(
          setting: $0, ratio: ratio, compressBytesPerSecond: compress * 1e6, decompressBytesPerSecond: decompress * 1e6)
      }
    })

  /// Raw bytes a second that one core decodes of a codec's slowest rung; nil for a codec that has none.
  public func decompressBytesPerSecond(_ codec: Codec) -> Double? {
    rungs.filter { $0.setting.codec == codec }.map(\.decompressBytesPerSecond).min()
  }
}
