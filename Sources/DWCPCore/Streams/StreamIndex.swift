/// Finds the slot of a stream by its id: a hash table with linear probing that holds slots alone, since who looks for a stream looks at it next.
struct StreamIndex: Sendable {
  /// There are so many at least, so that few streams are never in each other's way, and that it does not grow and shrink with each flush of short ones.
  private static let leastPlaceCount = 512

  private let multiplier = StreamID.processMultiplier
  /// A power of two of places, at most three quarters of which are used; each has a slot and one, or 0. Empty before the first.
  private var places: [UInt32] = []
  private(set) var count = 0

  @inline(__always)
  func slot(of id: StreamID, in slots: Slab<StreamState>) -> Int? {
    guard count > 0 else { return nil }
    let found = places[place(of: id, in: slots)]
    return found == 0 ? nil : Int(found &- 1)
  }

  /// Where an id stands, or where it would.
  @inline(__always)
  private func place(of id: StreamID, in slots: Slab<StreamState>) -> Int {
    var place = home(of: id)
    while places[place] != 0, slots[Int(places[place] &- 1)].id != id { place = (place &+ 1) & (places.count &- 1) }
    return place
  }

  @inline(__always)
  private func home(of id: StreamID) -> Int {
    Int(truncatingIfNeeded: (id.rawValue &* multiplier) >> 32) & (places.count &- 1)
  }

  /// Adds the stream in a slot; it is not here yet.
  mutating func insert(_ slot: Int, in slots: Slab<StreamState>) {
    if (count &+ 1) &* 4 > places.count &* 3 { resize(to: max(Self.leastPlaceCount, places.count &* 2), slots) }
    places[place(of: slots[slot].id, in: slots)] = UInt32(truncatingIfNeeded: slot &+ 1)
    count &+= 1
  }

  /// Takes a stream out that is still in its slot.
  mutating func remove(_ id: StreamID, in slots: Slab<StreamState>) {
    var hole = place(of: id, in: slots)
    guard places[hole] != 0 else { return }
    count &-= 1
    // Those behind it that would be looked for across the hole move into it.
    var next = (hole &+ 1) & (places.count &- 1)
    while places[next] != 0 {
      let distance = (next &- home(of: slots[Int(places[next] &- 1)].id)) & (places.count &- 1)
      if distance >= (next &- hole) & (places.count &- 1) {
        places[hole] = places[next]
        hole = next
      }
      next = (next &+ 1) & (places.count &- 1)
    }
    places[hole] = 0
    if places.count > Self.leastPlaceCount, count &* 8 < places.count { resize(to: places.count / 2, slots) }
  }

  private mutating func resize(to capacity: Int, _ slots: Slab<StreamState>) {
    let old = places
    places = [UInt32](repeating: 0, count: capacity)
    for found in old where found != 0 { places[place(of: slots[Int(found &- 1)].id, in: slots)] = found }
  }
}
