/// What dictionaries came to (SPEC DIC-1, DIC-2): those that this end offered, and those that the other end did.
public struct DictionaryCounters: Hashable, Sendable {
  /// Dictionaries that this end offered, and what it sent with them.
  public var sent = Use()
  /// Dictionaries that the other end offered, and what it sent with them.
  public var received = Use()

  /// Dictionaries of one end.
  public struct Use: Hashable, Sendable {
    /// Dictionaries of which at least the first part has been sent.
    public var offered: UInt64 = 0
    /// Those that the end they were offered to has accepted, or held already.
    public var accepted: UInt64 = 0
    /// Those that it did not want to hold, or could not use.
    public var rejected: UInt64 = 0
    /// Those that the end that offered them has retired.
    public var retired: UInt64 = 0
    /// DATA frames whose block was compressed against one.
    public var blocks: UInt64 = 0
    /// Bytes of the applications in these blocks.
    public var rawBytes: UInt64 = 0
    /// These DATA frames, headers included; the dictionaries themselves are not in it.
    public var wireBytes: UInt64 = 0

    /// Nothing counted yet.
    public init() {}
  }

  /// Nothing counted yet.
  public init() {}

  mutating func merge(_ other: Self, _ combine: (inout UInt64, UInt64) -> Void) {
    sent.merge(other.sent, combine)
    received.merge(other.received, combine)
  }
}

extension DictionaryCounters.Use {
  mutating func note(_ answer: DictionaryFrame.Answer) {
    switch answer {
    case .rejected: rejected &+= 1
    case .accepted, .alreadyHeld: accepted &+= 1
    case .retired: retired &+= 1
    }
  }

  mutating func addBlock(rawByteCount: Int, wireByteCount: Int) {
    blocks &+= 1
    rawBytes &+= UInt64(rawByteCount)
    wireBytes &+= UInt64(wireByteCount)
  }

  fileprivate mutating func merge(_ other: Self, _ combine: (inout UInt64, UInt64) -> Void) {
    combine(&offered, other.offered)
    combine(&accepted, other.accepted)
    combine(&rejected, other.rejected)
    combine(&retired, other.retired)
    combine(&blocks, other.blocks)
    combine(&rawBytes, other.rawBytes)
    combine(&wireBytes, other.wireBytes)
  }
}
