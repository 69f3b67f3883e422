internal import DWCPCore
internal import NIOCore
internal import Simulation

/// The hostile end: it knows the protocol, keeps its own books about streams and credit by reading what the engine sends, and writes its frames by hand.
struct HostilePeer {
  struct Stream {
    let id: UInt64
    /// Units sent.
    var end: UInt64 = 0
    var limit: UInt64
    var isFinished = false
  }

  let role: Role
  let configuration: SessionConfiguration
  let readBufferByteCount: Int
  /// What is to be sent next.
  var wire = HostileWire(readBufferByteCount: 512)
  /// What is to be sent before that, each part in a read of its own.
  private(set) var reads: [ByteBuffer] = []
  var random = SeededGenerator(seed: 0)

  /// Streams of either end in which this end may still send, and some in which it has finished.
  var streams: [Stream] = []
  var finished: [Stream] = []
  var openedCount: UInt64 = 0
  var streamLimit: UInt64
  var sessionLimit: UInt64
  var sessionCharge: UInt64 = 0
  var offers = HostileOffers()
  var objects = HostileObjects()
  var unansweredPings: [UInt64] = []
  var receivedNumberedCount: UInt64 = 0
  var creditGiven: UInt64 = 1 << 20
  var streamsGiven: UInt64 = 16
  var lastGoAway: UInt64 = 1 << 48 - 1
  /// CLOSE or REFUSE and the code in it, if the engine has said its last words.
  private(set) var lastWords: (type: UInt8, code: UInt32)?
  /// What stood twice among what the engine had to send at one moment, in a sentence (SPEC LIV-2).
  private(set) var queuedReply: String?
  private var hasSeenPreface = false
  private static let rememberedCount = 48

  /// All bytes there are in what this peer has others read.
  static let alphabet: [UInt8] = [0x00, 0x07, 0x1F, 0x70, 0xF0, 0xFF]

  init(_ scenario: HostileScenario) {
    role = scenario.victim.other
    configuration = scenario.configuration
    readBufferByteCount = scenario.readBufferByteCount
    streamLimit = scenario.configuration.maximumPeerStreamCount
    sessionLimit = scenario.configuration.sessionWindowByteCount
  }

  /// What comes next arrives in a read of its own.
  mutating func endRead() {
    reads.append(wire.bytes)
    wire = HostileWire(readBufferByteCount: 512)
  }

  mutating func takeReads() -> [ByteBuffer] {
    endRead()
    defer { reads = [] }
    return reads
  }

  /// The id of the stream with this ordinal, from 1, among this end's own.
  func id(_ ordinal: UInt64) -> UInt64 { role == .initiator ? 2 * ordinal - 1 : 2 * ordinal }

  /// PONG, ACK, CREDIT, STREAMS, RESET, STOP, GOAWAY: each has one place.
  private static let replyTypes: [UInt8] = [0x05, 0x06, 0x07, 0x08, 0x42, 0x43, 0x44]

  /// Takes what the engine has sent: whole frames.
  mutating func read(_ bytes: inout ByteBuffer) {
    if !hasSeenPreface, bytes.readableBytes > 0 {
      hasSeenPreface = true
      bytes.moveReaderIndex(forwardBy: min(8, bytes.readableBytes))
    }
    var replies: Set<UInt64> = []
    while let (first, length, _) = bytes.readMultipleIntegers(as: (UInt64, UInt32, UInt32).self) {
      guard var body = bytes.readSlice(length: Int(length)) else { return }
      if first >> 55 & 1 == 1 { bytes.moveReaderIndex(forwardBy: 4) }
      let type = UInt8(truncatingIfNeeded: first >> 56)
      let isReply = Self.replyTypes.contains(type)
      if isReply, !replies.insert(first).inserted { queuedReply = "frame \(type) waited twice to be sent (LIV-2)" }
      if type & 0x40 != 0 { receivedNumberedCount += 1 }
      take(type, stream: first & 0xFFFF_FFFF_FFFF, &body)
    }
  }

