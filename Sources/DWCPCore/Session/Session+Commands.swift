internal import DequeModule
public import NIOCore

extension Session {
  /// Opens a stream. Its frames go with the next transmission, even before the handshake is complete (SPEC HS-2).
  ///
  /// - Parameter opening: what is said of the stream; its limits are checked here.
  /// - Parameter compression: nil for what the configuration says.
  /// - Throws: `streamLimit` when the other end allows no more streams now, `shutdown` when one of the ends is going away,
  ///   `protocol` when the opening is longer than the other end takes.
  public mutating func open(
    _ opening: StreamOpening = StreamOpening(), compression: CompressionChoice? = nil
  ) throws(SessionError) -> StreamID {
    // One that came from the other end may be passed on, but not the version that its stream carried.
    try openStream(opening, compression, carriesVersion: false)
  }

  @inline(__always)
  mutating func openStream(
    _ opening: StreamOpening, _ compression: CompressionChoice?, carriesVersion: Bool
  ) throws(SessionError) -> StreamID {
    makeStreamsUnique()
    guard canOpenEarly || isActive else {
      throw .caller(.shutdown, "HS-2", "the session is not open")
    }
    guard !goAway.forbidsOpening else {
      throw .caller(.shutdown, "END-1", "one of the ends is going away; open the stream on another session")
    }
    guard openedOrdinal < min(remote.streamLimit, Announcement.maximumStreamLimit) else {
      throw .caller(.streamLimit, "STR-3", "the other end allows no more streams now; wait until one has closed")
    }
    guard
      let body = opening.encoded(
        maximumByteCount: remote.maximumMetadataByteCount, carriesVersion: carriesVersion)
    else {
      throw .caller(.protocol, "STR-7", "the metadata is longer or has more entries than allowed, or a key twice")
    }
    openedOrdinal += 1
    let id = StreamID(ordinal: openedOrdinal, openedBy: role)
    var stream = StreamState(
      id: id, creditLimit: remote.streamCredit, grantedLimit: local.streamCredit,
      compression: StreamCompression(compression ?? configuration.compression), urgency: opening.urgency)
    stream.owesOpening = true
    if stream.compression.isAutomatic {
      stream.compression.contentClass = selectors.contentClass(of: opening, isOwn: true)
    }
    if !body.isEmpty { openBodies[id] = body }
    if opening.domain != 0 { domains[id] = opening.domain }
    counters.streamsOpened += 1
    queueControl(at: streams.insert(consume stream))
    return id
  }

  /// Whether another stream may be opened now.
  public var canOpenStream: Bool {
    (canOpenEarly || isActive) && !goAway.forbidsOpening && openedOrdinal < remote.streamLimit
  }

  private var canOpenEarly: Bool {
    role == .initiator && phase.rawValue < Phase.open.rawValue && configuration.acceptableCodecs.contains(.none)
  }

  /// Hands bytes over for sending; they are kept without a copy. Nothing is ever turned away for its size, but when the answer
  /// is false the writer is to wait for ``SessionEvent/writable(_:)``.
  ///
  /// - Parameter bytes: raw bytes, perhaps none.
  /// - Parameter id: a stream of either end whose sending direction this end has not ended.
  /// - Parameter endsMessage: a message ends behind these bytes, which may be none (SPEC section 8).
  /// - Throws: `streamState` when this end has ended the direction, or the stream is gone; the other end's code when that stopped it.
  public mutating func write(
    _ bytes: consuming ByteBuffer, to id: StreamID, endsMessage: Bool = false
  ) throws(SessionError) -> Bool {
    try append(consume bytes, to: id, endsMessage: endsMessage, isPages: false)
  }

