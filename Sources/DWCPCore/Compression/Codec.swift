/// How the payload of a block is encoded; the raw value is the id on the wire (SPEC section 10).
public enum Codec: UInt8, Hashable, Sendable, CaseIterable {
  /// The raw bytes.
  case none = 0
  /// One LZ4 block.
  case lz4 = 1
  /// One Zstandard frame.
  case zstd = 2

  /// The name in configuration and reports: `none`, `lz4` or `zstd`.
  public var name: String {
    switch self {
    case .none: "none"
    case .lz4: "lz4"
    case .zstd: "zstd"
    }
  }

  /// The codec of this name; nil for anything else.
  public init?(name: String) {
    guard let codec = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = codec
  }

  /// The level meant by the codec's name alone.
  fileprivate var defaultLevel: Int { self == .none ? 0 : 1 }

  /// Levels 20 to 22 of zstd are missing because of their windows, and 2 of lz4 because it means different things to
  /// different versions of the library.
  fileprivate func hasLevel(_ level: Int, isChained: Bool) -> Bool {
    // Chained blocks are not decoded for a trial, which releases before 1.5.5 need at higher levels (`ZstdLibrary`).
    guard !isChained || (self == .zstd && level <= 12) else { return false }
    switch self {
    case .none: return level == 0
    case .lz4: return level == 1 || (3...12).contains(level)
    case .zstd: return (-7 ... -1).contains(level) || (1...19).contains(level)
    }
  }
}

/// A codec and how hard it tries; the level is never on the wire (SPEC CDC-1).
public struct CompressionSetting: Hashable, Sendable {
  /// The codec that is meant to be used; a block that does not shrink goes stored all the same (SPEC CDC-5).
  public let codec: Codec
  /// 0 for `none`; 1 (fast) or 3 to 12 (high compression) for `lz4`; -7 to -1 (faster) or 1 to 19 for `zstd`.
  public var level: Int { Int(code) &- (isChained ? Self.chainedOffset : 0) }
  /// Blocks continue the history of their stream, as far as the other end's ``ChainBudget`` goes (SPEC CHN-1); only zstd, up to level 12.
  public var isChained: Bool { Int(code) > Self.chainedOffset / 2 }
  /// The level, and a large offset where blocks are chained: a stream has one of these.
  private let code: Int8
  private static let chainedOffset = 64

  /// Blocks go stored.
  public static let none = CompressionSetting(.none)
  /// lz4 at level 1.
  public static let lz4Default = CompressionSetting(.lz4)
  /// zstd at level 1.
  public static let zstdDefault = CompressionSetting(.zstd)

  /// Nil if the codec has no such level, or no such chains.
  public init?(codec: Codec, level: Int, isChained: Bool = false) {
    guard codec.hasLevel(level, isChained: isChained) else { return nil }
    self.codec = codec
    code = Int8(truncatingIfNeeded: level &+ (isChained ? Self.chainedOffset : 0))
  }

  /// Reads `none`, `lz4`, `lz4:LEVEL`, `zstd`, `zstd:LEVEL` or `zstd:LEVEL:chained`; nil for anything else. The level is a decimal number
  /// without leading zeros or plus sign.
  public init?(_ text: String) {
    let parts = text.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
    guard let name = parts.first, let codec = Codec(name: String(name)) else { return nil }
    guard parts.count > 1 else {
      self.init(codec)
      return
    }
    guard codec != .none, let level = Int(parts[1]), String(level) == parts[1] else { return nil }
    guard parts.count == 2 || parts[2] == Self.chainedName else { return nil }
    self.init(codec: codec, level: level, isChained: parts.count == 3)
  }

  private init(_ codec: Codec) {
    self.codec = codec
    code = Int8(truncatingIfNeeded: codec.defaultLevel)
  }

  private static let chainedName = "chained"

  /// The same without chains.
  var independent: CompressionSetting { CompressionSetting(codec: codec, level: level) ?? self }
}

extension CompressionSetting: CustomStringConvertible {
  /// The text that ``init(_:)`` reads, with the level: `none`, `lz4:1`, `zstd:3`, `zstd:3:chained`.
  public var description: String {
    guard codec != .none else { return codec.name }
    return isChained ? "\(codec.name):\(level):\(Self.chainedName)" : "\(codec.name):\(level)"
  }
}
