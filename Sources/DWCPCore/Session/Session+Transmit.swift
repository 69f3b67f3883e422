internal import DequeModule
internal import NIOCore

extension Session {
  /// Appends what is to be sent now, up to about `maximumByteCount` bytes: what concerns the session first, then what concerns
  /// streams, then their data in turn, one block each. A batch that stays empty means that there is nothing to send.
  ///
  /// - Parameter maximumByteCount: the last frame begun may go beyond it.
  /// - Parameter now: the current instant, on the clock of ``receive(_:now:)``.
  /// - Parameter batch: where the frames are appended.
  public mutating func transmit(maximumByteCount: Int, now: Instant, into batch: inout TransmitBatch) {
    streams.makeUnique()
    let before = batch.byteCount
    defer {
      counters.wireBytesSent += UInt64(batch.byteCount - before)
      detachBacklogs()
    }
    guard phase != .closed else { return }
    if outbox.handshake.readableBytes > 0 {
      batch.append(outbox.handshake)
      outbox.handshake = ByteBuffer()
    }
    switch phase {
    case .closing:
      writeClose(into: &batch)
    case .open:
      writeSessionControl(now: now, into: &batch)
      if outgoingDictionaries.hasWork {
        writeDictionaries(maximumByteCount: before + maximumByteCount, now: now, into: &batch)
      }
      writeStreams(maximumByteCount: before + maximumByteCount, now: now, into: &batch)
      writeUpdateAnswer(into: &batch)
    case .awaitingPreface, .awaitingHandshake:
      guard role == .initiator else { return }
      writeStreams(maximumByteCount: before + maximumByteCount, now: now, into: &batch)
    case .closed:
      break
    }
  }

  /// What was written and could not be sent at once keeps no large buffer alive (SPEC MEM-1); the rest has gone without a copy.
  mutating func detachBacklogs() {
    while let slot = pinners.popLast().map(Int.init) {
      guard streams[slot: slot].isPinning else { continue }
      streams[slot: slot].isPinning = false
      streams[slot: slot].send.detach()
    }
    if pinners.capacity > Self.keptCount { pinners = [] }
  }

  private mutating func writeClose(into batch: inout TransmitBatch) {
    progress.apply(.lastWordsSent)
    guard let close = outbox.close else { return }
    outbox.close = nil
    batch.writeFrame(.close, isChecked: sendsChecks) {
      $0.writeInteger(close.code.rawValue)
      $0.writeText(close.text, maximumByteCount: 1_024)
    }
    noteSent(.close)
  }

  mutating func noteSent(_ type: FrameType) {
    counters.framesSent += 1
    link.noteSent(type)
  }

  private mutating func writeNumber(_ number: UInt64, _ type: FrameType, into batch: inout TransmitBatch) {
    batch.writeFrame(type, isChecked: sendsChecks) { $0.writeInteger(number) }
    noteSent(type)
  }

  /// SPEC LIV-2: one place for each kind of frame.
  private mutating func writeSessionControl(now: Instant, into batch: inout TransmitBatch) {
    if let pong = outbox.pong {
      outbox.pong = nil
      writeNumber(pong, .pong, into: &batch)
    }
    if let ping = outbox.ping {
      outbox.ping = nil
      writeNumber(ping, .ping, into: &batch)
    }
    if incomingDictionaries.hasAnswers { writeDictionaryAnswers(into: &batch) }
    if link.owesAcknowledgement(now: now) { writeNumber(link.takeAcknowledgement(), .ack, into: &batch) }
    if let limit = receiveCredit.limitToGrant {
      receiveCredit.grant(limit)
      writeNumber(limit, .credit, into: &batch)
    }
    if let limit = streamLimitToGrant {
      peerStreamLimit = limit
      writeNumber(limit, .streams, into: &batch)
    }
    writeUpdate(into: &batch)
    if let notice = outbox.goAway {
      outbox.goAway = nil
      writeGoAway(notice, into: &batch)
    }
    if outbox.owesGrease {
      outbox.owesGrease = false
      writeNumber(0x5A5A_5A5A_5A5A_5A5A, .grease, into: &batch)
    }
  }

