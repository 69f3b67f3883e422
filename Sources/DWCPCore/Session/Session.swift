internal import DequeModule
internal import NIOCore

/// One end of a DWCP session over one link, without a socket, a thread, a clock or a random source: the same inputs give the same
/// bytes. Four kinds of method, in the order in which an owner calls them:
///
/// 1. **Receive.** ``receive(_:now:)`` takes what the connection brought, ``endOfInput()`` its end, and
///    ``handleDeadline(now:)`` the passing of ``nextDeadline``.
/// 2. **Poll**, after anything else was called: ``nextEvent()`` until nil, ``nextJob()`` until nil (run the job anywhere, bring
///    the result back with ``complete(_:durationNanoseconds:now:)``), then ``transmit(maximumByteCount:now:into:)`` while the
///    connection can take bytes, and ``detachFromOutput()`` when it cannot. When ``wantsClose`` is true after that, the connection is to be closed.
/// 3. **Commands.** ``open(_:compression:)``, ``write(_:to:endsMessage:)``, ``finish(_:)``, ``read(_:maximumByteCount:)``,
///    ``stop(_:code:)``, ``reset(_:code:)``, ``release(_:)``, ``ping(now:)``, ``drain(now:)``, ``close(_:text:)``.
/// 4. **Getters.** ``counters``, ``snapshot``, ``agreement``, ``phase`` and others.
///
/// A session is a value: a copy goes its own way, and two sessions in the same state are equal. SPEC.md is the law; rules are
/// cited by name where they are enforced.
public struct Session: Hashable, Sendable {
  /// The part this end plays.
  public let role: Role
  /// What this end offers, requires and is willing to hold.
  public let configuration: SessionConfiguration
  /// What both ends settled on; nil until the handshake is complete.
  public internal(set) var agreement: Agreement?
  /// What this end has counted so far.
  public internal(set) var counters = SessionCounters()
  /// The latest round trip; nil before the first (SPEC LIV-1).
  public internal(set) var roundTripNanoseconds: UInt64?

  var progress = SessionProgress()
  let secrets: SessionSecrets
  /// What the other end goes by; changes when it has taken an update over (SPEC UPD-1).
  var local: Announcement
  var updates = CapabilityUpdates()
  /// The other end's announcement; the defaults until it arrives (SPEC HS-2).
  var remote = Announcement()
  var remotePreface: Preface?
  var remoteCodecs: Set<Codec> = [] {
    didSet {
      sendCodecs = CodecSet(remoteCodecs)
      peerDecoding = PeerDecoding(remoteCodecs, megabytesPerSecond: remote.decodeSpeeds)
    }
  }
  private(set) var sendCodecs = CodecSet([])
  var hasReceivedBeyondEarlyFrames = false

  var parser: FrameParser
  var ledger: AbuseLedger
  var events = EventQueue()

  var streams = StreamTable()
  /// Memory for the queues of busy streams.
  var backlogs: Lent<SendHalf.Backlog>.Shelf
  var queues: Lent<ReceiveQueue>.Shelf
  /// What has been read to the end of what there is, while nothing has been done since.
  var emptied = EmptiedStream()
  /// Slots of streams whose unread bytes lie where the connection brought them.
  var borrowers: [UInt32] = []
  /// Slots of streams whose unsent bytes may lie in buffers that are much larger.
  var pinners: [UInt32] = []
  /// Memory for blocks that were joined; nothing is in it between two of them.
  var joint = ByteBuffer()
  /// Bodies of OPEN that have still to be sent and are not empty.
  var openBodies: [StreamID: [UInt8]] = [:]
  /// Streams whose blocks are chained, in each direction (SPEC CHN-2).
  var sendChains: [StreamID: SendChain] = [:]
  var receiveChains: [StreamID: ChainPlace] = [:]
  /// What blocks are compressed against, in each direction (SPEC DIC-1).
  var outgoingDictionaries = OutgoingDictionaries()
  var incomingDictionaries: IncomingDictionaries
  /// Objects of which both ends hold a version, in each direction (SPEC BAS-1), and where the bytes lie that a carrier has to be read.
  var outgoingObjects = OutgoingObjects()
  var incomingObjects: IncomingObjects
  var pageReads: [StreamID: Deque<Range<Int>>] = [:]
  /// Streams in another domain than 0 (SPEC BAS-6).
  var domains: [StreamID: UInt64] = [:]
  var openedOrdinal: UInt64 = 0
  var peerOrdinal: UInt64 = 0
  var peerStreamLimit: UInt64
  var closedPeerStreamCount: UInt64 = 0

  var sendCredit = SessionSendCredit()
  var receiveCredit: SessionReceiveCredit
  var stalls = StallWatch()

