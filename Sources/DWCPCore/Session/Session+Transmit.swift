internal import DequeModule
internal import NIOCore

extension Session {
  /// Appends what is to be sent now, up to about `maximumByteCount` bytes: what concerns the session first, then what concerns
  /// streams, then their data in turn, one block each. A batch that stays empty means that there is nothing to send.
  ///
  /// - Parameter maximumByteCount: the last frame begun may go beyond it; `Int.max` for no limit.
  /// - Parameter now: the current instant, on the clock of ``receive(_:now:)``.
  /// - Parameter batch: where the frames are appended.
  public mutating func transmit(maximumByteCount: Int, now: Instant, into batch: inout TransmitBatch) {
    makeStreamsUnique()
    let before = batch.byteCount
    let limit = before &+ min(maximumByteCount, .max &- before)
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
      if owesSessionControl(now: now) { writeSessionControl(now: now, into: &batch) }
      if outgoingDictionaries.hasWork {
        writeDictionaries(maximumByteCount: limit, now: now, into: &batch)
      }
      if outgoingObjects.hasReplacements {
        writeReplacements(maximumByteCount: limit, now: now, into: &batch)
      }
      writeStreams(maximumByteCount: limit, now: now, into: &batch)
      if updates.owesAnswer { writeUpdateAnswer(into: &batch) }
    case .awaitingPreface, .awaitingHandshake:
      guard role == .initiator else { return }
      writeStreams(maximumByteCount: limit, now: now, into: &batch)
    case .closed:
      break
    }
  }

  /// Copies what has been written, has not been sent and is little of the buffer that it lies in, so that it keeps no large one alive (SPEC MEM-1).
  /// ``transmit(maximumByteCount:now:into:)`` does so at its end, for what could not go at once: call this in its place while the connection takes nothing.
  public mutating func detachFromOutput() {
    makeStreamsUnique()
    detachBacklogs()
  }

  @inline(__always)
  mutating func detachBacklogs() {
    if !pinners.isEmpty || pinners.capacity > Self.keptCount { detachPinners() }
  }

  private mutating func detachPinners() {
    for slot in pinners.lazy.map(Int.init) where streams[slot: slot].isPinning {
      streams[slot: slot].isPinning = false
      streams[slot: slot].send.detach()
    }
    pinners.removeAll(keepingCapacity: pinners.capacity <= Self.keptCount)
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

  mutating func noteSent(_ type: FrameType, count: Int = 1) {
    counters.framesSent += UInt64(count)
    link.noteSent(type, count: count)
  }

  private mutating func writeNumber(_ number: UInt64, _ type: FrameType, into batch: inout TransmitBatch) {
    batch.writeFrame(type, isChecked: sendsChecks, number: number)
    noteSent(type)
  }

  /// There is something for `writeSessionControl` to write; mostly there is not.
  @inline(__always)
  private func owesSessionControl(now: Instant) -> Bool {
    outbox.pong != nil || outbox.ping != nil || outbox.goAway != nil || outbox.owesGrease
      || incomingDictionaries.hasAnswers || incomingObjects.hasAnswers || outgoingObjects.hasReleases
      || link.owesAcknowledgement(now: now) || receiveCredit.limitToGrant != nil || streamLimitToGrant != nil
      || updates.wantedCodecIDs != nil
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
    writeBaselineAnswers(into: &batch)
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
    if !controlRing.isEmpty { writeControls(maximumByteCount: maximumByteCount, into: &batch) }
    repeat {
      if !schedule.isEmpty { writeBlocks(maximumByteCount: maximumByteCount, now: now, into: &batch) }
    } while wakesMoreCreditWaiters(maximumByteCount: maximumByteCount, batchByteCount: batch.byteCount)
    if !schedule.isEmpty || !flow.hasRoom(blockByteCount: blockByteCount) { linkBusyMark = counters.rawBytesSent }
    // After the last block, so that a stream that drained in this very batch closes the session with it.
    if phase == .closing { writeClose(into: &batch) }
  }

  private mutating func writeBlocks(maximumByteCount: Int, now: Instant, into batch: inout TransmitBatch) {
    let blockByteCount = blockByteCount
    if owesScheduleCredit, sendCredit.available > 0, flow.hasRoom(blockByteCount: blockByteCount) {
      owesScheduleCredit = false
    }
    while !schedule.isEmpty, batch.byteCount < maximumByteCount, flow.hasRoom(blockByteCount: blockByteCount),
      let id = schedule.next()
    {
      guard var slot = streams.slot(of: id) else { continue }
      let start = batch.byteCount
      if givePlainTurn(to: id, at: slot, maximumRawByteCount: blockByteCount, now: now, into: &batch) {
        // Turns mostly are as the one before.
        guard !schedule.isEmpty, batch.byteCount - start < TransmitBatch.leastUncopiedByteCount,
          let other = givePlainTurns(
            maximumByteCount: maximumByteCount, blockByteCount: blockByteCount, now: now, into: &batch)
        else { continue }
        slot = other
      }
      giveTurns(
        at: slot, blockByteCount: blockByteCount, maximumByteCount: maximumByteCount, now: now, into: &batch)
    }
    if !schedule.isEmpty { noteWaiting(blockByteCount: blockByteCount) }
    // Streams whose data could not open them after all.
    if !controlRing.isEmpty { writeControls(maximumByteCount: maximumByteCount, into: &batch) }
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
    let limit = streams.update(at: slot) { $0.receive.creditToGrant }
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
      batch.writeFrame(.credit, streamID: id, isChecked: sendsChecks, number: limit)
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

  /// Raw bytes in the blocks that go stored (SPEC CAP-5, HS-2): what comes behind one waits for about 0.25 ms.
  @inline(__always)
  var blockByteCount: Int { min(maximumBlockByteCount, flow.storedBlockByteCount) }

  /// The same for blocks that are compressed: they shrink, and longer ones more so (decision 0005).
  var codecBlockByteCount: Int {
    let limit = maximumBlockByteCount
    // What shrinks to nearly nothing makes a link look slow, and short blocks would keep it so.
    let least = flow.blockByteCount(nanoseconds: 20_000_000, limit: min(limit, Self.shortCodecBlockByteCount))
    return max(least, flow.blockByteCount(nanoseconds: 5_000_000, limit: limit))
  }

  private static let shortCodecBlockByteCount = 131_072

  private var maximumBlockByteCount: Int {
    min(max(1, configuration.blockByteCount), remote.maximumRawBlockByteCount)
  }
}

extension Session {
  /// Gives a stream its turns to send and to be compressed, where it has use for them.
  mutating func wake(at slot: Int) {
    if unaskedShortBlockCount > 0 { passShortBlock(at: slot) }
    let codecs = sendCodecs
    streams.update(at: slot) { stream in
      if !stream.isScheduled, stream.mayHaveMoreToSend(codecs: codecs) {
        stream.isScheduled = true
        schedule.add(stream.id, &stream.share)
      }
    }
    scheduleEncoding(at: slot)
  }

  /// Puts a stream into the ring of those with blocks to cut for a codec.
  @inline(__always)
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

  /// Wakes some of those that wait for session credit, in turn: one, and another for each part that is worth a frame. Were all of them asked, credit that comes by
  /// the byte would cost a look at each of them. Those behind follow when these have left some (`wakesMoreCreditWaiters`).
  mutating func wakeCreditWaiters() {
    guard !creditWaiters.isEmpty, sendCredit.available > 0 else { return }
    var count = 1 &+ sendCredit.available / Self.creditPerWaiter
    while count > 0, let id = creditWaiters.popFirst() {
      guard let slot = streams.slot(of: id) else { continue }
      streams[slot: slot].isAwaitingSessionCredit = false
      wake(at: slot)
      count &-= 1
    }
  }

  private static let creditPerWaiter: UInt64 = 1_024

  /// Streams that wait for session credit have blocks to send after all, since those that were woken before them have left some.
  @inline(__always)
  private mutating func wakesMoreCreditWaiters(maximumByteCount: Int, batchByteCount: Int) -> Bool {
    guard !creditWaiters.isEmpty, schedule.isEmpty, batchByteCount < maximumByteCount,
      flow.hasRoom(blockByteCount: blockByteCount)
    else { return false }
    wakeCreditWaiters()
    return !schedule.isEmpty
  }

  /// A stream is gone and its id is still in some list. To find it there takes long, so that ids stay until they are more than there are streams.
  mutating func noteStaleID() {
    staleIDCount &+= 1
    guard staleIDCount > Self.keptCount &+ streams.count else { return }
    staleIDCount = 0
    let isGone = { [streams] (id: StreamID) in streams.slot(of: id) == nil }
    schedule.removeAll(where: isGone)
    creditWaiters.removeAll(where: isGone)
    encodeRing.removeAll(where: isGone)
    controlRing.removeAll(where: isGone)
  }

  mutating func queueControl(at slot: Int) {
    guard !streams[slot: slot].hasControl else { return }
    streams[slot: slot].hasControl = true
    controlRing.append(streams[slot: slot].id)
  }
}
