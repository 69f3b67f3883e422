/// What can be told of a session, or of many added up, at one moment: what a metrics module reads.
///
/// The counters are those of all sessions, ended ones too; everything else is of the sessions that are open now.
public struct SessionSnapshot: Hashable, Sendable {
  /// What the sessions have counted.
  public var counters = SessionCounters()
  /// Sessions whose handshake is complete and which have not ended.
  public var openSessionCount: UInt64 = 0
  /// Streams that this end opened.
  public var localStreams = StreamUse()
  /// Streams that the other end opened.
  public var peerStreams = StreamUse()
  /// The largest share of a stream limit in use, in any session and for either end; 0 to 1.
  public var highestStreamUse: Double = 0
  /// Bytes that objects of this end count for, and are held here too (SPEC BAS-1).
  public var outgoingObjectByteCount: UInt64 = 0
  /// Bytes that objects of other ends count for, which are held here.
  public var incomingObjectByteCount: UInt64 = 0
  /// The time that other ends take to answer.
  public var roundTrips = RoundTrips()

  /// Streams of one end.
  public struct StreamUse: Hashable, Sendable {
    /// Streams that are open.
    public var openCount: UInt64 = 0
    /// How many may be open at once (SPEC STR-3).
    public var limit: UInt64 = 0

    /// No stream, and none allowed.
    public init() {}

    /// Adds the streams of another session.
    public mutating func add(_ other: StreamUse) {
      openCount &+= other.openCount
      limit = limit.addingSaturated(other.limit)
    }
  }

  /// The latest round trip of each session that has measured one (SPEC LIV-1).
  public struct RoundTrips: Hashable, Sendable {
    /// Sessions that have measured a round trip.
    public var sessionCount: UInt64 = 0
    /// Their latest ones, added up.
    public var sumNanoseconds: UInt64 = 0
    /// The longest of them.
    public var highestNanoseconds: UInt64 = 0

    /// Nothing measured.
    public init() {}

    /// Adds the round trips of another session.
    public mutating func add(_ other: RoundTrips) {
      sessionCount &+= other.sessionCount
      sumNanoseconds = sumNanoseconds.addingSaturated(other.sumNanoseconds)
      highestNanoseconds = max(highestNanoseconds, other.highestNanoseconds)
    }
  }

  /// No session.
  public init() {}

  /// Adds what another session, or another server, has to tell.
  public mutating func add(_ other: SessionSnapshot) {
    counters.add(other.counters)
    openSessionCount &+= other.openSessionCount
    localStreams.add(other.localStreams)
    peerStreams.add(other.peerStreams)
    highestStreamUse = max(highestStreamUse, other.highestStreamUse)
    outgoingObjectByteCount = outgoingObjectByteCount.addingSaturated(other.outgoingObjectByteCount)
    incomingObjectByteCount = incomingObjectByteCount.addingSaturated(other.incomingObjectByteCount)
    roundTrips.add(other.roundTrips)
  }
}

extension Session {
  /// What can be told of this session now.
  public var snapshot: SessionSnapshot {
    var snapshot = SessionSnapshot()
    snapshot.counters = counters
    guard isActive else { return snapshot }
    snapshot.openSessionCount = 1
    snapshot.peerStreams.openCount = peerOrdinal &- closedPeerStreamCount
    snapshot.peerStreams.limit = local.streamLimit
    snapshot.localStreams.openCount = UInt64(streams.count) &- snapshot.peerStreams.openCount
    snapshot.localStreams.limit =
      snapshot.localStreams.openCount &+ remote.streamLimit &- min(remote.streamLimit, openedOrdinal)
    snapshot.highestStreamUse = max(snapshot.localStreams.share, snapshot.peerStreams.share)
    snapshot.outgoingObjectByteCount = outgoingObjects.chargedByteCount
    snapshot.incomingObjectByteCount = incomingObjects.chargedByteCount
    if let roundTripNanoseconds {
      snapshot.roundTrips.sessionCount = 1
      snapshot.roundTrips.sumNanoseconds = roundTripNanoseconds
      snapshot.roundTrips.highestNanoseconds = roundTripNanoseconds
    }
    return snapshot
  }
}

extension SessionSnapshot.StreamUse {
  fileprivate var share: Double { limit == 0 ? 0 : Double(openCount) / Double(limit) }
}

extension UInt64 {
  fileprivate func addingSaturated(_ other: UInt64) -> UInt64 {
    let (sum, isTooMuch) = addingReportingOverflow(other)
    return isTooMuch ? .max : sum
  }
}

/// Turns counters that are read now and then into what they have risen by, for metrics that take increments.
///
/// A reading that is lower than an earlier one, because it was taken before it and handed in after it, counts as no rise.
public struct CounterProgress: Hashable, Sendable {
  private var highest = SessionCounters()

  /// Before the first reading.
  public init() {}

  /// What each counter has risen by since the highest reading so far; at most `Int64.max`, since metrics libraries trap on more.
  public mutating func rise(to counters: SessionCounters) -> SessionCounters {
    var rise = counters
    rise.merge(highest) { $0 = $0 > $1 ? min($0 &- $1, UInt64(Int64.max)) : 0 }
    highest.merge(counters) { $0 = max($0, $1) }
    return rise
  }
}