  /// The stream limit worth telling (SPEC STR-4): a quarter more, or any more when the other end is near the old one.
  @inline(__always)
  private var streamLimitToGrant: UInt64? {
    let limit = min(closedPeerStreamCount + local.streamLimit, Announcement.maximumStreamLimit)
    guard limit > peerStreamLimit, !goAway.isDraining else { return nil }
    let isWorthIt = limit - peerStreamLimit >= local.streamLimit / 4
    let isNeeded = peerStreamLimit - min(peerStreamLimit, peerOrdinal) < local.streamLimit / 2
    return isWorthIt || isNeeded ? limit : nil
  }

  private mutating func writeGoAway(_ notice: GoAwayNotice, into batch: inout TransmitBatch) {
    batch.writeFrame(.goAway, isChecked: sendsChecks) {
      $0.writeMultipleIntegers(notice.code.rawValue, notice.lastStreamID.rawValue)
      $0.writeText(notice.text, maximumByteCount: 1_024)
    }
    noteSent(.goAway)
  }

  private mutating func writeStreams(maximumByteCount: Int, now: Instant, into batch: inout TransmitBatch) {
    writeControls(maximumByteCount: maximumByteCount, into: &batch)
    if !schedule.isEmpty { writeBlocks(maximumByteCount: maximumByteCount, now: now, into: &batch) }
    isLinkBusy = !schedule.isEmpty || !flow.hasRoom(blockByteCount: blockByteCount)
    if isLinkBusy { linkBusyMark = counters.rawBytesSent }
    // After the last block, so that a stream that drained in this very batch closes the session with it.
    if phase == .closing { writeClose(into: &batch) }
  }

  private mutating func writeBlocks(maximumByteCount: Int, now: Instant, into batch: inout TransmitBatch) {
    let blockByteCount = blockByteCount
    while batch.byteCount < maximumByteCount, flow.hasRoom(blockByteCount: blockByteCount), let id = schedule.next() {
      giveTurn(to: id, blockByteCount: blockByteCount, now: now, into: &batch)
    }
    if !schedule.isEmpty { noteWaiting(blockByteCount: blockByteCount) }
    // Streams whose data could not open them after all.
    writeControls(maximumByteCount: maximumByteCount, into: &batch)
  }

  private mutating func writeControls(maximumByteCount: Int, into batch: inout TransmitBatch) {
    while batch.byteCount < maximumByteCount, let id = controlRing.popFirst() {
      if let slot = streams.slot(of: id) { writeControl(of: id, at: slot, into: &batch) }
    }
  }

  /// OPEN, STOP, CREDIT, PRIORITY and RESET of one stream, in this order.
  private mutating func writeControl(of id: StreamID, at slot: Int, into batch: inout TransmitBatch) {
    streams[slot: slot].hasControl = false
    let resetCode = streams[slot: slot].send.phase == .resetting ? streams[slot: slot].send.resetCode : nil
    let limit = streams[slot: slot].receive.creditToGrant
    let stopCode = streams[slot: slot].stopCode
    let urgency = streams[slot: slot].requestedUrgency
    let hasOnlyOpening = resetCode == nil && limit == nil && stopCode == nil && urgency == nil
    if streams[slot: slot].owesOpening, !hasOnlyOpening || !opensWithData(id, at: slot) {
      writeOpening(of: id, at: slot, into: &batch)
    }
    if let stopCode {
      streams[slot: slot].stopCode = nil
      batch.writeFrame(.stop, streamID: id, isChecked: sendsChecks) { $0.writeInteger(stopCode.rawValue) }
      noteSent(.stop)
    }
    if let limit {
      streams[slot: slot].receive.grant(limit)
      batch.writeFrame(.credit, streamID: id, isChecked: sendsChecks) { $0.writeInteger(limit) }
      noteSent(.credit)
    }
    if let urgency {
      streams[slot: slot].requestedUrgency = nil
      batch.writeFrame(.priority, streamID: id, isChecked: sendsChecks) { $0.writeInteger(UInt32(urgency) << 24) }
      noteSent(.priority)
    }
    if let resetCode {
      let finalOffset = streams[slot: slot].send.sentEnd
      streams[slot: slot].send.markResetSent()
      sendChains[id] = nil
      batch.writeFrame(.reset, streamID: id, isChecked: sendsChecks) {
        $0.writeMultipleIntegers(resetCode.rawValue, finalOffset)
      }
      noteSent(.reset)
      counters.resetsSent.add(resetCode)
    }
    removeIfClosed(at: slot)
  }

