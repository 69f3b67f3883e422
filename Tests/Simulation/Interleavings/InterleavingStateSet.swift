/// Which states were met. Of a fingerprint it holds 64 bits, so that a state takes about eleven bytes, and compares them with those on the same of 65,536
/// shelves: among 10^9 states, spread evenly, that two come to the same happens in one of 2,000,000 searches.
struct InterleavingStateSet {
  private static let shelfCount = 65_536
  private var shelves = [Shelf](repeating: Shelf(), count: shelfCount)

  /// False when it was there.
  ///
  /// - Parameter shelf: follows from the state. Those that are asked for one after the other had better have the same, which lies in a cache.
  mutating func insert(_ fingerprint: InterleavingFingerprint, on shelf: InterleavingFingerprint) -> Bool {
    shelves[Int(shelf.word % UInt64(Self.shelfCount))].insert(fingerprint.word)
  }

  /// A hash table that probes one place after another. Each shelf grows by itself, so that never much more than what is held is needed.
  private struct Shelf {
    private var slots = [UInt64](repeating: 0, count: 16)
    private var count = 0

    mutating func insert(_ bits: UInt64) -> Bool {
      // 0 is a slot that is free.
      let bits = max(bits, 1)
      guard add(bits) else { return false }
      count += 1
      if count * 16 > slots.count * 13 { grow() }
      return true
    }

    private mutating func add(_ bits: UInt64) -> Bool {
      var slot = Int(bits.multipliedFullWidth(by: UInt64(slots.count)).high)
      while slots[slot] != 0 {
        if slots[slot] == bits { return false }
        slot = slot + 1 == slots.count ? 0 : slot + 1
      }
      slots[slot] = bits
      return true
    }

    private mutating func grow() {
      let old = slots
      slots = [UInt64](repeating: 0, count: old.count + old.count / 4)
      for bits in old where bits != 0 { _ = add(bits) }
    }
  }
}
