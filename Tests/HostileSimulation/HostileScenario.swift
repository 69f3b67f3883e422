internal import DWCPCore
internal import Simulation

/// A hostile session before it runs: who is attacked, how it is set up, how its application and the connection behave, and what is to happen. All of
/// it follows from the seed.
public struct HostileScenario: Sendable {
  /// How the application and its transport behave in between.
  struct Habits: Sendable {
    /// Chances in a hundred.
    var readsWhenTold: Int
    var echoes: Int
    var releasesAtEnd: Int
    var finishesAtEnd: Int
    /// Codec jobs too long for an event loop wait for a pool.
    var hasSlowPool: Bool
    /// The connection takes what the engine wants to send after each operation: the peer reads.
    var peerReads: Int
    var uploadByteCount: Int
  }

  /// How bytes of the peer arrive.
  struct Delivery: Sendable {
    /// Chances in a hundred: kept back until later, cut into pieces, byte by byte.
    var held: Int
    var cut: Int
    var dribbled: Int
  }

  public let seed: UInt64
  let victim: Role
  let configuration: SessionConfiguration
  let readBufferByteCount: Int
  let habits: Habits
  let delivery: Delivery
  /// The peer waits after each abuse, so that the budgets have leaked.
  let isPatient: Bool
  /// Chance in a thousand that the handshake itself is an attack.
  let brokenHandshakes: Int
  public var operations: [HostileOperation]

  public init(seed: UInt64, operationCount: Int) {
    var random = SeededGenerator(seed: seed)
    self.seed = seed
    victim = random.isOneIn(3) ? .initiator : .acceptor
    configuration = Self.configuration(&random)
    // Small buffers make the bound tight, large ones can pin more.
    readBufferByteCount = 1_024 << (random.isOneIn(4) ? random.next(below: 9) : random.next(below: 7))
    let chances = [0, 10, 50, 90, 100]
    habits = Habits(
      readsWhenTold: chances[random.next(below: 5)], echoes: chances[random.next(below: 5)],
      releasesAtEnd: chances[1 + random.next(below: 4)], finishesAtEnd: chances[random.next(below: 5)],
      hasSlowPool: random.isOneIn(3), peerReads: random.isOneIn(6) ? 0 : chances[1 + random.next(below: 4)],
      uploadByteCount: 1 << random.next(below: 15))
    delivery = Delivery(
      held: [0, 5, 30][random.next(below: 3)], cut: [0, 10, 60][random.next(below: 3)],
      dribbled: [0, 1, 10][random.next(below: 3)])
    isPatient = random.isOneIn(2)
    brokenHandshakes = [0, 20, 100][random.next(below: 3)]
    let mix = Mix(&random)
    operations = (0..<operationCount).map { _ in mix.operation(&random) }
  }

  private static func configuration(_ random: inout SeededGenerator) -> SessionConfiguration {
    var configuration = SessionConfiguration()
    let choices: [CompressionChoice] = [.automatic, .fixed(.none), .fixed(.lz4Default), .fixed(.zstdDefault)]
    configuration.compression = choices[random.next(below: choices.count)]
    configuration.receiveChains = ChainBudget(count: random.next(below: 4), windowLog: 10 + random.next(below: 9))
    configuration.receiveDictionaryByteCount = [0, 256, 2_000, 40_000, 229_376][random.next(below: 5)]
    configuration.receiveObjectByteCount = [0, 65_536, 1 << 20][random.next(below: 3)]
    if random.isOneIn(3) {
      let known = HostileDictionary.all
      configuration.sendDictionary = known[random.next(below: known.count)].dictionary
    }
    configuration.sessionWindowByteCount = 1 << 20
    configuration.receiveBudgetByteCount = random.isOneIn(2) ? 1 << 20 : 2 << 20
    configuration.streamWindowByteCount = random.isOneIn(3) ? 1 << 20 : 65_536
    configuration.maximumPeerStreamCount = random.isOneIn(3) ? UInt64(16 + random.next(below: 48)) : 16
    configuration.maximumRawBlockByteCount = 65_536 << random.next(below: 2)
    configuration.blockByteCount = random.isOneIn(3) ? 1 + random.next(below: 64) : 64 + random.next(below: 65_000)
    configuration.maximumZstdWindowLog = 10 + random.next(below: 11)
    configuration.streamSendBudgetByteCount = 1 + random.next(below: 16_384)
    configuration.maximumEncodeJobCount = 1 + random.next(below: 8)
    configuration.requiresIntegrity = random.isOneIn(2)
    configuration.idleTimeoutMilliseconds = random.isOneIn(2) ? 0 : 1_000 + UInt32(random.next(below: 60_000))
    configuration.acknowledgementDelayMilliseconds = UInt16(1 + random.next(below: 1_000))
    if random.isOneIn(4) { configuration.decodableCodecs = random.isOneIn(2) ? [.none] : [.lz4, .none] }
    // What SPEC section 14 lets a peer rely on at least, so that budgets are met.
    if random.isOneIn(2) {
      configuration.abuseBudgets.pings = AbuseBudgets.Budget(capacity: 20, perSecond: 4)
      configuration.abuseBudgets.framesWithoutProgress = AbuseBudgets.Budget(capacity: 100, perSecond: 10)
      configuration.abuseBudgets.resets = AbuseBudgets.Budget(capacity: 100, perSecond: 5)
      configuration.abuseBudgets.shortDataBytes = AbuseBudgets.Budget(capacity: 1 << 20, perSecond: 1 << 20)
    }
    if random.isOneIn(4) { configuration.abuseBudgets.opens = AbuseBudgets.Budget(capacity: 64, perSecond: 10) }
    return configuration
  }
}

/// How often a peer does what, for one seed: some are nearly honest, some live on the edge of their budgets, some are out to break things.
private struct Mix {
  private var kinds: [HostileMove.Kind] = []
  private var favourites: [HostileMove] = []
  private let fatalPerThousand: Int

  init(_ random: inout SeededGenerator) {
    fatalPerThousand = [0, 0, 2, 5, 10, 60][random.next(below: 6)]
    let weights: [(HostileMove.Kind, Int)] = [
      (.legal, 4 + random.next(below: 12)), (.abusive, random.next(below: 10)),
      (.application, 1 + random.next(below: 8)), (.transport, 1 + random.next(below: 6)),
    ]
    for (kind, weight) in weights { kinds += Array(repeating: kind, count: weight) }
    // A peer repeats itself: three moves of its own liking make up a part of what it does.
    let candidates = HostileMove.all(.legal) + HostileMove.all(.abusive)
    favourites = (0..<3).map { _ in candidates[random.next(below: candidates.count)] }
  }

  func operation(_ random: inout SeededGenerator) -> HostileOperation {
    HostileOperation(move: move(&random), seed: random.next())
  }

  private func move(_ random: inout SeededGenerator) -> HostileMove {
    if random.next(below: 1_000) < fatalPerThousand { return pick(HostileMove.all(.fatal), &random) }
    let kind = kinds[random.next(below: kinds.count)]
    if kind != .application, kind != .transport, random.isOneIn(4) { return pick(favourites, &random) }
    let move = pick(HostileMove.all(kind), &random)
    // Rare, since the session ends soon behind it.
    if move == .appDrain || move == .goAway { return random.isOneIn(8) ? move : .take }
    return move
  }

  private func pick(_ moves: [HostileMove], _ random: inout SeededGenerator) -> HostileMove {
    moves[random.next(below: moves.count)]
  }
}
