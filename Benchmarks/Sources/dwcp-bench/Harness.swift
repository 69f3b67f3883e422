import Foundation

/// One number of one run, named with its unit.
struct Figure {
  let name: String
  let value: Double
}

/// Something that is measured; the first figure of a run is the one that ratios are taken of.
struct Contender {
  let name: String
  let run: () async throws -> [Figure]
}

/// Contenders that do the same work.
struct Scenario: Sendable {
  let name: String
  let summary: String
  let contenderNames: [String]
  /// What the others are compared to, and the ratio they are meant to reach; nil when they do different work.
  let comparison: (baseline: String, bar: Double)?
  /// Prepares the data and the contenders, once for all rounds.
  let makeContenders: @Sendable () throws -> [Contender]

  func matches(_ filter: String) -> Bool {
    name.contains(filter) || contenderNames.contains { $0.contains(filter) }
  }

  /// Runs every contender once in each round, so that a slow spell of the machine meets all of them; another one begins each time.
  func run(filter: String?, roundCount: Int) async throws -> ScenarioReport {
    let contenders = try makeContenders().filter { isWanted($0.name, filter: filter) }
    var samples: [String: [[Figure]]] = [:]
    for round in 0..<roundCount {
      for turn in contenders.indices {
        let contender = contenders[(round + turn) % contenders.count]
        samples[contender.name, default: []].append(try await contender.run())
      }
    }
    return report(contenders.map(\.name), samples, roundCount: roundCount)
  }

  private func isWanted(_ contenderName: String, filter: String?) -> Bool {
    guard let filter, !name.contains(filter) else { return true }
    return contenderName.contains(filter) || contenderName == comparison?.baseline
  }

  private func report(_ names: [String], _ samples: [String: [[Figure]]], roundCount: Int) -> ScenarioReport {
    let baseline = comparison.flatMap { samples[$0.baseline] }
    let contenders = names.map { name in
      let runs = samples[name] ?? []
      let figures = (runs.first ?? []).indices.map { index in
        FigureReport(name: runs[0][index].name, spread: Spread(runs.map { $0[index].value }))
      }
      var ratio: Spread?
      if let baseline, name != comparison?.baseline {
        ratio = Spread(zip(runs, baseline).map { $0[0].value / $1[0].value })
      }
      return ContenderReport(name: name, figures: figures, ratio: ratio)
    }
    return ScenarioReport(
      name: name, rounds: roundCount, baseline: comparison?.baseline, bar: comparison?.bar, contenders: contenders)
  }
}

/// The time a piece of work took: on the wall, and on all processors together.
struct Stopwatch {
  private let wallStart = Stopwatch.seconds(CLOCK_MONOTONIC)
  private let processorStart = Stopwatch.seconds(CLOCK_PROCESS_CPUTIME_ID)

  /// The figures of a run that moved `rawByteCount` bytes until now.
  func figures(rawByteCount: Int) -> [Figure] {
    let wallSeconds = elapsedSeconds
    let processorSeconds = Self.seconds(CLOCK_PROCESS_CPUTIME_ID) - processorStart
    let mebibytes = Double(rawByteCount) / 1_048_576
    return [
      Figure(name: "MiB/s", value: mebibytes / wallSeconds),
      Figure(name: "CPU s/GiB", value: processorSeconds / mebibytes * 1_024),
      Figure(name: "CPUs used", value: processorSeconds / wallSeconds),
    ]
  }

  var elapsedSeconds: Double { Self.seconds(CLOCK_MONOTONIC) - wallStart }

  private static func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    unsafe clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}

/// A run did not do its work.
struct BenchmarkError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}
