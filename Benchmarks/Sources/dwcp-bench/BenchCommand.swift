import ArgumentParser

@main
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dwcp-bench",
    abstract: "Measures DWCP v3, and says when it has become worse.",
    discussion: """
      EXAMPLES
        dwcp-bench list
        dwcp-bench run --filter engine/ --json > engine.json
        dwcp-bench check --strict
        dwcp-bench compare --base ../old/Benchmarks/.build/release/dwcp-bench
        dwcp-bench baseline update --reason "one frame carries many messages"
        dwcp-bench report --html bench.html old.json new.json

      EXIT CODES
        0   measured, or nothing is worse
        1   the tool failed
        2   something is worse
        3   something is not decided or cannot be measured here (with --strict)
        4   something is better: update the baseline
        5   a baseline is missing, or was taken under other conditions
        64  wrong usage
      """,
    subcommands: [
      ListCommand.self, RunCommand.self, CheckCommand.self, CompareCommand.self, BaselineCommand.self,
      ReportCommand.self, SelectorCommand.self,
      SelftestCommand.self, CorporaCommand.self, MeasureCommand.self,
    ])
}
