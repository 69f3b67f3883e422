/// What an endpoint offers, requires and is willing to hold. The defaults are those of SPEC section 14.
public struct SessionConfiguration: Hashable, Sendable {
  /// Lowest and highest minor version this endpoint speaks.
  public var minorVersions: ClosedRange<UInt8> = 0...0

  /// Codecs this endpoint announces that it can decode, preferred first. `none` is always among them.
  public var decodableCodecs: [Codec] = [.zstd, .lz4, .none]

  /// Codecs this endpoint is willing to send with. The session is refused when the other end can decode none of them (SPEC HS-4).
  /// Even then a block that does not shrink travels stored.
  public var acceptableCodecs: Set<Codec> = [.none, .lz4, .zstd]

  /// Codecs the other end must be able to decode, or the session is refused (SPEC HS-4).
  public var requiredCodecs: Set<Codec> = []

  /// How streams compress unless they say otherwise.
  public var compression = CompressionChoice.automatic

  /// What automatic compression chooses from, as measured on this machine; its decode speeds are announced. Nil for ``CodecLadder/standard``, of which
  /// nothing is announced.
  public var codecLadder: CodecLadder?

  /// Cores that run codec jobs, at least 1; nil for what the transport has, or 1 without one.
  public var codecCoreCount: Int?

  /// Each change of an automatic choice is told as ``SessionEvent/codecChosen(_:)``.
  public var explainsCodecs = false

  /// What is borne of frames that cost this end more than the other one.
  public var abuseBudgets = AbuseBudgets()

  /// Raw bytes the other end may have sent and the applications not read, over all streams, at first; at least 1 MiB.
  public var sessionWindowByteCount: UInt64 = 16 << 20

  /// What the session's window may grow to with what is read in a round trip, unread bytes of stalled readers included (SPEC CRD-8, CRD-9). Less
  /// than the window is the window.
  public var receiveBudgetByteCount: UInt64 = 64 << 20

  /// The window of each stream at first, which grows within that of the session; at least 65,536.
  public var streamWindowByteCount: UInt64 = 4 << 20

  /// Streams the other end may have open at once; at least 16.
  public var maximumPeerStreamCount: UInt64 = 256

  /// Largest raw block this endpoint takes; 65,536 to 16,711,680.
  public var maximumRawBlockByteCount = 262_144

  /// Raw bytes in the blocks this endpoint cuts; at most what the other end takes.
  public var blockByteCount = 131_072

  /// Largest zstd window this endpoint takes, as a power of two; 10 to 31.
  public var maximumZstdWindowLog = 20

  /// Chained blocks that this endpoint takes; ``ChainBudget/none`` for independent ones only.
  public var receiveChains = ChainBudget.standard

  /// Streams whose blocks this endpoint chains at once, as far as the other end takes it; what is asked for beyond is compressed in independent blocks.
  public var sendChains = ChainBudget.standard

  /// Bytes of dictionaries that this endpoint holds for the other end: 0 for none, else 256 to 229,376, two of the longest (SPEC DIC-1).
  public var receiveDictionaryByteCount = 229_376

  /// Bytes of objects that this endpoint holds for the other end, so that it sends only what changed of them: 0 for none, else 65,536 to 2^40 (SPEC BAS-1). An
  /// object counts with its length while the session goes on, and can take up to six times of it while it changes.
  public var receiveObjectByteCount: UInt64 = 0

  /// What short blocks are compressed against once the other end has accepted it; ``Session/offer(_:)`` changes it (SPEC DIC-1).
  public var sendDictionary: CompressionDictionary?

  /// Bytes an application may have waiting in one stream before it is asked to wait.
  public var streamSendBudgetByteCount = 1 << 20

  /// Encode jobs under way at once in one session.
  public var maximumEncodeJobCount = 8

  /// The other end must check every frame (SPEC HDR-4). On by default, since plain TCP has only a 16-bit sum.
  public var requiresIntegrity = true

  /// Time for the handshake, in nanoseconds.
  public var handshakeTimeoutNanoseconds: UInt64 = 10_000_000_000

  /// Without a byte from the other end for this long the session ends, in milliseconds; 0 for never, else 1,000 to 86,400,000.
  public var idleTimeoutMilliseconds: UInt32 = 30_000

  /// Longest delay of an acknowledgement, in milliseconds; 1 to 1,000.
  public var acknowledgementDelayMilliseconds: UInt16 = 25

  /// Names this program in the other end's log; at most 64 bytes.
  public var implementationName = "dwcp-swift"

  /// The defaults of SPEC section 14.
  public init() {}

  var preface: Preface {
    Preface(lowestMinor: minorVersions.lowerBound, highestMinor: minorVersions.upperBound)
  }

