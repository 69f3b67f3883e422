public import NIOCore

/// The first 8 bytes of a link, in both directions (SPEC section 3).
///
/// The layout is the same in every major version.
public struct Preface: Hashable, Sendable {
  /// What a connection is for (SPEC PRE-5).
  public enum LinkKind {
    /// A session of its own.
    public static let newSession: UInt8 = 0
    /// One more link of a session; not offered in this edition.
    public static let joiningLink: UInt8 = 1
  }

  /// `DWCP`.
  public static let magic: UInt32 = 0x4457_4350
  /// Bytes of a preface, magic included.
  public static let byteCount = 8

  /// The major version; 3 in this implementation.
  public var major: UInt8
  /// The lowest minor version that the sender speaks.
  public var lowestMinor: UInt8
  /// The highest one; not below the lowest in an honest preface.
  public var highestMinor: UInt8
  /// What the connection is for; one of ``LinkKind``.
  public var linkKind: UInt8

  /// A preface with these values; by default that of a new session in this edition.
  public init(
    major: UInt8 = 3, lowestMinor: UInt8 = 0, highestMinor: UInt8 = 0, linkKind: UInt8 = LinkKind.newSession
  ) {
    self.major = major
    self.lowestMinor = lowestMinor
    self.highestMinor = highestMinor
    self.linkKind = linkKind
  }

  /// Unpacks what stands behind the magic.
  init(packed: UInt64) {
    self.init(
      major: UInt8(truncatingIfNeeded: packed >> 24), lowestMinor: UInt8(truncatingIfNeeded: packed >> 16),
      highestMinor: UInt8(truncatingIfNeeded: packed >> 8), linkKind: UInt8(truncatingIfNeeded: packed))
  }

  /// The 8 bytes as one big-endian integer.
  var packed: UInt64 {
    UInt64(Self.magic) << 32 | UInt64(major) << 24 | UInt64(lowestMinor) << 16 | UInt64(highestMinor) << 8
      | UInt64(linkKind)
  }

  /// Appends the 8 bytes.
  public func write(to buffer: inout ByteBuffer) {
    buffer.writeInteger(packed)
  }

  /// The highest minor version both ends speak, or nil (SPEC PRE-3, PRE-4).
  func commonMinor(with other: Preface) -> UInt8? {
    guard major == other.major, lowestMinor <= highestMinor, other.lowestMinor <= other.highestMinor else { return nil }
    let highest = min(highestMinor, other.highestMinor)
    return highest >= max(lowestMinor, other.lowestMinor) ? highest : nil
  }

  /// The first position at which bytes stop looking like a preface, or nil while they do (SPEC PRE-2).
  static func firstDifference(in bytes: Span<UInt8>) -> Int? {
    for position in 0..<min(bytes.count, 4) where bytes[position] != magicByte(at: position) {
      return position
    }
    return nil
  }

  private static func magicByte(at position: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: magic >> UInt32(24 &- 8 &* position))
  }
}

extension Preface: CustomStringConvertible {
  public var description: String {
    "version \(major), minors \(lowestMinor) to \(highestMinor)"
  }
}

/// Says what a stray client seems to be, from its first bytes (SPEC PRE-2).
func strangerDescription(_ bytes: Span<UInt8>) -> String {
  let methods = ["GET ", "POST", "PUT ", "HEAD", "OPTI", "DELE", "PATC", "CONN", "TRAC", "PRI "]
  let start = (0..<min(4, bytes.count)).map { bytes[$0] }
  if methods.contains(where: { Array($0.utf8) == start }) {
    return "an HTTP client connected to a DWCP port; use a DWCP client such as `dwcp ping`"
  }
  if start.starts(with: [0x16, 0x03]) {
    return "a TLS client connected to a DWCP port without TLS; connect without TLS"
  }
  if start == Array("HTTP".utf8) || start == Array("SSH-".utf8) {
    return "an \(start == Array("HTTP".utf8) ? "HTTP" : "SSH") server answers there; check the port"
  }
  let hex = start.map { "\($0 < 16 ? "0" : "")\(String($0, radix: 16))" }.joined(separator: " ")
  return "the connection does not start with the DWCP magic but with \(hex); check the port"
}
