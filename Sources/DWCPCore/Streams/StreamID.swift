/// Names a stream within its session; never used again (SPEC STR-1).
public struct StreamID: RawRepresentable, Hashable, Sendable {
  /// The highest id there can be: 48 bits.
  public static let maximumRawValue: UInt64 = 0xFFFF_FFFF_FFFF
  static let session = StreamID(rawValue: 0)

  /// 48 bits; odd for streams that the initiator opened, even for the acceptor's.
  public let rawValue: UInt64

  public init(rawValue: UInt64) {
    self.rawValue = rawValue
  }

  /// The stream with this ordinal (1, 2, 3, ...) among those that `role` opens.
  init(ordinal: UInt64, openedBy role: Role) {
    rawValue = role == .initiator ? 2 &* ordinal &- 1 : 2 &* ordinal
  }

  var ordinal: UInt64 { (rawValue &+ 1) / 2 }

  /// The end that opened, or would have opened, this stream.
  public var opener: Role { rawValue & 1 == 1 ? .initiator : .acceptor }
}

extension StreamID {
  /// Not to be guessed by a peer who chooses which ids live, and the same for all tables of a process.
  static let processMultiplier: UInt64 = {
    var hasher = Hasher()
    hasher.combine(0x4457_4350)
    return UInt64(truncatingIfNeeded: hasher.finalize()) | 1
  }()

  /// What sets and dictionaries ask for: one multiplication, since whoever keeps something for each stream looks it up for each event.
  public func _rawHashValue(seed: Int) -> Int {
    let product = (rawValue ^ UInt64(bitPattern: Int64(seed))) &* Self.processMultiplier
    return Int(truncatingIfNeeded: product << 32 | product >> 32)
  }
}

extension StreamID: CustomStringConvertible {
  public var description: String { String(rawValue) }
}

/// The part an endpoint plays in a session.
public enum Role: String, Hashable, Sendable {
  /// Opened the first connection.
  case initiator
  /// Accepted it.
  case acceptor

  /// The other end's role.
  public var other: Role { self == .initiator ? .acceptor : .initiator }
}
