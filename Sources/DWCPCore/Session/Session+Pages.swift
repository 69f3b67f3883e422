internal import DequeModule
internal import NIOCore

/// Blocks of pages, as they are cut, sent and received (SPEC BAS-2 to BAS-5).
extension Session {
  /// Pages in a block: enough that what they have in common is found once (decision 0012).
  private static let pageBlockByteCount = 131_072

  /// Cuts one block of a version; nil when there was none to cut or it needs no codec.
  mutating func cutPages(of id: StreamID, at slot: Int) -> PageEncodeJob? {
    let most = remote.maximumRawBlockByteCount
    let credit = Int(clamping: min(streams[slot: slot].send.availableCredit, sendCredit.available))
    guard streams[slot: slot].mayCutForCodec(codecs: sendCodecs),
      let byteCount = outgoingObjects.update(
        id,
        { version, _ in version.nextBlockByteCount(groupByteCount: Self.pageBlockByteCount, limit: min(most, credit)) })
    else { return nil }
    guard byteCount > 0,
      var block = streams[slot: slot].send.cut(maximumRawByteCount: byteCount, maximumSpan: UInt64(byteCount))
    else {
      if sendCredit.available < UInt64(PageRuns.pageByteCount) { awaitSessionCredit(id, at: slot) }
      return nil
    }
    chargeForCodec(block.span)
    block.detach()
    let job = outgoingObjects.update(id) { version, image in
      let pages = version.takeBlock(offset: block.offset, raw: block.payload)
      return (pages, version.base(of: pages, in: image))
    }
    guard let (pages, base) = job else { return nil }
    if pages.method == .zero {
      let check = CRC32C.checksum(pages.raw.readableBytesSpan)
      _ = outgoingObjects.update(id) { version, _ in
        version.noteEncoded(.zero, decodedCheck: check, ofBlockAt: pages.offset)
      }
      block.payload = ByteBuffer()
      block.decodedCheck = check
      streams[slot: slot].send.enqueue(block)
      wake(at: slot)
      return nil
    }
    block.jobNumber = nextJobNumber
    nextJobNumber &+= 1
    encodeJobCount &+= 1
    streams[slot: slot].send.enqueue(block)
    scheduleEncoding(at: slot)
    return PageEncodeJob(
      number: block.jobNumber, streamID: id, offset: block.offset, raw: pages.raw, base: base,
      isBaseInPlace: pages.baseRange == nil, setting: streams[slot: slot].compression.pageSetting(sendCodecs),
      maximumWindowLog: remote.zstdWindowLog)
  }

  mutating func completeEncoding(_ pages: EncodedPages) {
    encodeJobCount = max(0, encodeJobCount &- 1)
    _ = outgoingObjects.update(pages.streamID) { version, _ in
      version.noteEncoded(pages.method, decodedCheck: pages.decodedCheck, ofBlockAt: pages.offset)
    }
    guard let slot = streams.slot(of: pages.streamID),
      streams[slot: slot].send.completeBlock(
        pages.number, codec: pages.codec, payload: pages.payload, decodedCheck: pages.decodedCheck)
    else { return }
    wake(at: slot)
  }

  /// Sends a block of a carrier, or its FIN.
  mutating func writePages(
    _ block: borrowing SendHalf.Block, flags: UInt8, of id: StreamID, into batch: inout TransmitBatch
  ) {
    var block = copy block
    var flags = flags
    var head: ByteBuffer?
    if flags & DataFrame.Flags.fin != 0 { _ = outgoingObjects.update(id) { version, _ in version.isFinished = true } }
    let offset = block.offset
    if block.rawByteCount > 0,
      let (pages, isMadeFull) = outgoingObjects.update(id, { version, _ in version.noteSent(offset) }) ?? nil
    {
      flags |= DataFrame.Flags.baseline
      head = pages.head
      if isMadeFull {
        block.codecID = Codec.none.rawValue
        block.payload = pages.raw
      }
    }
    let start = batch.byteCount
    batch.writeData(
      DataFrame(offset: block.offset, codecID: block.codecID, rawByteCount: block.rawByteCount), flags: flags,
      streamID: id, markTable: nil, dictionaryID: nil, pageHead: head,
      decodedCheck: head == nil ? nil : block.decodedCheck, payload: block.payload, isCopied: block.mayPinMuch,
      isChecked: sendsChecks)
    if head != nil {
      counters.objects.sent.addBlock(rawByteCount: block.rawByteCount, wireByteCount: batch.byteCount &- start)
    }
    if let codec = Codec(rawValue: block.codecID) {
      countSent(
        codec, rawByteCount: block.rawByteCount, block.payload.readableBytes, wireByteCount: batch.byteCount &- start)
    }
  }

