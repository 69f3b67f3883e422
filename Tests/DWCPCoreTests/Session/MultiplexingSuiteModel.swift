import DWCPCore
import NIOCore
import Testing

/// Seeded random use of two engines, beside a model that only knows what was written and how each direction ended.
@Suite struct MultiplexingSuiteModel {
  @Test(
    "seeds: everything written arrives once, in order, with its marks, or the stream says why not (SPEC DAT-7)",
    arguments: 0..<20 as Range<UInt64>)
  func randomSessions(batch: UInt64) throws {
    for seed in batch * 500..<(batch + 1) * 500 {
      var simulation = try Simulation(seed: seed)
      try simulation.run(stepCount: 60)
      if let problem = simulation.problem {
        Issue.record("seed \(seed): \(problem)")
        return
      }
    }
  }
}

private struct Simulation {
  /// One direction of one stream.
  private struct Flow {
    var written: [UInt8] = []
    var writtenMarks: [Int] = []
    var isFinished = false
    var isCutShort = false
    var read: [UInt8] = []
    var readMarks: [Int] = []
    var hasEnded = false
  }

  private struct Key: Hashable {
    var id: StreamID
    var isFromClient: Bool
  }

  private var pair: EnginePair
  private var random: SeededGenerator
  private var flows: [Key: Flow] = [:]
  /// In the order of opening: dictionaries have none that a seed could repeat.
  private var keys: [Key] = []
  private var live: [StreamID] = []
  private(set) var problem: String?

  init(seed: UInt64) throws {
    random = SeededGenerator(seed: seed)
    pair = EnginePair(client: Self.configuration(&random), server: Self.configuration(&random), seed: seed)
    if random.next(below: 4) > 0 { pair.exchange(pieceByteCount: 1 + random.next(below: 300)) }
  }

  private static func configuration(_ random: inout SeededGenerator) -> SessionConfiguration {
    var configuration = SessionConfiguration()
    let choices: [CompressionChoice] = [.automatic, .fixed(.none), .fixed(.lz4Default), .fixed(.zstdDefault)]
    configuration.compression = choices[random.next(below: choices.count)]
    configuration.blockByteCount = 1 + random.next(below: 3_000)
    configuration.streamWindowByteCount = 65_536
    configuration.sessionWindowByteCount = 1 << 20
    configuration.maximumPeerStreamCount = 16
    configuration.requiresIntegrity = random.next(below: 2) == 0
    if random.next(below: 3) == 0 { configuration.decodableCodecs = [.lz4, .none] }
    return configuration
  }

  mutating func run(stepCount: Int) throws {
    for _ in 0..<stepCount where problem == nil { try step() }
    finishAll()
    for _ in 0..<40 where problem == nil {
      pair.exchange()
      readEverything(maximumByteCount: .max)
    }
    check()
  }

  private mutating func step() throws {
    switch random.next(below: 10) {
    case 0: try open()
    case 1, 2, 3: write()
    case 4: finish()
    case 5: resetOrStop()
    case 6: readEverything(maximumByteCount: 1 + random.next(below: 2_000))
    case 7: pair.advance(milliseconds: UInt64(random.next(below: 30)))
    default: pair.exchange(pieceByteCount: 1 + random.next(below: 4_000))
    }
  }

  private mutating func open() throws {
    let isFromClient = random.next(below: 2) == 0
    guard isFromClient ? pair.client.session.canOpenStream : pair.server.session.canOpenStream else { return }
    let id = isFromClient ? try pair.client.session.open() : try pair.server.session.open()
    for key in [Key(id: id, isFromClient: true), Key(id: id, isFromClient: false)] {
      flows[key] = Flow()
      keys.append(key)
    }
    live.append(id)
  }

  /// A direction that its end may use: the opener's at once, the other's after the stream has arrived.
  private mutating func pick() -> Key? {
    guard !live.isEmpty else { return nil }
    let id = live[random.next(below: live.count)]
    let isFromClient = random.next(below: 2) == 0
    let isOpener = (id.opener == .initiator) == isFromClient
    let hasArrived = (isFromClient ? pair.client : pair.server).openedStreams.contains(id)
    return isOpener || hasArrived ? Key(id: id, isFromClient: isFromClient) : nil
  }

