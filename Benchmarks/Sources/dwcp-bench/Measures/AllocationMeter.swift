import BenchGate
import CBench

/// Counts what parts of some work ask of the allocator, in one thread.
final class AllocationMeter: Sendable {
  /// Whose work it is.
  enum Part: String, CaseIterable, Sendable {
    case sender, receiver

    fileprivate var index: Int { self == .sender ? 0 : 1 }
  }

  private struct Count {
    var allocations: UInt64 = 0
    var requestedBytes: UInt64 = 0
  }

  let isOn: Bool
  // Only ever touched by the one thread that does the work.
  nonisolated(unsafe) private var counts = [Count](repeating: Count(), count: Part.allCases.count)
  nonisolated(unsafe) private var heldBefore: Int64 = 0

  init(isOn: Bool) {
    self.isOn = isOn && allocation_count_is_available()
  }

  /// Does the work and counts it to this part.
  @inline(__always)
  func measure<Result, Failure: Error>(
    _ part: Part, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    guard isOn else { return try body() }
    let before = allocation_count_totals()
    allocation_count_start()
    defer {
      allocation_count_stop()
      let after = allocation_count_totals()
      unsafe counts[part.index].allocations += after.allocation_count - before.allocation_count
      unsafe counts[part.index].requestedBytes += after.requested_byte_count - before.requested_byte_count
    }
    return try body()
  }

  func reset() {
    unsafe counts = unsafe counts.map { _ in Count() }
    allocation_count_reset_peak()
    unsafe heldBefore = allocation_count_totals().live_byte_count
  }

  /// Allocations, bytes asked for, and the highest that was held above what was held at `reset`, if this allocator can be watched.
  func metrics(unitCount: Int, unit: String) -> [Metric] {
    let reason = "the allocator can be interposed with glibc only"
    func metric(_ name: String, _ unit: String, _ value: Double) -> Metric {
      Metric(name, .exact, unit: unit, isOn ? .number(value) : .unavailable(reason))
    }
    var metrics: [Metric] = []
    for part in Part.allCases {
      let count = unsafe counts[part.index]
      metrics.append(
        metric("allocations.\(part)", "allocations/\(unit)", Double(count.allocations) / Double(unitCount)))
      metrics.append(
        metric("requested-bytes.\(part)", "bytes/\(unit)", Double(count.requestedBytes) / Double(unitCount)))
    }
    let peak = unsafe allocation_count_totals().peak_live_byte_count - heldBefore
    return metrics + [metric("peak-heap", "bytes", Double(peak))]
  }
}
