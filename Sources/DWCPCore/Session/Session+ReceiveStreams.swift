internal import DequeModule
internal import NIOCore

extension Session {
  /// What a stream id in a frame refers to.
  enum Location: Hashable {
    case live
    /// Opened once and closed since; the frame is discarded (SPEC STR-6).
    case closed
  }

  /// Finds the stream a frame names, opening it if the frame may (SPEC STR-2, STR-3, STR-5).
  mutating func locate(_ id: StreamID, isOpening: Bool, now: Instant) throws(SessionError) -> Location {
    let isOurs = id.opener == role
    guard id.ordinal > (isOurs ? openedOrdinal : peerOrdinal) else {
      guard let isAnticipated = streams.update(id, { $0.isAnticipated }) else { return .closed }
      guard isAnticipated else { return .live }
      guard isOpening else {
        throw .peer(.streamState, "STR-5", "stream \(id) is named before its opening frame")
      }
      streams.update(id) { $0.isAnticipated = false }
      return .live
    }
    guard !isOurs, isOpening else {
      throw .peer(.streamState, "STR-5", "stream \(id) has not been opened")
    }
    guard id.ordinal <= peerStreamLimit else {
      throw .peer(.streamLimit, "STR-3", "stream \(id) is above the limit of \(peerStreamLimit) streams")
    }
    for ordinal in (peerOrdinal &+ 1)...id.ordinal {
      try ledger.noteOpen(now: now)
      insertPeerStream(StreamID(ordinal: ordinal, openedBy: role.other), isAnticipated: ordinal < id.ordinal)
    }
    peerOrdinal = id.ordinal
    return .live
  }

  private mutating func insertPeerStream(_ id: StreamID, isAnticipated: Bool) {
    var stream = StreamState(
      id: id, creditLimit: remote.streamCredit, grantedLimit: local.streamCredit,
      compression: StreamCompression(configuration.compression), urgency: StreamOpening().urgency)
    stream.isAnticipated = isAnticipated
    streams.insert(stream)
    counters.streamsAccepted &+= 1
  }

  /// Tells the application of a new stream, or turns it away while draining (SPEC END-3).
  private mutating func announceStream(_ id: StreamID, _ opening: StreamOpening) {
    if let last = goAway.sent, id.rawValue > last.rawValue {
      refuseStream(id)
    } else {
      let window = receiveCredit.window
      let isWorthTelling = streams.update(id) { stream in
        stream.share = SendSchedule.Share(urgency: opening.urgency)
        if let expected = opening.expectedByteCount { stream.receive.expect(expected, limit: window) }
        return stream.receive.creditToGrant != nil
      }
      if isWorthTelling == true { queueControl(id) }
      events.append(.streamOpened(id, opening))
    }
  }

  private mutating func refuseStream(_ id: StreamID) {
    stop(id, code: .refusedStream)
    reset(id, code: .refusedStream)
    release(id)
  }

  mutating func receiveOpen(_ id: StreamID, _ body: inout ByteBuffer, now: Instant) throws(SessionError) {
    guard body.readableBytes <= local.maximumMetadataByteCount else {
      throw .peer(.protocol, "STR-7", "OPEN has \(body.readableBytes) bytes, more than announced")
    }
    let wasOpen = id.ordinal <= peerOrdinal && streams.update(id) { !$0.isAnticipated } ?? false
    guard !wasOpen || id.opener == role else {
      throw .peer(.streamState, "STR-5", "stream \(id) is opened twice")
    }
    guard try locate(id, isOpening: true, now: now) == .live else { return try ledger.noteIdleFrame(now: now) }
    guard id.opener != role else { throw .peer(.streamState, "STR-5", "stream \(id) is not the sender's to open") }
    let (opening, hasUnknownCriticalTag) = try StreamOpening.read(from: &body)
    guard !hasUnknownCriticalTag else { return refuseStream(id) }
    announceStream(id, opening)
  }

