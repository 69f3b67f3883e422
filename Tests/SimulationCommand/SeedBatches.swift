import Foundation

/// Runs batches of seeds on all cores; after a failure no more are begun.
struct SeedBatches<Part: Sendable> {
  private static var seedCount: UInt64 { 100 }

  let seeds: Range<UInt64>
  let run: @Sendable (Range<UInt64>) -> Part
  let hasFailed: (Part) -> Bool

  func merge(_ merge: (Part) -> Void) async {
    var next = seeds.lowerBound
    var isFailed = false
    var doneCount: UInt64 = 0
    let progress = SeedProgress(count: UInt64(seeds.count))
    await withTaskGroup(of: (UInt64, Part).self) { group in
      func add() {
        guard next < seeds.upperBound, !isFailed else { return }
        let batch = next..<min(seeds.upperBound, next + Self.seedCount)
        next = batch.upperBound
        group.addTask { [run] in (UInt64(batch.count), run(batch)) }
      }
      for _ in 0..<ProcessInfo.processInfo.activeProcessorCount { add() }
      for await (count, part) in group {
        isFailed = isFailed || hasFailed(part)
        merge(part)
        doneCount += count
        progress.show(doneCount)
        add()
      }
    }
    progress.end()
  }
}

/// Rate and time left, where a person looks.
private struct SeedProgress {
  let count: UInt64
  private let started = ContinuousClock.now
  private let isTerminal = isatty(STDERR_FILENO) == 1

  init(count: UInt64) {
    self.count = count
  }

  func show(_ done: UInt64) {
    guard isTerminal else { return }
    let rate = Double(done) / max(0.001, (ContinuousClock.now - started) / .seconds(1))
    let left = Double(count - done) / max(1, rate)
    FileHandle.standardError.write(
      Data(String(format: "\r%llu of %llu seeds, %.0f/s, %.0f s left ", done, count, rate, left).utf8))
  }

  func end() {
    if isTerminal { FileHandle.standardError.write(Data("\r\u{1B}[K".utf8)) }
  }
}
