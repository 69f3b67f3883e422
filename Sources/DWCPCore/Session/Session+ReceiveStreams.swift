internal import DequeModule
internal import NIOCore

extension Session {
  /// Finds the slot of the stream a frame names, opening it if the frame may (SPEC STR-2, STR-3, STR-5). Nil for one that has been closed since: its
  /// frames are discarded (SPEC STR-6).
  mutating func locate(_ id: StreamID, isOpening: Bool, now: Instant) throws(SessionError) -> Int? {
    let isOurs = id.opener == role
    guard id.ordinal > (isOurs ? openedOrdinal : peerOrdinal) else {
      guard let slot = streams.slot(of: id), streams[slot: slot].isAnticipated else { return streams.slot(of: id) }
      guard isOpening else {
        throw .peer(.streamState, "STR-5", "stream \(id) is named before its opening frame")
      }
      return slot
    }
    guard !isOurs, isOpening else {
      throw .peer(.streamState, "STR-5", "stream \(id) has not been opened")
    }
    guard id.ordinal <= peerStreamLimit else {
      throw .peer(.streamLimit, "STR-3", "stream \(id) is above the limit of \(peerStreamLimit) streams")
    }
    var slot: Int?
    for ordinal in (peerOrdinal &+ 1)...id.ordinal {
      try ledger.noteOpen(now: now)
      slot = insertPeerStream(StreamID(ordinal: ordinal, openedBy: role.other))
    }
    peerOrdinal = id.ordinal
    return slot
  }

  /// Its own opening frame is still to be looked at, or to come.
  private mutating func insertPeerStream(_ id: StreamID) -> Int {
    var stream = StreamState(
      id: id, creditLimit: remote.streamCredit, grantedLimit: local.streamCredit,
      compression: StreamCompression(configuration.compression), urgency: StreamOpening().urgency)
    stream.isAnticipated = true
    counters.streamsAccepted &+= 1
    return streams.insert(consume stream)
  }

  /// Tells the application of a new stream, or turns it away while draining (SPEC END-3).
  mutating func announceStream(_ id: StreamID, at slot: Int, _ opening: consuming StreamOpening) {
    streams[slot: slot].isAnticipated = false
    if let last = goAway.sent, id.rawValue > last.rawValue { return refuseStream(id) }
    streams[slot: slot].share = SendSchedule.Share(urgency: opening.urgency)
    if streams[slot: slot].compression.isAutomatic {
      streams[slot: slot].compression.contentClass = selectors.contentClass(of: opening, isOwn: false)
    }
    if let expected = opening.expectedByteCount {
      streams[slot: slot].receive.expect(expected, limit: receiveCredit.window)
      if streams[slot: slot].receive.creditToGrant != nil { queueControl(at: slot) }
    }
    events.append(.streamOpened(id, consume opening))
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
    guard id.opener == role || streams.slot(of: id).map({ streams[slot: $0].isAnticipated }) ?? true else {
      throw .peer(.streamState, "STR-5", "stream \(id) is opened twice")
    }
    guard let slot = try locate(id, isOpening: true, now: now) else { return try ledger.noteIdleFrame(now: now) }
    guard id.opener != role else { throw .peer(.streamState, "STR-5", "stream \(id) is not the sender's to open") }
    let (opening, hasUnknownCriticalTag) = try StreamOpening.read(from: &body)
    if opening.domain != 0 { domains[id] = opening.domain }
    // Also of a stream that is refused: its opener waits to hear where the object stands.
    if let version = opening.version { try incomingObjects.begin(version, on: id) }
    guard !hasUnknownCriticalTag else {
      streams[slot: slot].isAnticipated = false
      return refuseStream(id)
    }
    announceStream(id, at: slot, opening)
  }

  /// Where it throws, the session ends, and lets go of the block with it.
  @inline(__always)
  mutating func receiveData(now: Instant) throws(SessionError) {
    if try receivePlainBlock(now: now) {
      parser.releasePieces()
    } else {
      try receiveOtherBlock(now: now)
      parser.releaseBlock()
    }
  }

