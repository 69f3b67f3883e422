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
    let sessionRoom = receiveCredit.grantedLimit &- receiveCredit.charged
    let roundTrip = flow.shortestRoundTripNanoseconds
    var isTuningDue = false
    let isTaken = streams.update(at: slot) { stream in
      guard stream.receive.phase == .open, stream.receive.received == frame.offset,
        stream.receive.grantedLimit >= end, units <= sessionRoom,
        isFinal || ledger.bearsData(rawByteCount: frame.rawByteCount, now: now)
      else { return false }
      queues.lend(to: &stream.receive.queue)
      let isBorrowing = stream.receive.take(
        payloadOf: &parser, units: units, isFinal: isFinal, endsMessage: endsMessage)
      if isBorrowing, !stream.isBorrowing {
        stream.isBorrowing = true
        borrowers.append(UInt32(truncatingIfNeeded: slot))
      }
      if stream.takeReadableNews() { events.append(.readable(stream.id)) }
      if let roundTrip { isTuningDue = stream.receive.isTuningDue(roundTripNanoseconds: roundTrip, now: now) }
      return true
    }
    guard isTaken else { return false }
    counters.rawBytesReceived &+= UInt64(frame.rawByteCount)
    counters.receivedByCodec.update(.none) {
      $0.add(
        rawByteCount: frame.rawByteCount, payloadByteCount: frame.rawByteCount, wireByteCount: parser.wireByteCount)
    }
    receiveCredit.charge(units)
    if receiveCredit.isTight { stalls.begin(now: now) }
    if isTuningDue || self.isTuningDue(roundTrip: roundTrip, now: now) { tuneWindows(at: slot, now: now) }
    if streams.update(at: slot, { $0.receive.creditToGrant != nil }) { queueControl(at: slot) }
    return true
  }
}
