import ArgumentParser

struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Names the scenarios, with the classes of their metrics.",
    discussion: "EXAMPLE\n  dwcp-bench list")

  func run() {
    let width = Scenarios.all.map(\.name.count).max() ?? 0
    for scenario in Scenarios.all {
      let classes = scenario.classes.sorted().map(\.rawValue).joined()
      let name = scenario.name + String(repeating: " ", count: width - scenario.name.count)
      print("\(name)  \(classes)\(String(repeating: " ", count: 4 - classes.count))  \(scenario.summary)")
    }
  }
}
