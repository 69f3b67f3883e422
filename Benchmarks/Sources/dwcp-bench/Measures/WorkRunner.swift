import BenchGate
import CBench

/// What a child process does: prepares a workload, warms it up, and looks at it in one way.
struct WorkRunner {
  let workload: Workload
  let size: Int
  let injection: Injection

  /// Exact counts over the steady state.
  func exactMetrics() throws -> [Metric] {
    let measuring = Measuring(isExact: true, injection: injection)
    let work = try warmWork(measuring)
    work.beginCounting()
    let unitCount = try run(work, turns: workload.countedTurns, measuring)
    return work.metrics(unitCount: unitCount)
  }

  /// Runs the marked region once; returns what it took this thread, and for how many units.
  func time(turns: Int) throws -> RegionTime {
    let measuring = Measuring(isExact: false, injection: injection)
    let work = try warmWork(measuring)
    return try region { try run(work, turns: turns, measuring) }
  }

  /// The time of a few turns beside that of each reference kernel, taken in turns.
  func kernelRatios(roundCount: Int) throws -> [ReferenceKernel: [Double]] {
    let measuring = Measuring(isExact: false, injection: injection)
    let work = try warmWork(measuring)
    let turns = max(1, workload.timedTurns / 10)
    var ratios: [ReferenceKernel: [Double]] = [:]
    for _ in 0..<roundCount {
      let workTime = try region { try run(work, turns: turns, measuring) }.nanosecondsPerUnit
      for kernel in ReferenceKernel.allCases { ratios[kernel, default: []].append(workTime / kernel.nanoseconds()) }
    }
    return ratios
  }

  private func warmWork(_ measuring: Measuring) throws -> any Work {
    let work = try workload.make(size, measuring)
    for _ in 0..<max(2, workload.countedTurns / 4) { _ = try work.turn() }
    return work
  }

  private func run(_ work: any Work, turns: Int, _ measuring: Measuring) throws -> Int {
    var unitCount = 0
    var owedTurns = 0.0
    for _ in 0..<turns {
      let units = try work.turn()
      unitCount += units
      switch injection {
      case .none, .wireByte: break
      case .allocation: measuring.meter.measure(.sender) { bench_allocate(UInt64(units)) }
      case .work(let percent):
        owedTurns += percent / 100
        guard owedTurns >= 1 else { continue }
        owedTurns -= 1
        _ = try work.turn()
      }
    }
    return unitCount
  }

  private func region(_ body: () throws -> Int) rethrows -> RegionTime {
    try withoutActuallyEscaping(body) { body in
      let call = RegionCall(body)
      let before = bench_thread_nanoseconds()
      unsafe bench_region(
        { context in
          guard let context = unsafe context else { return }
          unsafe Unmanaged<RegionCall>.fromOpaque(context).takeUnretainedValue().run()
        }, Unmanaged.passUnretained(call).toOpaque())
      let nanoseconds = bench_thread_nanoseconds() - before
      return RegionTime(threadNanoseconds: nanoseconds, unitCount: try call.result())
    }
  }
}

/// How long a region took.
struct RegionTime: Codable {
  let threadNanoseconds: UInt64
  let unitCount: Int

  var nanosecondsPerUnit: Double { Double(threadNanoseconds) / Double(max(1, unitCount)) }
}

private final class RegionCall {
  private let body: () throws -> Int
  private var outcome: Result<Int, any Error> = .success(0)

  init(_ body: @escaping () throws -> Int) {
    self.body = body
  }

  func run() {
    outcome = Result { try body() }
  }

  func result() throws -> Int { try outcome.get() }
}

/// Work that every machine has, of one kind each; a stored time is a ratio to the one that moves with it best.
enum ReferenceKernel: String, CaseIterable, Codable {
  case alu, memory, branches

  func nanoseconds() -> Double {
    let before = bench_thread_nanoseconds()
    switch self {
    case .alu: _ = bench_kernel_alu()
    case .memory: _ = bench_kernel_memory()
    case .branches: _ = bench_kernel_branches()
    }
    return Double(bench_thread_nanoseconds() - before)
  }
}
