internal import NIOCore

/// The turns of streams: what goes in each of them, and what follows from that.
extension Session {
  /// Takes out the stream whose turn it is, and says where it is.
  mutating func nextSlot() -> Int? {
    while let id = schedule.next() {
      if let slot = streams.slot(of: id) { return slot }
    }
    return nil
  }

  /// The turn of a stream that has one piece to send, as it was written, and nothing else: what most turns are. False, and nothing has changed, when it is anything
  /// else, or the piece is longer than the writer takes.
  @inline(__always)
  mutating func givePlainTurn(
    to id: StreamID, at slot: Int, maximumRawByteCount: Int, now: Instant, into writer: inout some StoredFrameWriter
  ) -> Bool {
    let codecs = sendCodecs
    let longest = writer.maximumPayloadByteCount
    let span = sendCredit.available
    let offset = streams[slot: slot].send.cutEnd
    guard sendChains.isEmpty,
      let chunk = streams.update(
        at: slot,
        {
          $0.takePlainTurn(
            codecs: codecs, maximumRawByteCount: maximumRawByteCount, maximumSpan: span, longestByteCount: longest)
        })
    else { return false }
    let isFinal = streams[slot: slot].send.markSent()
    let start = writer.byteCount
    let rawByteCount = chunk.bytes.readableBytes
    noteCutStored(rawByteCount: rawByteCount, span: chunk.span, of: id, at: slot)
    var flags: UInt8 = isFinal ? DataFrame.Flags.fin : 0
    if chunk.endsMessage { flags |= DataFrame.Flags.endOfMessage }
    writer.writeStored(
      DataFrame(offset: offset, codecID: Codec.none.rawValue, rawByteCount: rawByteCount), flags: flags,
      streamID: id, consume chunk, isChecked: sendsChecks)
    let wireByteCount = writer.byteCount - start
    countSent(.none, rawByteCount: rawByteCount, rawByteCount, wireByteCount: wireByteCount)
    flow.noteSent(frameCount: link.sentNumberedCount, byteCount: wireByteCount, now: now)
    schedule.charge(wireByteCount, to: &streams[slot: slot].share)
    backlogs.takeBack(&streams[slot: slot].send.backlog)
    if pinners.last.map(Int.init) == slot {
      pinners.removeLast()
      streams[slot: slot].isPinning = false
    }
    if isFinal { removeIfClosed(at: slot) }
    return true
  }

  /// Plain turns of short pieces, one behind the other to the room that the batch has, which is found once. Returns the place of the stream whose turn is of
  /// another kind, or does not fit.
  mutating func givePlainTurns(
    maximumByteCount: Int, blockByteCount: Int, now: Instant, into batch: inout TransmitBatch
  ) -> Int? {
    let start = batch.byteCount
    var other: Int?
    batch.writeRun { run in
      while start + run.byteCount < maximumByteCount, flow.hasRoom(blockByteCount: blockByteCount),
        let slot = nextSlot()
      {
        let id = streams[slot: slot].id
        guard givePlainTurn(to: id, at: slot, maximumRawByteCount: blockByteCount, now: now, into: &run) else {
          other = slot
          break
        }
      }
    }
    return other
  }