  /// The first block will open the stream, since OPEN would say nothing (SPEC STR-1).
  @inline(__always)
  private func opensWithData(_ id: StreamID, at slot: Int) -> Bool {
    streams[slot: slot].isScheduled && openBodies[id] == nil
  }

  private mutating func writeOpening(of id: StreamID, at slot: Int, into batch: inout TransmitBatch) {
    streams[slot: slot].owesOpening = false
    let body = openBodies.removeValue(forKey: id) ?? []
    batch.writeFrame(.open, streamID: id, isChecked: sendsChecks) { $0.writeBytes(body) }
    noteSent(.open)
  }

  /// Streams have blocks ready that do not go now.
  private mutating func noteWaiting(blockByteCount: Int) {
    let hasRoom = flow.hasRoom(blockByteCount: blockByteCount)
    if !hasRoom { flow.noteFull() }
    counters.blocked[hasRoom ? .scheduler : .link] &+= 1
  }

  private mutating func giveTurn(to id: StreamID, blockByteCount: Int, now: Instant, into batch: inout TransmitBatch) {
    guard let slot = streams.slot(of: id),
      schedule.admits(id, blockByteCount: blockByteCount, &streams[slot: slot].share)
    else { return }
    let start = batch.byteCount
    let hasMore = writeBlock(of: id, at: slot, maximumRawByteCount: blockByteCount, into: &batch)
    let sentByteCount = batch.byteCount - start
    if sentByteCount > 0 {
      flow.noteSent(frameCount: link.sentNumberedCount, byteCount: sentByteCount, now: now)
    }
    streams[slot: slot].isScheduled = hasMore
    schedule.settle(id, sentByteCount: sentByteCount, hasMore: hasMore, &streams[slot: slot].share)
    if !hasMore { endTurns(at: slot) }
  }

  /// A stream has nothing more to send for now.
  @inline(__always)
  private mutating func endTurns(at slot: Int) {
    backlogs.takeBack(&streams[slot: slot].send.backlog)
    streams.update(at: slot) { stream in
      if stream.send.hasBytesToCut, stream.send.availableCredit == 0 { counters.blocked[.streamCredit] &+= 1 }
    }
    if streams[slot: slot].owesOpening { queueControl(at: slot) }
    removeIfClosed(at: slot)
  }

  /// Sends the next block of a stream, or its FIN; false when it has nothing more to send now.
  @inline(__always)
  private mutating func writeBlock(
    of id: StreamID, at slot: Int, maximumRawByteCount: Int, into batch: inout TransmitBatch
  ) -> Bool {
    let turn = streams[slot: slot].nextTurn(
      codecs: sendCodecs, maximumRawByteCount: maximumRawByteCount, sessionCredit: sendCredit.available)
    switch turn {
    case .block(let block, let isFinal, let isNewlyCut):
      streams[slot: slot].owesOpening = false
      if isNewlyCut {
        noteCutStored(block, at: slot)
        if block.rawByteCount > 0 { endCutting(of: id) }
      }
      write(block, isFinal: isFinal, of: id, into: &batch)
      noteSendProgress(id, at: slot)
      let codecs = sendCodecs
      return streams.update(at: slot) { $0.mayHaveMoreToSend(codecs: codecs) }
    case .blocked:
      awaitSessionCredit(id, at: slot)
      return false
    case .nothing:
      return false
    }
  }

  /// A block was cut in the moment in which it is sent.
  @inline(__always)
  private mutating func noteCutStored(_ block: SendHalf.Block, at slot: Int) {
    sendCredit.charge(block.span)
    guard streams[slot: slot].compression.isAutomatic else { return }
    streams[slot: slot].compression.noteStored(rawByteCount: block.rawByteCount)
    if !sendCodecs.isEmpty { counters.untriedBlocks &+= 1 }
  }

