/// What keeps a stream from going on.
public enum StreamBlocker: Int, Hashable, Sendable, CaseIterable {
  /// The other end has granted no more for this stream: its application does not read (SPEC CRD-1).
  case streamCredit
  /// It has granted no more for all streams together (SPEC CRD-2).
  case sessionCredit
  /// The link is not open yet, or has as much on its way as it takes (SPEC ACK-4).
  case link
  /// Others are served first (SPEC PRI-2).
  case scheduler
  /// Its blocks are being compressed, or wait for that.
  case codec
  /// What has come waits for this end's application.
  case reader
}

/// How often something had to wait, by what for. A long wait counts once for each time that it is met anew: at each turn of the link, and for a reader
/// at each look for those that have stalled (SPEC CRD-9).
public struct BlockedCounters: Hashable, Sendable {
  private var counts = InlineArray<6, UInt64>(repeating: 0)

  /// Nothing counted yet.
  public init() {}

  /// How often something waited for this.
  public internal(set) subscript(blocker: StreamBlocker) -> UInt64 {
    get { counts[blocker.rawValue] }
    set { counts[blocker.rawValue] = newValue }
  }

  mutating func merge(_ other: Self, _ combine: (inout UInt64, UInt64) -> Void) {
    for place in counts.indices { combine(&counts[place], other.counts[place]) }
  }

  /// Whether everything was waited for as often.
  public static func == (left: Self, right: Self) -> Bool {
    left.counts.indices.allSatisfy { left.counts[$0] == right.counts[$0] }
  }

  /// Feeds every count to the hasher.
  public func hash(into hasher: inout Hasher) {
    for place in counts.indices { hasher.combine(counts[place]) }
  }
}

/// A stream that does not go on.
public struct BlockedStream: Hashable, Sendable {
  /// The stream.
  public let id: StreamID
  /// What it waits for.
  public let blocker: StreamBlocker
}

extension Session {
  /// All streams that wait for something, and what for, in no particular order; one that waits both ways is there twice. It looks at every stream.
  public var blockedStreams: [BlockedStream] {
    var blocked: [BlockedStream] = []
    for id in streams.busyIDs {
      let blockers = blockers(of: id)
      if let sending = blockers.sending { blocked.append(BlockedStream(id: id, blocker: sending)) }
      if let receiving = blockers.receiving { blocked.append(BlockedStream(id: id, blocker: receiving)) }
    }
    return blocked
  }

  /// Why a stream does not go on: what keeps its written bytes from being sent, and what keeps its received ones from being taken. Nil where nothing
  /// waits, as for a stream that is gone.
  public func blockers(of id: StreamID) -> (sending: StreamBlocker?, receiving: StreamBlocker?) {
    guard let stream = streams[id] else { return (nil, nil) }
    return (sendBlocker(of: stream), stream.receive.hasReadable ? .reader : nil)
  }

  private func sendBlocker(of stream: StreamState) -> StreamBlocker? {
    let send = stream.send
    guard send.phase == .open, send.hasBytesToCut || send.hasBlocks || send.isFinDue else { return nil }
    guard isActive else { return .link }
    if send.hasBlocks {
      if !send.hasReadyBlock { return .codec }
    } else if send.hasBytesToCut {
      if send.availableCredit == 0 { return .streamCredit }
      if sendCredit.available == 0 { return .sessionCredit }
      if stream.compression.isCompressing(sendCodecs) { return .codec }
    }
    return flow.hasRoom(blockByteCount: blockByteCount) ? .scheduler : .link
  }
}
