import ArgumentParser
import BenchGate
import BenchStatistics
import Foundation
import NIOCore

/// What the other commands start as a child process: looks at one scenario in one way, and prints JSON.
struct MeasureCommand: ParsableCommand {
  enum Kind: String, ExpressibleByArgument {
    case exact, instructions, time, kernels, live, features, noise
  }

  static let configuration = CommandConfiguration(commandName: "measure", shouldDisplay: false)

  @Argument var name: String
  @Option(name: .customLong("as")) var kind: Kind
  @Option var size = 1
  @Option var rounds = 15
  @Option var inject = ""

  func run() throws {
    if kind == .features { return print(Fingerprint.features.joined(separator: " ")) }
    if kind == .noise { return NoisyNeighbour.makeNoise() }
    guard let scenario = Scenarios.named(name), let injection = Injection(inject) else {
      throw ValidationError("there is no scenario '\(name)', or no injection '\(inject)'")
    }
    do {
      try measure(scenario, injection)
    } catch {
      FileHandle.standardError.write(Data("dwcp-bench: \(name): \(error)\n".utf8))
      throw ExitCode.failure
    }
  }

  private func measure(_ scenario: Scenario, _ injection: Injection) throws {
    let runner = scenario.workload.map { WorkRunner(workload: $0, size: size, injection: injection) }
    switch (scenario.kind, kind, runner) {
    case (.exact(let measure), .exact, _): try print(measure())
    case (.live(let live), .live, _):
      let roundCount = rounds
      // Waiting here, and not an asynchronous main, since callgrind dies when the first thread ends before the others.
      try print(Transport.client.any().makeFutureWithTask { try await live.metrics(roundCount: roundCount) }.wait())
    case (_, .exact, let runner?): try print(runner.exactMetrics())
    case (_, .instructions, let runner?): try print(runner.time(turns: runner.workload.countedTurns))
    case (_, .time, let runner?): try print(runner.time(turns: runner.workload.timedTurns))
    case (_, .kernels, let runner?): try print(kernelMetrics(runner.kernelRatios(roundCount: rounds)))
    default: throw BenchmarkError("it cannot be measured as \(kind)")
    }
  }

  private func kernelMetrics(_ ratios: [ReferenceKernel: [Double]]) -> [Metric] {
    ReferenceKernel.allCases.compactMap { kernel in
      guard let samples = ratios[kernel], let middle = median(of: samples) else { return nil }
      let range = medianInterval(of: samples) ?? middle...middle
      return Metric(
        "time.\(kernel)", .storedTime, unit: "x 1 run of '\(kernel)'", .number(middle),
        interval: Interval(low: range.lowerBound, high: range.upperBound))
    }
  }

  private func print(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    FileHandle.standardOutput.write(try encoder.encode(value))
  }

  private func print(_ text: String) {
    FileHandle.standardOutput.write(Data((text + "\n").utf8))
  }
}
