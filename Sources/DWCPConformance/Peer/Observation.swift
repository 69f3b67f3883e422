/// What has come from the server, and which rules its own frames have broken.
///
/// Frames are judged apart from what the script waits for: a rule that the server breaks by the way is kept in `violations`, and
/// fails only the cases that name that rule.
struct Observation {
  /// One stream as its opener sees it.
  struct Stream {
    var raw: [UInt8] = []
    var offset: UInt64 = 0
    /// For each mark, the number of raw bytes in front of it.
    var marks: [Int] = []
    var isFinished = false
    var reset: (code: Code, finalOffset: UInt64)?
    var stop: Code?
    /// What the server lets us send.
    var creditLimit: UInt64?
    /// What we let the server send; nil for the announced credit.
    var grantedLimit: UInt64?
    var codecs: Set<UInt8> = []

    var isOver: Bool { isFinished || reset != nil }
    var isRefused: Bool { reset != nil && stop != nil }
  }

  var limits = Limits([Entry]())
  /// Of the last UPDATE_ACK.
  var answeredEpoch: UInt64 = 0
  var welcome: Welcome?
  var refusal: Refusal?
  var close: (code: Code, text: String)?
  var goAway: UInt64?
  var pings: [UInt64] = []
  var pongs: [UInt64] = []
  var acknowledged: UInt64?
  var sessionCredit: UInt64 = 0
  var streamLimit: UInt64 = 0
  var streams: [UInt64: Stream] = [:]
  /// The first answer to each dictionary.
  private(set) var dictionaryAnswers: [UInt64: UInt8] = [:]
  /// Bodies of all answers about objects.
  private(set) var objectAnswers: [[UInt8]] = []
  var skippedFrameCount = 0
  var isEnded = false
  private(set) var violations: [(clause: String, text: String)] = []

  /// Kept by the script: what it has sent and granted.
  var sentNumberedCount: UInt64 = 0
  var sentPings: Set<UInt64> = []
  var grantedSession: UInt64 = 0
  private var sessionCharge: UInt64 = 0
  /// Numbered frames of the server.
  private(set) var numberedCount: UInt64 = 0

  subscript(_ id: UInt64) -> Stream {
    get { streams[id] ?? Stream() }
    set { streams[id] = newValue }
  }

  private mutating func violate(_ clause: String, _ text: String) {
    if violations.count < 100 { violations.append((clause, text)) }
  }

  mutating func take(_ frame: Frame) {
    if frame.isNumbered { numberedCount &+= 1 }
    if close != nil || refusal != nil { violate("END-4", "\(frame) came after the server's last word") }
    if frame.payloadCheck == .wrong { violate("HDR-3", "\(frame) has a wrong payload check") }
    if frame.payloadCheck == .absent, welcome == nil || welcome.map({ $0.flags & 1 != 0 }) == true {
      violate("HDR-4", "\(frame) has no payload check")
    }
    guard let kind = frame.kind else {
      if frame.type & 0x80 == 0 { violate("HDR-6", "\(frame) has a type that nobody knows, and must not be ignored") }
      if frame.body.count > 16_384 { violate("HDR-6", "\(frame) is too long to be skipped") }
      skippedFrameCount += 1
      return
    }
    if !kind.lengths.contains(frame.body.count) { violate("HDR-2", "\(frame) has a length out of bounds") }
    if let namesStream = kind.namesStream, namesStream != (frame.streamID != 0) {
      violate("HDR-8", "\(frame) has a wrong stream id")
    }
    if kind == .data {
      if frame.flags & Flag.reservedInData != 0 { violate("DAT-9", "\(frame) has a reserved flag") }
    } else if frame.flags & Flag.reservedElsewhere != 0 {
      violate("HDR-5", "\(frame) has a reserved flag")
    }
    take(kind, frame)
  }

  private mutating func take(_ kind: FrameKind, _ frame: Frame) {
    var reader = ByteReader(frame.body)
    let id = frame.streamID
    switch kind {
    case .welcome: takeWelcome(frame)
    case .refuse: refusal = Refusal(frame.body)
    case .hello: violate("HS-1", "a HELLO came from the server")
    case .ping: pings.append(reader.integer(byteCount: 8) ?? 0)
    case .pong: takePong(reader.integer(byteCount: 8) ?? 0)
    case .ack: takeAcknowledgement(reader.integer(byteCount: 8) ?? 0)
    case .credit: takeCredit(id, reader.integer(byteCount: 8) ?? 0)
    case .streams: streamLimit = max(streamLimit, reader.integer(byteCount: 8) ?? 0)
    case .close: close = (code(&reader), reader.text() ?? "")
    case .open: break
    case .data: takeData(frame)
    case .reset: takeReset(id, code(&reader), reader.integer(byteCount: 8) ?? 0)
    case .stop: self[id].stop = code(&reader)
    case .update: violate("UPD-1", "UPDATE came, which the tester's FEATURES do not have")
    case .updateAck: answeredEpoch = reader.integer(byteCount: 4) ?? 0
    case .goAway:
      _ = code(&reader)
      goAway = reader.integer(byteCount: 8)
    case .dictionary: violate("DIC-1", "\(frame) came though the tester announced no DICTIONARIES")
    case .dictionaryAnswer:
      let id = reader.integer(byteCount: 4) ?? 0
      if dictionaryAnswers[id] != nil { violate("DIC-1", "\(frame) is a second answer to dictionary \(id)") }
      dictionaryAnswers[id] = UInt8(truncatingIfNeeded: reader.integer(byteCount: 1) ?? 0xFF)
    case .baselineAnswer: objectAnswers.append(frame.body)
    }
  }

