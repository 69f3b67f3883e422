/// Plain counters of one session, or of many added up; they only rise.
///
/// What is counted has crossed the link or has been decided; nothing here is an estimate. ``SessionSnapshot`` adds what rises and falls.
public struct SessionCounters: Hashable, Sendable {
  /// Bytes given to the link, headers included.
  public var wireBytesSent: UInt64 = 0
  /// Bytes that the link brought, headers included, those behind the end of the session too.
  public var wireBytesReceived: UInt64 = 0
  /// Frames sent, those of the handshake included.
  public var framesSent: UInt64 = 0
  /// Whole frames received until the session ended.
  public var framesReceived: UInt64 = 0
  /// Raw bytes in DATA frames sent.
  public var rawBytesSent: UInt64 = 0
  /// Raw bytes in DATA frames received. Blocks for streams that have been closed do not count (SPEC STR-6), nor do duplicates.
  public var rawBytesReceived: UInt64 = 0
  /// DATA frames sent, for each codec.
  public var sentByCodec = CodecCounters()
  /// DATA frames received whose raw bytes count, for each codec.
  public var receivedByCodec = CodecCounters()
  /// Blocks that went stored because compression, which was tried, did not save enough (SPEC CDC-5).
  public var unshrunkBlocks: UInt64 = 0
  /// Blocks of streams that compress which went stored without a try: too short, or after a run of blocks that did not shrink.
  public var untriedBlocks: UInt64 = 0
  /// What automatic compression has chosen.
  public var codecChoices = CodecChoiceCounters()
  /// What objects came to.
  public var objects = ObjectCounters()
  /// What dictionaries came to.
  public var dictionaries = DictionaryCounters()
  /// Sessions that completed the handshake.
  public var sessionsOpened: UInt64 = 0
  /// Sessions that ended.
  public var sessionsClosed = SessionOutcomeCounters()
  /// Streams that this end opened.
  public var streamsOpened: UInt64 = 0
  /// Streams that the other end opened, those it skipped included (SPEC STR-2).
  public var streamsAccepted: UInt64 = 0
  /// Streams that ended, whoever opened them.
  public var streamsClosed = StreamOutcomeCounters()
  /// RESET frames sent.
  public var resetsSent = ResetCounters()
  /// RESET frames received for streams that had not been closed yet.
  public var resetsReceived = ResetCounters()

  /// What streams had to wait for.
  public var blocked = BlockedCounters()

  /// Nothing counted yet.
  public init() {}
}

/// Raw, payload and wire bytes for each codec, as the blocks themselves name it (SPEC section 10).
public struct CodecCounters: Hashable, Sendable {
  /// Stored blocks.
  public private(set) var none = Traffic()
  /// Blocks of LZ4.
  public private(set) var lz4 = Traffic()
  /// Blocks of Zstandard.
  public private(set) var zstd = Traffic()

  /// What one codec carried in one direction.
  public struct Traffic: Hashable, Sendable {
    /// Bytes of the applications.
    public var rawBytes: UInt64 = 0
    /// The same as they travelled, encoded and without headers.
    public var payloadBytes: UInt64 = 0
    /// Whole DATA frames: headers, marks, payload and check.
    public var wireBytes: UInt64 = 0
    /// DATA frames, those that carry only marks or FIN among them.
    public var blocks: UInt64 = 0
    /// Time that the codec was at work, blocks that did not shrink or were no longer wanted included, as the transport measured it.
    public var nanoseconds: UInt64 = 0
  }

  /// Nothing counted yet.
  public init() {}

  /// The counters of one codec.
  public subscript(codec: Codec) -> Traffic {
    switch codec {
    case .none: none
    case .lz4: lz4
    case .zstd: zstd
    }
  }

  mutating func update(_ codec: Codec, _ body: (inout Traffic) -> Void) {
    switch codec {
    case .none: body(&none)
    case .lz4: body(&lz4)
    case .zstd: body(&zstd)
    }
  }

  mutating func merge(_ other: Self, _ combine: (inout UInt64, UInt64) -> Void) {
    none.merge(other.none, combine)
    lz4.merge(other.lz4, combine)
    zstd.merge(other.zstd, combine)
  }
}

/// How automatic compression has chosen, and what that cost.
public struct CodecChoiceCounters: Hashable, Sendable {
  /// Streams that went over to another codec or level, their first choices included.
  public var changes: UInt64 = 0
  /// Blocks, or parts of stored ones, on which another rung was tried.
  public var trials: UInt64 = 0
  /// Time by which blocks were expected to take longer than with the best rung known, because of trials and hesitation: the regret.
  public var lostNanoseconds: UInt64 = 0

  /// Nothing chosen yet.
  public init() {}

  mutating func add(_ choice: CodecSelector.Choice, rawByteCount: Int) {
    if choice.isChange { changes &+= 1 }
    if choice.reason == .trial || choice.sample != nil { trials &+= 1 }
    lostNanoseconds &+= choice.lostNanoseconds(rawByteCount: rawByteCount)
  }

  fileprivate mutating func merge(_ other: Self, _ combine: (inout UInt64, UInt64) -> Void) {
    combine(&changes, other.changes)
    combine(&trials, other.trials)
    combine(&lostNanoseconds, other.lostNanoseconds)
  }
}

extension CodecCounters.Traffic {
  mutating func add(blockCount: Int = 1, rawByteCount: Int, payloadByteCount: Int, wireByteCount: Int) {
    rawBytes &+= UInt64(rawByteCount)
    payloadBytes &+= UInt64(payloadByteCount)
    wireBytes &+= UInt64(wireByteCount)
    blocks &+= UInt64(blockCount)
  }

  fileprivate mutating func merge(_ other: Self, _ combine: (inout UInt64, UInt64) -> Void) {
    combine(&rawBytes, other.rawBytes)
    combine(&payloadBytes, other.payloadBytes)
    combine(&wireBytes, other.wireBytes)
    combine(&blocks, other.blocks)
    combine(&nanoseconds, other.nanoseconds)
  }
}

extension SessionCounters {
  /// Adds another session's counters.
  public mutating func add(_ other: SessionCounters) {
    merge(other) { $0 &+= $1 }
  }

  /// The one list of all counters: whatever is done to pairs of them is done here.
  mutating func merge(_ other: SessionCounters, _ combine: (inout UInt64, UInt64) -> Void) {
    combine(&wireBytesSent, other.wireBytesSent)
    combine(&wireBytesReceived, other.wireBytesReceived)
    combine(&framesSent, other.framesSent)
    combine(&framesReceived, other.framesReceived)
    combine(&rawBytesSent, other.rawBytesSent)
    combine(&rawBytesReceived, other.rawBytesReceived)
    sentByCodec.merge(other.sentByCodec, combine)
    receivedByCodec.merge(other.receivedByCodec, combine)
    combine(&unshrunkBlocks, other.unshrunkBlocks)
    combine(&untriedBlocks, other.untriedBlocks)
    codecChoices.merge(other.codecChoices, combine)
    objects.merge(other.objects, combine)
    dictionaries.merge(other.dictionaries, combine)
    combine(&sessionsOpened, other.sessionsOpened)
    sessionsClosed.merge(other.sessionsClosed, combine)
    combine(&streamsOpened, other.streamsOpened)
    combine(&streamsAccepted, other.streamsAccepted)
    streamsClosed.merge(other.streamsClosed, combine)
    resetsSent.merge(other.resetsSent, combine)
    resetsReceived.merge(other.resetsReceived, combine)
    blocked.merge(other.blocked, combine)
  }
}
