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

  /// An orderly end.
  public static let noError = ErrorCode(rawValue: 0x00)
  /// A fault of the end that sends the code.
  public static let `internal` = ErrorCode(rawValue: 0x01)
  /// A rule of SPEC was broken.
  public static let `protocol` = ErrorCode(rawValue: 0x02)
  /// A header check was wrong.
  public static let headerCheck = ErrorCode(rawValue: 0x03)
  /// A payload check was wrong.
  public static let payloadCheck = ErrorCode(rawValue: 0x04)
  /// A length was out of bounds.
  public static let frameSize = ErrorCode(rawValue: 0x05)
  /// More came than the credit allows.
  public static let flowControl = ErrorCode(rawValue: 0x06)
  /// A frame was not legal in the state of its stream.
  public static let streamState = ErrorCode(rawValue: 0x07)
  /// More streams than the limit.
  public static let streamLimit = ErrorCode(rawValue: 0x08)
  /// A block could not be decoded, or names a codec that was not announced.
  public static let codec = ErrorCode(rawValue: 0x09)
  /// No common version.
  public static let version = ErrorCode(rawValue: 0x0A)
  /// The policy and the other end have no codec in common.
  public static let noCommonCodec = ErrorCode(rawValue: 0x0B)
  /// Something that a policy requires is missing.
  public static let policy = ErrorCode(rawValue: 0x0C)
  /// An announcement is malformed or out of bounds.
  public static let capability = ErrorCode(rawValue: 0x0D)
  /// Nothing was received for the idle timeout.
  public static let idleTimeout = ErrorCode(rawValue: 0x0E)
  /// The handshake was not completed in time.
  public static let handshakeTimeout = ErrorCode(rawValue: 0x0F)
  /// A budget of SPEC section 14 was exceeded.
  public static let excessiveLoad = ErrorCode(rawValue: 0x10)
  /// The application no longer wants the stream.
  public static let cancelled = ErrorCode(rawValue: 0x11)
  /// The stream was not processed; it may be tried again.
  public static let refusedStream = ErrorCode(rawValue: 0x12)
  /// There is no such service.
  public static let unknownService = ErrorCode(rawValue: 0x13)
  /// The endpoint is going away.
  public static let shutdown = ErrorCode(rawValue: 0x14)
  /// The reader did not read for too long; reserved.
  public static let stalled = ErrorCode(rawValue: 0x15)
  /// Reserved (SPEC section 17).
  public static let baselineMismatch = ErrorCode(rawValue: 0x16)
  /// Reserved (SPEC section 16).
  public static let joinRefused = ErrorCode(rawValue: 0x17)
  /// A digest over the content differs.
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
