/// What objects came to (SPEC BAS-1 to BAS-5): those that this end sends, and those that the other end does.
public struct ObjectCounters: Hashable, Sendable {
  /// Objects of this end, which the other end holds too.
  public var sent = Use()
  /// Objects of the other end, which this end holds too.
  public var received = Use()
  /// Pages that this end was given to send and did not, since the other end has them.
  public var unchangedPages: UInt64 = 0

  /// Objects of one end.
  public struct Use: Hashable, Sendable {
    /// Versions that came whole: their objects stood at them.
    public var versionsStood: UInt64 = 0
    /// Versions that ended otherwise: reset, stopped, or sent against a base that the receiver does not have, or not the same.
    public var versionsFailed: UInt64 = 0
    /// Lengths of the objects in the versions that stood: what would have been sent if none had a base.
    public var versionBytes: UInt64 = 0
    /// Bytes of pages in DATA frames, those sent again not counted twice.
    public var rawBytes: UInt64 = 0
    /// These DATA frames, headers included, and those sent again.
    public var wireBytes: UInt64 = 0
    /// Versions whose base the receiver does not have, or not the same (SPEC BAS-4).
    public var mismatches: UInt64 = 0
    /// Blocks that were sent again, in full, because of that.
    public var replacedBlocks: UInt64 = 0
    /// Objects that the receiver held no longer of its own accord (SPEC BAS-5).
    public var dropped: UInt64 = 0

    /// Nothing counted yet.
    public init() {}
  }

  /// Nothing counted yet.
  public init() {}

  mutating func merge(_ other: Self, _ combine: (inout UInt64, UInt64) -> Void) {
    sent.merge(other.sent, combine)
    received.merge(other.received, combine)
    combine(&unchangedPages, other.unchangedPages)
  }
}

extension ObjectCounters.Use {
  /// A version has ended.
  ///
  /// - Parameter standing: the version at which the object stands then.
  mutating func note(_ version: ObjectVersion, standing: UInt64) {
    guard standing == version.version else {
      versionsFailed &+= 1
      return
    }
    versionsStood &+= 1
    versionBytes &+= version.byteCount
  }

  mutating func addBlock(rawByteCount: Int, wireByteCount: Int) {
    rawBytes &+= UInt64(rawByteCount)
    wireBytes &+= UInt64(wireByteCount)
  }

  mutating func addReplacement(wireByteCount: Int) {
    replacedBlocks &+= 1
    wireBytes &+= UInt64(wireByteCount)
  }

  fileprivate mutating func merge(_ other: Self, _ combine: (inout UInt64, UInt64) -> Void) {
    combine(&versionsStood, other.versionsStood)
    combine(&versionsFailed, other.versionsFailed)
    combine(&versionBytes, other.versionBytes)
    combine(&rawBytes, other.rawBytes)
    combine(&wireBytes, other.wireBytes)
    combine(&mismatches, other.mismatches)
    combine(&replacedBlocks, other.replacedBlocks)
    combine(&dropped, other.dropped)
  }
}
