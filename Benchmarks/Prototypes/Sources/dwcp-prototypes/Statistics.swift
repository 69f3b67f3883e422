/// The middle and the ends of what was measured in several rounds.
struct Spread: CustomStringConvertible {
  let median: Double
  let least: Double
  let greatest: Double

  init(_ values: [Double]) {
    let sorted = values.sorted()
    median = sorted.isEmpty ? .nan : sorted[sorted.count / 2]
    least = sorted.first ?? .nan
    greatest = sorted.last ?? .nan
  }

  var description: String { "\(median.rounded2) (\(least.rounded2)..\(greatest.rounded2))" }
}

extension Double {
  var rounded2: String {
    let hundredths = Int((self * 100).rounded())
    let fraction = String(abs(hundredths) % 100)
    return "\(hundredths / 100).\(fraction.count < 2 ? "0" : "")\(fraction)"
  }
}

/// The figures of each contender over those of the first one, round by round.
func ratiosToFirst(_ figures: [[Double]]) -> [Spread] {
  guard let first = figures.first else { return [] }
  return figures.map { own in Spread(zip(own, first).map { $0 / $1 }) }
}

/// Every contender once per round, each round beginning with another one.
func rotatedOrder(count: Int, round: Int) -> [Int] {
  (0..<count).map { ($0 + round) % count }
}
