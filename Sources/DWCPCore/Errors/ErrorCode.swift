/// A code shared by REFUSE, CLOSE, GOAWAY, RESET and STOP (SPEC section 13).
///
/// Codes from ``applicationBase`` on belong to the application.
public struct ErrorCode: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt32

  public init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  /// The first code that applications may use for their own meanings.
  public static let applicationBase: UInt32 = 0x4000_0000

  public static let noError = ErrorCode(rawValue: 0x00)
  public static let `internal` = ErrorCode(rawValue: 0x01)
  public static let `protocol` = ErrorCode(rawValue: 0x02)
  public static let headerCheck = ErrorCode(rawValue: 0x03)
  public static let payloadCheck = ErrorCode(rawValue: 0x04)
  public static let frameSize = ErrorCode(rawValue: 0x05)
  public static let flowControl = ErrorCode(rawValue: 0x06)
  public static let streamState = ErrorCode(rawValue: 0x07)
  public static let streamLimit = ErrorCode(rawValue: 0x08)
  public static let codec = ErrorCode(rawValue: 0x09)
  public static let version = ErrorCode(rawValue: 0x0A)
  public static let noCommonCodec = ErrorCode(rawValue: 0x0B)
  public static let policy = ErrorCode(rawValue: 0x0C)
  public static let capability = ErrorCode(rawValue: 0x0D)
  public static let idleTimeout = ErrorCode(rawValue: 0x0E)
  public static let handshakeTimeout = ErrorCode(rawValue: 0x0F)
  public static let excessiveLoad = ErrorCode(rawValue: 0x10)
  public static let cancelled = ErrorCode(rawValue: 0x11)
  public static let refusedStream = ErrorCode(rawValue: 0x12)
  public static let unknownService = ErrorCode(rawValue: 0x13)
  public static let shutdown = ErrorCode(rawValue: 0x14)
  public static let stalled = ErrorCode(rawValue: 0x15)
  public static let baselineMismatch = ErrorCode(rawValue: 0x16)
  public static let joinRefused = ErrorCode(rawValue: 0x17)
  public static let digestMismatch = ErrorCode(rawValue: 0x18)
  /// Never on the wire: the connection ended without CLOSE (SPEC END-5).
  public static let linkLost = ErrorCode(rawValue: 0x19)

  private static let names = [
    "NO_ERROR", "INTERNAL", "PROTOCOL", "HEADER_CHECK", "PAYLOAD_CHECK", "FRAME_SIZE", "FLOW_CONTROL", "STREAM_STATE",
    "STREAM_LIMIT", "CODEC", "VERSION", "NO_COMMON_CODEC", "POLICY", "CAPABILITY", "IDLE_TIMEOUT", "HANDSHAKE_TIMEOUT",
    "EXCESSIVE_LOAD", "CANCELLED", "REFUSED_STREAM", "UNKNOWN_SERVICE", "SHUTDOWN", "STALLED", "BASELINE_MISMATCH",
    "JOIN_REFUSED", "DIGEST_MISMATCH", "LINK_LOST",
  ]
}

extension ErrorCode: CustomStringConvertible {
  /// The name in SPEC section 13, or the number in hexadecimal.
  public var description: String {
    rawValue < Self.names.count ? Self.names[Int(rawValue)] : "0x\(String(rawValue, radix: 16))"
  }
}