  @inline(__always)
  private mutating func write(
    _ block: SendHalf.Block, isFinal: Bool, of id: StreamID, into batch: inout TransmitBatch
  ) {
    var flags: UInt8 = isFinal ? DataFrame.Flags.fin : 0
    if block.endsMessage { flags |= DataFrame.Flags.endOfMessage }
    if block.markTable != nil { flags |= DataFrame.Flags.marks }
    if block.namedDictionaryID != nil { flags |= DataFrame.Flags.dictionary }
    if block.isChained { flags |= DataFrame.Flags.chained | (block.isRestart ? DataFrame.Flags.restart : 0) }
    let frame = DataFrame(offset: block.offset, codecID: block.codecID, rawByteCount: block.rawByteCount)
    let start = batch.byteCount
    batch.writeData(
      frame, flags: flags, streamID: id, markTable: block.markTable, dictionaryID: block.namedDictionaryID,
      decodedCheck: block.isChained ? block.decodedCheck : nil, payload: block.payload, isCopied: block.pinsMuch,
      isChecked: sendsChecks)
    if !sendChains.isEmpty { noteSentChained(block, isFinal: isFinal, of: id) }
    noteSent(.data)
    if block.dictionaryID != 0 {
      outgoingDictionaries.noteSent(block.dictionaryID, frameCount: link.sentNumberedCount)
    }
    if block.namedDictionaryID != nil {
      counters.dictionaries.sent.addBlock(
        rawByteCount: block.rawByteCount, wireByteCount: batch.byteCount - start)
    }
    counters.rawBytesSent &+= UInt64(block.rawByteCount)
    guard let codec = Codec(rawValue: block.codecID) else { return }
    counters.sentByCodec.update(codec) {
      $0.add(
        rawByteCount: block.rawByteCount, payloadByteCount: block.payload.readableBytes,
        wireByteCount: batch.byteCount - start)
    }
  }

  /// Room for the writer, and for the next blocks to be compressed.
  @inline(__always)
  private mutating func noteSendProgress(_ id: StreamID, at slot: Int) {
    if streams[slot: slot].isWriterWaiting,
      streams[slot: slot].send.bufferedByteCount <= configuration.streamSendBudgetByteCount / 2
    {
      streams[slot: slot].isWriterWaiting = false
      events.append(.writable(id))
    }
    scheduleEncoding(at: slot)
  }

  /// Raw bytes in the blocks that go stored (SPEC CAP-5, HS-2): what comes behind one waits for about 0.25 ms.
  var blockByteCount: Int { flow.blockByteCount(nanoseconds: 250_000, limit: maximumBlockByteCount) }

  /// The same for blocks that are compressed: they shrink, and longer ones more so (decision 0005).
  var codecBlockByteCount: Int { flow.blockByteCount(nanoseconds: 5_000_000, limit: maximumBlockByteCount) }

  private var maximumBlockByteCount: Int {
    min(max(1, configuration.blockByteCount), remote.maximumRawBlockByteCount)
  }
}

extension Session {
  /// Gives a stream its turns to send and to be compressed, where it has use for them.
  mutating func wake(at slot: Int) {
    let codecs = sendCodecs
    streams.update(at: slot) { stream in
      guard !stream.isScheduled, stream.mayHaveMoreToSend(codecs: codecs) else { return }
      stream.isScheduled = true
      schedule.add(stream.id, &stream.share)
    }
    scheduleEncoding(at: slot)
  }

  /// Puts a stream into the ring of those with blocks to cut for a codec.
  mutating func scheduleEncoding(at slot: Int) {
    let codecs = sendCodecs
    streams.update(at: slot) { stream in
      guard !stream.isAwaitingEncode, stream.mayCutForCodec(codecs: codecs) else { return }
      stream.isAwaitingEncode = true
      encodeRing.append(stream.id)
    }
  }

  mutating func awaitSessionCredit(_ id: StreamID, at slot: Int) {
    guard !streams[slot: slot].isAwaitingSessionCredit else { return }
    streams[slot: slot].isAwaitingSessionCredit = true
    creditWaiters.append(id)
    counters.blocked[.sessionCredit] &+= 1
  }

  mutating func wakeCreditWaiters() {
    guard sendCredit.available > 0 else { return }
    while let id = creditWaiters.popFirst() {
      guard let slot = streams.slot(of: id) else { continue }
      streams[slot: slot].isAwaitingSessionCredit = false
      wake(at: slot)
    }
  }

  mutating func queueControl(at slot: Int) {
    guard !streams[slot: slot].hasControl else { return }
    streams[slot: slot].hasControl = true
    controlRing.append(streams[slot: slot].id)
  }
}
