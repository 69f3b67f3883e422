import BenchGate
import Crypto
import DWCPCore
import NIOCore

/// Two engines in one thread, joined by memory, whose streams stay open: what the engine itself costs.
final class EngineWork: Work {
  struct Load: Sendable {
    var streamCount = 1
    var unitsPerTurn = 1
    var unitByteCount = 1_024
    /// Each unit is a message of its own, otherwise a block.
    var isMessage = true
    /// The units are slices of one large buffer, as of a guest's memory.
    var isSliced = false
    /// Blocks end after so many bytes of a unit; nil for where units do.
    var blockByteCount: Int?
    /// What a read brings at most.
    var readByteCount = Int.max
  }

  private let load: Load
  private let measuring: Measuring
  private let corpus: [ByteBuffer]
  private var pair: EnginePair
  private var streamIDs: [StreamID] = []
  private var unitNumber = 0
  private var countersBefore = SessionCounters()

  init(_ load: Load, _ measuring: Measuring) throws {
    self.load = load
    self.measuring = measuring
    var configuration = SessionConfiguration()
    configuration.compression = .fixed(.none)
    configuration.maximumPeerStreamCount = UInt64(max(load.streamCount, 256))
    if !load.isMessage { configuration.blockByteCount = load.blockByteCount ?? load.unitByteCount }
    pair = EnginePair(configuration, readByteCount: load.readByteCount, measuring)
    let units = Self.units(byteCount: load.unitByteCount + (measuring.injection == .wireByte ? 1 : 0))
    corpus = load.isSliced ? Self.slices(of: units) : units
    pair.exchange()
    for _ in 0..<load.streamCount { streamIDs.append(try pair.sender.open()) }
  }

  func turn() throws -> Int {
    pair.advance(milliseconds: 1)
    try measuring.meter.measure(.sender) {
      for id in streamIDs { try write(to: id) }
    }
    pair.exchange()
    return load.unitsPerTurn * load.streamCount
  }

  func beginCounting() {
    countersBefore = pair.sender.counters
    pair.digest = SHA256()
    measuring.meter.reset()
  }

  func metrics(unitCount: Int) -> [Metric] {
    let unit = load.isMessage ? "message" : "block"
    let counters = pair.sender.counters
    let wireByteCount = counters.wireBytesSent - countersBefore.wireBytesSent
    let frameCount = counters.framesSent - countersBefore.framesSent
    let rawByteCount = counters.rawBytesSent - countersBefore.rawBytesSent
    return [
      Metric("wire-bytes", .exact, unit: "bytes/\(unit)", .number(Double(wireByteCount) / Double(unitCount))),
      Metric("frames", .exact, unit: "frames/\(unit)", .number(Double(frameCount) / Double(unitCount))),
      Metric(
        "ratio", .exact, unit: "raw/wire", direction: .higherIsBetter,
        .number(Double(rawByteCount) / Double(wireByteCount))),
      Metric("wire-sha256", .exact, unit: "digest", direction: .unchanged, .digest(pair.digest.hexadecimal)),
    ] + measuring.meter.metrics(unitCount: unitCount, unit: unit)
  }

  private func write(to id: StreamID) throws(SessionError) {
    for _ in 0..<load.unitsPerTurn {
      _ = try pair.sender.write(corpus[unitNumber % corpus.count], to: id, endsMessage: load.isMessage)
      unitNumber += 1
    }
  }

  /// Different units of random bytes, together larger than the caches for blocks.
  private static func units(byteCount: Int) -> [ByteBuffer] {
    var random = SeededGenerator(seed: 1)
    let count = min(1_024, max(16, (4 << 20) / byteCount))
    return (0..<count).map { _ in
      var unit = ByteBuffer()
      unit.reserveCapacity(byteCount)
      while unit.readableBytes + 8 <= byteCount { unit.writeInteger(random.next()) }
      while unit.readableBytes < byteCount { unit.writeInteger(UInt8(truncatingIfNeeded: random.next())) }
      return unit
    }
  }
}