  /// One block of a stream, and more while no other stream has any.
  mutating func giveTurns(
    at slot: Int, blockByteCount: Int, maximumByteCount: Int, now: Instant, into batch: inout TransmitBatch
  ) {
    let id = streams[slot: slot].id
    guard schedule.admits(id, blockByteCount: blockByteCount, &streams[slot: slot].share) else { return }
    var hasMore: Bool
    repeat {
      let start = batch.byteCount
      hasMore = writeBlock(of: id, at: slot, maximumRawByteCount: blockByteCount, into: &batch)
      if hasMore, schedule.isEmpty, batch.byteCount - start < LinkFlow.departureByteCount {
        let share = schedule.restByteCount(streams[slot: slot].share)
        let room = min(share, maximumByteCount - start, flow.runByteCount(blockByteCount: blockByteCount))
        hasMore = writeRun(
          of: id, at: slot, maximumRawByteCount: blockByteCount, room: start + room - batch.byteCount, into: &batch)
      }
      let sentByteCount = batch.byteCount - start
      if sentByteCount > 0 {
        flow.noteSent(frameCount: link.sentNumberedCount, byteCount: sentByteCount, now: now)
      }
      schedule.charge(sentByteCount, to: &streams[slot: slot].share)
      // Nobody else waits: the schedule would only give it back.
    } while hasMore && schedule.isEmpty && streams[slot: slot].share.isFresh
      && batch.byteCount < maximumByteCount && flow.hasRoom(blockByteCount: blockByteCount)
    streams[slot: slot].isScheduled = hasMore
    if hasMore { schedule.putBack(id, streams[slot: slot].share) } else { endTurns(at: slot) }
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
    let start = batch.byteCount
    if let rawByteCount = writeWhole(of: id, at: slot, maximumRawByteCount: maximumRawByteCount, into: &batch) {
      countSent(.none, rawByteCount: rawByteCount, rawByteCount, wireByteCount: batch.byteCount - start)
    } else if !writeTurn(of: id, at: slot, maximumRawByteCount: maximumRawByteCount, into: &batch) {
      return false
    }
    return noteSendProgress(id, at: slot)
  }

  /// More short blocks of a stream that is alone, while they are shorter than `room` together and fit the batch as it is: what is to be told of them is told once.
  /// True when the stream has more all the same.
  private mutating func writeRun(
    of id: StreamID, at slot: Int, maximumRawByteCount: Int, room: Int, into batch: inout TransmitBatch
  ) -> Bool {
    var blockCount = 0
    var rawByteCount = 0
    var wireByteCount = 0
    batch.writeRun { run in
      while run.byteCount < room,
        let byteCount = writeWhole(of: id, at: slot, maximumRawByteCount: maximumRawByteCount, into: &run)
      {
        blockCount += 1
        rawByteCount += byteCount
      }
      wireByteCount = run.byteCount
    }
    guard blockCount > 0 else { return true }
    countSent(
      .none, blockCount: blockCount, rawByteCount: rawByteCount, rawByteCount, wireByteCount: wireByteCount)
    return noteSendProgress(id, at: slot)
  }

  /// What most turns send: bytes as they were written. Moving a block with all that it may have costs more than the rest, so that they do without one.
  ///
  /// - Returns: raw bytes, which have not been counted; nil when that is not what comes next, or it is longer than the writer takes.
  @inline(__always)
  private mutating func writeWhole(
    of id: StreamID, at slot: Int, maximumRawByteCount: Int, into writer: inout some StoredFrameWriter
  ) -> Int? {
    guard !streams[slot: slot].compression.isCompressing(sendCodecs) else { return nil }
    let offset = streams[slot: slot].send.cutEnd
    guard
      let chunk = streams[slot: slot].send.takeWhole(
        maximumRawByteCount: maximumRawByteCount, maximumSpan: sendCredit.available,
        longestByteCount: writer.maximumPayloadByteCount)
    else { return nil }
    let isFinal = streams[slot: slot].send.markSent()
    let rawByteCount = chunk.bytes.readableBytes
    streams[slot: slot].owesOpening = false
    noteCutStored(rawByteCount: rawByteCount, span: chunk.span, of: id, at: slot)
    var flags: UInt8 = isFinal ? DataFrame.Flags.fin : 0
    if chunk.endsMessage { flags |= DataFrame.Flags.endOfMessage }
    writer.writeStored(
      DataFrame(offset: offset, codecID: Codec.none.rawValue, rawByteCount: rawByteCount), flags: flags, streamID: id,
      consume chunk, isChecked: sendsChecks)
    if !sendChains.isEmpty { noteSent(rawByteCount: rawByteCount, isFinal: isFinal, of: id) }
    return rawByteCount
  }

