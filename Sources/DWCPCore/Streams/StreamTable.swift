/// Everything the engine knows about one stream.
struct StreamState: Hashable, Sendable {
  let id: StreamID
  var send: SendHalf
  var receive: ReceiveHalf
  var compression: StreamCompression
  /// A higher id was opened first; the opening frame of this one is still to come (SPEC STR-2).
  var isAnticipated = false
  /// Its place among those that send.
  var share: SendSchedule.Share
  /// OPEN has still to be sent.
  var openBody: [UInt8]?
  /// The stream waits in the ring of those that have blocks to send.
  var isScheduled = false
  /// The stream waits in the ring of those that may have blocks to cut and compress.
  var isAwaitingEncode = false
  /// The stream waits in the list of those that session credit would help.
  var isAwaitingSessionCredit = false
  /// The stream waits in the list of those with control frames to send.
  var hasControl = false
  var stopCode: ErrorCode?
  /// `readable` has been told and the application has not read to the end of what there was.
  var isReadableTold = false
  /// It had something to read when stalled readers were looked for last, and nothing has been read since.
  var isSuspectedStalled = false
  /// The look at which it was found stalled; 0 while it is not.
  var stalledSinceLook: UInt32 = 0
  /// The application wrote beyond its budget and waits for `writable`.
  var isWriterWaiting = false
  /// Who cut the stream short first, if anybody did.
  private(set) var cut: StreamCut?
  /// The application wants nothing more from this stream (SPEC STR-4).
  var isReleased = false

  init(id: StreamID, creditLimit: UInt64, grantedLimit: UInt64, compression: StreamCompression, urgency: UInt8) {
    self.id = id
    share = SendSchedule.Share(urgency: urgency)
    send = SendHalf(creditLimit: creditLimit)
    receive = ReceiveHalf(grantedLimit: grantedLimit)
    self.compression = compression
  }

  /// The application reads.
  mutating func noteRead() {
    isSuspectedStalled = false
    stalledSinceLook = 0
  }

  /// Only the first cut counts: what follows is its answer.
  mutating func noteCut(_ cut: StreamCut) {
    self.cut = self.cut ?? cut
  }

  /// What stands in a slot that nobody uses.
  static let vacant = StreamState(
    id: .session, creditLimit: 0, grantedLimit: 0, compression: StreamCompression(.automatic), urgency: 0)

  /// Both directions have ended and nobody will ask again; until then the stream counts against its opener's limit, however it was ended (SPEC LIM-2).
  var isClosed: Bool {
    isReleased && send.isEnded && receive.phase == .done && !hasControl && openBody == nil
  }
}

/// The streams of a session, in slots that are used again; what is not here and was opened has been closed.
struct StreamTable: Hashable, Sendable {
  private var slots: [StreamState] = []
  private var freeSlots: [Int] = []
  private var index = StreamIndex()

  var count: Int { index.count }
  var ids: [StreamID] { index.ids.sorted { $0.rawValue < $1.rawValue } }

  func contains(_ id: StreamID) -> Bool { index.slot(of: id) != nil }

  mutating func insert(_ state: StreamState) {
    if let slot = freeSlots.popLast() {
      slots[slot] = state
      index.insert(state.id, slot: slot)
    } else {
      index.insert(state.id, slot: slots.count)
      slots.append(state)
    }
  }

  mutating func remove(_ id: StreamID) {
    guard let slot = index.remove(id) else { return }
    slots[slot] = .vacant
    freeSlots.append(slot)
  }

  subscript(_ id: StreamID) -> StreamState? {
    index.slot(of: id).map { slots[$0] }
  }

  /// Looks at a stream, or changes it, in place; nil when there is none. Looking without the right to change would copy the stream, which retains
  /// every queue of it, and leave a second reference that would make the next change copy a queue.
  @inline(__always)
  @discardableResult
  mutating func update<Result, Failure: Error>(
    _ id: StreamID, _ body: (inout StreamState) throws(Failure) -> Result
  ) throws(Failure) -> Result? {
    guard let slot = index.slot(of: id) else { return nil }
    return try body(&slots[slot])
  }
}
