internal import Foundation
internal import Synchronization

/// Runs cases against one peer, each on a connection of its own, a few at a time.
public struct Runner: Sendable {
  private let target: Target
  private let concurrency: Int

  public init(_ target: Target, concurrency: Int = 8) {
    self.target = target
    self.concurrency = concurrency
  }

  /// Verdicts in the order of the cases.
  ///
  /// - Parameter onVerdict: told of each case as it ends, from any thread.
  public func run(_ cases: [Case], onVerdict: @escaping @Sendable (Verdict) -> Void = { _ in }) async -> [Verdict] {
    let progress = Progress(cases.count)
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<min(concurrency, cases.count) {
        group.addTask {
          await onOwnThread {
            while let index = progress.next() {
              let verdict = self.run(cases[index])
              progress.keep(verdict, at: index)
              onVerdict(verdict)
            }
          }
        }
      }
    }
    return progress.verdicts
  }

  private func run(_ one: Case) -> Verdict {
    let start = ContinuousClock.now
    let deadline = start + .seconds(target.timeoutSeconds + one.extraSeconds(target))
    var peer: Peer?
    var failure: CaseFailure?
    do {
      let connected = try Peer(target, deadline: deadline)
      peer = connected
      try one.script(connected)
      if let broken = connected.seen.violations.first(where: { one.clauses.contains($0.clause) }) {
        throw CaseFailure("\(broken.clause): frames that keep it", came: broken.text)
      }
    } catch let error as CaseFailure {
      failure = error
    } catch {
      failure = CaseFailure("a script that throws nothing else", came: "\(error)")
    }
    let duration = (ContinuousClock.now - start).components
    let seconds = Double(duration.seconds) + Double(duration.attoseconds) * 1e-18
    guard let failure else { return Verdict(case: one, outcome: .passed, seconds: seconds, message: "") }
    if failure.isSkip {
      return Verdict(case: one, outcome: .skipped, seconds: seconds, message: failure.expectation)
    }
    let frames = peer?.trace.text ?? ""
    let message = "expected \(failure.expectation)\ncame     \(failure.came)" + (frames.isEmpty ? "" : "\n\(frames)")
    return Verdict(case: one, outcome: .failed, seconds: seconds, message: message)
  }
}

/// Scripts block their thread, which must not be one that tasks need.
private func onOwnThread(_ work: @escaping @Sendable () -> Void) async {
  await withCheckedContinuation { continuation in
    Thread.detachNewThread {
      work()
      continuation.resume()
    }
  }
}

private final class Progress: Sendable {
  private struct State {
    var nextIndex = 0
    var verdicts: [Verdict?]
  }

  private let state: Mutex<State>

  init(_ count: Int) {
    state = Mutex(State(verdicts: Array(repeating: nil, count: count)))
  }

  func next() -> Int? {
    state.withLock { state in
      guard state.nextIndex < state.verdicts.count else { return nil }
      state.nextIndex += 1
      return state.nextIndex - 1
    }
  }

  func keep(_ verdict: Verdict, at index: Int) {
    state.withLock { $0.verdicts[index] = verdict }
  }

  var verdicts: [Verdict] { state.withLock { $0.verdicts.compactMap { $0 } } }
}
