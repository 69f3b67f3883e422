internal import DequeModule
internal import NIOCore

extension Session {
  /// The next work for a codec, or nil. Blocks that arrived come before blocks that are to be sent.
  ///
  /// Run it with ``CodecJob/run(in:)`` on any thread and bring the result back with ``complete(_:durationNanoseconds:now:)``, in any
  /// order.
  public mutating func nextJob() -> CodecJob? {
    if let job = decodeJobs.popFirst() { return .decode(job) }
    while isActive, encodeJobCount < configuration.maximumEncodeJobCount, let id = encodeRing.popFirst() {
      if let job = cutForCodec(id) { return .encode(job) }
    }
    noteCodecWait()
    return nil
  }

  /// Once for each time that blocks have to wait since all jobs are under way.
  private mutating func noteCodecWait() {
    let isWaiting = isActive && !encodeRing.isEmpty && encodeJobCount >= configuration.maximumEncodeJobCount
    if isWaiting, !isCodecBusy { counters.blocked[.codec] &+= 1 }
    isCodecBusy = isWaiting
  }

  /// Cuts one block of a stream; nil when there was none to cut or it goes stored. The stream stays in the ring while there is more.
  private mutating func cutForCodec(_ id: StreamID) -> EncodeJob? {
    let sessionCredit = sendCredit.available
    let maximumRawByteCount = codecBlockByteCount
    let codecs = remoteCodecs
    let jobNumber = nextJobNumber
    let maximumWindowLog = remote.zstdWindowLog
    var block: SendHalf.Block?
    var job: EncodeJob?
    var isBlocked = false
    streams.update(id) { stream in
      stream.isAwaitingEncode = false
      guard stream.mayCutForCodec(codecs: codecs),
        var cut = stream.send.cut(maximumRawByteCount: maximumRawByteCount, maximumSpan: sessionCredit)
      else {
        isBlocked = stream.isBlockedBySession(sessionCredit)
        return
      }
      if let setting = stream.compression.setting(rawByteCount: cut.rawByteCount, peerCodecs: codecs) {
        cut.jobNumber = jobNumber
        job = EncodeJob(
          number: jobNumber, streamID: id, raw: cut.payload, setting: setting, maximumWindowLog: maximumWindowLog)
      }
      stream.send.enqueue(cut)
      block = cut
    }
    if isBlocked { awaitSessionCredit(id) }
    guard let block else { return nil }
    sendCredit.charge(block.span)
    if job == nil {
      counters.untriedBlocks &+= 1
      wake(id)
    } else {
      nextJobNumber &+= 1
      encodeJobCount &+= 1
      scheduleEncoding(id)
    }
    return job
  }

  /// Takes the result of a job back; results for streams that have gone are dropped.
  ///
  /// - Parameter result: what ``CodecJob/run(in:)`` returned.
  /// - Parameter now: the current instant, on the clock of ``receive(_:now:)``.
  /// - Parameter durationNanoseconds: how long the job ran, for ``counters``; the engine has no clock that could tell.
  public mutating func complete(_ result: CodecJobResult, durationNanoseconds: UInt64 = 0, now: Instant) {
    switch result {
    case .encoded(let block):
      counters.sentByCodec.update(block.triedCodec) { $0.nanoseconds &+= durationNanoseconds }
      completeEncoding(block)
    case .decoded(let block):
      counters.receivedByCodec.update(block.codec) { $0.nanoseconds &+= durationNanoseconds }
      completeDecoding(block)
    }
  }

  private mutating func completeEncoding(_ encoded: EncodedBlock) {
    encodeJobCount = max(0, encodeJobCount &- 1)
    let isStored = encoded.codec == .none
    let isAwaited = streams.update(encoded.streamID) { stream in
      stream.compression.note(isStored: isStored)
      return stream.send.completeBlock(
        jobNumber: encoded.number, codecID: encoded.codec.rawValue, payload: encoded.payload)
    }
    guard isAwaited == true else { return }
    if isStored { counters.unshrunkBlocks &+= 1 }
    wake(encoded.streamID)
  }

  /// SPEC CDC-4: a broken block ends its direction of its stream, and nothing else.
  private mutating func completeDecoding(_ decoded: DecodedBlock) {
    guard decoded.failure == nil else { return stop(decoded.streamID, code: .codec) }
    streams.update(decoded.streamID) { stream in
      stream.receive.queue.complete(entryNumber: decoded.number, with: decoded.raw)
    }
    noteReceiveProgress(decoded.streamID)
  }
}
