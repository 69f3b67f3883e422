internal import NIOCore

/// Short blocks of one stream that lie one behind the other in what the connection brought.
extension Session {
  private static let maximumRunByteCount = 16_384
  /// Longer payloads stay where they are.
  private static let maximumJoinedByteCount = 1_024

  private struct Run {
    var blockCount = 0
    var payloadByteCount = 0
    var wireByteCount = 0
  }

  /// Takes blocks that go on where the last one ended, and are as plain as it was: they are checked one by one, and counted and kept together, in one piece. What
  /// breaks a rule, or is anything else, is left, and goes the long way. Returns how many bytes were taken.
  ///
  /// - Parameter input: what has arrived.
  /// - Parameter bytes: what is left of it behind the block that was taken last.
  /// - Parameter offset: where that begins among the input's readable bytes.
  @inline(__always)
  mutating func receiveRun(from input: ByteBuffer, _ bytes: RawSpan, at offset: Int, now: Instant) -> Int {
    let header = parser.header
    guard bytes.byteCount >= FrameHeader.byteCount, bytes.integer(at: 0, as: UInt64.self) == header.firstWord,
      header.flags & ~FrameFlags.check == 0, parser.dataFrame.codecID == Codec.none.rawValue,
      isActive,
      let slot = streams.slot(of: header.streamID), streams[slot: slot].receive.phase == .open
    else { return 0 }
    return receiveRun(from: input, bytes, at: offset, slot: slot, now: now)
  }

  private mutating func receiveRun(
    from input: ByteBuffer, _ bytes: RawSpan, at offset: Int, slot: Int, now: Instant
  ) -> Int {
    let run = measureRun(bytes, at: slot, now: now)
    guard run.blockCount > 0 else { return 0 }
    let units = UInt64(run.payloadByteCount)
    let end = streams[slot: slot].receive.received &+ units
    counters.framesReceived &+= UInt64(run.blockCount)
    counters.rawBytesReceived &+= units
    counters.receivedByCodec.update(.none) {
      $0.add(
        blockCount: run.blockCount, rawByteCount: run.payloadByteCount, payloadByteCount: run.payloadByteCount,
        wireByteCount: run.wireByteCount)
    }
    link.noteReceivedMore(frameCount: run.blockCount, byteCount: run.wireByteCount)
    queues.lend(to: &streams[slot: slot].receive.queue)
    _ = streams[slot: slot].receive.charge(end: end, isFinal: false)
    receiveCredit.charge(units)
    if receiveCredit.isTight { stalls.begin(now: now) }
    tuneWindows(at: slot, now: now)
    if streams[slot: slot].receive.queue.contents.append(joined(run, from: input, at: offset)) {
      noteBorrowing(at: slot)
    }
    noteReceiveProgress(at: slot)
    return run.wireByteCount
  }

  /// How many blocks there are of a run, each within every limit (SPEC HDR-1, HDR-3, DAT-1, DAT-5, DAT-6, CRD-1, CRD-2, LIM-1).
  private mutating func measureRun(_ bytes: RawSpan, at slot: Int, now: Instant) -> Run {
    let firstWord = parser.header.firstWord
    let start = streams[slot: slot].receive.received
    let credit = min(
      streams[slot: slot].receive.grantedLimit &- start, receiveCredit.grantedLimit &- receiveCredit.charged,
      UInt64(Self.maximumRunByteCount))
    let maximumByteCount = min(parser.maximumRawBlockByteCount, Self.maximumJoinedByteCount)
    var run = Run()
    while let byteCount = FrameParser.storedByteCount(
      in: bytes.extracting(droppingFirst: run.wireByteCount), firstWord: firstWord,
      offset: start &+ UInt64(run.payloadByteCount), maximumByteCount: maximumByteCount),
      UInt64(run.payloadByteCount &+ byteCount) <= credit, ledger.bearsData(rawByteCount: byteCount, now: now)
    {
      run.blockCount &+= 1
      run.payloadByteCount &+= byteCount
      run.wireByteCount &+= FrameHeader.byteCount &+ DataFrame.extensionByteCount &+ byteCount
      if parser.header.isChecked { run.wireByteCount &+= FrameHeader.checkByteCount }
    }
    return run
  }

  /// Copies the payloads of a run into one piece, whose memory is that of the run before where nobody holds it any more.
  private mutating func joined(_ run: Run, from input: ByteBuffer, at offset: Int) -> ByteBuffer {
    joint.clear(minimumCapacity: run.payloadByteCount)
    let tailByteCount = parser.header.isChecked ? FrameHeader.checkByteCount : 0
    unsafe joint.writeWithUnsafeMutableBytes(minimumWritableBytes: run.payloadByteCount) { target in
      unsafe input.withUnsafeReadableBytes { source in
        var (next, end) = (offset, 0)
        for _ in 0..<run.blockCount {
          let frame = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: source[next...]))
          let byteCount = DataFrame(behindHeaderIn: frame).rawByteCount
          let payload = next &+ FrameHeader.byteCount &+ DataFrame.extensionByteCount
          unsafe UnsafeMutableRawBufferPointer(rebasing: target[end...]).copyMemory(
            from: UnsafeRawBufferPointer(rebasing: source[payload..<payload &+ byteCount]))
          next = payload &+ byteCount &+ tailByteCount
          end &+= byteCount
        }
        return end
      }
    }
    return joint.readSlice(length: run.payloadByteCount) ?? ByteBuffer()
  }
}
