/// Pages that were named, so that none is named twice (SPEC BAS-2).
struct PageSet: Hashable, Sendable {
  /// Bits of 64 pages each, where there is one.
  private var words: [Int: UInt64] = [:]

  /// False when one of the pages was there already; what was inserted before it stays.
  mutating func insert(_ runs: PageRuns) -> Bool {
    for run in runs.runs {
      var page = run.firstPage
      while page < run.end {
        let count = min(64 &- (page & 63), run.end &- page)
        let bits = (UInt64.max >> UInt64(64 &- count)) << UInt64(page & 63)
        guard words[page >> 6, default: 0] & bits == 0 else { return false }
        words[page >> 6, default: 0] |= bits
        page &+= count
      }
    }
    return true
  }
}
