/// Blocks that go stored while codecs are the limit, so that the link shows what it can do: when, and how many.
struct LinkProbe: Hashable, Sendable {
  /// Of a link that is twice as fast as it was taken for: what a rate is measured over (SPEC ACK-4), and as much again.
  private static let seconds = 0.001
  private static let maximumLengthening = 16
  /// Of the time; after each probe that showed nothing half as much.
  private static let shares = 0.01...0.1

  /// What the link was taken for when the last probe began, in bytes a second.
  private(set) var reference = Double.infinity
  /// Blocks of it that are still to be sent.
  var restBlockCount = 0
  /// Time that probes may take.
  var creditNanoseconds = 0.0
  /// Of the time that passes, what is credited.
  private(set) var share = LinkProbe.shares.upperBound
  private var lengthening = 1

  /// - Parameter isFruitful: the last one showed a faster link, so that this one may go on for longer.
  /// - Parameter bytesPerSecond: what the link is taken for.
  mutating func begin(isFruitful: Bool, rawByteCount: Int, over bytesPerSecond: Double) {
    share = isFruitful ? Self.shares.upperBound : max(share / 2, Self.shares.lowerBound)
    lengthening = isFruitful ? min(lengthening &* 2, Self.maximumLengthening) : 1
    restBlockCount = leastBlockCount(of: rawByteCount, over: bytesPerSecond) &* lengthening
    reference = bytesPerSecond
  }

  func leastBlockCount(of rawByteCount: Int, over bytesPerSecond: Double) -> Int {
    Int(max(1, min(bytesPerSecond * Self.seconds / Double(max(1, rawByteCount)), 1_000)).rounded(.up))
  }
}
