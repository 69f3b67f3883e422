@main
enum Prototypes {
  static func main() async throws {
    let arguments = CommandLine.arguments.dropFirst()
    let roundCount = arguments.dropFirst().first.flatMap { Int($0) } ?? 9
    switch arguments.first {
    case "payload": try PayloadExperiment.run(roundCount: roundCount)
    case "executor": try await ExecutorExperiment.run(roundCount: roundCount)
    case "blocks": try await BlockExperiment.run(roundCount: roundCount)
    default: print("usage: dwcp-prototypes payload|executor|blocks [rounds]")
    }
  }
}
