/// What most blocks are.
extension Session {
  /// Takes a stored block that comes next on a stream that is open, within every limit. False when it is anything else, or breaks a rule: it then goes the
  /// long way, which finds out which one.
  @inline(__always)
  mutating func receivePlainBlock(now: Instant) throws(SessionError) -> Bool {
    let others = ~(FrameFlags.check | DataFrame.Flags.fin | DataFrame.Flags.endOfMessage)
    let frame = parser.dataFrame
    guard parser.header.flags & others == 0, frame.codecID == Codec.none.rawValue, frame.rawByteCount > 0,
      frame.offset < DataFrame.maximumOffset / 2, receiveChains.isEmpty, incomingObjects.isEmpty
    else { return false }
    let id = parser.header.streamID
    if let slot = streams.slot(of: id), !streams[slot: slot].isAnticipated {
      return receivePlainBlock(at: slot, now: now)
    }
    guard let slot = try locate(id, isOpening: true, now: now) else { return false }
    if streams[slot: slot].isAnticipated { announceStream(id, at: slot, StreamOpening()) }
    return receivePlainBlock(at: slot, now: now)
  }

  private mutating func receivePlainBlock(at slot: Int, now: Instant) -> Bool {
    let frame = parser.dataFrame
    let isFinal = parser.header.flags & DataFrame.Flags.fin != 0
    let endsMessage = parser.header.flags & DataFrame.Flags.endOfMessage != 0
    let units = UInt64(frame.rawByteCount &+ (endsMessage ? 1 : 0))
    let end = frame.offset &+ units
    guard streams[slot: slot].receive.phase == .open, streams[slot: slot].receive.received == frame.offset,
      streams[slot: slot].receive.grantedLimit >= end,
      units <= receiveCredit.grantedLimit &- receiveCredit.charged,
      isFinal || ledger.bearsData(rawByteCount: frame.rawByteCount, now: now)
    else { return false }
    counters.rawBytesReceived &+= UInt64(frame.rawByteCount)
    counters.receivedByCodec.update(.none) {
      $0.add(
        rawByteCount: frame.rawByteCount, payloadByteCount: frame.rawByteCount, wireByteCount: parser.wireByteCount)
    }
    queues.lend(to: &streams[slot: slot].receive.queue)
    _ = streams[slot: slot].receive.charge(end: end, isFinal: isFinal)
    receiveCredit.charge(units)
    if receiveCredit.isTight { stalls.begin(now: now) }
    tuneWindows(at: slot, now: now)
    queuePieces(at: slot)
    if endsMessage {
      streams[slot: slot].receive.queue.contents.appendMarks(
        table: nil, endsMessage: true, blockRawByteCount: frame.rawByteCount)
    }
    tellReader(at: slot)
    return true
  }
}
