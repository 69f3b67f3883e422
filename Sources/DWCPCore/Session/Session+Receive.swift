internal import DequeModule
public import NIOCore

extension Session {
  /// Takes bytes that the connection brought.
  ///
  /// Everything in them is hostile until checked. The first rule that is broken ends the session: an
  /// ``SessionEvent/ended(_:)`` event says which (SPEC CONV-5), and CLOSE or REFUSE tells the other end. What was delivered before stays, and nothing
  /// of the frame in error is delivered (SPEC ERR-2).
  ///
  /// Payload is not copied: slices of `bytes` are kept until they are read or decoded, small ones until ``detachFromInput()`` or the next call, but for two parts of
  /// the block that is still arriving.
  public mutating func receive(_ bytes: ByteBuffer, now: Instant) {
    makeStreamsUnique()
    // What comes behind the end is ignored, and has crossed the link all the same.
    counters.wireBytesReceived &+= UInt64(bytes.readableBytes)
    detachFromInput()
    detachBacklogs()
    guard progress.isLive, bytes.readableBytes > 0 else { return }
    liveness.noteReceived(now: now)
    do throws(SessionError) {
      try ledger.settleOwnResets(now: now)
      // Mostly that is all.
      let byteCount = try receiveWholeBlocks(bytes, now: now)
      if byteCount < bytes.readableBytes { try process(bytes, from: byteCount, now: now) }
    } catch {
      parser.releaseBlock()
      fail(error)
    }
  }

  /// Copies what has not been read and is little of what the connection brought, so that its buffers can be used again. Call it after ``receive(_:now:)``
  /// when the events have been told; a reader that reads at once then costs no copy, and one that does not costs one.
  public mutating func detachFromInput() {
    if !borrowers.isEmpty || borrowers.capacity > Self.keptCount { detachBorrowers() }
  }

  private mutating func detachBorrowers() {
    makeStreamsUnique()
    for slot in borrowers.lazy.map(Int.init) where streams[slot: slot].isBorrowing {
      streams[slot: slot].isBorrowing = false
      if streams[slot: slot].receive.queue.isHeld { streams[slot: slot].receive.queue.contents.detach() }
    }
    borrowers.removeAll(keepingCapacity: borrowers.capacity <= Self.keptCount)
  }

  /// The connection has ended; nothing more will arrive (SPEC END-5).
  public mutating func endOfInput() {
    switch phase {
    case .closed:
      return
    case .closing:
      progress.apply(.over)
    case .awaitingPreface, .awaitingHandshake, .open:
      outbox.close = nil
      progress.apply(.over)
      noteEnd(lostLinkError)
    }
  }

  private var lostLinkError: SessionError {
    if let remotePreface, configuration.preface.commonMinor(with: remotePreface) == nil {
      return versionError(remotePreface)
    }
    let message =
      agreement == nil
      ? "the connection ended before the handshake was complete; check that a DWCP endpoint listens there"
      : "the connection ended without CLOSE; the other end was stopped or the network failed"
    return SessionError(code: .linkLost, blame: .network, rule: "END-5", message: message)
  }

  private mutating func process(_ bytes: ByteBuffer, from offset: Int, now: Instant) throws(SessionError) {
    var input = bytes
    input.moveReaderIndex(forwardBy: offset)
    while progress.isLive, input.readableBytes > 0 {
      switch try parser.step(&input) {
      case .needsMore:
        return
      case .preface:
        try receivePreface(parser.preface)
      case .controlFrame:
        try beginFrame(parser.header, now: now)
        try receiveControl(parser.header, body: parser.takeBody(), now: now)
      case .dataFrame:
        try beginFrame(parser.header, now: now)
        try requireOpen(parser.header.type)
        try receiveData(now: now)
      }
      input.moveReaderIndex(forwardBy: try receiveWholeBlocks(input, now: now))
    }
  }

  /// Blocks that lie in the input one behind the other, in one look at its memory. Returns how many bytes they take.
  private mutating func receiveWholeBlocks(_ whole: ByteBuffer, now: Instant) throws(SessionError) -> Int {
    let bytes = whole.readableBytesSpan
    var offset = 0
    while progress.isLive,
      let byteCount = parser.takeWholeBlock(from: whole, bytes.extracting(droppingFirst: offset), at: offset)
    {
      offset &+= byteCount
      try beginFrame(parser.header, now: now)
      try requireOpen(parser.header.type)
      try receiveData(now: now)
      offset &+= receiveRun(from: whole, bytes.extracting(droppingFirst: offset), at: offset, now: now)
    }
    return offset
  }

  /// What holds for every frame, whatever its type (SPEC HDR-4, ACK-1).
  @inline(__always)
  private mutating func beginFrame(_ header: FrameHeader, now: Instant) throws(SessionError) {
    counters.framesReceived &+= 1
    // A REFUSE may come late, and is checked whatever was agreed on.
    guard header.isChecked || (header.type != .refuse && !(agreement?.isIntegrityOn ?? true)) else {
      throw .peer(.protocol, "HDR-4", "\(header.type) came without a payload check")
    }
    guard isActive else { return }
    if !header.type.isEarly { hasReceivedBeyondEarlyFrames = true }
    link.noteReceived(header, now: now, delayMilliseconds: local.acknowledgementDelayMilliseconds)
  }

  /// SPEC HS-1: nothing but the handshake before the handshake.
  private mutating func requireOpen(_ type: FrameType) throws(SessionError) {
    if isActive { return }
    if let remotePreface, configuration.preface.commonMinor(with: remotePreface) == nil {
      throw versionError(remotePreface)
    }
    throw .peer(.protocol, "HS-1", "\(type) came before the handshake was complete")
  }

