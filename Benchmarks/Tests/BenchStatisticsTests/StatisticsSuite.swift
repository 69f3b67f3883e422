import BenchStatistics
import Testing

@Suite struct StatisticsSuite {
  @Test func `Quantiles lie between neighbours`() {
    #expect(quantile(0.5, of: [4, 1, 3, 2]) == 2.5)
    #expect(quantile(0, of: [4, 1, 3]) == 1)
    #expect(quantile(1, of: [4, 1, 3]) == 4)
    #expect(quantile(0.99, of: [7]) == 7)
    #expect(quantile(0.5, of: []) == nil)
  }

  // Ranks from the tables of the sign test.
  @Test(arguments: [(8, 1), (10, 1), (15, 3), (20, 4), (25, 6), (50, 16), (100, 37)])
  func `The 99 % interval takes the tabled rank`(count: Int, rank: Int) throws {
    let interval = try #require(medianInterval(of: (1...count).map(Double.init)))
    #expect(interval == Double(rank)...Double(count - rank + 1))
  }

  @Test func `Seven samples are too few for 99 %`() {
    #expect(medianInterval(of: [1, 2, 3, 4, 5, 6, 7]) == nil)
    #expect(medianInterval(of: []) == nil)
  }

  @Test func `Over a thousand samples give an interval too`() throws {
    let interval = try #require(medianInterval(of: (1...5_000).map(Double.init)))
    #expect(interval.contains(2_500.5))
  }

  // Newcombe (1998), table I.
  @Test(arguments: [
    (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718),
  ])
  func `Wilson's interval is the published one`(successes: Int, trials: Int, low: Double, high: Double) {
    let interval = wilsonInterval(successCount: successes, trialCount: trials, deviations: 1.959964)
    #expect(abs(interval.lowerBound - low) < 0.0001)
    #expect(abs(interval.upperBound - high) < 0.0001)
  }
}