extension EngineWork {
  /// The same units, lying one behind another in one buffer.
  private static func slices(of units: [ByteBuffer]) -> [ByteBuffer] {
    var whole = ByteBuffer()
    for unit in units { whole.writeImmutableBuffer(unit) }
    return units.compactMap { whole.readSlice(length: $0.readableBytes) }
  }
}

/// A sender, a receiver and a virtual clock.
struct EnginePair {
  /// A batch may end one block above it, and still fit a read of 256 KiB.
  fileprivate static let batchByteCount = 192 << 10

  var sender: Session
  var receiver: Session
  var digest = SHA256()
  private(set) var readByteCount = 0
  private var batch = TransmitBatch()
  /// What a socket read would fill. It is used again at once, unless a part of a block lies in it.
  private var wire = ByteBuffer()
  private let maximumReadByteCount: Int
  private(set) var now = Instant(nanoseconds: 1_000_000_000)
  private let measuring: Measuring

  init(_ configuration: SessionConfiguration, readByteCount: Int = .max, _ measuring: Measuring) {
    self.measuring = measuring
    maximumReadByteCount = readByteCount
    var random = SeededGenerator(seed: 3)
    sender = Session(
      role: .initiator, configuration: configuration, secrets: SessionSecrets(using: &random), now: now)
    receiver = Session(
      role: .acceptor, configuration: configuration, secrets: SessionSecrets(using: &random), now: now)
    wire.reserveCapacity(256 << 10)
  }

  mutating func advance(milliseconds: UInt64) {
    now = Instant(nanoseconds: now.nanoseconds + milliseconds * 1_000_000)
  }

  /// Carries bytes to and fro until both are silent; both read all they get.
  mutating func exchange() {
    var isSilent = false
    while !isSilent {
      isSilent = true
      while measuring.meter.measure(.sender, { sender.send(into: &batch, now: now) }) {
        isSilent = false
        refillWire()
        if measuring.isExact { digest.update(wire) }
        receive()
      }
      while measuring.meter.measure(.receiver, { receiver.send(into: &batch, now: now) }) {
        isSilent = false
        refillWire()
        _ = measuring.meter.measure(.sender) { sender.take(wire, now: now) }
      }
    }
  }

  private mutating func receive() {
    guard wire.readableBytes > maximumReadByteCount else {
      return measuring.meter.measure(.receiver) { readByteCount += receiver.take(wire, now: now) }
    }
    var rest = wire
    while let part = rest.readSlice(length: min(rest.readableBytes, maximumReadByteCount)), part.readableBytes > 0 {
      wire.clear()
      wire.writeImmutableBuffer(part)
      measuring.meter.measure(.receiver) { readByteCount += receiver.take(wire, now: now) }
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
    transmit(maximumByteCount: EnginePair.batchByteCount, now: now, into: &batch)
    return batch.byteCount > 0
  }

  /// Takes bytes and reads every stream that has some; returns how many raw bytes were read.
  fileprivate mutating func take(_ bytes: ByteBuffer, now: Instant) -> Int {
    receive(bytes, now: now)
    var readByteCount = 0
    while let event = nextEvent() {
      guard case .readable(let id) = event else { continue }
      readByteCount += readAll(id)
    }
    return readByteCount
  }

  /// Reads what there is, and ends this end's half of a stream that the other has ended.
  private mutating func readAll(_ id: StreamID) -> Int {
    var readByteCount = 0
    while true {
      switch read(id) {
      case .bytes(let bytes, endsMessage: _): readByteCount += bytes.readableBytes
      case .end:
        try? finish(id)
        release(id)
        return readByteCount
      case .notReady, .failed: return readByteCount
      }
    }
  }
}

extension SHA256 {
  mutating func update(_ buffer: ByteBuffer) {
    unsafe buffer.withUnsafeReadableBytes { unsafe update(bufferPointer: $0) }
  }

  var hexadecimal: String { finalize().map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined() }
}
