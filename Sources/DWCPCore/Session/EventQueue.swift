/// What an owner is to be told, oldest first. Events are moved in and out; a deque copies what is appended to it.
struct EventQueue: Sendable {
  /// So many that were taken stay before the rest moves up.
  private static let leastTakenCount = 64

  /// Those in front of `start` are nil.
  private var places = Slab<SessionEvent?>()
  private var start = 0

  private var count: Int { places.count &- start }

  @inline(__always)
  var isEmpty: Bool { places.count == start }

  @inline(__always)
  mutating func append(_ event: consuming SessionEvent) {
    places.append(consume event)
  }

  @inline(__always)
  mutating func popFirst() -> SessionEvent? {
    let count = places.count
    guard start < count else { return nil }
    places.makeUnique()
    let event = unsafe places.uniqueAddress(of: start).pointee.take()
    start &+= 1
    if start == count {
      start = 0
      places.removeAllSpent()
      // The memory of a burst is given back (SPEC MEM-1).
      if places.capacity > Session.keptCount { places = Slab() }
    } else if start >= Self.leastTakenCount, start &* 2 >= count {
      places.removeSpent(start)
      start = 0
    }
    return event
  }
}

extension EventQueue: Hashable {
  static func == (left: Self, right: Self) -> Bool {
    left.count == right.count && (0..<left.count).allSatisfy { left[$0] == right[$0] }
  }

  func hash(into hasher: inout Hasher) {
    for index in 0..<count { hasher.combine(self[index]) }
  }

  private subscript(index: Int) -> SessionEvent? { places[start &+ index] }
}
