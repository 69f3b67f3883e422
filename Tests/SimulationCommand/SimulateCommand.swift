import ArgumentParser

@main struct SimulateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dwcp-simulate",
    abstract: "Runs seeded sessions, and shrinks the first that fails. The same seed is the same session everywhere.",
    discussion: """
      EXAMPLES
        dwcp-simulate                                          100,000 seeds of two engines beside a model
        dwcp-simulate --seed 4711                              that session alone
        dwcp-simulate --coverage                               also prints which operation met which phase, and how often
        dwcp-simulate hostile                                  100,000 seeds of a hostile peer against one engine
        dwcp-simulate hostile --seeds 100000 --operations 200  the same, said in full

      EXIT CODES
        0 all held, 1 one did not, or something was never met, 64 usage
      """,
    subcommands: [SessionsCommand.self, HostileCommand.self, InterleavingsCommand.self, ObjectsCommand.self],
    defaultSubcommand: SessionsCommand.self)
}

/// Which seeds to run, and how long each is.
struct SeedOptions: ParsableArguments {
  @Option(help: "Sessions to run.") var seeds: UInt64 = 100_000
  @Option(help: "The first seed.") var first: UInt64 = 0
  @Option(help: "Runs this seed alone.") var seed: UInt64?
  @Option(help: "Operations in each session.") var operations = 200

  func validate() throws {
    guard operations > 0, seeds > 0 else { throw ValidationError("--seeds and --operations are at least 1") }
    guard first <= UInt64.max - seeds else { throw ValidationError("--first is too high for so many seeds") }
  }

  var range: Range<UInt64> { seed.map { $0..<($0 &+ 1) } ?? first..<first + seeds }
}
