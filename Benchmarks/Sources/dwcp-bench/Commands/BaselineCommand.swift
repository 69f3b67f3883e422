import ArgumentParser
import BenchGate
import Foundation

struct BaselineCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "baseline", abstract: "The stored baselines.", subcommands: [UpdateCommand.self])
}

struct UpdateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "update", abstract: "Measures twice and stores what was measured; prints old -> new.",
    discussion: """
      Refuses a tree with changes, a debug build, a binary older than the sources, and figures that two measurements do not
      agree on. Commit what it writes together with the reason.

      EXAMPLE
        dwcp-bench baseline update --reason "one frame carries many messages"
      """)

  @Option(help: ArgumentHelp("Why the figures change; it is stored with them.", valueName: "text"))
  var reason: String

  func validate() throws {
    guard !reason.trimmingCharacters(in: .whitespaces).isEmpty else {
      throw ValidationError("--reason: say why the figures change")
    }
  }

  func run() throws {
    try reportingErrors {
      try refuseUnfitBuild()
      let scenarios = Scenarios.all.filter(\.isStored)
      let deterministic: Set<MetricClass> = [.exact, .instructions, .scaling]
      let first = try measure(scenarios, deterministic, roundCount: 1)
      var second = try measure(scenarios, deterministic.union([.storedTime]), roundCount: 15)
      let root = Repository.root
      let old = try Baseline.read(for: second, root: root)
      second.scenarios = second.scenarios.map { $0.keepingBestMatchedTime(storedIn: old[$0.suite]) }
      try refuseUnfitFigures(first, second)
      for baseline in Baseline.baselines(of: second, reason: reason) {
        try baseline.write(root: root)
        print("\(baseline.file):")
        print(changes(old: old[baseline.suite], new: baseline).map { "  \($0)\n" }.joined(), terminator: "")
      }
    }
  }

  private func refuseUnfitBuild() throws {
    guard Fingerprint.isRelease else {
      throw BenchmarkError("this is a debug build, whose figures mean nothing: run 'make build', then try again")
    }
    if let file = Repository.changedFiles.first {
      throw BenchmarkError(
        "the tree has changes ('\(file)'): commit them first, so that the baseline names what it is of")
    }
    if let file = Repository.newerSource {
      throw BenchmarkError("\(file) is newer than this binary: run 'make build', then try again")
    }
  }

  private func refuseUnfitFigures(_ first: BenchmarkResult, _ second: BenchmarkResult) throws {
    for scenario in second.scenarios {
      for metric in scenario.metrics {
        if case .unavailable(let reason) = metric.reading {
          throw BenchmarkError("\(scenario.name)/\(metric.name) cannot be measured here: \(reason)")
        }
      }
    }
    let baselines = Baseline.baselines(of: first, reason: reason)
    let verdicts = check(
      result: second, against: Dictionary(uniqueKeysWithValues: baselines.map { ($0.suite, $0) }),
      classes: [.exact, .instructions, .scaling], isWhole: true)
    if let verdict = verdicts.first(where: { $0.outcome != .pass }) {
      throw BenchmarkError(
        "\(verdict.scenario)/\(verdict.metric) was \(verdict.old ?? "-"), then \(verdict.new ?? "-"): two measurements of one "
          + "build have to agree; mend what is left to chance in the scenario")
    }
  }
}
