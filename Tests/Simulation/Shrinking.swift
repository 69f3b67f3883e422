/// Removes what a failure does not need: first large parts of the list, then smaller ones.
public func shrunk<Element>(_ list: [Element], whileFailing fails: ([Element]) -> Bool) -> [Element] {
  var best = list
  var length = list.count / 2
  while length > 0 {
    var start = 0
    while start < best.count {
      var candidate = best
      candidate.removeSubrange(start..<min(start + length, candidate.count))
      if fails(candidate) { best = candidate } else { start += length }
    }
    length /= 2
  }
  return best
}
