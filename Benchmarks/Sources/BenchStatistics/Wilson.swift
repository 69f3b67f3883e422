/// Wilson's score interval for a proportion: where the true rate lies when `successCount` of `trialCount` trials succeeded.
///
/// - Parameter deviations: how many standard deviations wide on each side; 1.96 is 95 %, 2.576 is 99 %.
/// - Returns: 0...1 without trials.
public func wilsonInterval(successCount: Int, trialCount: Int, deviations: Double = 1.96) -> ClosedRange<Double> {
  guard trialCount > 0 else { return 0...1 }
  let count = Double(trialCount)
  let rate = Double(successCount) / count
  let squared = deviations * deviations
  let centre = (rate + squared / (2 * count)) / (1 + squared / count)
  let variance = rate * (1 - rate) / count + squared / (4 * count * count)
  let reach = deviations / (1 + squared / count) * variance.squareRoot()
  return max(0, centre - reach)...min(1, centre + reach)
}
