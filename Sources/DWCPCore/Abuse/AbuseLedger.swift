/// How much this end bears of what costs it something and the other end nothing, before the session ends with `EXCESSIVE_LOAD`
/// (SPEC LIM-1). The defaults are those of SPEC section 14.
public struct AbuseBudgets: Hashable, Sendable {
  /// So many at once, and so many more each second.
  public struct Budget: Hashable, Sendable {
    /// How many at once; at most 10^9.
    public var capacity: UInt64
    /// How many more each second.
    public var perSecond: UInt64

    /// - Parameter capacity: how many at once.
    /// - Parameter perSecond: how many more each second.
    public init(capacity: UInt64, perSecond: UInt64) {
      self.capacity = capacity
      self.perSecond = perSecond
    }
  }

  /// PING frames.
  public var pings = Budget(capacity: 100, perSecond: 10)
  /// Frames that change nothing: unknown, late or repeated.
  public var framesWithoutProgress = Budget(capacity: 1_000, perSecond: 100)
  /// Streams of the other end that either end resets, or the other end stops, early.
  public var resets = Budget(capacity: 200, perSecond: 20)
  /// Streams that the other end opens; nil for as many as may be open at once allow.
  public var opens: Budget?
  /// Bytes that DATA frames are short of 256 raw bytes; those with FIN do not count. Windows bound bytes, and not frames.
  public var shortDataBytes = Budget(capacity: 64 << 20, perSecond: 64 << 20)

  /// The defaults of SPEC section 14.
  public init() {}
}

/// The budgets of one session, and what has been used of them.
struct AbuseLedger: Hashable, Sendable {
  private static let longEnoughByteCount = 256
  /// A chain costs the memory of its history, however short it is.
  private static let longEnoughChainByteCount = 4_096
  /// A dictionary costs its tables, however short it is.
  private static let longEnoughDictionaryByteCount = 16_384

  private var pings: LeakyBucket
  private var idleFrames: LeakyBucket
  private var resets: LeakyBucket
  private var opens: LeakyBucket?
  private var shortDataBytes: LeakyBucket
  private var ownResetCount = 0

  init(_ budgets: AbuseBudgets) {
    pings = LeakyBucket(budgets.pings)
    idleFrames = LeakyBucket(budgets.framesWithoutProgress)
    resets = LeakyBucket(budgets.resets)
    opens = budgets.opens.map { LeakyBucket($0) }
    shortDataBytes = LeakyBucket(budgets.shortDataBytes)
  }

  mutating func notePing(now: Instant) throws(SessionError) {
    guard pings.add(now: now) else { throw .overflow("PINGs") }
  }

  /// A frame that changed nothing: unknown, late or repeated.
  mutating func noteIdleFrame(now: Instant) throws(SessionError) {
    guard idleFrames.add(now: now) else { throw .overflow("frames without progress") }
  }

  /// The other end has opened a stream.
  mutating func noteOpen(now: Instant) throws(SessionError) {
    guard opens?.add(now: now) ?? true else { throw .overflow("streams opened") }
  }

  /// A DATA frame that has brought something new.
  mutating func noteData(rawByteCount: Int, isFinal: Bool, isRestart: Bool, now: Instant) throws(SessionError) {
    guard !isFinal || isRestart else { return }
    guard bearsData(rawByteCount: rawByteCount, isRestart: isRestart, now: now) else {
      throw .overflow("short DATA frames")
    }
  }

  /// The same, for one without FIN; false, and nothing is noted, when that is too much.
  @inline(__always)
  mutating func bearsData(rawByteCount: Int, isRestart: Bool = false, now: Instant) -> Bool {
    let longEnough = isRestart ? Self.longEnoughChainByteCount : Self.longEnoughByteCount
    guard rawByteCount < longEnough else { return true }
    return shortDataBytes.add(UInt64(longEnough &- max(0, rawByteCount)), now: now)
  }

  /// The other end begins to send a dictionary.
  mutating func noteDictionary(byteCount: Int, now: Instant) throws(SessionError) {
    guard byteCount < Self.longEnoughDictionaryByteCount else { return }
    let missing = UInt64(Self.longEnoughDictionaryByteCount &- max(0, byteCount))
    guard shortDataBytes.add(missing, now: now) else { throw .overflow("short dictionaries") }
  }

  /// This end has reset a stream that the other end opened. It counts when the other end sends on: a peer that makes us reset its
  /// streams costs as much as one that resets them itself.
  mutating func noteOwnReset() {
    ownResetCount &+= 1
  }

  mutating func settleOwnResets(now: Instant) throws(SessionError) {
    while ownResetCount > 0 {
      ownResetCount &-= 1
      try noteReset(now: now)
    }
  }

  /// A reset or stop of a stream that the other end opened.
  mutating func noteReset(now: Instant) throws(SessionError) {
    guard resets.add(now: now) else { throw .overflow("resets") }
  }
}

extension SessionError {
  fileprivate static func overflow(_ bucket: String) -> SessionError {
    .peer(.excessiveLoad, "LIM-1", "the budget of \(bucket) is exhausted; the other end sends too many")
  }
}
