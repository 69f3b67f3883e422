/// The rule for paired times: what a set of ratios of head to base says, and how many rounds to take.
///
/// 1. Take `initialRoundCount` pairs.
/// 2. The interval of the median ratio lies above `failureRatio`: take as many fresh pairs. When these say so by themselves, it is a
///    regression; otherwise they are added to the others, which counts as a doubling.
/// 3. It lies below `passRatio`: pass.
/// 4. Otherwise take as many pairs again as there are, at most `maximumDoublingCount` times; then it is not decided.
public struct PairedComparison: Sendable {
  public enum Outcome: Sendable, Equatable {
    case pass, regression, undecided
  }

  /// What the rounds came to.
  public struct Summary: Sendable {
    public let outcome: Outcome
    public let median: Double
    /// Of the median ratio; the whole range while there are too few pairs for the confidence.
    public let interval: ClosedRange<Double>
    public let pairCount: Int
  }

  public var initialRoundCount = 15
  public var maximumDoublingCount = 3
  public var failureRatio = 1.02
  public var passRatio = 1.03
  public var confidence = 0.99

  public init() {}

  /// Runs the rule; `takePair` measures base and head once each and returns head divided by base.
  ///
  /// - Throws: what `takePair` throws.
  public func run<Failure: Error>(_ takePair: () throws(Failure) -> Double) throws(Failure) -> Summary {
    var ratios = try take(initialRoundCount, takePair)
    for doublingCount in 0...maximumDoublingCount {
      let interval = interval(of: ratios)
      if interval.upperBound < passRatio { return summary(.pass, ratios) }
      let isWorse = interval.lowerBound > failureRatio
      guard isWorse || doublingCount < maximumDoublingCount else { break }
      let fresh = try take(ratios.count, takePair)
      ratios += fresh
      if isWorse, self.interval(of: fresh).lowerBound > failureRatio { return summary(.regression, ratios) }
    }
    return summary(.undecided, ratios)
  }

  private func take<Failure: Error>(
    _ count: Int, _ takePair: () throws(Failure) -> Double
  ) throws(Failure) -> [Double] {
    var ratios: [Double] = []
    for _ in 0..<count { ratios.append(try takePair()) }
    return ratios
  }

  private func summary(_ outcome: Outcome, _ ratios: [Double]) -> Summary {
    Summary(
      outcome: outcome, median: median(of: ratios) ?? .nan, interval: interval(of: ratios), pairCount: ratios.count)
  }

  private func interval(of ratios: [Double]) -> ClosedRange<Double> {
    medianInterval(of: ratios, confidence: confidence) ?? (ratios.min() ?? 0)...(ratios.max() ?? .infinity)
  }
}
