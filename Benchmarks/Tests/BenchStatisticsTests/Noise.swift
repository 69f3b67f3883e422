#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Times of one machine, made up from a seed: what one run of a piece of work of one second takes.
struct NoisyMachine {
  enum Kind: CaseIterable {
    /// A few per cent, evenly.
    case quiet
    /// Now and then many times as long (Pareto with index 1.5, which has no variance).
    case heavyTailed
    /// Slows down and speeds up by tens of per cent over tens of runs.
    case drifting
    /// Heavy tails on a drift.
    case both
  }

  private let kind: Kind
  private var random: SplitMix
  private var drift = 0.0

  init(_ kind: Kind, seed: UInt64) {
    self.kind = kind
    random = SplitMix(state: seed)
  }

  mutating func time(work: Double) -> Double {
    if kind == .drifting || kind == .both { drift = drift * 0.98 + 0.02 * normal() }
    let tail = kind == .heavyTailed || kind == .both ? 0.01 * (pow(1 - random.unit(), -1 / 1.5) - 1) : 0
    return work * exp(drift + 0.01 * normal() + tail)
  }

  private mutating func normal() -> Double {
    (-2 * log(1 - random.unit())).squareRoot() * cos(2 * .pi * random.unit())
  }
}

struct SplitMix {
  var state: UInt64

  /// From 0 to below 1.
  mutating func unit() -> Double {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return Double((value ^ (value >> 31)) >> 11) * 0x1p-53
  }
}