  private mutating func take(_ type: UInt8, stream: UInt64, _ body: inout ByteBuffer) {
    switch type {
    case 0x03, 0x09: lastWords = (type, body.readInteger() ?? 0)
    case 0x04: unansweredPings.append(body.readInteger() ?? 0)
    case 0x07:
      let limit = body.readInteger(as: UInt64.self) ?? 0
      if stream == 0 {
        sessionLimit = max(sessionLimit, limit)
      } else if let index = streams.firstIndex(where: { $0.id == stream }) {
        streams[index].limit = max(streams[index].limit, limit)
      }
    case 0x08: streamLimit = max(streamLimit, body.readInteger() ?? 0)
    case 0x40, 0x41: meet(stream)
    case 0x46: answerDictionary(body)
    case 0x47:
      if let (id, answer) = body.readMultipleIntegers(as: (UInt32, UInt8).self) { offers.take(answer, id: id) }
    case 0x48: takeObjectAnswer(&body)
    default: break
    }
  }

  private mutating func takeObjectAnswer(_ body: inout ByteBuffer) {
    guard let (domain, object, version, value) = body.readMultipleIntegers(as: (UInt64, UInt64, UInt64, UInt64).self)
    else { return }
    let name = ObjectName(domain: domain, number: object)
    objects.take(body.readInteger() ?? 0, name, version: version, value: value)
  }

  /// The engine offers a dictionary: it is taken, or not, or answered early.
  private mutating func answerDictionary(_ part: ByteBuffer) {
    var head = part
    guard let (id, _, total, offset) = head.readMultipleIntegers(as: (UInt32, UInt64, UInt32, UInt32).self) else {
      return
    }
    head.moveReaderIndex(forwardBy: 32)
    let isLast = Int(offset) + head.readableBytes == Int(total)
    if isLast || random.isOneIn(8) { wire.dictionaryAnswer(id, isLast ? UInt8(random.next(below: 3)) : 2) }
  }

  /// A stream that the engine opened.
  private mutating func meet(_ stream: UInt64) {
    let isOurs = (stream & 1 == 1) == (role == .initiator)
    let isKnown = streams.contains { $0.id == stream } || finished.contains { $0.id == stream }
    if !isOurs, !isKnown { remember(stream) }
  }

  mutating func remember(_ id: UInt64) {
    if streams.count >= Self.rememberedCount { streams.remove(at: random.next(below: streams.count)) }
    streams.append(Stream(id: id, limit: configuration.streamWindowByteCount))
  }

  mutating func noteFinished(at index: Int) {
    var stream = streams.remove(at: index)
    stream.isFinished = true
    if finished.count >= Self.rememberedCount { finished.removeFirst() }
    finished.append(stream)
  }

  /// Opens another stream of this end's own, or returns nil at the limit.
  mutating func nextID() -> UInt64? {
    guard openedCount < streamLimit, lastGoAway > 0 else { return nil }
    openedCount += 1
    return id(openedCount)
  }

  /// The place of a stream to send in; opens one where there is none.
  mutating func anyStream() -> Int? {
    if streams.isEmpty {
      guard let id = nextID() else { return nil }
      wire.open(stream: id)
      remember(id)
    }
    return random.next(below: streams.count)
  }

  /// Units that may be sent in a stream, at most one block.
  func room(_ index: Int) -> Int {
    let stream = streams[index].limit - min(streams[index].limit, streams[index].end)
    let session = sessionLimit - min(sessionLimit, sessionCharge)
    return Int(min(stream, session, 65_536))
  }

  mutating func charge(_ index: Int, _ units: Int) {
    streams[index].end += UInt64(units)
    sessionCharge += UInt64(units)
  }

  /// Lengths of all magnitudes, as far as there is room.
  mutating func size(upTo room: Int) -> Int {
    let limit = [1, 16, 300, 5_000, 65_536][random.next(below: 5)]
    return room == 0 ? 0 : 1 + random.next(below: min(room, limit))
  }

  /// A number from the edges of what a field can hold.
  mutating func extremeNumber() -> UInt64 {
    let edges: [UInt64] = [
      0, 1, 0xFFFF, 65_536, 1 << 31 - 1, 1 << 32 - 1, 1 << 46, 1 << 46 + 1, 1 << 48 - 1, 1 << 62 - 1, 1 << 62,
      1 << 62 + 1, 1 << 63 - 1, 1 << 63, .max - 1, .max,
    ]
    return edges[random.next(below: edges.count)]
  }
}
