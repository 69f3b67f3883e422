/// What one direction of an emulated link does to the bytes sent over it. The defaults do nothing.
///
/// The link carries a byte stream, as TCP does: nothing is lost, and the order is kept. Loss belongs to packets; what it does to TCP shows as
/// jitter and stalls here.
public struct LinkConditions: Hashable, Sendable {
  /// How long each byte is on its way, in nanoseconds, besides what the rate takes; of one direction, so half of a round trip.
  public var delayNanoseconds: UInt64

  /// More delay, drawn for each segment from 0 to this, in nanoseconds. A segment never overtakes the one before it, so that in a dense flow nearly
  /// all have the greatest one.
  public var jitterNanoseconds: UInt64

  /// Bits of these bytes that come out in a second, at least 1; nil for no limit. Headers of TCP and IP do not exist here.
  public var rateBitsPerSecond: UInt64?

  /// Bytes that fit into the link besides those that rate x delay has on its way; at least 1. Without a rate they are all that fits, and
  /// limit the flow to themselves in each delay.
  public var bufferByteCount = 1 << 20

  /// Bytes move in segments of at most so many, each when its last bit has arrived; 1 to 65,536. The default is what an Ethernet frame carries of TCP.
  public var segmentByteCount = 1_448

  /// When nothing comes out; in any order, and they may overlap.
  public var stalls: [LinkStall] = []

  /// When the link dies, in both directions; nil for never.
  public var kill: LinkKill?

  /// Conditions with the default buffer, and without stalls and kill.
  public init(delayNanoseconds: UInt64 = 0, jitterNanoseconds: UInt64 = 0, rateBitsPerSecond: UInt64? = nil) {
    self.delayNanoseconds = delayNanoseconds
    self.jitterNanoseconds = jitterNanoseconds
    self.rateBitsPerSecond = rateBitsPerSecond
  }

  /// Bytes that fit into the link: rate x (delay + jitter), and the buffer; at most 2^40.
  public var capacityByteCount: Int {
    let seconds = (Double(delayNanoseconds) + Double(jitterNanoseconds)) / 1e9
    let underWay = Double(rateBitsPerSecond ?? 0) / 8 * seconds
    return Int(min(underWay, 0x1p40)) + min(max(1, bufferByteCount), 1 << 40)
  }
}

/// What an emulated link does in each direction, and its seed.
public struct LinkEmulation: Hashable, Sendable {
  /// From the client, which is the end that connects, to the other one.
  public var toServer: LinkConditions
  /// The way back.
  public var toClient: LinkConditions
  /// Of jitter. A relay's first connection has it, and each later one the next two.
  public var seed: UInt64

  /// Conditions for each direction.
  public init(toServer: LinkConditions, toClient: LinkConditions, seed: UInt64) {
    self.toServer = toServer
    self.toClient = toClient
    self.seed = seed
  }

  /// The same in both directions.
  public init(_ conditions: LinkConditions, seed: UInt64) {
    self.init(toServer: conditions, toClient: conditions, seed: seed)
  }
}

/// A time in which nothing comes out of a link: what is on its way waits, and goes on at the link's rate when the stall is over.
public struct LinkStall: Hashable, Sendable {
  /// Nanoseconds from the link's start to the stall's.
  public var startNanoseconds: UInt64
  /// How long it lasts, in nanoseconds.
  public var durationNanoseconds: UInt64

  /// A stall that begins so long after the link.
  public init(startNanoseconds: UInt64, durationNanoseconds: UInt64) {
    self.startNanoseconds = startNanoseconds
    self.durationNanoseconds = durationNanoseconds
  }

  /// Stalls at random, one after the other.
  ///
  /// - Parameters:
  ///   - count: how many.
  ///   - meanIntervalNanoseconds: from the end of one to the start of the next, drawn evenly from 0 to twice this; at most 2^62.
  ///   - durationsNanoseconds: how long each lasts, drawn evenly.
  ///   - seed: equal seeds give equal stalls.
  public static func random(
    count: Int, meanIntervalNanoseconds: UInt64, durationsNanoseconds: ClosedRange<UInt64>, seed: UInt64
  ) -> [LinkStall] {
    var generator = SeededGenerator(seed: seed)
    var end: UInt64 = 0
    return (0..<max(0, count)).map { _ in
      let interval = UInt64.random(in: 0...2 * min(meanIntervalNanoseconds, 1 << 62), using: &generator)
      let duration = UInt64.random(in: durationsNanoseconds, using: &generator)
      let stall = LinkStall(startNanoseconds: end.saturatingAdd(interval), durationNanoseconds: duration)
      end = stall.startNanoseconds.saturatingAdd(duration)
      return stall
    }
  }
}

/// When a link dies. Both of its directions do, and what is on its way is lost.
public enum LinkKill: Hashable, Sendable {
  /// When exactly so many bytes of this direction have come out; 0 is at the start, after the delay.
  case atByteOffset(UInt64)
  /// So many nanoseconds after the link's start.
  case atNanoseconds(UInt64)
}

/// SplitMix64: the same numbers for the same seed, everywhere.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}

extension UInt64 {
  /// The greatest value stands for never.
  func saturatingAdd(_ other: UInt64) -> UInt64 {
    let (sum, isTooFar) = addingReportingOverflow(other)
    return isTooFar ? .max : sum
  }
}