  mutating func receiveData(now: Instant) throws(SessionError) {
    defer { parser.releasePieces() }
    let id = parser.header.streamID
    let wasKnown = streams.update(id) { !$0.isAnticipated } ?? false
    let block = try checkBlock()
    guard try locate(id, isOpening: true, now: now) == .live else { return try ledger.noteIdleFrame(now: now) }
    if !wasKnown { announceStream(id, StreamOpening()) }
    let start = parser.dataFrame.offset
    let end = start &+ block.span
    let arrival = try streams.update(id) { stream throws(SessionError) in
      (
        kind: try stream.receive.check(start: start, end: end, isFinal: block.isFinal),
        received: stream.receive.received
      )
    }
    guard let arrival else { return }
    guard arrival.kind == .new else { return try ledger.noteIdleFrame(now: now) }
    try ledger.noteData(rawByteCount: parser.dataFrame.rawByteCount, isFinal: block.isFinal, now: now)
    try receiveCredit.check(newUnits: end &- arrival.received)
    countReceived(block.codec)
    let isWanted = updateReceiving(id) { $0.charge(end: end, isFinal: block.isFinal) }
    if receiveCredit.isTight { stalls.begin(now: now) }
    tuneWindows(id, now: now)
    if isWanted == true { try acceptBlock(id, block) } else { stopIfOwed(id) }
    noteReceiveProgress(id)
  }

  private mutating func countReceived(_ codec: Codec) {
    let rawByteCount = parser.dataFrame.rawByteCount
    let payloadByteCount = parser.pieces.reduce(0) { $0 &+ $1.readableBytes }
    let wireByteCount = FrameHeader.byteCount &+ parser.header.remainderByteCount
    counters.rawBytesReceived &+= UInt64(rawByteCount)
    counters.receivedByCodec.update(codec) {
      $0.add(rawByteCount: rawByteCount, payloadByteCount: payloadByteCount, wireByteCount: wireByteCount)
    }
  }

  private mutating func stopIfOwed(_ id: StreamID) {
    if streams.update(id, { $0.receive.takeOwedStop() }) == true { queueStop(id) }
  }

  /// Tells the other end that nobody reads a stream any more.
  mutating func queueStop(_ id: StreamID) {
    streams.update(id) { stream in
      stream.stopCode = .cancelled
      stream.noteCut(.byThisEnd)
    }
    queueControl(id)
  }

  private struct CheckedBlock {
    var span: UInt64
    var isFinal: Bool
    var endsMessage: Bool
    var codec: Codec
  }

  /// Everything about a block that does not depend on its stream (SPEC DAT-1 to DAT-5).
  private mutating func checkBlock() throws(SessionError) -> CheckedBlock {
    let frame = parser.dataFrame
    let flags = parser.header.flags
    let markCount = parser.markTable.readableBytes / 2
    var markedByteCount = 0
    if markCount > 0 {
      let table = parser.markTable.readableBytesSpan
      for mark in 0..<markCount { markedByteCount &+= Int(table.integer(at: 2 &* mark, as: UInt16.self)) }
    }
    guard markedByteCount <= frame.rawByteCount else {
      throw .peer(.protocol, "DAT-4", "the mark table covers \(markedByteCount) of \(frame.rawByteCount) raw bytes")
    }
    let endsMessage = flags & DataFrame.Flags.endOfMessage != 0
    let span = UInt64(frame.rawByteCount &+ markCount &+ (endsMessage ? 1 : 0))
    guard frame.offset <= DataFrame.maximumOffset &- span else {
      throw .peer(.protocol, "DAT-1", "a block at \(frame.offset) ends above 2^62")
    }
    let isFinal = flags & DataFrame.Flags.fin != 0
    guard span > 0 || isFinal else { throw .peer(.protocol, "DAT-2", "a DATA frame carries nothing") }
    guard let codec = Codec(rawValue: frame.codecID), local.codecIDs.contains(frame.codecID) else {
      throw .peer(.codec, "DAT-5", "codec \(frame.codecID) was not announced")
    }
    return CheckedBlock(span: span, isFinal: isFinal, endsMessage: endsMessage, codec: codec)
  }

  /// Queues a block for its reader, or for a decoder.
  private mutating func acceptBlock(_ id: StreamID, _ block: CheckedBlock) throws(SessionError) {
    let frame = parser.dataFrame
    let pieces = parser.pieces
    let markTable = parser.markTable
    let entryNumber = streams.update(id) { stream -> UInt64? in
      var number: UInt64?
      if block.codec == .none {
        for piece in pieces { stream.receive.queue.append(piece) }
      } else {
        number = stream.receive.queue.appendPlaceholder(rawByteCount: frame.rawByteCount)
      }
      if markTable.readableBytes > 0 || block.endsMessage {
        stream.receive.queue.appendMarks(
          table: markTable, endsMessage: block.endsMessage, blockRawByteCount: frame.rawByteCount)
      }
      return number
    }
    guard let number = entryNumber ?? nil else { return }
    decodeJobs.append(
      DecodeJob(
        number: number, streamID: id, encoded: joined(pieces), codec: block.codec, rawByteCount: frame.rawByteCount,
        maximumWindowLog: local.zstdWindowLog))
  }

