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

  /// Stands for what it did, and then the other.
  mutating func append(_ other: InterleavingFingerprint) {
    first = Self.spread((first << 27 | first >> 37) &+ other.first)
    second = Self.spread((second << 31 | second >> 33) &+ other.second)
  }

  /// Half of it.
  var word: UInt64 { first }

  /// Each of 64 bits changes half of them; no two values come to the same.
  private static func spread(_ value: UInt64) -> UInt64 {
    var value = value
    value = (value ^ (value >> 33)) &* 0xFF51_AFD7_ED55_8CCD
    value = (value ^ (value >> 33)) &* 0xC4CE_B9FE_1A85_EC53
    return value ^ (value >> 33)
  }
}
