internal import DequeModule
internal import NIOCore

extension Session {
  /// The next work for a codec, or nil. Blocks that arrived come before blocks that are to be sent.
  ///
  /// Run it with ``CodecJob/run(in:)`` on any thread and bring the result back with ``complete(_:durationNanoseconds:now:)``, in any
  /// order.
  public mutating func nextJob() -> CodecJob? {
    guard mayHaveJob else { return nil }
    makeStreamsUnique()
    if let job = decodeJobs.popFirst() { return .decode(job) }
    if let job = pageJobs.popFirst() { return .decodePages(job) }
    if let job = incomingDictionaries.takeJob() { return .prepare(job) }
    while isActive, !updates.owesAnswer, !owesScheduleCredit || schedule.isEmpty,
      encodeJobCount < configuration.maximumEncodeJobCount,
      let id = encodeRing.popFirst()
    {
      if let job = cutForCodec(id) { return job }
    }
    noteCodecWait()
    return nil
  }

  @inline(__always)
  private var mayHaveJob: Bool {
    !encodeRing.isEmpty || isCodecBusy || !decodeJobs.isEmpty || !pageJobs.isEmpty || incomingDictionaries.hasJob
  }

  /// Whether ``nextEvent()`` or ``nextJob()`` may return something. Nothing changes; see ``outlook()``.
  package mutating func hasNews() -> Bool { !events.isEmpty || mayHaveJob }

  /// Once for each time that blocks have to wait since all jobs are under way.
  private mutating func noteCodecWait() {
    let isWaiting = isActive && !encodeRing.isEmpty && encodeJobCount >= configuration.maximumEncodeJobCount
    if isWaiting, !isCodecBusy { counters.blocked[.codec] &+= 1 }
    isCodecBusy = isWaiting
  }

  /// Cuts one block of a stream; nil when there was none to cut or it goes stored. The stream stays in the ring while there is more.
  private mutating func cutForCodec(_ id: StreamID) -> CodecJob? {
    guard let slot = streams.slot(of: id) else { return nil }
    streams[slot: slot].isAwaitingEncode = false
    // The answer to a question of another stream may have come in the meantime.
    if unaskedShortBlockCount > 0, passShortBlock(at: slot) {
      wake(at: slot)
      return nil
    }
    if streams[slot: slot].compression.isPaged { return cutPages(of: id, at: slot).map(CodecJob.encodePages) }
    guard streams[slot: slot].mayCutForCodec(codecs: sendCodecs),
      var block = streams[slot: slot].send.cut(
        maximumRawByteCount: codecBlockByteCount, maximumSpan: sendCredit.available)
    else {
      if streams[slot: slot].isBlockedBySession(sendCredit.available) { awaitSessionCredit(id, at: slot) }
      return nil
    }
    chargeForCodec(block.span)
    block.detach()
    let (setting, sample) = choose(rawByteCount: block.rawByteCount, of: id, at: slot)
    guard let setting else {
      if block.rawByteCount > 0 { endCutting(of: id) }
      let count = streams[slot: slot].send.enqueueStored(block, pieceByteCount: blockByteCount)
      counters.untriedBlocks &+= UInt64(count)
      wake(at: slot)
      return sample.map { .encode(makeSample($0, of: block, id)) }
    }
    let place = nextPlace(of: id, setting)
    block.isCutForChain = place != nil
    block.isRestart = place?.isFirst ?? false
    let offer = place == nil ? dictionaryOffer(setting, rawByteCount: block.rawByteCount, of: id) : nil
    if let offer {
      block.dictionaryID = offer.id
      outgoingDictionaries.noteCut(offer.id)
    }
    block.jobNumber = nextJobNumber
    nextJobNumber &+= 1
    encodeJobCount &+= 1
    streams[slot: slot].send.enqueue(block)
    scheduleEncoding(at: slot)
    return .encode(
      EncodeJob(
        number: block.jobNumber, streamID: id, raw: block.payload,
        setting: place == nil ? setting.independent : setting,
        maximumWindowLog: place == nil ? remote.zstdWindowLog : sendChainWindowLog, place: place,
        dictionary: offer?.dictionary))
  }

