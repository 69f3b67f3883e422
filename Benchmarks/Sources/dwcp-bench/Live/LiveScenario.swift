import BenchGate
import BenchStatistics
import CBench
import Foundation

/// Why a live scenario cannot run on this machine.
struct Unavailable: Error {
  let reason: String
}

/// Something that takes time on sockets and threads, beside a reference that does the same work with less.
struct LiveScenario: Sendable {
  /// The contender that ratios are taken to.
  let reference: String
  /// Work that takes minutes is not done as often as other work.
  var maximumRoundCount = Int.max
  /// Prepares data and contenders, once for all rounds; may throw `Unavailable`.
  let makeContenders: @Sendable () throws -> [Contender]

  /// Runs every contender once in each round, so that a slow spell of the machine meets all of them; another one begins each time.
  func metrics(roundCount: Int) async throws -> [Metric] {
    let contenders: [Contender]
    do {
      contenders = try makeContenders()
    } catch let error as Unavailable {
      return [Metric("everything", .storedTime, unit: "", .unavailable(error.reason))]
    }
    var samples: [String: [[Figure]]] = [:]
    for round in 0..<min(roundCount, maximumRoundCount) {
      for turn in contenders.indices {
        let contender = contenders[(round + turn) % contenders.count]
        samples[contender.name, default: []].append(try await contender.run())
      }
    }
    return contenders.flatMap { metrics(of: $0.name, samples[$0.name] ?? [], reference: samples[reference] ?? []) }
  }

  private func metrics(of name: String, _ runs: [[Figure]], reference: [[Figure]]) -> [Metric] {
    (runs.first ?? []).indices.flatMap { index -> [Metric] in
      let figure = runs[0][index]
      var metrics = [
        metric("\(name).\(figure.name)", figure.unit, figure.direction, runs.map { $0[index].value })
      ]
      if figure.isCompared, name != self.reference, reference.count == runs.count {
        let ratios = zip(runs, reference).map { $0[index].value / $1[index].value }
        metrics.append(metric("\(name).\(figure.name).to-\(self.reference)", "ratio", figure.direction, ratios))
      }
      return metrics
    }
  }

  private func metric(_ name: String, _ unit: String, _ direction: Direction, _ samples: [Double]) -> Metric {
    let range = medianInterval(of: samples) ?? (samples.min() ?? 0)...(samples.max() ?? 0)
    return Metric(
      name, .storedTime, unit: unit, direction: direction, .number(median(of: samples) ?? .nan),
      interval: Interval(low: range.lowerBound, high: range.upperBound))
  }
}

/// One number of one run.
struct Figure: Sendable {
  let name: String
  let unit: String
  var direction = Direction.lowerIsBetter
  var isCompared = false
  let value: Double
}

/// One way to do the work of a scenario.
struct Contender: Sendable {
  let name: String
  let run: @Sendable () async throws -> [Figure]
}

/// The time a piece of work took: on the wall, and on all processors together.
struct Stopwatch {
  private let wallStart = DispatchTime.now().uptimeNanoseconds
  private let processorStart = bench_process_nanoseconds()

  var elapsedSeconds: Double { Double(DispatchTime.now().uptimeNanoseconds - wallStart) / 1e9 }
  /// On all processors together, which another process does not lengthen.
  var processorSeconds: Double { Double(bench_process_nanoseconds() - processorStart) / 1e9 }

  /// The figures of a run that moved so many raw bytes until now.
  func bulkFigures(rawByteCount: Int) -> [Figure] {
    let seconds = elapsedSeconds
    let mebibytes = Double(rawByteCount) / 1_048_576
    return [
      Figure(
        name: "goodput", unit: "MiB/s", direction: .higherIsBetter, isCompared: true, value: mebibytes / seconds),
      Figure(name: "cpu", unit: "CPU s/GiB", isCompared: true, value: processorSeconds / mebibytes * 1_024),
    ]
  }

  func rateFigures(count: Int) -> [Figure] {
    let seconds = elapsedSeconds
    return [
      Figure(
        name: "rate", unit: "exchanges/s", direction: .higherIsBetter, isCompared: true, value: Double(count) / seconds),
      Figure(name: "cpu", unit: "CPU us/exchange", isCompared: true, value: processorSeconds * 1e6 / Double(count)),
    ]
  }
}
