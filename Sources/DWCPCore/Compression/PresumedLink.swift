/// The link's rate that choices go by: what was measured while the link was what held the stream up, and else what it may be, since a link that is not
/// full does not show what it can do.
struct PresumedLink: Hashable, Sendable {
  /// A link of which nothing is known; in bytes a second.
  private static let nominal = 312_500_000.0
  /// Without a sign that the link is full it is taken for faster, e times in so long, and in not less than 200 blocks.
  private static let doubtNanoseconds = 0.05e9
  private static let maximumPatience = 16.0
  /// By how much a link that was outrun is taken for faster, in a round trip or a block, whichever takes longer.
  private static let outrunGrowth = 0.25
  /// Blocks that have to wait for the link, one after the other, until it is believed to be full.
  private static let runLength = 4

  /// Measured or suspected.
  private(set) var bytesPerSecond = PresumedLink.nominal
  /// The link was not full after a step to a faster rung either.
  private var isOutrun = true
  private var run = 0
  private var hasBegun = false
  /// How many times slower than at first the link is taken for faster.
  private var patience = 1.0
  /// A faster rung was taken since the link may be faster.
  private var hasGrown = false
  /// A block of the rung in use has come back.
  private var isSeenSinceGrowth = false

  /// A measured rate counts as such while the link is what holds the stream up; while codecs do, the link may be faster, which a faster rung will show.
  ///
  /// - Parameter nanoseconds: what the next block is expected to take.
  mutating func adapt(to conditions: CodecSelector.Conditions, nanoseconds: Double) {
    let measured = Double(conditions.linkBytesPerSecond ?? 0)
    // What streams before this one made of the link.
    if !hasBegun, conditions.isLinkSettled, measured > 0 { bytesPerSecond = measured }
    hasBegun = true
    switch conditions.bottleneck {
    case .link where conditions.isLinkSettled && measured > 0:
      run = min(run + 1, Self.runLength)
      guard run == Self.runLength else { break }
      let isSameLink = measured < bytesPerSecond * 1.5 && bytesPerSecond < measured * 1.5
      // What was suspected was wrong, and the next time is further off.
      if hasGrown { patience = isSameLink ? min(patience * 2, Self.maximumPatience) : 1 }
      bytesPerSecond = measured
      isOutrun = false
      hasGrown = false
    case .codec where measured > 0 && isSeenSinceGrowth:
      run = 0
      isSeenSinceGrowth = false
      let doubt = min(nanoseconds / Self.doubtNanoseconds, 0.005) / patience
      // No faster than a round trip can say otherwise.
      let step = Self.outrunGrowth * min(1, nanoseconds / Double(max(1, conditions.roundTripNanoseconds ?? 1)))
      bytesPerSecond = max(bytesPerSecond, measured) * (1 + (isOutrun ? max(step, doubt) : doubt))
    case .link, .codec, .source:
      bytesPerSecond = max(bytesPerSecond, measured)
    }
    bytesPerSecond = min(bytesPerSecond, 1e15)
  }

  /// A faster rung has been taken while codecs were the limit: the link has to show now what it can do.
  mutating func noteFasterRung() {
    isOutrun = isOutrun || hasGrown
    hasGrown = true
  }

  /// A block of the rung in use has come back.
  mutating func noteBlock() {
    isSeenSinceGrowth = true
  }
}