  /// The long way.
  @inline(never)
  private mutating func receiveOtherBlock(now: Instant) throws(SessionError) {
    let id = parser.header.streamID
    let block = try checkBlock()
    guard let slot = try locate(id, isOpening: true, now: now) else { return try ledger.noteIdleFrame(now: now) }
    if streams[slot: slot].isAnticipated { announceStream(id, at: slot, StreamOpening()) }
    let start = parser.dataFrame.offset
    let end = start &+ block.span
    let arrival = try streams.update(at: slot) { stream throws(SessionError) in
      try stream.receive.check(start: start, end: end, isFinal: block.isFinal)
    }
    guard arrival == .new else {
      if let head = parser.pageHead { return try receiveReplacement(head, of: id, at: slot, start, block, now: now) }
      return try ledger.noteIdleFrame(now: now)
    }
    try ledger.noteData(
      rawByteCount: parser.dataFrame.rawByteCount, isFinal: block.isFinal, isRestart: block.isRestart, now: now)
    let newUnits = end &- streams[slot: slot].receive.received
    try receiveCredit.check(newUnits: newUnits)
    var place: ChainPlace?
    if block.isChained { place = try receiveChained(id, isRestart: block.isRestart) }
    let pages = try receivePages(of: id, at: start)
    if block.isFinal || (!block.isChained && parser.dataFrame.rawByteCount > 0) { endReceiving(of: id) }
    countReceived(block.codec, hasDictionary: block.dictionary != nil)
    if block.span > 0 { queues.lend(to: &streams[slot: slot].receive.queue) }
    let isWanted = streams[slot: slot].receive.charge(end: end, isFinal: block.isFinal)
    receiveCredit.charge(newUnits)
    if !isWanted {
      receiveCredit.consume(newUnits, recovered: 0)
      queues.takeBack(&streams[slot: slot].receive.queue)
    }
    if receiveCredit.isTight { stalls.begin(now: now) }
    tuneWindows(at: slot, now: now)
    if !isWanted {
      stopIfOwed(at: slot)
    } else if let pages, let head = parser.pageHead {
      acceptPages(head, of: id, at: slot, start, block.codec, pages)
    } else {
      acceptBlock(id, at: slot, block, place)
    }
    if block.isFinal, !incomingObjects.isEmpty { finishIncomingVersion(of: id) }
    noteReceiveProgress(at: slot)
  }

  @inline(__always)
  private mutating func countReceived(_ codec: Codec, hasDictionary: Bool) {
    let rawByteCount = parser.dataFrame.rawByteCount
    let payloadByteCount = parser.payloadByteCount
    let wireByteCount = parser.wireByteCount
    counters.rawBytesReceived &+= UInt64(rawByteCount)
    if hasDictionary {
      counters.dictionaries.received.addBlock(rawByteCount: rawByteCount, wireByteCount: wireByteCount)
    }
    counters.receivedByCodec.update(codec) {
      $0.add(rawByteCount: rawByteCount, payloadByteCount: payloadByteCount, wireByteCount: wireByteCount)
    }
  }

  private mutating func stopIfOwed(at slot: Int) {
    if streams[slot: slot].receive.takeOwedStop() { queueStop(at: slot) }
  }

  /// Tells the other end that nobody reads a stream any more.
  mutating func queueStop(at slot: Int) {
    streams[slot: slot].stopCode = .cancelled
    streams[slot: slot].noteCut(.byThisEnd)
    queueControl(at: slot)
  }

  struct CheckedBlock {
    var span: UInt64
    var isFinal: Bool
    var endsMessage: Bool
    var codec: Codec
    var isChained: Bool
    var isRestart: Bool
    var dictionary: CompressionDictionary?
  }

