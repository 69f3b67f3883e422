/// What an endpoint can decode and is willing to hold (SPEC section 6).
///
/// The values of a fresh `Announcement()` are the defaults that hold before the handshake has completed, and the least that any
/// endpoint may announce (SPEC CAP-4).
struct Announcement: Hashable, Sendable {
  /// Codec ids as announced, unknown ones included, preferred first.
  var codecIDs: [UInt8] = [Codec.none.rawValue]
  var maximumRawBlockByteCount = 65_536
  var zstdWindowLog = 18
  var sessionCredit: UInt64 = 1_048_576
  var streamCredit: UInt64 = 65_536
  var streamLimit: UInt64 = 16
  var idleTimeoutMilliseconds: UInt32 = 0
  var requiresIntegrity = false
  var maximumMetadataByteCount = 4_096
  var acknowledgementDelayMilliseconds: UInt16 = 25
  /// Codec id to 10^6 raw bytes a second.
  var decodeSpeeds: [UInt8: UInt32] = [:]
  /// Chains that may live at once, and their largest window as a power of two (SPEC CHN-2).
  var chains = ChainBudget.none
  /// Bytes of dictionaries held at once (SPEC DIC-1).
  var dictionaryByteCount = 0
  /// Bytes of objects held at once (SPEC BAS-1).
  var objectByteCount: UInt64 = 0
  /// What of SPEC's later parts the end understands; see ``Feature``.
  var features: UInt32 = 0
  var maximumLinkCount: UInt8 = 1
  var implementation = ""

  /// The known codecs among ``codecIDs``, in order of preference (SPEC CAP-3).
  var codecs: [Codec] { codecIDs.compactMap(Codec.init(rawValue:)) }

  enum Bounds {
    static let rawBlockByteCounts: ClosedRange<UInt32> = 65_536...16_711_680
    static let zstdWindowLogs: ClosedRange<UInt8> = 10...31
    static let sessionCredits: ClosedRange<UInt64> = 1_048_576...DataFrame.maximumOffset
    static let streamCredits: ClosedRange<UInt64> = 65_536...DataFrame.maximumOffset
    static let streamLimits: ClosedRange<UInt64> = 16...maximumStreamLimit
    static let idleTimeoutsMilliseconds: ClosedRange<UInt32> = 1_000...86_400_000
    static let metadataByteCounts: ClosedRange<UInt16> = 4_096...8_192
    static let dictionaryByteCounts: ClosedRange<UInt32> = 256...229_376
    static let objectByteCounts: ClosedRange<UInt64> = 65_536...1 << 40
    static let chainWindowLogs: ClosedRange<UInt8> = 10...27
    static let acknowledgementDelaysMilliseconds: ClosedRange<UInt16> = 1...1_000
  }

  /// SPEC STR-3.
  static let maximumStreamLimit: UInt64 = 1 << 46

  enum Tag: UInt16 {
    case codecs = 0x0001
    case maximumRawBlock = 0x0002
    case zstdWindowLog = 0x0003
    case sessionCredit = 0x0004
    case streamCredit = 0x0005
    case streamLimit = 0x0006
    case idleTimeout = 0x0007
    case integrity = 0x0008
    case metadataLimit = 0x0009
    case acknowledgementDelay = 0x000A
    case decodeSpeed = 0x000B
    case chains = 0x000C
    case dictionaries = 0x000D
    case baselines = 0x000E
    case features = 0x000F
    case maximumLinks = 0x0010
    case implementation = 0x8001
  }

  /// Bits of ``features``.
  enum Feature {
    static let update: UInt32 = 0x2
    static let priority: UInt32 = 0x4
  }

  /// What an UPDATE may replace (SPEC UPD-2).
  static let updatableTags: Set<Tag> = [.codecs, .decodeSpeed, .implementation]

  /// Unknown tags with this bit are skipped (SPEC CAP-1).
  static let ignorableTagBit: UInt16 = 0x8000
  /// Never assigned (SPEC HDR-7).
  static let greaseTag: UInt16 = 0xFA5A
}
