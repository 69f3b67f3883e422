/// The streams of a session, in slots that are used again; what is not here and was opened has been closed.
struct StreamTable: Sendable {
  /// A slot that nobody uses has the session's id, and refers to nothing.
  private var slots = Slab<StreamState>()
  private var freeSlots: [UInt32] = []
  private var index = StreamIndex()

  var count: Int { index.count }
  var ids: [StreamID] {
    (0..<slots.count).map { slots[$0].id }.filter { $0 != .session }.sorted { $0.rawValue < $1.rawValue }
  }

  /// Those that have something to send or to be read.
  var busyIDs: [StreamID] {
    (0..<slots.count).compactMap { slots[$0].isBusy ? slots[$0].id : nil }
  }

  /// Where a stream is until it is removed.
  @inline(__always)
  func slot(of id: StreamID) -> Int? { index.slot(of: id, in: slots) }

  /// Nobody else refers to the streams.
  @inline(__always)
  var isUnique: Bool {
    mutating get { slots.isUnique }
  }

  /// Copies the streams, and what lies in memory of its own and is lent to them.
  mutating func copy() {
    slots.makeUnique()
    for slot in 0..<slots.count { self[slot: slot].makeUnique() }
  }

  @inline(__always)
  @discardableResult
  mutating func insert(_ state: consuming StreamState) -> Int {
    let slot: Int
    if let free = freeSlots.popLast() {
      slot = Int(free)
      unsafe slots.uniqueAddress(of: slot).initialize(to: consume state)
    } else {
      slot = slots.count
      slots.append(consume state)
    }
    index.insert(slot, in: slots)
    return slot
  }

  mutating func remove(at slot: Int) {
    index.remove(slots[slot].id, in: slots)
    self[slot: slot].vacate()
    freeSlots.append(UInt32(truncatingIfNeeded: slot))
  }

  subscript(_ id: StreamID) -> StreamState? {
    slot(of: id).map { slots[$0] }
  }

  /// A stream in its place. Copying one would leave a second reference to its queues, and the next change would copy those.
  @inline(__always)
  subscript(slot slot: Int) -> StreamState {
    @inline(__always)
    unsafeAddress { unsafe slots.address(of: slot) }
    @inline(__always)
    unsafeMutableAddress { unsafe slots.uniqueAddress(of: slot) }
  }

  /// Looks at a stream, or changes it, where it lies. Methods that only look are to be called in here: from outside they would be given a copy.
  @inline(__always)
  mutating func update<Result, Failure: Error>(
    at slot: Int, _ body: (inout StreamState) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(&self[slot: slot])
  }

  /// The same by its id; nil when there is none.
  @inline(__always)
  @discardableResult
  mutating func update<Result, Failure: Error>(
    _ id: StreamID, _ body: (inout StreamState) throws(Failure) -> Result
  ) throws(Failure) -> Result? {
    guard let slot = slot(of: id) else { return nil }
    return try update(at: slot, body)
  }
}

extension StreamTable: Hashable {
  /// Whether the same streams are in the same state; which slots they have is nothing that matters.
  static func == (left: Self, right: Self) -> Bool {
    left.count == right.count
      && left.ids.allSatisfy { left[$0] == right[$0] }
  }

  func hash(into hasher: inout Hasher) {
    for id in ids { hasher.combine(self[id]) }
  }
}
