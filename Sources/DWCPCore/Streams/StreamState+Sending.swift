internal import NIOCore

/// What one turn of a stream sends.
enum SendTurn {
  case block(SendHalf.Block, isFinal: Bool, isNewlyCut: Bool)
  case nothing
  /// Session credit is missing.
  case blocked
}

/// How blocks come out of a stream. Without a codec a block is cut in the moment in which it is sent; with one, blocks are cut ahead
/// of the link, as many as `maximumBlocksAheadCount`, and wait for their turn.
extension StreamState {
  private static let maximumBlocksAheadCount = 8

  @inline(__always)
  mutating func nextTurn(codecs: CodecSet, maximumRawByteCount: Int, sessionCredit: UInt64) -> SendTurn {
    if let (block, isFinal) = send.takeBlock() { return .block(block, isFinal: isFinal, isNewlyCut: false) }
    guard send.phase == .open, !send.hasBlocks else { return .nothing }
    if send.isFinDue {
      let fin = SendHalf.Block(offset: send.cutEnd, rawByteCount: 0, endsMessage: false, payload: ByteBuffer())
      send.markFinSent()
      return .block(fin, isFinal: true, isNewlyCut: false)
    }
    guard !compression.isCompressing(codecs) else { return .nothing }
    guard let block = send.cut(maximumRawByteCount: maximumRawByteCount, maximumSpan: sessionCredit) else {
      return isBlockedBySession(sessionCredit) ? .blocked : .nothing
    }
    return .block(block, isFinal: send.markSent(), isNewlyCut: true)
  }

  /// Takes the only piece that the stream has to send, where no codec is asked and nobody waits for room. The stream is no longer scheduled then.
  @inline(__always)
  mutating func takePlainTurn(
    codecs: CodecSet, maximumRawByteCount: Int, maximumSpan: UInt64, longestByteCount: Int
  ) -> SendQueue.Chunk? {
    guard share.isFresh, !isWriterWaiting, !compression.isCompressing(codecs), send.hasOneChunkAtMost,
      let chunk = send.takeWhole(
        maximumRawByteCount: maximumRawByteCount, maximumSpan: maximumSpan, longestByteCount: longestByteCount)
    else { return nil }
    owesOpening = false
    isScheduled = false
    return chunk
  }

  @inline(__always)
  func isBlockedBySession(_ sessionCredit: UInt64) -> Bool {
    sessionCredit == 0 && send.hasBytesToCut && send.availableCredit > 0
  }

  /// Whether a turn would send something, session credit aside.
  @inline(__always)
  func mayHaveMoreToSend(codecs: CodecSet) -> Bool {
    guard send.phase == .open else { return false }
    if send.hasBlocks { return send.hasReadyBlock }
    if send.isFinDue { return true }
    return send.hasBytesToCut && send.availableCredit > 0 && !compression.isCompressing(codecs)
  }

  /// Whether a block may be cut for a codec now, session credit aside.
  @inline(__always)
  func mayCutForCodec(codecs: CodecSet) -> Bool {
    compression.isCompressing(codecs) && send.hasBytesToCut && send.availableCredit > 0
      && send.backlog.contents.blocks.count < Self.maximumBlocksAheadCount
  }
}