  private func code(_ reader: inout ByteReader) -> Code {
    Code(UInt32(truncatingIfNeeded: reader.integer(byteCount: 4) ?? 0))
  }

  private mutating func takeWelcome(_ frame: Frame) {
    if welcome != nil { violate("HS-1", "a second WELCOME came") }
    guard let welcome = Welcome(frame.body) else { return violate("HDR-2", "\(frame) is too short") }
    self.welcome = welcome
    sessionCredit = welcome.limits.sessionCredit
    streamLimit = welcome.limits.streamLimit
  }

  private mutating func takePong(_ value: UInt64) {
    if !sentPings.contains(value) { violate("LIV-1", "PONG \(value) answers no PING") }
    pongs.append(value)
  }

  private mutating func takeAcknowledgement(_ count: UInt64) {
    if count < acknowledged ?? 0 || count > sentNumberedCount {
      violate("ACK-1", "ACK \(count) is not between \(acknowledged ?? 0) and \(sentNumberedCount)")
    }
    acknowledged = count
  }

  private mutating func takeCredit(_ id: UInt64, _ limit: UInt64) {
    if limit > 1 << 62 { violate("CRD-4", "CREDIT \(limit) is above 2^62") }
    if id == 0 {
      sessionCredit = max(sessionCredit, limit)
    } else {
      self[id].creditLimit = max(self[id].creditLimit ?? 0, limit)
    }
  }

  private mutating func takeReset(_ id: UInt64, _ code: Code, _ finalOffset: UInt64) {
    let stream = self[id]
    if finalOffset != stream.offset {
      violate("STR-9", "RESET names \(finalOffset) where DATA ended at \(stream.offset)")
    }
    self[id].reset = (code, finalOffset)
  }

  private mutating func takeData(_ frame: Frame) {
    var reader = ByteReader(frame.body)
    guard let offset = reader.integer(byteCount: 8), let codec = reader.integer(byteCount: 1),
      let rawLength = reader.integer(byteCount: 3)
    else { return }
    var lengths: [Int] = []
    if frame.flags & Flag.marks != 0 {
      let count = reader.integer(byteCount: 2) ?? 0
      lengths = (0..<count).compactMap { _ in reader.integer(byteCount: 2).map { Int(truncatingIfNeeded: $0) } }
      if count == 0 || lengths.count != Int(truncatingIfNeeded: count)
        || lengths.reduce(0, +) > Int(truncatingIfNeeded: rawLength)
      {
        violate("DAT-4", "\(frame) has a wrong mark table")
      }
    }
    let payload = Array(reader.rest)
    judge(frame, codec: codec, rawLength: rawLength, payloadLength: UInt64(payload.count))
    guard let raw = codec == 1 ? Block.decodeLZ4(payload, count: Int(truncatingIfNeeded: rawLength)) : payload else {
      return violate("CDC-4", "\(frame) cannot be decoded")
    }
    let endsMessage = frame.flags & Flag.endOfMessage != 0
    let span = rawLength &+ UInt64(lengths.count) &+ (endsMessage ? 1 : 0)
    if span == 0, frame.flags & Flag.fin == 0 { violate("DAT-2", "\(frame) carries nothing") }
    place(frame, offset: offset, span: span)
    var stream = self[frame.streamID]
    stream.codecs.insert(UInt8(truncatingIfNeeded: codec))
    var position = stream.raw.count
    for length in lengths {
      position += length
      stream.marks.append(position)
    }
    stream.raw += raw
    if endsMessage { stream.marks.append(stream.raw.count) }
    if frame.flags & Flag.fin != 0 { stream.isFinished = true }
    self[frame.streamID] = stream
  }

  /// What a block says by itself.
  private mutating func judge(_ frame: Frame, codec: UInt64, rawLength: UInt64, payloadLength: UInt64) {
    if !limits.codecs.contains(UInt8(truncatingIfNeeded: codec)) {
      violate("CAP-5", "\(frame) has codec \(codec), which was not announced")
    }
    if rawLength > limits.rawBlockByteCount { violate("CAP-5", "\(frame) is longer than MAX_RAW_BLOCK") }
    if codec == 0 ? payloadLength != rawLength : payloadLength >= rawLength {
      violate("DAT-3", "\(frame) has a payload of \(payloadLength) bytes")
    } else if codec != 0, rawLength - payloadLength < max(16, rawLength / 16) {
      violate("CDC-5", "\(frame) saves too little")
    }
  }

  /// Where a block stands, and what credit says to it.
  private mutating func place(_ frame: Frame, offset: UInt64, span: UInt64) {
    let stream = self[frame.streamID]
    if offset != stream.offset { violate("DAT-6", "\(frame) begins at \(offset) instead of \(stream.offset)") }
    if stream.isOver { violate("STR-11", "\(frame) came behind the end of its direction") }
    let (end, isHuge) = offset.addingReportingOverflow(span)
    if isHuge || end > stream.grantedLimit ?? limits.streamCredit {
      violate("CRD-1", "\(frame) ends at \(end), above the stream's credit")
    }
    sessionCharge &+= span
    if sessionCharge > max(grantedSession, limits.sessionCredit) {
      violate("CRD-2", "\(frame) brings the session to \(sessionCharge), above its credit")
    }
    self[frame.streamID].offset = end
  }
}