  private mutating func write() {
    guard let key = pick(), flows[key]?.isFinished == false, flows[key]?.isCutShort == false else { return }
    let byte = UInt8(truncatingIfNeeded: random.next())
    let isNoise = random.next(below: 2) == 0
    var content = [UInt8](repeating: byte, count: random.next(below: 6_000))
    if isNoise { for index in content.indices { content[index] = UInt8(truncatingIfNeeded: random.next()) } }
    let endsMessage = random.next(below: 3) == 0
    let isAccepted: Void? =
      key.isFromClient
      ? try? pair.client.write(content, to: key.id, endsMessage: endsMessage)
      : try? pair.server.write(content, to: key.id, endsMessage: endsMessage)
    guard isAccepted != nil else {
      // The other end's STOP has arrived.
      flows[key]?.isCutShort = true
      return
    }
    flows[key]?.written += content
    if endsMessage, let count = flows[key]?.written.count { flows[key]?.writtenMarks.append(count) }
  }

  private mutating func finish() {
    guard let key = pick() else { return }
    finish(key)
  }

  private mutating func finish(_ key: Key) {
    let isAccepted: Void? =
      key.isFromClient ? try? pair.client.session.finish(key.id) : try? pair.server.session.finish(key.id)
    if isAccepted != nil { flows[key]?.isFinished = true }
  }

  private mutating func resetOrStop() {
    guard random.next(below: 3) == 0, let key = pick() else { return }
    flows[key]?.isCutShort = true
    let isReset = random.next(below: 2) == 0
    switch (isReset, key.isFromClient) {
    case (true, true): pair.client.session.reset(key.id, code: .cancelled)
    case (true, false): pair.server.session.reset(key.id, code: .cancelled)
    case (false, true): pair.server.session.stop(key.id, code: .cancelled)
    case (false, false): pair.client.session.stop(key.id, code: .cancelled)
    }
  }

  private mutating func finishAll() {
    pair.exchange()
    for key in keys { finish(key) }
  }

  private mutating func readEverything(maximumByteCount: Int) {
    for key in keys {
      var count = 0
      while count < maximumByteCount, flows[key]?.hasEnded == false {
        let limit = maximumByteCount - count
        let read =
          key.isFromClient
          ? pair.server.session.read(key.id, maximumByteCount: limit)
          : pair.client.session.read(key.id, maximumByteCount: limit)
        guard case .bytes(let bytes, let endsMessage) = read else {
          note(read, of: key)
          break
        }
        count += max(1, bytes.readableBytes)
        flows[key]?.read += Array(bytes.readableBytesView)
        if endsMessage, let place = flows[key]?.read.count { flows[key]?.readMarks.append(place) }
      }
    }
  }

  private mutating func note(_ read: StreamRead, of key: Key) {
    switch read {
    case .end:
      let isKnown =
        (key.id.opener == .initiator) != key.isFromClient
        || (key.isFromClient ? pair.server : pair.client).openedStreams.contains(key.id)
      guard isKnown else { return }
      flows[key]?.hasEnded = true
      if flows[key]?.isFinished == false { problem = "stream \(key.id) ended before it was finished" }
    case .failed:
      flows[key]?.hasEnded = true
      if flows[key]?.isCutShort == false { problem = "stream \(key.id) failed without reset or stop" }
    case .notReady, .bytes:
      break
    }
  }

  private mutating func check() {
    if let error = pair.client.failure ?? pair.server.failure { problem = "the session failed: \(error)" }
    for (key, flow) in flows where problem == nil {
      if !flow.written.starts(with: flow.read) { problem = "stream \(key.id) delivered other bytes than were written" }
      if !flow.writtenMarks.starts(with: flow.readMarks) {
        problem = "stream \(key.id) delivered other marks than were written"
      }
      guard !flow.isCutShort else { continue }
      if !flow.hasEnded { problem = "stream \(key.id) did not end" }
      if flow.read != flow.written { problem = "stream \(key.id) lost bytes" }
      if flow.readMarks != flow.writtenMarks {
        problem = "stream \(key.id) lost marks \(flow.readMarks) of \(flow.writtenMarks)"
      }
    }
  }
}

extension Peer {
  fileprivate mutating func write(_ bytes: [UInt8], to id: StreamID, endsMessage: Bool) throws {
    _ = try session.write(ByteBuffer(bytes: bytes), to: id, endsMessage: endsMessage)
  }
}

extension SeededGenerator {
  mutating func next(below limit: Int) -> Int {
    Int(next() % UInt64(limit))
  }
}
