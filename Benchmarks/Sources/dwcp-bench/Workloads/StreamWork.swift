import BenchGate
import DWCPCore
import NIOCore

/// Streams that are opened, carry one message each way at most, and are gone.
final class OpenCloseWork: Work {
  private static let streamsPerTurn = 100

  private let measuring: Measuring
  private var pair: EnginePair
  private let message = ByteBuffer(repeating: 0x2A, count: 64)
  private var countersBefore = SessionCounters()

  init(_ measuring: Measuring) {
    self.measuring = measuring
    var configuration = SessionConfiguration()
    configuration.compression = .fixed(.none)
    pair = EnginePair(configuration, measuring)
    pair.exchange()
  }

  func turn() throws -> Int {
    pair.advance(milliseconds: 1)
    try measuring.meter.measure(.sender) {
      for _ in 0..<Self.streamsPerTurn {
        let id = try pair.sender.open()
        _ = try pair.sender.write(message, to: id, endsMessage: true)
        try pair.sender.finish(id)
        pair.sender.release(id)
      }
    }
    pair.exchange()
    guard pair.sender.streamCount == 0, pair.receiver.streamCount == 0 else {
      throw BenchmarkError("\(pair.sender.streamCount) and \(pair.receiver.streamCount) streams were left over")
    }
    return Self.streamsPerTurn
  }

  func beginCounting() {
    countersBefore = pair.sender.counters
    measuring.meter.reset()
  }

  func metrics(unitCount: Int) -> [Metric] {
    let wireByteCount = pair.sender.counters.wireBytesSent - countersBefore.wireBytesSent
    return [
      Metric("wire-bytes", .exact, unit: "bytes/stream", .number(Double(wireByteCount) / Double(unitCount)))
    ] + measuring.meter.metrics(unitCount: unitCount, unit: "stream")
  }
}

/// Whole handshakes between new engines.
final class HandshakeWork: Work {
  private let measuring: Measuring
  private var wireByteCount: UInt64 = 0

  init(_ measuring: Measuring) {
    self.measuring = measuring
  }

  func turn() throws -> Int {
    var pair = EnginePair(SessionConfiguration(), measuring)
    pair.exchange()
    guard pair.sender.phase == .open, pair.receiver.phase == .open else {
      throw BenchmarkError("a handshake did not come to its end")
    }
    wireByteCount += pair.sender.counters.wireBytesSent + pair.receiver.counters.wireBytesSent
    return 1
  }

  func beginCounting() {
    wireByteCount = 0
    measuring.meter.reset()
  }

  func metrics(unitCount: Int) -> [Metric] {
    [
      Metric("wire-bytes", .exact, unit: "bytes/handshake", .number(Double(wireByteCount) / Double(unitCount)))
    ] + measuring.meter.metrics(unitCount: unitCount, unit: "handshake")
  }
}
