internal import NIOCore

/// The body of BASELINE_ANSWER (SPEC BAS-5).
struct BaselineAnswer: Hashable, Sendable {
  static let byteCount = 36

  enum Kind: UInt8, Hashable, Sendable {
    case mismatch = 0
    case stands = 1
    /// Of an object of the sender's own.
    case released = 2
  }

  var name: ObjectName
  var version: UInt64
  /// A stream offset, or the version at which the object stands.
  var value: UInt64
  var kind: Kind

  func write(to buffer: inout ByteBuffer) {
    buffer.writeMultipleIntegers(name.domain, name.number, version, value, UInt32(kind.rawValue) << 24)
  }
}

extension BaselineAnswer {
  init(reading body: inout ByteBuffer) throws(SessionError) {
    guard
      let (domain, number, version, value, packed) = body.readMultipleIntegers(
        as: (UInt64, UInt64, UInt64, UInt64, UInt32).self),
      packed & 0xFF_FFFF == 0, let kind = Kind(rawValue: UInt8(truncatingIfNeeded: packed >> 24))
    else { throw .peer(.protocol, "BAS-5", "an answer about an object makes no sense, or reserved bytes are set") }
    self.init(name: ObjectName(domain: domain, number: number), version: version, value: value, kind: kind)
  }
}
