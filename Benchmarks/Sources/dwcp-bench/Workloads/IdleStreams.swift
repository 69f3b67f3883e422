import BenchGate
import CBench
import DWCPCore

/// What stays on the heap for streams and sessions that do nothing.
enum IdleHeap {
  private static let reason = "the allocator can be interposed with glibc only"

  /// Per stream of 10,000 that have carried one message and stay open, both ends together.
  static func perStream() throws -> [Metric] {
    let streamCount = 10_000
    guard allocation_count_is_available() else { return [metric("heap", "bytes/stream", nil)] }
    let full = try heldBytes { try engines(streamCount: streamCount) }
    let one = try heldBytes { try engines(streamCount: 1) }
    return [metric("heap", "bytes/stream", Double(full - one) / Double(streamCount - 1))]
  }

  private static func engines(streamCount: Int) throws -> EngineWork {
    let load = EngineWork.Load(streamCount: streamCount, unitByteCount: 64)
    let work = try EngineWork(load, Measuring(isExact: false, injection: .none))
    _ = try work.turn()
    return work
  }

  /// Per session that has shaken hands and has no stream, both ends together.
  static func perSession() -> [Metric] {
    guard allocation_count_is_available() else { return [metric("heap", "bytes/session", nil)] }
    let measuring = Measuring(isExact: false, injection: .none)
    let sessionCount = 100
    let held = heldBytes {
      (0..<sessionCount).map { _ in
        var pair = EnginePair(SessionConfiguration(), measuring)
        pair.exchange()
        return (pair.sender, pair.receiver)
      }
    }
    return [metric("heap", "bytes/session", Double(held) / Double(sessionCount))]
  }

  private static func heldBytes<Kept>(_ make: () throws -> Kept) rethrows -> Int64 {
    let before = allocation_count_totals().live_byte_count
    allocation_count_start()
    let kept = try make()
    allocation_count_stop()
    let after = allocation_count_totals().live_byte_count
    withExtendedLifetime(kept) {}
    return after - before
  }

  private static func metric(_ name: String, _ unit: String, _ value: Double?) -> Metric {
    Metric(name, .exact, unit: unit, value.map(Reading.number) ?? .unavailable(reason))
  }
}
