/// Which GOAWAY frames have been sent and received (SPEC END-1, END-2).
///
/// What this end says of its own going away has two steps; draining begins with the first:
///
///     none --announce--> announced --nameLast--> named
///
/// What the other end says is only a bound that sinks. Every transition is in this file.
struct GoAwayState: Hashable, Sendable {
  /// How far this end has got in going away.
  enum Phase: CaseIterable {
    case none
    /// The first GOAWAY, which names the highest id there can be, has been queued.
    case announced
    /// The second has: it names the last stream that will be processed.
    case named
  }

  private static let secondNoticeDelayNanoseconds: UInt64 = 1_000_000_000

  private(set) var phase = Phase.none
  /// The highest stream of the other end that this end will process.
  private(set) var sent: StreamID?
  /// The highest stream of this end that the other end will process.
  private(set) var received: StreamID?
  /// When the first one was queued.
  private var announced: Instant?
  /// When the second GOAWAY goes at the latest.
  private(set) var secondDeadline: Instant?

  /// This end is going away.
  var isDraining: Bool { phase != .none }
  /// No more streams may be opened by this end.
  var forbidsOpening: Bool { isDraining || received != nil }

  /// Whether the other end had the first GOAWAY in front of a ping that was sent at that instant.
  func isAnnounced(before ping: Instant) -> Bool {
    guard let announced else { return false }
    return announced <= ping
  }

  /// Begins to drain; the id to name, or nil when draining has begun before.
  mutating func announce(now: Instant) -> StreamID? {
    guard phase == .none else { return nil }
    phase = .announced
    announced = now
    let highest = StreamID(rawValue: StreamID.maximumRawValue)
    sent = highest
    secondDeadline = now.advanced(byNanoseconds: Self.secondNoticeDelayNanoseconds)
    return highest
  }

  /// A round trip, or the deadline, has passed since the first step; false when the second is not due.
  mutating func nameLast(_ last: StreamID) -> Bool {
    guard phase == .announced else { return false }
    phase = .named
    sent = last
    secondDeadline = nil
    return true
  }

  /// GOAWAY arrived; false when it says nothing new.
  mutating func receive(lastStreamID last: UInt64) throws(SessionError) -> Bool {
    guard last <= received?.rawValue ?? StreamID.maximumRawValue else {
      throw .peer(.protocol, "END-1", "GOAWAY names a higher stream than before, or than there can be")
    }
    guard last != received?.rawValue else { return false }
    received = StreamID(rawValue: last)
    return true
  }
}