  @inline(__always)
  mutating func append(
    _ bytes: consuming ByteBuffer, to id: StreamID, endsMessage: Bool, isPages: Bool
  ) throws(SessionError) -> Bool {
    makeStreamsUnique()
    guard let slot = streams.slot(of: id), streams[slot: slot].send.canWrite, !streams[slot: slot].isReleased,
      streams[slot: slot].compression.isPaged == isPages
    else { throw endedError(id) }
    if bytes.readableBytes > 0 || endsMessage {
      backlogs.lend(to: &streams[slot: slot].send.backlog)
      if streams[slot: slot].send.append(consume bytes, endsMessage: endsMessage), !streams[slot: slot].isPinning {
        streams[slot: slot].isPinning = true
        pinners.append(UInt32(truncatingIfNeeded: slot))
      }
    }
    let hasRoom = streams[slot: slot].send.bufferedByteCount < configuration.streamSendBudgetByteCount
    streams[slot: slot].isWriterWaiting = !hasRoom
    wake(at: slot)
    return hasRoom
  }

  /// Changes whose turn comes first, for what this end sends on a stream from now on (SPEC PRI-2).
  ///
  /// - Parameter urgency: 0 (first) to 7 (last); more is 7.
  /// - Parameter id: a stream of either end; nothing happens when it is gone.
  public mutating func setUrgency(_ urgency: UInt8, of id: StreamID) {
    makeStreamsUnique()
    streams.update(id) { schedule.change(id, to: urgency, isWaiting: $0.isScheduled, &$0.share) }
  }

  /// Asks the other end to change whose turn comes first among what it sends (SPEC PRI-1); it may go on as before.
  ///
  /// - Parameter urgency: 0 (first) to 7 (last); more is 7.
  /// - Parameter id: a stream of either end; nothing happens when it is gone, or before the handshake is complete.
  public mutating func requestUrgency(_ urgency: UInt8, of id: StreamID) {
    makeStreamsUnique()
    guard isActive, let slot = streams.slot(of: id) else { return }
    streams[slot: slot].requestedUrgency = min(urgency, SendSchedule.lowestUrgency)
    queueControl(at: slot)
  }

  /// Ends this end's direction behind what was written (SPEC STR-8).
  public mutating func finish(_ id: StreamID) throws(SessionError) {
    makeStreamsUnique()
    guard let slot = streams.slot(of: id), streams[slot: slot].send.canWrite else { throw endedError(id) }
    streams[slot: slot].send.finish()
    if !streams[slot: slot].isScheduled { wake(at: slot) }
  }

  @inline(never)
  private mutating func endedError(_ id: StreamID) -> SessionError {
    if outgoingObjects.isCarrier(id) {
      return .caller(.protocol, "BAS-2", "stream \(id) carries a version of an object; write pages to it")
    }
    guard let slot = streams.slot(of: id), streams[slot: slot].send.isStoppedByPeer else {
      return .caller(.streamState, "STR-8", "stream \(id) can no longer be written")
    }
    return SessionError(
      code: streams[slot: slot].send.resetCode, blame: .peer, rule: "STR-10",
      message: "the other end no longer reads stream \(id)",
      isReportedByPeer: true)
  }

  /// The next raw bytes of a stream; reading is what returns credit to the other end (SPEC CRD-5).
  public mutating func read(_ id: StreamID, maximumByteCount: Int = .max) -> StreamRead {
    if emptied.id == id { return .notReady }
    makeStreamsUnique()
    guard let slot = streams.slot(of: id) else { return .end }
    // Pages that do not follow one another are not read together.
    let limit = pageReads.isEmpty ? maximumByteCount : min(maximumByteCount, pageReads[id]?.first?.count ?? .max)
    var grantsCredit = false
    let result = streams.update(at: slot) { stream -> StreamRead? in
      guard !stream.receive.isOver else { return nil }
      let writtenOff = stream.receive.writtenOff
      guard let read = stream.receive.read(maximumByteCount: max(1, limit)) else {
        stream.isReadableTold = false
        return .notReady
      }
      receiveCredit.consume(
        UInt64(read.bytes.readableBytes) &+ (read.endsMessage ? 1 : 0),
        recovered: writtenOff &- stream.receive.writtenOff)
      queues.takeBack(&stream.receive.queue)
      if !stream.receive.queue.isHeld {
        if stream.receive.phase == .open {
          stream.isReadableTold = false
          emptied.id = id
        }
        if borrowers.last.map(Int.init) == slot {
          borrowers.removeLast()
          stream.isBorrowing = false
        }
      }
      grantsCredit = stream.receive.creditToGrant != nil
      return .bytes(read.bytes, endsMessage: read.endsMessage)
    }
    guard let result else { return readEnd(of: id, at: slot) }
    if !pageReads.isEmpty, case .bytes(let bytes, _) = result { noteReadPages(id, byteCount: bytes.readableBytes) }
    if grantsCredit { queueControl(at: slot) }
    return result
  }