  private mutating func receiveControl(
    _ header: FrameHeader, body: consuming ByteBuffer, now: Instant
  ) throws(SessionError) {
    switch header.type {
    case .hello: return try receiveHello(&body, now: now)
    case .welcome: return try receiveWelcome(&body)
    case .refuse: return try receiveRefuse(&body)
    case .close where phase == .awaitingHandshake && role == .acceptor: return try receiveClose(&body)
    default: try requireOpen(header.type)
    }
    switch header.type {
    case .ping: try receivePing(&body, now: now)
    case .pong: try receivePong(&body, now: now)
    case .ack: try receiveAcknowledgement(&body, now: now)
    case .credit: try receiveCredit(header.streamID, &body, now: now)
    case .streams: try receiveStreams(&body, now: now)
    case .close: try receiveClose(&body)
    case .goAway: try receiveGoAway(&body, now: now)
    case .open: try receiveOpen(header.streamID, &body, now: now)
    case .reset: try receiveReset(header.streamID, &body, now: now)
    case .stop: try receiveStop(header.streamID, &body, now: now)
    case .update: try receiveUpdate(&body, now: now)
    case .updateAck: try receiveUpdateAnswer(&body)
    case .dictionary: try receiveDictionary(&body, now: now)
    case .dictionaryAnswer: try receiveDictionaryAnswer(&body)
    case .baselineAnswer: try receiveBaselineAnswer(&body, now: now)
    case .priority:
      receivePriority(header.streamID, &body)
      try ledger.noteIdleFrame(now: now)
    default: try ledger.noteIdleFrame(now: now)
    }
  }

  /// A hint, which changes nothing where it makes no sense (SPEC PRI-1).
  private mutating func receivePriority(_ id: StreamID, _ body: inout ByteBuffer) {
    guard body.readableBytes == 4, let urgency = body.readInteger(as: UInt8.self),
      urgency <= SendSchedule.lowestUrgency
    else { return }
    setUrgency(urgency, of: id)
  }

  private mutating func receivePing(_ body: inout ByteBuffer, now: Instant) throws(SessionError) {
    try ledger.notePing(now: now)
    outbox.pong = body.readInteger(as: UInt64.self)
  }

  private mutating func receivePong(_ body: inout ByteBuffer, now: Instant) throws(SessionError) {
    let pong = try liveness.receivePong(body.readInteger(as: UInt64.self) ?? 0, now: now)
    roundTripNanoseconds = pong.roundTripNanoseconds
    flow.noteRoundTrip(pong.roundTripNanoseconds, now: now)
    if pong.isAwaited { events.append(.pong(roundTripNanoseconds: pong.roundTripNanoseconds)) }
    if goAway.isAnnounced(before: pong.pingSent) { announceLastStream() }
  }

  private mutating func receiveAcknowledgement(_ body: inout ByteBuffer, now: Instant) throws(SessionError) {
    let before = link.acknowledgedCount
    try link.receiveAcknowledgement(body.readInteger(as: UInt64.self) ?? 0)
    flow.noteAcknowledged(frameCount: link.acknowledgedCount, now: now)
    if link.acknowledgedCount == before { try ledger.noteIdleFrame(now: now) }
  }

  private mutating func receiveStreams(_ body: inout ByteBuffer, now: Instant) throws(SessionError) {
    let limit = body.readInteger(as: UInt64.self) ?? 0
    guard limit <= Announcement.maximumStreamLimit else {
      throw .peer(.protocol, "STR-3", "a stream limit of \(limit) is above 2^46")
    }
    guard limit > remote.streamLimit else { return try ledger.noteIdleFrame(now: now) }
    remote.streamLimit = limit
    events.append(.streamLimitRaised)
  }

  private mutating func receiveCredit(
    _ id: StreamID, _ body: inout ByteBuffer, now: Instant
  ) throws(SessionError) {
    let limit = body.readInteger(as: UInt64.self) ?? 0
    guard limit <= DataFrame.maximumOffset else {
      throw .peer(.protocol, "CRD-4", "a credit limit of \(limit) is above 2^62")
    }
    guard id != .session else {
      if limit <= sendCredit.limit { try ledger.noteIdleFrame(now: now) }
      sendCredit.raise(to: limit)
      wakeCreditWaiters()
      return
    }
    guard let slot = try locate(id, isOpening: false, now: now), limit > streams[slot: slot].send.creditLimit else {
      return try ledger.noteIdleFrame(now: now)
    }
    streams[slot: slot].send.raiseCredit(to: limit)
    wake(at: slot)
  }

  private mutating func receiveClose(_ body: inout ByteBuffer) throws(SessionError) {
    guard let code = body.readInteger(as: UInt32.self).map(ErrorCode.init(rawValue:)), let text = body.readText() else {
      throw .peer(.protocol, "END-4", "a length inside CLOSE reaches past its end")
    }
    progress.apply(.over)
    outbox.close = nil
    guard code != .noError else { return noteEnd(nil) }
    noteEnd(SessionError(code: code, blame: .peer, rule: "", message: text, isReportedByPeer: true))
  }

  private mutating func receiveGoAway(_ body: inout ByteBuffer, now: Instant) throws(SessionError) {
    guard let (code, last) = body.readMultipleIntegers(as: (UInt32, UInt64).self), body.readText() != nil else {
      throw .peer(.protocol, "END-1", "a length inside GOAWAY reaches past its end")
    }
    guard try goAway.receive(lastStreamID: last) else { return try ledger.noteIdleFrame(now: now) }
    events.append(.goingAway(ErrorCode(rawValue: code), lastStreamID: StreamID(rawValue: last)))
  }
}
