import Foundation
import Synchronization

/// The results in the order of the scenarios; as many children at once as there are processors. The first error wins.
func inParallel<Value: Sendable>(
  _ scenarios: [Scenario], _ body: @Sendable (Scenario) throws -> Value
) throws -> [Value] {
  let progress = ProgressLine(total: scenarios.count, "measured")
  let outcomes = Mutex([Int: Result<Value, any Error>]())
  DispatchQueue.concurrentPerform(iterations: scenarios.count) { index in
    let outcome = Result { try body(scenarios[index]) }
    outcomes.withLock { $0[index] = outcome }
    progress.step(scenarios[index].name)
  }
  return try outcomes.withLock { outcomes in
    try scenarios.indices.compactMap { try outcomes[$0]?.get() }
  }
}

/// How far long work has come, with the time left; only on a terminal.
final class ProgressLine: Sendable {
  private let total: Int
  private let verb: String
  private let start = DispatchTime.now().uptimeNanoseconds
  private let isShown = isatty(STDERR_FILENO) == 1
  private let count = Mutex(0)

  init(total: Int, _ verb: String) {
    self.total = total
    self.verb = verb
  }

  func step(_ name: String) {
    let done = count.withLock { count in
      count += 1
      return count
    }
    guard isShown else { return }
    let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
    let left = Int(seconds / Double(done) * Double(total - done))
    let text = done == total ? "" : "\(done) of \(total) \(verb), about \(left) s left; last: \(name)"
    FileHandle.standardError.write(Data("\r\u{1B}[K\(text)".utf8))
  }
}
