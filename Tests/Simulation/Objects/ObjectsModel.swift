import DWCPCore
import NIOCore

/// What an object is at the end that sends it, version by version: plain arrays, and nothing of how they travel.
struct ObjectModel {
  /// A version that is under way.
  struct Version {
    let id: StreamID
    let number: UInt64
    let content: [UInt8]
    /// Ranges that have still to be written, in any order.
    var unwritten: [Range<Int>]
    var isFinished = false
    var isReset = false
  }

  let name: ObjectName
  var content: [UInt8] = []
  /// Where both ends agreed that it stands; 0 for nothing.
  var version: UInt64 = 0
  var sending: Version?
  /// Contents by version, for whoever holds one of them.
  var contents: [UInt64: [UInt8]] = [:]
}

extension [UInt8] {
  /// Another version of it: some pages, words or lines changed, zeros, something inserted, longer or shorter.
  func changed(using random: inout SeededGenerator) -> [UInt8] {
    var next = self
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      switch Int.random(in: 0..<7, using: &random) {
      case 0:
        let extra = Int.random(in: 1...40_000, using: &random)
        next += (0..<extra).map { UInt8(truncatingIfNeeded: $0 / 3) }
      case 1: next.removeLast(Int.random(in: 0...Swift.max(0, next.count - 1), using: &random))
      case 2:
        let place = Int.random(in: 0..<next.count, using: &random)
        next.insert(contentsOf: [1, 2, 3, 4, 5], at: place)
      case 3:
        let start = Int.random(in: 0..<next.count, using: &random)
        let end = Swift.min(next.count, start + Int.random(in: 1...20_000, using: &random))
        next.replaceSubrange(start..<end, with: repeatElement(0, count: end - start))
      case 4:
        let start = Int.random(in: 0..<next.count, using: &random)
        for place in start..<Swift.min(next.count, start + 6_000) {
          next[place] = UInt8.random(in: 0...255, using: &random)
        }
      default:
        for _ in 0..<Int.random(in: 1...40, using: &random) {
          next[Int.random(in: 0..<next.count, using: &random)] &+= 1
        }
      }
    }
    return next.isEmpty ? [1] : Array(next.prefix(300_000))
  }
}
