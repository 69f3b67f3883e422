/// Finds the slot of a stream by its id: a hash table with linear probing, since each frame asks several times.
struct StreamIndex: Sendable {
  private struct Entry: Sendable {
    /// 0 where there is none: no stream has that id.
    var id: UInt64
    var slot: Int
  }

  /// Not to be guessed by a peer who chooses which ids live, and the same for all tables of a process.
  private static let processMultiplier: UInt64 = {
    var hasher = Hasher()
    hasher.combine(0x4457_4350)
    return UInt64(truncatingIfNeeded: hasher.finalize()) | 1
  }()

  private let multiplier = processMultiplier
  /// A power of two of entries, at most three quarters of which are used; empty before the first.
  private var entries: [Entry] = []
  private(set) var count = 0

  var ids: [StreamID] { entries.compactMap { $0.id == 0 ? nil : StreamID(rawValue: $0.id) } }

  @inline(__always)
  func slot(of id: StreamID) -> Int? {
    guard count > 0 else { return nil }
    let found = place(of: id.rawValue)
    return entries[found].id == id.rawValue ? entries[found].slot : nil
  }

  /// Where an id stands, or where it would.
  @inline(__always)
  private func place(of id: UInt64) -> Int {
    var place = home(of: id)
    while entries[place].id != id, entries[place].id != 0 { place = (place &+ 1) & (entries.count &- 1) }
    return place
  }

  @inline(__always)
  private func home(of id: UInt64) -> Int {
    Int(truncatingIfNeeded: (id &* multiplier) >> 32) & (entries.count &- 1)
  }

  /// Adds an id that is not here.
  mutating func insert(_ id: StreamID, slot: Int) {
    if (count &+ 1) &* 4 > entries.count &* 3 { resize(to: max(8, entries.count &* 2)) }
    entries[place(of: id.rawValue)] = Entry(id: id.rawValue, slot: slot)
    count &+= 1
  }

  mutating func remove(_ id: StreamID) -> Int? {
    guard let slot = slot(of: id) else { return nil }
    var hole = place(of: id.rawValue)
    count &-= 1
    // Those behind it that would be looked for across the hole move into it.
    var next = (hole &+ 1) & (entries.count &- 1)
    while entries[next].id != 0 {
      let distance = (next &- home(of: entries[next].id)) & (entries.count &- 1)
      if distance >= (next &- hole) & (entries.count &- 1) {
        entries[hole] = entries[next]
        hole = next
      }
      next = (next &+ 1) & (entries.count &- 1)
    }
    entries[hole].id = 0
    if entries.count > 64, count &* 8 < entries.count { resize(to: entries.count / 2) }
    return slot
  }

  private mutating func resize(to capacity: Int) {
    let old = entries
    entries = [Entry](repeating: Entry(id: 0, slot: 0), count: capacity)
    for entry in old where entry.id != 0 { entries[place(of: entry.id)] = entry }
  }
}

extension StreamIndex: Hashable {
  /// Whether the same ids have the same slots; in which order they came is nothing that matters.
  static func == (left: StreamIndex, right: StreamIndex) -> Bool {
    left.count == right.count
      && left.entries.allSatisfy { $0.id == 0 || right.slot(of: StreamID(rawValue: $0.id)) == $0.slot }
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(count)
  }
}
