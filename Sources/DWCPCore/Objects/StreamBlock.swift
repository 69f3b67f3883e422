/// A block that lies at an offset of its stream.
protocol StreamBlock: Hashable, Sendable {
  var offset: UInt64 { get }
}

extension RandomAccessCollection where Element: StreamBlock, Index == Int {
  /// Of blocks in the order of the stream, the one at an offset.
  func index(ofBlockAt offset: UInt64) -> Int? {
    var low = startIndex
    var high = endIndex
    while low < high {
      let middle = low &+ (high &- low) / 2
      if self[middle].offset < offset { low = middle &+ 1 } else { high = middle }
    }
    return low < endIndex && self[low].offset == offset ? low : nil
  }
}