  /// Blocks that the other end could not rebuild go again, in full (SPEC BAS-4).
  mutating func writeReplacements(maximumByteCount: Int, now: Instant, into batch: inout TransmitBatch) {
    while batch.byteCount < maximumByteCount, flow.hasRoom(blockByteCount: blockByteCount),
      let (id, pages) = outgoingObjects.takeReplacement()
    {
      let start = batch.byteCount
      batch.writeData(
        DataFrame(offset: pages.offset, codecID: Codec.none.rawValue, rawByteCount: pages.raw.readableBytes),
        flags: DataFrame.Flags.baseline, streamID: id, markTable: nil, dictionaryID: nil, pageHead: pages.head,
        decodedCheck: pages.decodedCheck, payload: pages.raw, isCopied: false, isChecked: sendsChecks)
      noteSent(.data)
      counters.objects.sent.addReplacement(wireByteCount: batch.byteCount &- start)
      flow.noteSent(frameCount: link.sentNumberedCount, byteCount: batch.byteCount &- start, now: now)
    }
  }

  /// SPEC LIV-2: each object has a place for what is to be said of it.
  mutating func writeBaselineAnswers(into batch: inout TransmitBatch) {
    while let answer = incomingObjects.takeAnswer() { write(answer, into: &batch) }
    while let name = outgoingObjects.takeRelease() {
      write(BaselineAnswer(name: name, version: 0, value: 0, kind: .released), into: &batch)
    }
  }

  private mutating func write(_ answer: BaselineAnswer, into batch: inout TransmitBatch) {
    batch.writeFrame(.baselineAnswer, isChecked: sendsChecks) { answer.write(to: &$0) }
    noteSent(.baselineAnswer)
  }
}

/// Receiving.
extension Session {
  /// Whether a block that arrived in its order has pages, as it must; nil where it must not.
  mutating func receivePages(of id: StreamID, at offset: UInt64) throws(SessionError) -> IncomingVersion.Arrival? {
    let isCarrier = incomingObjects.isCarrier(id)
    guard let head = parser.pageHead else {
      let marks = DataFrame.Flags.marks | DataFrame.Flags.endOfMessage
      guard !isCarrier || parser.dataFrame.rawByteCount == 0 && parser.header.flags & marks == 0 else {
        throw .peer(
          .protocol, "BAS-2",
          "stream \(id) carries a version of an object, and a block has none of its pages, or a mark")
      }
      return nil
    }
    guard isCarrier, parser.dataFrame.rawByteCount > 0 else {
      throw .peer(
        .protocol, "BAS-2", "a block of stream \(id) has pages, and the stream carries no version of an object")
    }
    let arrival = try incomingObjects.receive(
      head, of: id, offset: offset, rawByteCount: parser.dataFrame.rawByteCount)
    counters.objects.received.addBlock(
      rawByteCount: parser.dataFrame.rawByteCount, wireByteCount: parser.wireByteCount)
    return arrival
  }

  /// Keeps the place of a block for its reader, and has it rebuilt.
  mutating func acceptPages(
    _ head: PageBlockHead, of id: StreamID, at slot: Int, _ offset: UInt64, _ codec: Codec,
    _ arrival: IncomingVersion.Arrival
  ) {
    let rawByteCount = parser.dataFrame.rawByteCount
    let number = streams[slot: slot].receive.queue.contents.appendPlaceholder(rawByteCount: rawByteCount)
    incomingObjects.setEntryNumber(number, ofBlockAt: offset, of: id)
    pageReads[id, default: []].append(contentsOf: incomingObjects.byteRanges(ofBlockAt: offset, of: id))
    switch arrival {
    case .mismatch: noteMismatch(at: offset, of: id)
    case .independent: decodePages(head, of: id, offset, codec, entryNumber: number, base: [])
    case .needs(let base): decodePages(head, of: id, offset, codec, entryNumber: number, base: base)
    }
  }