  /// A block has been cut to be compressed, which it is before it waits for its turn.
  mutating func chargeForCodec(_ span: UInt64) {
    sendCredit.charge(span)
    if sendCredit.available == 0 { owesScheduleCredit = true }
  }

  /// Tries a setting on the beginning of a block that goes stored at once and waits for nothing.
  private mutating func makeSample(
    _ setting: CompressionSetting, of block: SendHalf.Block, _ id: StreamID
  ) -> EncodeJob {
    let count = CodecSelector.sampleByteCount(rawByteCount: block.rawByteCount)
    let part = block.payload.getSlice(at: block.payload.readerIndex, length: count) ?? block.payload
    let number = nextJobNumber
    nextJobNumber &+= 1
    encodeJobCount &+= 1
    return EncodeJob(
      number: number, streamID: id, raw: part, setting: setting.independent, isSample: true,
      maximumWindowLog: remote.zstdWindowLog)
  }

  /// Codec and level to try, nil to store the block; and what to try on a part of one that goes stored (SPEC CDC-7).
  private mutating func choose(
    rawByteCount: Int, of id: StreamID, at slot: Int
  ) -> (setting: CompressionSetting?, sample: CompressionSetting?) {
    guard streams[slot: slot].compression.isAutomatic else {
      return (streams[slot: slot].compression.setting(rawByteCount: rawByteCount, peerCodecs: sendCodecs), nil)
    }
    guard rawByteCount >= StreamCompression.leastRawByteCount else { return (nil, nil) }
    if selectors.isFull { selectors.keep(selectors.ids.filter { streams[$0]?.isBusy ?? false }) }
    let conditions = conditions(of: id, rawByteCount: rawByteCount)
    let choice = selectors.choose(
      rawByteCount: rawByteCount, of: id, contentClass: streams[slot: slot].compression.contentClass,
      storedByteCount: blockByteCount, under: conditions)
    counters.codecChoices.add(choice, rawByteCount: rawByteCount)
    if choice.isChange, configuration.explainsCodecs {
      events.append(.codecChosen(selectors.explain(choice, of: id, under: conditions)))
    }
    if conditions.aloneByteCount > 0 {
      unaskedShortBlockCount = choice.setting.codec == .none ? UInt8(CodecSelector.unaskedBlockCount) : 0
    }
    guard choice.setting.codec == .none else { return (choice.setting, nil) }
    streams[slot: slot].compression.allowStored(blockCount: choice.unaskedBlockCount)
    return (nil, choice.sample)
  }

  /// A short block that is alone goes stored without a question, since the last one did: streams of one message would each ask anew.
  ///
  /// - Returns: false when it is none, or is not alone.
  @discardableResult
  mutating func passShortBlock(at slot: Int) -> Bool {
    guard encodeJobCount == 0 else { return false }
    let isPassed = streams.update(at: slot) { stream in
      guard stream.compression.isQuestionDue, stream.send.hasOnly(byteCount: Self.maximumAloneByteCount) else {
        return false
      }
      stream.compression.allowStored(blockCount: 1)
      return true
    }
    if isPassed { unaskedShortBlockCount &-= 1 }
    return isPassed
  }

  /// Raw bytes sent since the link was last seen full, up to which it was full lately.
  private static let latelyByteCount: UInt64 = 2 << 20

  /// Of encoded blocks, one after the other, that had to wait for the link.
  private static let leastReadyRun = 4

  /// Longer blocks are worth a codec on links that nobody has seen full: they may turn out to be slow.
  private static let maximumAloneByteCount = 4_096

