internal import NIOCore

/// Changes of the two announcements while the session goes on (SPEC UPD-1 to UPD-3).
struct CapabilityUpdates: Hashable, Sendable {
  /// What this end is to announce next; a newer wish takes its place.
  var wantedCodecIDs: [UInt8]?
  /// What it has announced and the other end has not taken over.
  private(set) var announcedCodecIDs: [UInt8]?
  private(set) var epoch: UInt32 = 0
  private(set) var peerEpoch: UInt32 = 0
  /// The other end's update has been taken over, but for blocks that were cut before and have still to be sent.
  private(set) var owesAnswer = false

  /// The codecs of an update to be sent now: one is under way at a time.
  mutating func begin() -> [UInt8]? {
    guard announcedCodecIDs == nil, let wanted = wantedCodecIDs.take() else { return nil }
    announcedCodecIDs = wanted
    epoch &+= 1
    return wanted
  }

  /// The other end goes by the update from now on; nil where none is under way.
  mutating func end(_ epoch: UInt32) -> [UInt8]? {
    epoch == self.epoch ? announcedCodecIDs.take() : nil
  }

  /// False when it is not the next one, or came before the answer to the last.
  mutating func beginPeer(_ epoch: UInt32) -> Bool {
    guard !owesAnswer, peerEpoch < .max, epoch == peerEpoch &+ 1 else { return false }
    peerEpoch = epoch
    owesAnswer = true
    return true
  }

  mutating func noteAnswered() {
    owesAnswer = false
  }
}

extension Session {
  /// Changes which codecs this end decodes: withdraws one that costs too much, or takes it up again (SPEC UPD-1). Blocks that are on their way are decoded
  /// as before; from the moment in which the other end has taken the change over, ``agreement`` has it. Changes in quick succession become one.
  ///
  /// - Parameter decodableCodecs: preferred first; `none` is always among them.
  /// - Returns: false when the other end takes no updates, and nothing happens; true before the handshake, when that is not known.
  @discardableResult
  public mutating func announce(decodableCodecs: [Codec]) -> Bool {
    guard agreement == nil || remote.features & Announcement.Feature.update != 0 else { return false }
    var wanted = configuration
    wanted.decodableCodecs = decodableCodecs
    updates.wantedCodecIDs = wanted.announcement.codecIDs
    return true
  }

  /// An update has been announced, or is to be, that the other end has not taken over.
  public var isAnnouncing: Bool { updates.wantedCodecIDs != nil || updates.announcedCodecIDs != nil }

  mutating func writeUpdate(into batch: inout TransmitBatch) {
    if remote.features & Announcement.Feature.update != 0, let codecIDs = updates.begin() {
      batch.writeFrame(.update, isChecked: sendsChecks) {
        $0.writeInteger(updates.epoch)
        $0.writeEntry(Announcement.Tag.codecs.rawValue) { $0.writeBytes(codecIDs) }
      }
      noteSent(.update)
    }
  }

  /// Behind the last block of before, in the same batch: nothing is cut for a codec until the answer has gone.
  mutating func writeUpdateAnswer(into batch: inout TransmitBatch) {
    guard updates.owesAnswer, phase == .open, !hasBlocksAhead else { return }
    updates.noteAnswered()
    let frameCount = link.sentNumberedCount
    batch.writeFrame(.updateAck, isChecked: sendsChecks) {
      $0.writeMultipleIntegers(updates.peerEpoch, UInt16(1), UInt32(0), frameCount)
    }
    noteSent(.updateAck)
    wakeAll()
  }

  /// A block that was cut for a codec has still to be sent.
  private var hasBlocksAhead: Bool {
    streams.busyIDs.contains { id in streams.slot(of: id).map { streams[slot: $0].send.hasBlocks } ?? false }
  }

  private mutating func wakeAll() {
    for id in streams.busyIDs {
      if let slot = streams.slot(of: id) { wake(at: slot) }
    }
  }

  mutating func receiveUpdate(_ body: inout ByteBuffer, now: Instant) throws(SessionError) {
    try ledger.noteIdleFrame(now: now)
    guard updates.beginPeer(body.readInteger(as: UInt32.self) ?? 0) else {
      throw .peer(.protocol, "UPD-1", "an UPDATE is not the next one, or came before the last was answered")
    }
    try remote.update(reading: &body)
    remoteCodecs = Set(remote.codecs)
    try checkPolicy(rule: "UPD-3")
    remoteCodecs.formIntersection(willingCodecs)
    let sendCodecs = remote.codecs.filter(remoteCodecs.contains)
    agreement?.sendCodecs = sendCodecs
    events.append(.sendCodecsChanged(sendCodecs))
    wakeAll()
  }

  mutating func receiveUpdateAnswer(_ body: inout ByteBuffer) throws(SessionError) {
    guard
      let (epoch, linkCount, linkID, frameCount) = body.readMultipleIntegers(as: (UInt32, UInt16, UInt32, UInt64).self),
      linkCount == 1, linkID == 0, body.readableBytes == 0, frameCount == link.receivedNumberedCount
    else {
      throw .peer(.protocol, "UPD-1", "an UPDATE_ACK names another link, or other frames, than have come")
    }
    guard let codecIDs = updates.end(epoch) else {
      throw .peer(.protocol, "UPD-1", "UPDATE_ACK \(epoch) answers no UPDATE")
    }
    local.codecIDs = codecIDs
    agreement?.receiveCodecs = local.codecs
  }
}
