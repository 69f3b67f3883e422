/// How sessions ended.
public struct SessionOutcomeCounters: Hashable, Sendable {
  /// Both ends agreed to it (SPEC END-4).
  public var orderly: UInt64 = 0
  /// After the handshake: an error, a lost link, or an end that gave up.
  public var failed: UInt64 = 0
  /// Before the handshake was complete: refused, timed out, or a stranger.
  public var handshakeFailed: UInt64 = 0

  /// Nothing counted yet.
  public init() {}

  mutating func merge(_ other: Self, _ combine: (inout UInt64, UInt64) -> Void) {
    combine(&orderly, other.orderly)
    combine(&failed, other.failed)
    combine(&handshakeFailed, other.handshakeFailed)
  }
}

/// How streams ended. A stream that one end cut short, by RESET or by STOP, counts for the end that did so first.
public struct StreamOutcomeCounters: Hashable, Sendable {
  /// Both directions ended with FIN (SPEC STR-8).
  public var finished: UInt64 = 0
  /// This end cut the stream short.
  public var resetByThisEnd: UInt64 = 0
  /// The other end did.
  public var resetByPeer: UInt64 = 0
  /// The session ended before the stream did.
  public var sessionEnded: UInt64 = 0

  /// Nothing counted yet.
  public init() {}

  /// All streams that ended.
  public var total: UInt64 { finished &+ resetByThisEnd &+ resetByPeer &+ sessionEnded }

  mutating func add(_ cut: StreamCut?) {
    switch cut {
    case nil: finished &+= 1
    case .byThisEnd?: resetByThisEnd &+= 1
    case .byPeer?: resetByPeer &+= 1
    }
  }

  mutating func merge(_ other: Self, _ combine: (inout UInt64, UInt64) -> Void) {
    combine(&finished, other.finished)
    combine(&resetByThisEnd, other.resetByThisEnd)
    combine(&resetByPeer, other.resetByPeer)
    combine(&sessionEnded, other.sessionEnded)
  }
}

/// Who cut a stream short.
enum StreamCut: UInt8, Hashable, Sendable {
  case byThisEnd, byPeer
}

/// RESET frames for each code. The table has a fixed size: codes that SPEC section 13 does not give to the wire, those of applications
/// among them, share one place, so that a peer cannot make it grow.
public struct ResetCounters: Sendable {
  /// The codes that are counted one by one.
  public static let codes: [ErrorCode] = (0..<UInt32(knownCodeCount)).map(ErrorCode.init(rawValue:))
  private static let knownCodeCount = Int(ErrorCode.digestMismatch.rawValue) &+ 1

  private var counts = InlineArray<26, UInt64>(repeating: 0)

  /// Nothing counted yet.
  public init() {}

  /// RESETs with one of ``codes``; for any other code, those with no such code.
  public subscript(code: ErrorCode) -> UInt64 { counts[Self.place(of: code)] }

  /// RESETs whose code is none of ``codes``.
  public var other: UInt64 { counts[Self.knownCodeCount] }

  /// All RESETs.
  public var total: UInt64 {
    var sum: UInt64 = 0
    for place in counts.indices { sum &+= counts[place] }
    return sum
  }

  mutating func add(_ code: ErrorCode) {
    counts[Self.place(of: code)] &+= 1
  }

  private static func place(of code: ErrorCode) -> Int {
    Int(min(code.rawValue, UInt32(knownCodeCount)))
  }

  mutating func merge(_ other: Self, _ combine: (inout UInt64, UInt64) -> Void) {
    for place in counts.indices { combine(&counts[place], other.counts[place]) }
  }
}

extension ResetCounters: Hashable {
  /// Whether every code has the same count.
  public static func == (left: ResetCounters, right: ResetCounters) -> Bool {
    left.counts.indices.allSatisfy { left.counts[$0] == right.counts[$0] }
  }

  /// Feeds every count to the hasher.
  public func hash(into hasher: inout Hasher) {
    for place in counts.indices { hasher.combine(counts[place]) }
  }
}