  /// Everything about a block that does not depend on its stream (SPEC DAT-1 to DAT-5).
  @inline(__always)
  private mutating func checkBlock() throws(SessionError) -> CheckedBlock {
    let frame = parser.dataFrame
    let flags = parser.header.flags
    var markCount = 0
    var markedByteCount = 0
    if let markTable = parser.markTable {
      markCount = markTable.readableBytes / 2
      let table = markTable.readableBytesSpan
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
    // `none` is always announced (SPEC CAP-2).
    guard let codec = Codec(rawValue: frame.codecID), codec == .none || local.codecIDs.contains(frame.codecID) else {
      throw .peer(.codec, "DAT-5", "codec \(frame.codecID) was not announced")
    }
    let isChained = flags & DataFrame.Flags.chained != 0
    guard !isChained || (codec == .zstd && frame.rawByteCount > 0) else {
      throw .peer(.protocol, "CHN-1", "a chained block is not zstd, or has no raw bytes")
    }
    return CheckedBlock(
      span: span, isFinal: isFinal, endsMessage: endsMessage, codec: codec, isChained: isChained,
      isRestart: flags & DataFrame.Flags.restart != 0,
      dictionary: flags & DataFrame.Flags.dictionary == 0 ? nil : try receivedDictionary(codec: codec))
  }

  /// Queues a block for its reader, or for a decoder.
  @inline(__always)
  private mutating func acceptBlock(_ id: StreamID, at slot: Int, _ block: CheckedBlock, _ place: ChainPlace?) {
    guard block.span > 0 else { return }
    let rawByteCount = parser.dataFrame.rawByteCount
    if block.codec == .none {
      if streams[slot: slot].receive.queue.contents.append(payloadOf: &parser) { noteBorrowing(at: slot) }
    } else {
      let number = streams[slot: slot].receive.queue.contents.appendPlaceholder(rawByteCount: rawByteCount)
      if block.dictionary != nil { incomingDictionaries.noteJob(parser.dictionaryID) }
      decodeJobs.append(
        DecodeJob(
          number: UInt64(number), streamID: id, encoded: takeJoinedPayload(), codec: block.codec,
          rawByteCount: rawByteCount, maximumWindowLog: place == nil ? local.zstdWindowLog : local.chains.windowLog,
          place: place, decodedCheck: parser.decodedCheck, dictionary: block.dictionary,
          dictionaryID: block.dictionary == nil ? 0 : parser.dictionaryID))
    }
    if block.endsMessage || parser.markTable != nil {
      streams[slot: slot].receive.queue.contents.appendMarks(
        table: parser.markTable, endsMessage: block.endsMessage, blockRawByteCount: rawByteCount)
    }
  }

  /// Unread bytes of a stream lie where the connection brought them.
  @inline(__always)
  mutating func noteBorrowing(at slot: Int) {
    guard !streams[slot: slot].isBorrowing else { return }
    streams[slot: slot].isBorrowing = true
    borrowers.append(UInt32(truncatingIfNeeded: slot))
  }

  /// Codecs need their input in one piece, which must not pin a read buffer for a few bytes: one that is at most four times what the block has been charged
  /// for may wait with it (SPEC MEM-1).
  mutating func takeJoinedPayload() -> ByteBuffer {
    if let payload = parser.takeWholePayload() ?? (parser.pieces.count == 1 ? parser.pieces[0] : nil) {
      let isCharged = parser.dataFrame.rawByteCount >= payload.storageCapacity / 4
      return isCharged ? payload : ByteBuffer(bytes: payload.readableBytesView)
    }
    var whole = ByteBuffer()
    whole.reserveCapacity(parser.pieces.reduce(0) { $0 &+ $1.readableBytes })
    for piece in parser.pieces { whole.writeImmutableBuffer(piece) }
    return whole
  }

  mutating func receiveReset(_ id: StreamID, _ body: inout ByteBuffer, now: Instant) throws(SessionError) {
    guard let (code, final) = body.readMultipleIntegers(as: (UInt32, UInt64).self), final <= DataFrame.maximumOffset
    else {
      throw .peer(.protocol, "STR-9", "RESET names a final offset above 2^62")
    }
    if id.opener != role { try ledger.noteReset(now: now) }
    guard let slot = try locate(id, isOpening: false, now: now) else { return try ledger.noteIdleFrame(now: now) }
    counters.resetsReceived.add(ErrorCode(rawValue: code))
    endReceiving(of: id)
    if !incomingObjects.isEmpty { endIncomingVersion(of: id, isReset: true) }
    try receiveCredit.check(newUnits: final &- min(final, streams[slot: slot].receive.received))
    let (phase, knownFinal) = (streams[slot: slot].receive.phase, streams[slot: slot].receive.finalOffset)
    try updateReceiving(at: slot) { half throws(SessionError) in
      try half.receiveReset(ErrorCode(rawValue: code), finalOffset: final)
    }
    if streams[slot: slot].receive.phase == phase, knownFinal == final { try ledger.noteIdleFrame(now: now) }
    if streams[slot: slot].receive.isFailureReportedByPeer { streams[slot: slot].noteCut(.byPeer) }
    noteReceiveProgress(at: slot)
  }

  mutating func receiveStop(_ id: StreamID, _ body: inout ByteBuffer, now: Instant) throws(SessionError) {
    let code = ErrorCode(rawValue: body.readInteger(as: UInt32.self) ?? 0)
    guard let slot = try locate(id, isOpening: false, now: now), streams[slot: slot].send.phase == .open else {
      return try ledger.noteIdleFrame(now: now)
    }
    if id.opener != role { try ledger.noteReset(now: now) }
    streams[slot: slot].noteCut(.byPeer)
    forgetDictionaries(ofBlocksAt: slot)
    sendCredit.refund(streams[slot: slot].send.receiveStop(code))
    queueControl(at: slot)
    wakeCreditWaiters()
    events.append(.stopped(id, code))
  }

  /// Changes a receiving half and books the session's share: what was charged, and what was consumed.
  @discardableResult
  mutating func updateReceiving<Result, Failure: Error>(
    at slot: Int, _ body: (inout ReceiveHalf) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    // Numbers, not the half itself: a second reference to its queue would make every change copy the queue.
    let received = streams[slot: slot].receive.received
    let consumed = streams[slot: slot].receive.consumed
    let writtenOff = streams[slot: slot].receive.writtenOff
    let result = try body(&streams[slot: slot].receive)
    receiveCredit.charge(streams[slot: slot].receive.received &- received)
    receiveCredit.consume(
      streams[slot: slot].receive.consumed &- consumed,
      recovered: writtenOff &- min(writtenOff, streams[slot: slot].receive.writtenOff))
    return result
  }

  /// Tells the reader once, returns credit, and forgets the stream when it is over.
  mutating func noteReceiveProgress(at slot: Int) {
    tellReader(at: slot)
    removeIfClosed(at: slot)
  }

  /// Tells the reader once, and returns credit.
  @inline(__always)
  mutating func tellReader(at slot: Int) {
    let grantsCredit = streams.update(at: slot) { stream in
      if stream.takeReadableNews() { events.append(.readable(stream.id)) }
      return stream.receive.creditToGrant != nil
    }
    if grantsCredit { queueControl(at: slot) }
  }

  @inline(__always)
  mutating func removeIfClosed(at slot: Int) {
    if streams.update(at: slot, { $0.isClosed }) { remove(at: slot) }
  }

  private mutating func remove(at slot: Int) {
    let id = streams[slot: slot].id
    let isListed = streams[slot: slot].isListed
    // Streams that outlived their session have been counted with its end.
    if progress.isLive { counters.streamsClosed.add(streams[slot: slot].cut) }
    if !sendChains.isEmpty { sendChains[id] = nil }
    endReceiving(of: id)
    if !incomingObjects.isEmpty { forgetCarrier(id) }
    if !domains.isEmpty { domains[id] = nil }
    streams.remove(at: slot)
    if isListed { noteStaleID() }
    selectors.remove(id)
    if id.opener != role { closedPeerStreamCount &+= 1 }
    events.append(.closed(id))
    closeIfDrained()
  }
}
