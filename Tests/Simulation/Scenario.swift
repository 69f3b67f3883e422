public import DWCPCore

/// A simulated session before it runs: two configurations and what is to happen. All of it follows from the seed.
public struct Scenario: Sendable {
  public let seed: UInt64
  public let client: SessionConfiguration
  public let server: SessionConfiguration
  public var operations: [Operation]

  public init(seed: UInt64, operationCount: Int) {
    var random = SeededGenerator(seed: seed)
    self.init(seed: seed, &random)
    // Some sessions read little, some are cut or drained; most live on.
    let stall = random.isOneIn(4) ? 20 : 2
    let isCut = random.isOneIn(10)
    let isDrained = random.isOneIn(5)
    operations = (0..<operationCount).map { _ in Self.operation(&random, stall: stall) }
    if isDrained { operations[random.next(below: operationCount)] = .drain(Self.end(&random)) }
    if isCut { operations[random.next(below: operationCount)] = .cut }
  }

  /// The configurations of a seed, and operations that somebody else chose.
  public init(seed: UInt64, operations: [Operation]) {
    var random = SeededGenerator(seed: seed)
    self.init(seed: seed, &random)
    self.operations = operations
  }

  private init(seed: UInt64, _ random: inout SeededGenerator) {
    self.seed = seed
    var (client, server) = (Self.configuration(&random), Self.configuration(&random))
    client.receiveObjectByteCount = Self.objectByteCounts[random.next(below: 4)]
    server.receiveObjectByteCount = Self.objectByteCounts[random.next(below: 4)]
    self.client = client
    self.server = server
    operations = []
  }

  private static let objectByteCounts: [UInt64] = [0, 65_536, 300_000, 1 << 20]

  /// Runs of the bytes that simulated applications write, and one of two parts.
  static func dictionary(_ number: Int) -> CompressionDictionary { dictionaries[number % dictionaries.count] }

  private static let dictionaries = (0..<8).compactMap { number in
    let runs = (1...20).flatMap { [UInt8](repeating: UInt8(10 * number + $0), count: 10 + number) }
    return try? CompressionDictionary(number == 7 ? [UInt8](repeating: 7, count: 20_000) : runs)
  }

  private static func end(_ random: inout SeededGenerator) -> End {
    random.isOneIn(2) ? .client : .server
  }

  private static func configuration(_ random: inout SeededGenerator) -> SessionConfiguration {
    var configuration = SessionConfiguration()
    let chained = CompressionSetting(codec: .zstd, level: 1, isChained: true) ?? .zstdDefault
    let choices: [CompressionChoice] = [
      .automatic, .fixed(.none), .fixed(.lz4Default), .fixed(.zstdDefault), .fixed(chained), .fixed(chained),
    ]
    configuration.compression = choices[random.next(below: choices.count)]
    // Small windows, since a chain costs as much as its window.
    configuration.receiveChains = ChainBudget(count: random.next(below: 4), windowLog: 10 + random.next(below: 4))
    configuration.sendChains = ChainBudget(count: random.next(below: 4), windowLog: 12)
    configuration.blockByteCount = random.isOneIn(16) ? 1 + random.next(below: 64) : 64 + random.next(below: 4_000)
    configuration.receiveDictionaryByteCount = [0, 256, 600, 40_000][random.next(below: 4)]
    if random.isOneIn(2) { configuration.sendDictionary = dictionary(random.next(below: 8)) }
    configuration.streamWindowByteCount = 65_536
    configuration.sessionWindowByteCount = 1 << 20
    configuration.maximumPeerStreamCount = 16
    configuration.streamSendBudgetByteCount = 1 + random.next(below: 50_000)
    configuration.maximumEncodeJobCount = 1 + random.next(below: 8)
    configuration.requiresIntegrity = random.isOneIn(2)
    configuration.idleTimeoutMilliseconds = random.isOneIn(2) ? 0 : 60_000
    if random.isOneIn(3) { configuration.decodableCodecs = [.lz4, .none] }
    return configuration
  }

  private static func operation(_ random: inout SeededGenerator, stall: Int) -> Operation {
    let end = end(&random)
    let stream = random.next(below: 12)
    switch random.next(below: 34) {
    case 0, 1: return .open(end)
    case 2...7:
      let byteCount = random.isOneIn(8) ? random.next(below: 40_000) : random.next(below: 3_000)
      return .write(
        end, stream: stream, byteCount: byteCount, isNoise: random.isOneIn(3), endsMessage: random.isOneIn(3))
    case 8: return .finish(end, stream: stream)
    case 9: return random.isOneIn(3) ? .reset(end, stream: stream) : .ping(end)
    case 10 where random.isOneIn(4): return .announce(end, codecCount: 1 + random.next(below: 3))
    case 10: return random.isOneIn(3) ? .stop(end, stream: stream) : .release(end, stream: stream)
    case 11...15:
      return random.isOneIn(stall)
        ? .read(end, stream: stream, maximumByteCount: 1 + random.next(below: 5_000))
        : .runJobs(end, seed: random.next())
    case 16...20: return .send(end, maximumByteCount: 1 + random.next(below: 20_000))
    case 21...25:
      return .arrive(end, byteCount: 1 + random.next(below: 20_000), pieceByteCount: 1 + random.next(below: 2_000))
    case 26, 27: return .runJobs(end, seed: random.next())
    case 28:
      return random.isOneIn(2)
        ? .offer(end, dictionary: random.next(below: 8)) : .runJobs(end, seed: random.next())
    case 29...32: return .object(end, objectOperation(&random))
    default: return .advance(milliseconds: random.next(below: 40))
    }
  }

  private static func objectOperation(_ random: inout SeededGenerator) -> ObjectOperation {
    let object = random.next(below: 4)
    switch random.next(below: 16) {
    case 0...3: return .open(object: object, byteCount: 1 + random.next(below: 200_000), forgetsBase: random.isOneIn(8))
    case 4...11:
      let first = random.next(below: 40)
      return .write(
        object: object, pages: first..<first + 1 + random.next(below: 20),
        fill: UInt8(truncatingIfNeeded: random.next()), base: random.isOneIn(6) ? random.next(below: 100_000) : nil)
    case 12: return .drop(object: object)
    case 13: return .release(object: object)
    default: return .adopt(object: object, isWrong: random.isOneIn(2))
    }
  }
}