  /// What is told to the other end, brought within the bounds of SPEC section 6.
  var announcement: Announcement {
    var announcement = Announcement()
    var codecIDs: [UInt8] = []
    for codec in decodableCodecs + [.none] where !codecIDs.contains(codec.rawValue) { codecIDs.append(codec.rawValue) }
    announcement.codecIDs = codecIDs
    announcement.maximumRawBlockByteCount = Int(
      UInt32(clamping: maximumRawBlockByteCount).clamped(to: Announcement.Bounds.rawBlockByteCounts))
    announcement.zstdWindowLog = Int(
      UInt8(clamping: maximumZstdWindowLog).clamped(to: Announcement.Bounds.zstdWindowLogs))
    announcement.sessionCredit = sessionWindowByteCount.clamped(to: Announcement.Bounds.sessionCredits)
    announcement.streamCredit = streamWindowByteCount.clamped(to: Announcement.Bounds.streamCredits)
    announcement.streamLimit = maximumPeerStreamCount.clamped(to: Announcement.Bounds.streamLimits)
    announcement.idleTimeoutMilliseconds =
      idleTimeoutMilliseconds == 0
      ? 0 : idleTimeoutMilliseconds.clamped(to: Announcement.Bounds.idleTimeoutsMilliseconds)
    announcement.requiresIntegrity = requiresIntegrity
    announcement.acknowledgementDelayMilliseconds = acknowledgementDelayMilliseconds.clamped(
      to: Announcement.Bounds.acknowledgementDelaysMilliseconds)
    announcement.chains = receiveChains.bounded
    announcement.features = Announcement.Feature.update | Announcement.Feature.priority
    if receiveDictionaryByteCount > 0, decodableCodecs.contains(.zstd) {
      announcement.dictionaryByteCount = Int(
        UInt32(clamping: receiveDictionaryByteCount).clamped(to: Announcement.Bounds.dictionaryByteCounts))
    }
    if receiveObjectByteCount > 0 {
      announcement.objectByteCount = receiveObjectByteCount.clamped(to: Announcement.Bounds.objectByteCounts)
    }
    announcement.implementation = implementationName
    announcement.decodeSpeeds = decodeSpeeds(codecIDs)
    return announcement
  }

  /// 10^6 raw bytes a second that all cores decode, by codec id (SPEC section 6, DECODE_SPEED).
  private func decodeSpeeds(_ codecIDs: [UInt8]) -> [UInt8: UInt32] {
    guard let codecLadder else { return [:] }
    var speeds: [UInt8: UInt32] = [:]
    for codec in codecIDs.compactMap(Codec.init(rawValue:)) where codec != .none {
      let speed = codecLadder.decompressBytesPerSecond(codec).map { $0 / 1e6 * Double(max(1, codecCoreCount ?? 1)) }
      if let speed, speed.isFinite { speeds[codec.rawValue] = UInt32(min(max(1, speed), 0xFF_FFFF)) }
    }
    return speeds
  }

  /// The bound of SPEC section 15 (MEM-1) on what one session holds, in bytes.
  ///
  /// It holds for an owner that takes events and jobs after each call of ``Session/receive(_:now:)``.
  ///
  /// - Parameters:
  ///   - readBufferByteCount: the largest buffer the transport gives to ``Session/receive(_:now:)``.
  ///   - sendBudgetByteCount: what the application may have waiting, over all streams.
  ///   - transportByteCount: what the transport holds on behalf of the session, in both directions.
  public func worstCaseMemoryByteCount(
    readBufferByteCount: UInt64, sendBudgetByteCount: UInt64, transportByteCount: UInt64 = 0
  ) -> UInt64 {
    let announced = announcement
    let block = UInt64(announced.maximumRawBlockByteCount)
    let streams = 2 * announced.streamLimit
    let budget = max(announced.sessionCredit, receiveBudgetByteCount)
    let receiving = 8 * budget + 6 * block + 16 * readBufferByteCount + 65_536
    let perStream = 2_048 + 4 * UInt64(announced.maximumMetadataByteCount)
    let jobs = UInt64(max(0, maximumEncodeJobCount)) * (2 * block + 1_024)
    let chains = UInt64(announced.chains.count) * (1 << UInt64(announced.chains.windowLog) + 524_288)
    let dictionaries = announced.dictionaryByteCount == 0 ? 0 : 6 * UInt64(announced.dictionaryByteCount) + 262_144
    let objects = 6 * announced.objectByteCount
    return receiving + streams * perStream + 5 * sendBudgetByteCount + 4 * transportByteCount + jobs + chains
      + dictionaries + objects + 65_536
  }
}

extension Comparable {
  fileprivate func clamped(to bounds: ClosedRange<Self>) -> Self {
    min(max(self, bounds.lowerBound), bounds.upperBound)
  }
}

/// Unpredictable bytes for one session, from the operating system's random source. The engine has none of its own.
public struct SessionSecrets: Hashable, Sendable {
  let nonce: [UInt8]
  let sessionID: [UInt8]
  let token: [UInt8]

  /// Draws 80 bytes.
  public init(using generator: inout some RandomNumberGenerator) {
    func draw(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) } }
    nonce = draw(Hello.nonceByteCount)
    sessionID = draw(Welcome.sessionIDByteCount)
    token = draw(Welcome.tokenByteCount)
  }
}

/// A point in time on a clock that never goes back, as nanoseconds from any origin.
public struct Instant: Hashable, Comparable, Sendable {
  /// Nanoseconds from the clock's origin.
  public let nanoseconds: UInt64

  /// The instant so many nanoseconds from the clock's origin.
  public init(nanoseconds: UInt64) {
    self.nanoseconds = nanoseconds
  }

  public static func < (left: Instant, right: Instant) -> Bool { left.nanoseconds < right.nanoseconds }

  /// The earlier of two, where there are any.
  @inline(__always)
  static func earlier(_ left: Instant?, _ right: Instant?) -> Instant? {
    guard let left else { return right }
    guard let right else { return left }
    return min(left, right)
  }

  func advanced(byNanoseconds delta: UInt64) -> Instant {
    let (sum, isTooFar) = nanoseconds.addingReportingOverflow(delta)
    return Instant(nanoseconds: isTooFar ? .max : sum)
  }

  func advanced(byMilliseconds delta: some BinaryInteger) -> Instant {
    advanced(byNanoseconds: UInt64(clamping: delta).multipliedReportingOverflow(by: 1_000_000).partialValue)
  }

  /// Nanoseconds since an earlier instant; 0 when `earlier` is later.
  func nanoseconds(since earlier: Instant) -> UInt64 {
    nanoseconds >= earlier.nanoseconds ? nanoseconds - earlier.nanoseconds : 0
  }
}
