/// Everything the engine knows about one stream. An idle one is to cost little: large fields come first, and what only a busy stream needs is lent to
/// it.
struct StreamState: Hashable, Sendable {
  private(set) var id: StreamID
  var send: SendHalf
  var receive: ReceiveHalf
  /// Its place among those that send.
  var share: SendSchedule.Share
  var stopCode: ErrorCode?
  var compression: StreamCompression
  /// Who cut the stream short first, if anybody did.
  private(set) var cut: StreamCut?
  /// A higher id was opened first; the opening frame of this one is still to come (SPEC STR-2).
  var isAnticipated = false
  /// The other end has not been told of the stream.
  var owesOpening = false
  /// The stream waits in the ring of those that have blocks to send.
  var isScheduled = false
  /// The stream waits in the ring of those that may have blocks to cut and compress.
  var isAwaitingEncode = false
  /// The stream waits in the list of those that session credit would help.
  var isAwaitingSessionCredit = false
  /// The stream waits in the list of those with control frames to send.
  var hasControl = false
  /// The urgency that the other end is to be asked for; nil while there is nothing to ask.
  var requestedUrgency: UInt8?
  /// The stream is in the list of those whose unread bytes lie where the connection brought them.
  var isBorrowing = false
  /// The stream is in the list of those that may have bytes to send in buffers that are much larger.
  var isPinning = false
  /// It is in one of the session's lists of ids.
  var isListed: Bool { isScheduled || isAwaitingEncode || isAwaitingSessionCredit || hasControl }
  /// `readable` has been told and the application has not read to the end of what there was.
  var isReadableTold = false
  /// The application wrote beyond its budget and waits for `writable`.
  var isWriterWaiting = false
  /// The application wants nothing more from this stream (SPEC STR-4).
  var isReleased = false

  init(id: StreamID, creditLimit: UInt64, grantedLimit: UInt64, compression: StreamCompression, urgency: UInt8) {
    self.id = id
    share = SendSchedule.Share(urgency: urgency)
    send = SendHalf(creditLimit: creditLimit)
    receive = ReceiveHalf(grantedLimit: grantedLimit)
    self.compression = compression
  }

  /// Only the first cut counts: what follows is its answer.
  mutating func noteCut(_ cut: StreamCut) {
    self.cut = self.cut ?? cut
  }

  @inline(__always)
  var isBusy: Bool { send.backlog.isHeld || receive.queue.isHeld || send.isFinDue }

  /// Whether the application is to be told, once, that it can read; a stream that it has released ends without it.
  @inline(__always)
  mutating func takeReadableNews() -> Bool {
    if isReleased {
      receive.acknowledgeEnd()
      return false
    }
    guard !isReadableTold, receive.isReadable else { return false }
    isReadableTold = true
    return true
  }

  /// Both directions have ended and nobody will ask again; until then the stream counts against its opener's limit, however it was ended (SPEC LIM-2).
  @inline(__always)
  var isClosed: Bool {
    isReleased && send.isEnded && receive.phase == .done && !hasControl && !owesOpening
  }

  /// Gives it memory of its own, where it has just been copied.
  mutating func makeUnique() {
    send.backlog.makeUnique()
    receive.queue.makeUnique()
  }

  /// The stream is gone; its slot waits for another, which is put there without a look at what was there. So nothing may be left that refers to memory.
  mutating func vacate() {
    id = .session
    if send.backlog.isHeld { send.backlog.removeAll() }
    receive.vacate()
  }
}
