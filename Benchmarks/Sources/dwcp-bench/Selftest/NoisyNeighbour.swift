import CBench
import Foundation

/// Child processes that keep all processors and the memory bus busy.
final class NoisyNeighbour {
  private let processes: [Process]

  init() throws {
    processes = try (0..<ProcessInfo.processInfo.activeProcessorCount).map { _ in
      let process = Process()
      process.executableURL = URL(fileURLWithPath: ChildProcess.ownPath)
      process.arguments = ["measure", "noise", "--as", "noise"]
      try process.run()
      return process
    }
  }

  func stop() {
    for process in processes { process.terminate() }
  }

  /// What the children do until they are stopped, or their parent is gone.
  static func makeNoise() {
    let parent = getppid()
    while getppid() == parent {
      _ = bench_kernel_memory()
      _ = bench_kernel_alu()
      _ = bench_kernel_branches()
    }
  }
}
