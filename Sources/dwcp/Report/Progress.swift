import DWCPCore
import DWCPNIO
import Foundation
import Synchronization

/// How far a transfer has come, told on standard error while that is a terminal: share, rate, ratio, time left.
final class Progress: Sendable {
  private struct State {
    var totalByteCount: UInt64 = 0
    var byteCount: UInt64 = 0
    var fileCount = 0
    var doneFileCount = 0
  }

  private static let interval = Duration.milliseconds(250)

  private let state = Mutex(State())
  private let start = ContinuousClock.now
  private let isShown: Bool

  init(isShown: Bool = isatty(2) == 1) {
    self.isShown = isShown
  }

  func begin(byteCount: UInt64, fileCount: Int = 1) {
    state.withLock {
      $0.totalByteCount += byteCount
      $0.fileCount += fileCount
    }
  }

  func add(byteCount: Int) {
    state.withLock { $0.byteCount += UInt64(byteCount) }
  }

  func fileDone() {
    state.withLock { $0.doneFileCount += 1 }
  }

  /// Runs `work` and tells how it goes; `ratio` gives raw to wire bytes so far.
  func follow<Result: Sendable>(
    _ session: LiveSession, _ work: @escaping @Sendable () async throws -> Result
  ) async throws -> Result {
    guard isShown else { return try await work() }
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await self.show(session) }
      defer {
        group.cancelAll()
        standardError("\r\u{1B}[K")
      }
      return try await work()
    }
  }

  private func show(_ session: LiveSession) async throws {
    while !Task.isCancelled {
      try await Task.sleep(for: Self.interval)
      let counters = try await session.counters()
      let raw = counters.rawBytesSent + counters.rawBytesReceived
      let wire = counters.wireBytesSent + counters.wireBytesReceived
      standardError("\r\u{1B}[K" + line(ratio: wire == 0 ? 1 : Double(raw) / Double(wire)))
    }
  }

  private func line(ratio: Double) -> String {
    let state = state.withLock { $0 }
    let seconds = (ContinuousClock.now - start).inSeconds
    let rate = Double(state.byteCount) / max(seconds, 0.001)
    let share = state.totalByteCount == 0 ? 100 : 100 * Double(state.byteCount) / Double(state.totalByteCount)
    let remaining = rate > 0 ? Double(state.totalByteCount - min(state.totalByteCount, state.byteCount)) / rate : 0
    return String(format: "%5.1f %%  ", share)
      + "\(Text.bytes(state.byteCount)) of \(Text.bytes(state.totalByteCount))  \(Text.bytes(UInt64(rate)))/s  "
      + String(format: "ratio %.2f  ", ratio) + "\(Text.clock(remaining)) left"
      + (state.fileCount > 1 ? "  \(state.doneFileCount) of \(state.fileCount) files" : "")
  }
}

extension Duration {
  var inSeconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}

/// Numbers as people read them.
enum Text {
  /// A peer's words without what a terminal or a log would obey: control characters, line ends, changes of direction.
  static func printable(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.map { isObeyed($0) ? "\u{FFFD}" : $0 }))
  }

  private static func isObeyed(_ scalar: Unicode.Scalar) -> Bool {
    [.control, .format, .lineSeparator, .paragraphSeparator].contains(scalar.properties.generalCategory)
  }

  static func bytes(_ count: UInt64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"]
    var value = Double(count)
    var unit = 0
    while value >= 1_024, unit < units.count - 1 {
      value /= 1_024
      unit += 1
    }
    return unit == 0 ? "\(count) B" : String(format: "%.1f %@", value, units[unit] as NSString)
  }

  static func clock(_ seconds: Double) -> String {
    let whole = Int(min(seconds, 359_999).rounded())
    return whole >= 3_600
      ? String(format: "%d:%02d:%02d", whole / 3_600, whole / 60 % 60, whole % 60)
      : String(format: "%d:%02d", whole / 60, whole % 60)
  }
}