  /// The application learns that the direction has ended.
  private mutating func readEnd(of id: StreamID, at slot: Int) -> StreamRead {
    let failure = streams[slot: slot].receive.failure
    let isReportedByPeer = streams[slot: slot].receive.isFailureReportedByPeer
    streams[slot: slot].receive.acknowledgeEnd()
    removeIfClosed(at: slot)
    guard let failure else { return .end }
    return .failed(failureError(id, failure, isReportedByPeer: isReportedByPeer))
  }

  private func failureError(_ id: StreamID, _ code: ErrorCode, isReportedByPeer: Bool) -> SessionError {
    if isReportedByPeer {
      return SessionError(
        code: code, blame: .peer, rule: "STR-9", message: "stream \(id) was reset by the other end",
        isReportedByPeer: true)
    }
    if code == .stalled {
      return .caller(
        code, "CRD-9", "stream \(id) was not read for too long while others needed its memory; read it, or stop it")
    }
    guard code == .codec else {
      return .caller(code, "STR-10", "stream \(id) was stopped by this end")
    }
    return .peer(.codec, "CDC-4", "a block of stream \(id) could not be decoded")
  }

  /// Asks the other end to send no more on a stream; what has arrived unread is dropped (SPEC STR-10).
  public mutating func stop(_ id: StreamID, code: ErrorCode) {
    makeStreamsUnique()
    guard let slot = streams.slot(of: id) else { return }
    if !incomingObjects.isEmpty { endIncomingVersion(of: id, isReset: false) }
    if updateReceiving(at: slot, { $0.stop(code) }) {
      streams[slot: slot].stopCode = code
      streams[slot: slot].noteCut(.byThisEnd)
      queueControl(at: slot)
    }
    noteReceiveProgress(at: slot)
  }

  /// Ends this end's direction at once; what was written and not sent is dropped (SPEC STR-9).
  public mutating func reset(_ id: StreamID, code: ErrorCode) {
    makeStreamsUnique()
    guard let slot = streams.slot(of: id) else { return }
    let phase = streams[slot: slot].send.phase
    guard phase == .open || phase == .finished else { return }
    if id.opener != role, !goAway.isDraining { ledger.noteOwnReset() }
    streams[slot: slot].noteCut(.byThisEnd)
    forgetDictionaries(ofBlocksAt: slot)
    sendCredit.refund(streams[slot: slot].send.reset(code))
    queueControl(at: slot)
    wakeCreditWaiters()
  }

  /// The application has finished with a stream (SPEC STR-4). An unfinished direction of this end is reset; what the other end still sends
  /// is discarded, and stopped if it is more than the end.
  public mutating func release(_ id: StreamID) {
    makeStreamsUnique()
    guard let slot = streams.slot(of: id), !streams[slot: slot].isReleased else { return }
    streams[slot: slot].isReleased = true
    if streams[slot: slot].send.canWrite { reset(id, code: .cancelled) }
    if !incomingObjects.isEmpty { endIncomingVersion(of: id, isReset: false) }
    if streams[slot: slot].receive.phase != .done { abandon(at: slot) }
    removeIfClosed(at: slot)
  }

  /// Nobody reads any more what comes on a stream.
  private mutating func abandon(at slot: Int) {
    let needsStop = updateReceiving(at: slot) { receive in
      receive.acknowledgeEnd()
      return receive.abandon()
    }
    if needsStop { queueStop(at: slot) }
  }

  /// Bytes written to a stream that the connection has not taken yet.
  public func bufferedByteCount(_ id: StreamID) -> Int {
    streams.slot(of: id).map { streams[slot: $0].send.bufferedByteCount } ?? 0
  }
}