  var decodeJobs: Deque<DecodeJob> = []
  var pageJobs: Deque<PageDecodeJob> = []
  var encodeJobCount = 0
  var nextJobNumber: UInt64 = 1
  /// Blocks wait for a codec job to come back.
  var isCodecBusy = false
  /// Short blocks that may go stored as the last one did, whatever their streams.
  var unaskedShortBlockCount: UInt8 = 0
  /// Of streams whose compression is automatic.
  var selectors: SelectorTable
  var peerDecoding = PeerDecoding()
  /// Raw bytes sent until blocks that were ready last had to wait when frames were written; nil if they never had to.
  var linkBusyMark: UInt64?
  /// Blocks that had to wait for the link when they had been encoded, since the last one for which the link had room.
  var readyRun = 0
  /// Cores that encode.
  var codecCores: GrantedCores
  /// Streams that may have blocks to cut and compress.
  var encodeRing: Deque<StreamID> = []
  /// Streams that may have blocks to send.
  var schedule = SendSchedule()
  /// Streams that wait for session credit.
  var creditWaiters: Deque<StreamID> = []
  /// Streams with OPEN, STOP, RESET or CREDIT to send.
  var controlRing: Deque<StreamID> = []
  /// Ids in these lists, at most, whose streams are gone.
  var staleIDCount = 0
  /// A block for a codec took the last of the session's credit: streams in the schedule come before the next one.
  var owesScheduleCredit = false

  var outbox = ControlOutbox()
  var link = LinkAccounting()
  var flow = LinkFlow()
  var liveness: Liveness
  var goAway = GoAwayState()

  /// - Parameter role: whether this end opened the connection.
  /// - Parameter configuration: brought within the bounds of SPEC section 6 where it is beyond them.
  /// - Parameter secrets: 80 unpredictable bytes; see ``SessionSecrets``.
  /// - Parameter now: the instant from which the handshake timeout counts.
  public init(role: Role, configuration: SessionConfiguration, secrets: SessionSecrets, now: Instant) {
    self.role = role
    self.configuration = configuration
    self.secrets = secrets
    local = configuration.announcement
    selectors = SelectorTable(ladder: configuration.codecLadder ?? .standard)
    codecCores = GrantedCores(limit: min(configuration.codecCoreCount ?? 1, configuration.maximumEncodeJobCount))
    parser = FrameParser(
      maximumRawBlockByteCount: local.maximumRawBlockByteCount, allowsChains: local.chains.count > 0,
      allowsDictionaries: local.dictionaryByteCount > 0, allowsObjects: local.objectByteCount > 0)
    incomingObjects = IncomingObjects(budget: local.objectByteCount)
    incomingDictionaries = IncomingDictionaries(budget: local.dictionaryByteCount)
    ledger = AbuseLedger(configuration.abuseBudgets)
    peerStreamLimit = local.streamLimit
    backlogs = Lent.Shelf(streamLimit: local.streamLimit)
    queues = Lent.Shelf(streamLimit: local.streamLimit)
    receiveCredit = SessionReceiveCredit(
      window: local.sessionCredit, budget: configuration.receiveBudgetByteCount)
    liveness = Liveness(start: now, handshakeTimeoutNanoseconds: configuration.handshakeTimeoutNanoseconds)
    if let dictionary = configuration.sendDictionary { outgoingDictionaries.propose(dictionary) }
    if role == .initiator { queueHello() }
  }

  /// The next thing to be told, oldest first.
  public mutating func nextEvent() -> SessionEvent? { events.popFirst() }

  /// Lists that had more in them do not keep their memory.
  static let keptCount = 1_024

  /// True when the connection is to be closed: everything that had to be sent has been.
  public var wantsClose: Bool { phase == .closed }

  /// Streams that are open now, from either end.
  public var streamCount: Int { streams.count }

  /// Raw bytes received and not read, over all streams.
  public var unreadUnitCount: UInt64 { receiveCredit.unread }

  /// Raw bytes that the other end may have sent and nobody read, over all streams, as tuned at this moment (SPEC CRD-8).
  public var receiveWindowUnitCount: UInt64 { receiveCredit.window }

  /// Numbered frames sent that the other end has not acknowledged (SPEC ACK-1).
  public var unacknowledgedFrameCount: UInt64 { link.sentNumberedCount &- link.acknowledgedCount }

  var isActive: Bool { phase == .open }

  /// To be called before streams are changed, once in each call of the session's.
  @inline(__always)
  mutating func makeStreamsUnique() {
    emptied = EmptiedStream()
    if !streams.isUnique { copyStreams() }
  }

  /// The session has been copied.
  @inline(never)
  private mutating func copyStreams() {
    streams.copy()
    backlogs.removeAll()
    queues.removeAll()
  }

  /// SPEC HDR-4.
  var sendsChecks: Bool { agreement?.isIntegrityOn ?? true }
}

/// One place for each kind of frame that concerns the session; newer values overwrite older ones (SPEC LIV-2).
struct ControlOutbox: Hashable, Sendable {
  /// Preface, HELLO, WELCOME or REFUSE, ready to go.
  var handshake = ByteBuffer()
  var hasSentPreface = false
  var pong: UInt64?
  var ping: UInt64?
  var goAway: GoAwayNotice?
  var close: CloseReason?
  var owesGrease = true
}

struct GoAwayNotice: Hashable, Sendable {
  var code: ErrorCode
  var lastStreamID: StreamID
  var text: String
}

struct CloseReason: Hashable, Sendable {
  var code: ErrorCode
  var text: String
}

/// The stream that was just read to the end of what there is: who reads until there is nothing more asks once more, and is answered without a look at it. Any call
/// after which there could be something forgets it. It says nothing that the stream does not, so that all are equal.
struct EmptiedStream: Hashable, Sendable {
  /// No stream's while there is none.
  var id = StreamID(rawValue: .max)

  static func == (left: Self, right: Self) -> Bool { true }

  func hash(into hasher: inout Hasher) {}
}
