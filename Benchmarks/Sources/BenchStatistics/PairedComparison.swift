/// The rule for paired times: what a set of ratios of head to base says, and how many rounds to take.
///
/// 1. Take `initialRoundCount` pairs.
/// 2. The interval of the median ratio lies above `failureRatio`: take as many fresh pairs. When they say so too, it is a regression;
///    otherwise it is not decided.
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
    /// The least share of slowing down that would have failed here: how fine the measurement was.
    public var resolution: Double { (interval.upperBound - interval.lowerBound) / 2 }
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
    var doublingCount = 0
    while true {
      let summary = summarise(ratios, .undecided)
      if summary.interval.lowerBound > failureRatio {
        let fresh = summarise(try take(ratios.count, takePair), .undecided)
        return fresh.interval.lowerBound > failureRatio ? summarise(ratios, .regression) : summary
      }
      if summary.interval.upperBound < passRatio { return summarise(ratios, .pass) }
      guard doublingCount < maximumDoublingCount else { return summary }
      doublingCount += 1
      ratios += try take(ratios.count, takePair)
    }
  }

  private func take<Failure: Error>(
    _ count: Int, _ takePair: () throws(Failure) -> Double
  ) throws(Failure) -> [Double] {
    var ratios: [Double] = []
    for _ in 0..<count { ratios.append(try takePair()) }
    return ratios
  }

  private func summarise(_ ratios: [Double], _ outcome: Outcome) -> Summary {
    let range = (ratios.min() ?? 0)...(ratios.max() ?? .infinity)
    return Summary(
      outcome: outcome, median: median(of: ratios) ?? .nan,
      interval: medianInterval(of: ratios, confidence: confidence) ?? range, pairCount: ratios.count)
  }
}
