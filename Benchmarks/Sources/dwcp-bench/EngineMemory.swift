import CAllocationCount
import DWCPCore
import NIOCore

/// Two engines in one thread, joined by memory: what the engine itself costs for a frame.
enum EngineMemory {
  static let scenario = Scenario(
    name: "engine-memory",
    summary: "two engines without sockets, codec none with CRC32C: frames and allocations",
    contenderNames: ["block-128k", "message-64"],
    comparison: nil
  ) {
    let corpus = Corpus.random(byteCount: 64 << 20)
    let block = EngineLoad(
      streamCount: 4, unitsPerTurn: 1, turnCount: 2_048, makeUnit: { corpus.block($0) }, endsMessage: false)
    let message = EngineLoad(
      streamCount: 16, unitsPerTurn: 16, turnCount: 2_000,
      makeUnit: { corpus.block($0 / 2_048).getSlice(at: $0 % 2_048 * 64, length: 64) ?? ByteBuffer() },
      endsMessage: true)
    return [
      Contender(name: "block-128k") { try EngineRun(block).measure() },
      Contender(name: "message-64") { try EngineRun(message).measure() },
    ]
  }
}

/// In each turn every stream is written `unitsPerTurn` times, then everything is sent and read.
private struct EngineLoad {
  let streamCount: Int
  let unitsPerTurn: Int
  let turnCount: Int
  let makeUnit: (Int) -> ByteBuffer
  let endsMessage: Bool
}

/// Counts what one end of the wire asks of the allocator.
private final class AllocationMeter {
  private var count: UInt64 = 0
  private var byteCount: UInt64 = 0

  func measure<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = allocation_count_totals()
    allocation_count_start()
    defer {
      allocation_count_stop()
      let after = allocation_count_totals()
      count += after.allocation_count - before.allocation_count
      byteCount += after.requested_byte_count - before.requested_byte_count
    }
    return try body()
  }

  func figures(_ end: String, frameCount: UInt64, payloadByteCount: UInt64) -> [Figure] {
    [
      Figure(name: "allocations/frame, \(end)", value: Double(count) / Double(frameCount)),
      Figure(name: "allocated/payload bytes, \(end)", value: Double(byteCount) / Double(payloadByteCount)),
    ]
  }
}

private struct EngineRun {
  private static let batchByteCount = 256 << 10
  private static let warmUpTurnCount = 100

  private let load: EngineLoad
  private var sender: Session
  private var receiver: Session
  private var streamIDs: [StreamID] = []
  private var batch = TransmitBatch()
  /// What a socket read would fill. It is used again at once, since the reader keeps nothing.
  private var wire = ByteBuffer()
  private var now = Instant(nanoseconds: 1_000_000_000)
  private var unitNumber = 0
  private var readByteCount = 0
  private var sending = AllocationMeter()
  private var receiving = AllocationMeter()

  init(_ load: EngineLoad) {
    self.load = load
    var configuration = SessionConfiguration()
    configuration.compression = .fixed(.none)
    var random = SeededGenerator(seed: 3)
    sender = Session(
      role: .initiator, configuration: configuration, secrets: SessionSecrets(using: &random), now: now)
    receiver = Session(
      role: .acceptor, configuration: configuration, secrets: SessionSecrets(using: &random), now: now)
    wire.reserveCapacity(2 * Self.batchByteCount)
  }

  /// The figures of the steady state: the streams stay open from before until after.
  consuming func measure() throws -> [Figure] {
    exchange()
    for _ in 0..<load.streamCount { streamIDs.append(try sender.open()) }
    for _ in 0..<Self.warmUpTurnCount { try takeTurn() }
    sending = AllocationMeter()
    receiving = AllocationMeter()
    let frameCountBefore = receiver.counters.receivedByCodec.none.blocks
    let byteCountBefore = readByteCount
    let stopwatch = Stopwatch()
    for _ in 0..<load.turnCount { try takeTurn() }
    let seconds = stopwatch.elapsedSeconds
    let frameCount = receiver.counters.receivedByCodec.none.blocks - frameCountBefore
    let payloadByteCount = UInt64(readByteCount - byteCountBefore)
    let unitCount = UInt64(load.turnCount * load.unitsPerTurn * load.streamCount)
    guard frameCount == unitCount else { throw BenchmarkError("\(unitCount) units came in \(frameCount) frames") }
    return [
      Figure(name: "frames/s", value: Double(frameCount) / seconds),
      Figure(name: "MiB/s", value: Double(payloadByteCount) / 1_048_576 / seconds),
    ] + sending.figures("sender", frameCount: frameCount, payloadByteCount: payloadByteCount)
      + receiving.figures("receiver", frameCount: frameCount, payloadByteCount: payloadByteCount)
  }

  private mutating func takeTurn() throws {
    now = Instant(nanoseconds: now.nanoseconds + 1_000_000)
    try sending.measure {
      for id in streamIDs { try writeUnits(to: id) }
    }
    exchange()
  }

  private mutating func writeUnits(to id: StreamID) throws(SessionError) {
    for _ in 0..<load.unitsPerTurn {
      let unit = load.makeUnit(unitNumber)
      unitNumber += 1
      _ = try sender.write(unit, to: id, endsMessage: load.endsMessage)
    }
  }

  private mutating func exchange() {
    var isSilent = false
    while !isSilent {
      isSilent = true
      while sending.measure({ sender.send(into: &batch, now: now) }) {
        isSilent = false
        refillWire()
        receiving.measure { readByteCount += receiver.take(wire, now: now) }
      }
      while receiving.measure({ receiver.send(into: &batch, now: now) }) {
        isSilent = false
        refillWire()
        _ = sending.measure { sender.take(wire, now: now) }
      }
    }
  }

  /// In place of the kernel; not counted as an allocation, but its time counts.
  private mutating func refillWire() {
    wire.clear()
    batch.forEachBuffer { wire.writeImmutableBuffer($0) }
  }
}

extension Session {
  /// Fills a batch; false when there is nothing to send.
  fileprivate mutating func send(into batch: inout TransmitBatch, now: Instant) -> Bool {
    batch.removeAll()
    transmit(maximumByteCount: 256 << 10, now: now, into: &batch)
    return batch.byteCount > 0
  }

  /// Takes bytes and reads every stream that has some; returns how many raw bytes were read.
  fileprivate mutating func take(_ bytes: ByteBuffer, now: Instant) -> Int {
    receive(bytes, now: now)
    var readByteCount = 0
    while let event = nextEvent() {
      guard case .readable(let id) = event else { continue }
      while case .bytes(let bytes, endsMessage: _) = read(id) { readByteCount += bytes.readableBytes }
    }
    return readByteCount
  }
}