  private mutating func decodePages(
    _ head: PageBlockHead, of id: StreamID, _ offset: UInt64, _ codec: Codec, entryNumber: UInt32, base: [ByteBuffer]
  ) {
    pageJobs.append(
      PageDecodeJob(
        streamID: id, offset: offset, entryNumber: entryNumber, encoded: takeJoinedPayload(), method: head.method,
        codec: codec, rawByteCount: parser.dataFrame.rawByteCount, base: base, maximumWindowLog: local.zstdWindowLog,
        decodedCheck: parser.decodedCheck))
  }

  /// A block that came before comes again, in full (SPEC BAS-4).
  mutating func receiveReplacement(
    _ head: PageBlockHead, of id: StreamID, at slot: Int, _ offset: UInt64, _ block: CheckedBlock, now: Instant
  ) throws(SessionError) {
    // The version has ended here, and what goes on of it is discarded.
    guard incomingObjects.incoming(on: id) != nil else { return try ledger.noteIdleFrame(now: now) }
    guard !block.isFinal else { throw .peer(.protocol, "BAS-4", "a replacement has FIN") }
    let number = try incomingObjects.receiveReplacement(
      head, of: id, offset: offset, rawByteCount: parser.dataFrame.rawByteCount)
    counters.objects.received.addReplacement(wireByteCount: parser.wireByteCount)
    if let number { decodePages(head, of: id, offset, block.codec, entryNumber: number, base: []) }
    tellObjects()
  }

  mutating func completeDecoding(_ pages: DecodedPages) {
    guard pages.failure == nil else {
      guard pages.method.needsBase else { return stop(pages.streamID, code: .codec) }
      return noteMismatch(at: pages.offset, of: pages.streamID)
    }
    incomingObjects.noteVerified(pages.raw, ofBlockAt: pages.offset, of: pages.streamID)
    tellObjects()
    guard let slot = streams.slot(of: pages.streamID) else { return }
    if streams[slot: slot].receive.queue.isHeld {
      streams[slot: slot].receive.queue.contents.complete(entryNumber: pages.entryNumber, with: pages.raw)
    }
    noteReceiveProgress(at: slot)
  }

  private mutating func noteMismatch(at offset: UInt64, of id: StreamID) {
    if incomingObjects.noteMismatch(ofBlockAt: offset, of: id) { counters.objects.received.mismatches &+= 1 }
  }

  mutating func finishIncomingVersion(of id: StreamID) {
    incomingObjects.noteFinished(id)
    tellObjects()
  }

  /// The direction of a carrier ends before its version is whole.
  mutating func endIncomingVersion(of id: StreamID, isReset: Bool) {
    incomingObjects.end(id, isReset: isReset)
    tellObjects()
  }

  mutating func forgetCarrier(_ id: StreamID) {
    incomingObjects.forget(id)
    pageReads[id] = nil
    tellObjects()
  }

  /// Tells the application where objects stand now.
  mutating func tellObjects() {
    while let news = incomingObjects.takeNews() {
      if let ended = news.ended { counters.objects.received.note(ended, standing: news.version) }
      events.append(.objectStands(news.name, version: news.version, isOwn: false))
    }
  }

  mutating func receiveBaselineAnswer(_ body: inout ByteBuffer, now: Instant) throws(SessionError) {
    let answer = try BaselineAnswer(reading: &body)
    if answer.kind == .released {
      guard local.objectByteCount > 0 else {
        throw .peer(.protocol, "BAS-1", "an object is released though none was announced to be held")
      }
      if try !incomingObjects.release(answer.name) { try ledger.noteIdleFrame(now: now) }
      return
    }
    switch try outgoingObjects.receive(answer) {
    case .ignored: try ledger.noteIdleFrame(now: now)
    case .replacing: counters.objects.sent.mismatches &+= 1
    case .ended(let version, let standing, let abandoned):
      counters.objects.sent.note(version, standing: standing)
      if let abandoned { reset(abandoned, code: .cancelled) }
      events.append(.objectStands(answer.name, version: standing, isOwn: true))
    case .dropped:
      counters.objects.sent.dropped &+= 1
      events.append(.objectStands(answer.name, version: 0, isOwn: true))
    }
  }
}

extension OutgoingVersion.Block {
  /// What goes in front of the payload.
  fileprivate var head: ByteBuffer {
    var table = ByteBuffer()
    runs.write(to: &table)
    let range = method == .moved ? baseRange : nil
    var bytes = ByteBuffer()
    PageBlockHead(method: method, baseRange: range, table: table).write(to: &bytes)
    return bytes
  }
}
