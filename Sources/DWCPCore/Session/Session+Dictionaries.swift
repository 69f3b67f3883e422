internal import NIOCore

/// Dictionaries: offered, accepted, then used (SPEC DIC-1, DIC-2, DIC-3).
extension Session {
  /// Longer blocks have enough of their own to refer to.
  private static let longestDictionaryBlockByteCount = 16_384
  /// What is compressed harder is decoded for a trial where libzstd asks for it, and has no dictionary then (`ZstdLibrary`).
  private static let highestDictionaryLevel = 12

  /// Offers a dictionary to the other end, in place of the one before. Short blocks of streams that use zstd are compressed against it from when
  /// the other end has accepted it, and against the one before until then.
  ///
  /// Nothing happens when the other end holds none, or not so much.
  public mutating func offer(_ dictionary: CompressionDictionary) {
    outgoingDictionaries.propose(dictionary)
  }

  /// The dictionary that short blocks are compressed against now; nil before the other end has accepted one.
  public var dictionaryInUse: CompressionDictionary? { outgoingDictionaries.current?.dictionary }

  /// What a block that is to be cut is compressed against.
  func dictionaryOffer(
    _ setting: CompressionSetting, rawByteCount: Int, of id: StreamID
  ) -> OutgoingDictionaries.Offer? {
    guard !outgoingDictionaries.isEmpty, domains[id] == nil, setting.codec == .zstd,
      setting.level <= Self.highestDictionaryLevel,
      rawByteCount <= min(Self.longestDictionaryBlockByteCount, 1 << min(remote.zstdWindowLog, 31))
    else { return nil }
    return outgoingDictionaries.current
  }

  /// Blocks that were cut and will not be sent.
  mutating func forgetDictionaries(ofBlocksAt slot: Int) {
    guard !outgoingDictionaries.isEmpty else { return }
    for id in streams[slot: slot].send.dictionaryIDs { outgoingDictionaries.noteDropped(id) }
  }

  /// SPEC LIV-2: each dictionary of the other end has a place for its answer.
  mutating func writeDictionaryAnswers(into batch: inout TransmitBatch) {
    while let (id, answer) = incomingDictionaries.takeAnswer() {
      counters.dictionaries.received.note(answer)
      writeDictionaryAnswer(answer, id, into: &batch)
    }
  }

  private mutating func writeDictionaryAnswer(
    _ answer: DictionaryFrame.Answer, _ id: UInt32, into batch: inout TransmitBatch
  ) {
    batch.writeFrame(.dictionaryAnswer, isChecked: sendsChecks) { $0.writeMultipleIntegers(id, answer.rawValue) }
    noteSent(.dictionaryAnswer)
  }

  /// Parts of a dictionary go as blocks do, in front of them and as far as the link has room (SPEC ACK-4).
  mutating func writeDictionaries(maximumByteCount: Int, now: Instant, into batch: inout TransmitBatch) {
    let budget = sendCodecs.contains(.zstd) ? remote.dictionaryByteCount : 0
    while batch.byteCount < maximumByteCount, flow.hasRoom(blockByteCount: DictionaryFrame.partByteCount),
      let action = outgoingDictionaries.nextAction(budget: budget, acknowledgedCount: link.acknowledgedCount)
    {
      guard case .part(let offer, let offset, let byteCount) = action else {
        if case .retire(let id) = action {
          counters.dictionaries.sent.note(.retired)
          writeDictionaryAnswer(.retired, id, into: &batch)
        }
        continue
      }
      let start = batch.byteCount
      batch.writeFrame(.dictionary, isChecked: sendsChecks) { body in
        DictionaryFrame(
          id: offer.id, totalByteCount: offer.dictionary.byteCount, offset: offset, sha256: offer.dictionary.sha256
        ).write(to: &body)
        let content = offer.dictionary.content
        if let part = content.getSlice(at: content.readerIndex &+ offset, length: byteCount) {
          body.writeImmutableBuffer(part)
        }
      }
      if offset == 0 { counters.dictionaries.sent.offered &+= 1 }
      noteSent(.dictionary)
      flow.noteSent(frameCount: link.sentNumberedCount, byteCount: batch.byteCount &- start, now: now)
    }
  }

  mutating func receiveDictionary(_ body: inout ByteBuffer, now: Instant) throws(SessionError) {
    let frame = try DictionaryFrame(reading: &body)
    let isFirst = try incomingDictionaries.receive(frame, part: body)
    guard isFirst else { return }
    counters.dictionaries.received.offered &+= 1
    try ledger.noteDictionary(byteCount: frame.totalByteCount, now: now)
  }

  mutating func receiveDictionaryAnswer(_ body: inout ByteBuffer) throws(SessionError) {
    guard let (id, code) = body.readMultipleIntegers(as: (UInt32, UInt8).self),
      let answer = DictionaryFrame.Answer(rawValue: code)
    else { throw .peer(.protocol, "DIC-1", "an answer to a dictionary makes no sense") }
    guard answer == .retired else {
      try outgoingDictionaries.receive(answer, id: id)
      return counters.dictionaries.sent.note(answer)
    }
    try incomingDictionaries.retire(id)
    counters.dictionaries.received.note(answer)
  }

  /// The hash is right, or the session ends.
  mutating func completeDictionary(_ received: ReceivedDictionary) {
    guard progress.isLive else { return }
    do throws(SessionError) {
      try incomingDictionaries.complete(received)
    } catch {
      fail(error)
    }
  }

  /// What a block that names a dictionary is to be decoded with (SPEC DIC-3).
  func receivedDictionary(codec: Codec) throws(SessionError) -> CompressionDictionary {
    // Those of other domains are never accepted (SPEC DIC-1).
    guard domains[parser.header.streamID] == nil else {
      throw .peer(.protocol, "BAS-6", "a block names a dictionary of another domain than its stream's")
    }
    guard codec == .zstd else {
      throw .peer(.protocol, "DIC-3", "a block with a dictionary is not zstd")
    }
    return try incomingDictionaries.dictionary(parser.dictionaryID)
  }
}
