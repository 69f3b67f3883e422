/// 128 bits that stand for a state, or for a part of one: two hashes of the standard library's with different beginnings. That two states which differ
/// have the same is not to be expected: among 10^9 states, once in 10^20 searches.
struct InterleavingFingerprint: Hashable {
  private var first: UInt64 = 0
  private var second: UInt64 = 0

  /// Stands for nothing yet.
  init() {}

  init(of feed: (inout Hasher) -> Void) {
    first = Self.hash(beginning: 0x4457_4350, feed)
    second = Self.hash(beginning: 0x7633, feed)
  }

  private static func hash(beginning: Int, _ feed: (inout Hasher) -> Void) -> UInt64 {
    var hasher = Hasher()
    hasher.combine(beginning)
    feed(&hasher)
    return UInt64(bitPattern: Int64(hasher.finalize()))
  }

  /// Its bits are spread already: a table needs no more than these.
  func hash(into hasher: inout Hasher) {
    hasher.combine(first)
  }

  /// Feeds all of it to another one.
  func combine(into hasher: inout Hasher) {
    hasher.combine(first)
    hasher.combine(second)
  }
}