  private func conditions(of id: StreamID, rawByteCount: Int) -> CodecSelector.Conditions {
    var conditions = CodecSelector.Conditions()
    conditions.linkBytesPerSecond = flow.deliveryBytesPerSecond
    conditions.isLinkSettled = flow.isSettled
    conditions.roundTripNanoseconds = flow.shortestRoundTripNanoseconds
    conditions.coreCount = codecCores.count
    conditions.peer = peerDecoding
    // A stream that stores leaves the schedule to ask, and no codec holds it up: a link that was full lately is what does.
    let isStoring = selectors.isStoring(id)
    let isBusyLately = linkBusyMark.map { counters.rawBytesSent &- $0 <= Self.latelyByteCount } ?? false
    if isStoring ? isBusyLately : readyRun >= max(Self.leastReadyRun, codecCores.limit) {
      conditions.bottleneck = .link
    } else if !isStoring, encodeJobCount >= codecCores.limit {
      conditions.bottleneck = .codec
    } else if rawByteCount <= min(Self.maximumAloneByteCount, codecBlockByteCount &- 1) {
      conditions.aloneByteCount = rawByteCount
    }
    return conditions
  }

  /// Takes the result of a job back; results for streams that have gone are dropped.
  ///
  /// - Parameter result: what ``CodecJob/run(in:)`` returned.
  /// - Parameter now: the current instant, on the clock of ``receive(_:now:)``.
  /// - Parameter durationNanoseconds: what a core spent on the job, time in which the thread had none left out; 0 if nobody has looked. The engine has no
  ///   clock that could tell.
  public mutating func complete(_ result: CodecJobResult, durationNanoseconds: UInt64 = 0, now: Instant) {
    makeStreamsUnique()
    switch result {
    case .encoded(let block):
      counters.sentByCodec.update(block.tried.codec) { $0.nanoseconds &+= durationNanoseconds }
      completeEncoding(block, durationNanoseconds, now: now)
    case .decoded(let block):
      counters.receivedByCodec.update(block.codec) { $0.nanoseconds &+= durationNanoseconds }
      completeDecoding(block)
    case .encodedPages(let pages):
      counters.sentByCodec.update(pages.codec) { $0.nanoseconds &+= durationNanoseconds }
      completeEncoding(pages)
    case .decodedPages(let pages):
      counters.receivedByCodec.update(pages.codec) { $0.nanoseconds &+= durationNanoseconds }
      completeDecoding(pages)
    case .prepared(let dictionary):
      completeDictionary(dictionary)
    }
  }

  private mutating func completeEncoding(_ encoded: EncodedBlock, _ durationNanoseconds: UInt64, now: Instant) {
    encodeJobCount = max(0, encodeJobCount &- 1)
    codecCores.noteEncoded(nanoseconds: durationNanoseconds, pendingCount: encodeJobCount, now: now)
    if encoded.isSample { return selectors.learn(encoded, nanoseconds: durationNanoseconds) }
    let isStored = encoded.codec == .none
    guard let slot = streams.slot(of: encoded.streamID) else { return }
    streams[slot: slot].compression.note(isStored: encoded.isUnshrunk)
    selectors.learn(encoded, nanoseconds: durationNanoseconds)
    if isStored { endCutting(of: encoded.streamID) }
    let isAwaited = streams[slot: slot].send.completeBlock(
      encoded.number, codec: encoded.codec, payload: encoded.payload, decodedCheck: encoded.decodedCheck)
    guard isAwaited else { return }
    readyRun = schedule.isEmpty && flow.hasRoom(blockByteCount: blockByteCount) ? 0 : readyRun &+ 1
    if isStored { counters.unshrunkBlocks &+= 1 }
    wake(at: slot)
  }

  /// SPEC CDC-4: a broken block ends its direction of its stream, and nothing else.
  private mutating func completeDecoding(_ decoded: DecodedBlock) {
    if decoded.dictionaryID != 0 { incomingDictionaries.noteJobDone(decoded.dictionaryID) }
    guard decoded.failure == nil else { return stop(decoded.streamID, code: .codec) }
    guard let slot = streams.slot(of: decoded.streamID) else { return }
    if streams[slot: slot].receive.queue.isHeld {
      let number = UInt32(truncatingIfNeeded: decoded.number)
      streams[slot: slot].receive.queue.contents.complete(entryNumber: number, with: decoded.raw)
    }
    noteReceiveProgress(at: slot)
  }
}
