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
  fileprivate func hasLevel(_ level: Int) -> Bool {
    switch self {
    case .none: level == 0
    case .lz4: level == 1 || (3...12).contains(level)
    case .zstd: (-7 ... -1).contains(level) || (1...19).contains(level)
    }
  }
}

/// A codec and how hard it tries; the level is never on the wire (SPEC CDC-1).
public struct CompressionSetting: Hashable, Sendable {
  /// The codec that is meant to be used; a block that does not shrink goes stored all the same (SPEC CDC-5).
  public let codec: Codec
  /// 0 for `none`; 1 (fast) or 3 to 12 (high compression) for `lz4`; -7 to -1 (faster) or 1 to 19 for `zstd`.
  public var level: Int { Int(smallLevel) }
  private let smallLevel: Int8

  /// Blocks go stored.
  public static let none = CompressionSetting(.none)
  /// lz4 at level 1.
  public static let lz4Default = CompressionSetting(.lz4)
  /// zstd at level 1.
  public static let zstdDefault = CompressionSetting(.zstd)

  /// Nil if the codec has no such level.
  public init?(codec: Codec, level: Int) {
    guard codec.hasLevel(level) else { return nil }
    self.codec = codec
    smallLevel = Int8(truncatingIfNeeded: level)
  }

  /// Reads `none`, `lz4`, `lz4:LEVEL`, `zstd` or `zstd:LEVEL`; nil for anything else. The level is a decimal number
  /// without leading zeros or plus sign.
  public init?(_ text: String) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard let name = parts.first, let codec = Codec(name: String(name)) else { return nil }
    guard parts.count == 2 else {
      self.init(codec)
      return
    }
    guard codec != .none, let level = Int(parts[1]), String(level) == parts[1] else { return nil }
    self.init(codec: codec, level: level)
  }

  private init(_ codec: Codec) {
    self.codec = codec
    smallLevel = Int8(truncatingIfNeeded: codec.defaultLevel)
  }
}

extension CompressionSetting: CustomStringConvertible {
  /// The text that ``init(_:)`` reads, with the level: `none`, `lz4:1`, `zstd:3`.
  public var description: String {
    codec == .none ? codec.name : "\(codec.name):\(level)"
  }
}