  /// Codecs need their input in one piece.
  private func joined(_ pieces: [ByteBuffer]) -> ByteBuffer {
    guard pieces.count != 1 else { return pieces[0] }
    var whole = ByteBuffer()
    whole.reserveCapacity(pieces.reduce(0) { $0 &+ $1.readableBytes })
    for piece in pieces { whole.writeImmutableBuffer(piece) }
    return whole
  }

  mutating func receiveReset(_ id: StreamID, _ body: inout ByteBuffer, now: Instant) throws(SessionError) {
    guard let (code, final) = body.readMultipleIntegers(as: (UInt32, UInt64).self), final <= DataFrame.maximumOffset
    else {
      throw .peer(.protocol, "STR-9", "RESET names a final offset above 2^62")
    }
    if id.opener != role { try ledger.noteReset(now: now) }
    guard try locate(id, isOpening: false, now: now) == .live, let stream = streams[id] else {
      return try ledger.noteIdleFrame(now: now)
    }
    counters.resetsReceived.add(ErrorCode(rawValue: code))
    try receiveCredit.check(newUnits: final &- min(final, stream.receive.received))
    try updateReceiving(id) { half throws(SessionError) in
      try half.receiveReset(ErrorCode(rawValue: code), finalOffset: final)
    }
    streams.update(id) { if $0.receive.isFailureReportedByPeer { $0.noteCut(.byPeer) } }
    noteReceiveProgress(id)
  }

  mutating func receiveStop(_ id: StreamID, _ body: inout ByteBuffer, now: Instant) throws(SessionError) {
    let code = ErrorCode(rawValue: body.readInteger(as: UInt32.self) ?? 0)
    guard try locate(id, isOpening: false, now: now) == .live, streams[id]?.send.phase == .open else {
      return try ledger.noteIdleFrame(now: now)
    }
    if id.opener != role { try ledger.noteReset(now: now) }
    let refund = streams.update(id) { stream -> UInt64 in
      stream.noteCut(.byPeer)
      return stream.send.receiveStop(code)
    }
    sendCredit.refund(refund ?? 0)
    queueControl(id)
    wakeCreditWaiters()
    events.append(.stopped(id, code))
  }

  /// Changes a receiving half and books the session's share: what was charged, and what was consumed.
  @discardableResult
  mutating func updateReceiving<Result, Failure: Error>(
    _ id: StreamID, _ body: (inout ReceiveHalf) throws(Failure) -> Result
  ) throws(Failure) -> Result? {
    var charged: UInt64 = 0
    var consumed: UInt64 = 0
    var recovered: UInt64 = 0
    // Numbers, not the half itself: a second reference to its queue would make every change copy the queue.
    let result = try streams.update(id) { stream throws(Failure) in
      let before = (received: stream.receive.received, consumed: stream.receive.consumed)
      let result = try body(&stream.receive)
      charged = stream.receive.received &- before.received
      consumed = stream.receive.consumed &- before.consumed
      recovered = stream.receive.recover(consumed)
      return result
    }
    receiveCredit.charge(charged)
    receiveCredit.consume(consumed, recovered: recovered)
    return result
  }

  /// Tells the reader once, returns credit, and forgets the stream when it is over.
  mutating func noteReceiveProgress(_ id: StreamID) {
    let news = streams.update(id) { stream in
      let isReadable = stream.receive.queue.isReadable || stream.receive.isAtEnd || stream.receive.failure != nil
      let isNews = isReadable && !stream.isReadableTold && !stream.isReleased
      if isNews { stream.isReadableTold = true }
      let grantsCredit = stream.receive.creditToGrant != nil
      if stream.isReleased { stream.receive.acknowledgeEnd() }
      return (isReadable: isNews, grantsCredit: grantsCredit)
    }
    guard let news else { return }
    if news.isReadable { events.append(.readable(id)) }
    if news.grantsCredit { queueControl(id) }
    removeIfClosed(id)
  }

  mutating func removeIfClosed(_ id: StreamID) {
    guard let stream = streams.update(id, { (isClosed: $0.isClosed, cut: $0.cut) }), stream.isClosed else { return }
    // Session credit may never come, and then the list would only grow.
    if streams.update(id, { $0.isAwaitingSessionCredit }) == true { creditWaiters.removeAll { $0 == id } }
    streams.remove(id)
    // Streams that outlived their session have been counted with its end.
    if progress.isLive { counters.streamsClosed.add(stream.cut) }
    if id.opener != role { closedPeerStreamCount &+= 1 }
    events.append(.closed(id))
    closeIfDrained()
  }
}
