/// The value below which `fraction` of the samples lie, between neighbours by straight line; nil without samples.
///
/// - Parameter fraction: 0 is the least sample, 0.5 the median, 1 the greatest.
public func quantile(_ fraction: Double, of samples: [Double]) -> Double? {
  let sorted = samples.sorted()
  guard let last = sorted.indices.last else { return nil }
  let place = min(max(fraction, 0), 1) * Double(last)
  let below = Int(place)
  let above = min(below + 1, last)
  return sorted[below] + (sorted[above] - sorted[below]) * (place - Double(below))
}

/// The middle sample, or the mean of the two in the middle; nil without samples.
public func median(of samples: [Double]) -> Double? {
  quantile(0.5, of: samples)
}

/// An interval that holds the true median with at least this confidence, whatever the distribution; nil when there are too few samples
/// for it (99 % takes 8).
///
/// The number of samples below the true median is binomial with one half, so the interval goes from the `k`-th least to the `k`-th
/// greatest sample with the largest `k` whose tails are rare enough. Samples have to be independent.
public func medianInterval(of samples: [Double], confidence: Double = 0.99) -> ClosedRange<Double>? {
  let sorted = samples.sorted()
  let count = sorted.count
  let tail = (1 - confidence) / 2
  var probability = halvedPower(count)
  var cumulative = probability
  var rank = 0
  while cumulative <= tail, rank < count / 2 {
    rank += 1
    probability *= Double(count - rank + 1) / Double(rank)
    cumulative += probability
  }
  guard rank > 0 else { return nil }
  return sorted[rank - 1]...sorted[count - rank]
}

/// 2 to the power of `-count`; 0 when too small for a number, which only makes an interval of over 1,000 samples wider.
private func halvedPower(_ count: Int) -> Double {
  (0..<count).reduce(1) { power, _ in power / 2 }
}