  /// False when nothing can be sent.
  private mutating func writeTurn(
    of id: StreamID, at slot: Int, maximumRawByteCount: Int, into batch: inout TransmitBatch
  ) -> Bool {
    let turn = streams[slot: slot].nextTurn(
      codecs: sendCodecs, maximumRawByteCount: maximumRawByteCount, sessionCredit: sendCredit.available)
    switch turn {
    case .block(let block, let isFinal, let isNewlyCut):
      streams[slot: slot].owesOpening = false
      if isNewlyCut { noteCutStored(rawByteCount: block.rawByteCount, span: block.span, of: id, at: slot) }
      write(block, isFinal: isFinal, of: id, into: &batch)
      return true
    case .blocked:
      awaitSessionCredit(id, at: slot)
      return false
    case .nothing:
      return false
    }
  }

  /// A block was cut in the moment in which it is sent.
  @inline(__always)
  private mutating func noteCutStored(rawByteCount: Int, span: UInt64, of id: StreamID, at slot: Int) {
    sendCredit.charge(span)
    if rawByteCount > 0 { endCutting(of: id) }
    guard streams[slot: slot].compression.isAutomatic else { return }
    streams[slot: slot].compression.noteStored()
    if !sendCodecs.isEmpty { counters.untriedBlocks &+= 1 }
  }

  private mutating func write(
    _ block: SendHalf.Block, isFinal: Bool, of id: StreamID, into batch: inout TransmitBatch
  ) {
    var flags: UInt8 = isFinal ? DataFrame.Flags.fin : 0
    if block.endsMessage { flags |= DataFrame.Flags.endOfMessage }
    if block.markTable != nil { flags |= DataFrame.Flags.marks }
    if block.namedDictionaryID != nil { flags |= DataFrame.Flags.dictionary }
    if block.isChained { flags |= DataFrame.Flags.chained | (block.isRestart ? DataFrame.Flags.restart : 0) }
    if outgoingObjects.isCarrier(id) { return writePages(block, flags: flags, of: id, into: &batch) }
    let frame = DataFrame(offset: block.offset, codecID: block.codecID, rawByteCount: block.rawByteCount)
    let start = batch.byteCount
    batch.writeData(
      frame, flags: flags, streamID: id, markTable: block.markTable, dictionaryID: block.namedDictionaryID,
      decodedCheck: block.isChained ? block.decodedCheck : nil, payload: block.payload, isCopied: block.mayPinMuch,
      isChecked: sendsChecks)
    if !sendChains.isEmpty {
      noteSent(
        rawByteCount: block.rawByteCount, wasCutForChain: block.isCutForChain, isChained: block.isChained,
        isFinal: isFinal, of: id)
    }
    if let codec = Codec(rawValue: block.codecID) {
      countSent(
        codec, rawByteCount: block.rawByteCount, block.payload.readableBytes, wireByteCount: batch.byteCount - start)
    }
    if block.dictionaryID != 0 {
      outgoingDictionaries.noteSent(block.dictionaryID, frameCount: link.sentNumberedCount)
    }
    if block.namedDictionaryID != nil {
      counters.dictionaries.sent.addBlock(rawByteCount: block.rawByteCount, wireByteCount: batch.byteCount - start)
    }
  }

  @inline(__always)
  mutating func countSent(
    _ codec: Codec, blockCount: Int = 1, rawByteCount: Int, _ payloadByteCount: Int, wireByteCount: Int
  ) {
    noteSent(.data, count: blockCount)
    counters.rawBytesSent &+= UInt64(rawByteCount)
    counters.sentByCodec.update(codec) {
      $0.add(
        blockCount: blockCount, rawByteCount: rawByteCount, payloadByteCount: payloadByteCount,
        wireByteCount: wireByteCount)
    }
  }

  /// Room for the writer, and for the next blocks to be compressed. False when the stream has nothing more to send now.
  @inline(__always)
  private mutating func noteSendProgress(_ id: StreamID, at slot: Int) -> Bool {
    if streams[slot: slot].isWriterWaiting,
      streams[slot: slot].send.bufferedByteCount <= configuration.streamSendBudgetByteCount / 2
    {
      streams[slot: slot].isWriterWaiting = false
      events.append(.writable(id))
    }
    scheduleEncoding(at: slot)
    let codecs = sendCodecs
    return streams.update(at: slot) { $0.mayHaveMoreToSend(codecs: codecs) }
  }
}
