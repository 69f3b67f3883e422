import ArgumentParser
import DWCPCore
import Foundation
import Simulation

struct InterleavingsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "interleavings",
    abstract:
      "Tries every order of the steps of two engines, and shows the first that gets stuck or goes round in a circle.",
    discussion: """
      A clock that stands still, windows of one or two blocks, readers and write sides that wait for as long as they like. Each plan is little to do with
      little room in another place; plans with very many orders write fewer blocks than --blocks, and their lines say how many.

      \(InterleavingReport.projection)

      EXAMPLES
        dwcp-simulate interleavings
          2 streams, up to 3 blocks each: less than half a minute
        dwcp-simulate interleavings --streams 3 --blocks 2
          3 streams, up to 2 blocks each: minutes
        dwcp-simulate interleavings --streams 3
          3 streams, up to 3 blocks each: about an hour, and 16 GB
        dwcp-simulate interleavings --plan one-way --whole
          also the orders that differ only in steps that commute
        dwcp-simulate interleavings --json
          the counts for a program

      EXIT CODES
        0 no order gets stuck, 1 one does, 2 none was found and a plan was given up, 64 usage
      """)

  @Option(help: "Streams in each plan; 1 to 4.") var streams = 2
  @Option(help: "The most blocks that an end writes to a stream; 1 to 7.") var blocks = 3
  @Option(help: ArgumentHelp("Only this plan; may be repeated.", valueName: "name")) var plan: [String] = []
  @Flag(help: "Tries orders that differ only in steps that commute, too.") var whole = false
  @Option(help: ArgumentHelp("Gives a plan up that has more states; a million takes about 12 MB.", valueName: "states"))
  var limit: Int?
  @Flag(help: "Prints one JSON object.") var json = false

  private var plans: [InterleavingPlan] {
    InterleavingPlan.all(streamCount: streams, blockCount: blocks).filter { plan.isEmpty || plan.contains($0.name) }
  }

  func validate() throws {
    guard (1...4).contains(streams) else { throw ValidationError("--streams is 1 to 4") }
    guard limit ?? 1 > 0 else { throw ValidationError("--limit is at least 1") }
    guard (1...7).contains(blocks) else { throw ValidationError("--blocks is 1 to 7") }
    let names = InterleavingPlan.all(streamCount: 1, blockCount: 1).map(\.name)
    if let unknown = plan.first(where: { !names.contains($0) }) {
      throw ValidationError("there is no plan \(unknown); there are \(names.joined(separator: ", "))")
    }
  }

  mutating func run() async throws {
    let started = ContinuousClock.now
    let results = await search()
    if json {
      print(try Self.encoded(results))
    } else {
      let states = results.reduce(0) { $0 + $1.report.stateCount }
      let steps = results.reduce(0) { $0 + $1.report.stepCount }
      let seconds = Self.seconds(ContinuousClock.now - started)
      print("\(states) states and \(steps) steps in \(results.count) plans, in \(seconds) s")
      print(InterleavingReport.projection)
    }
    if results.contains(where: { $0.report.failure != nil }) { throw ExitCode(1) }
    if results.contains(where: { $0.report.isGivenUp }) { throw ExitCode(2) }
  }

  struct Result {
    let report: InterleavingReport
    let duration: Duration
  }

  /// Searches as many plans at once as there are cores.
  private func search() async -> [Result] {
    let isReduced = !whole
    let isListing = !json
    let limit = limit ?? .max
    let progress = StateProgress()
    var waiting = plans[...]
    var results: [Result] = []
    await withTaskGroup(of: Result.self) { group in
      func add() {
        guard let plan = waiting.popFirst() else { return }
        group.addTask {
          let started = ContinuousClock.now
          var search = InterleavingSearch(
            plan, codecs: CodecContext(), isReduced: isReduced, maximumStateCount: limit)
          let report = search.run { progress.show($0) }
          return Result(report: report, duration: ContinuousClock.now - started)
        }
      }
      for _ in 0..<ProcessInfo.processInfo.activeProcessorCount { add() }
      for await result in group {
        progress.clear()
        results.append(result)
        if isListing {
          print(Self.line(result))
          // A plan takes minutes: its line is not to wait for the last one.
          fflush(nil)
        }
        add()
      }
    }
    return results
  }

  private static func seconds(_ duration: Duration) -> String { String(format: "%.1f", duration / .seconds(1)) }

  private static func line(_ result: Result) -> String {
    let report = result.report
    let orders = report.isReduced ? "orders that commute left out" : "all orders"
    let blockers = report.blockers.map { "\($0)" }.sorted().joined(separator: ", ")
    var text = """
      \(report.plan): \(report.summary)
        \(report.stateCount) states, \(report.stepCount) steps (\(orders)), longest way \(report.depth), \(report.finalStateCount) final states, \
      in \(seconds(result.duration)) s
        \(report.readerBlockedStateCount) states wait for readers alone, \(report.writeSideBlockedStateCount) for write sides alone; \
      \(report.completionCount) were played to their end; met there: \(blockers)
      """
    if report.isGivenUp { text += "\n  GIVEN UP: it has more states, and nothing is known of them" }
    if let failure = report.failure { text += "\n  FAILED: \(failure)" }
    return text
  }

  private struct Listing: Encodable {
    struct Plan: Encodable {
      let name, summary: String
      let isReduced, isGivenUp: Bool
      let states, steps, longestWay, finalStates, statesWaitingForReaders, statesWaitingForWriteSides,
        playedToTheEnd: Int
      let seconds: Double
      let failure: String?
    }

    let projection: String
    let plans: [Plan]
  }

  private static func encoded(_ results: [Result]) throws -> String {
    let plans = results.map { result in
      let report = result.report
      return Listing.Plan(
        name: report.plan, summary: report.summary, isReduced: report.isReduced, isGivenUp: report.isGivenUp,
        states: report.stateCount,
        steps: report.stepCount, longestWay: report.depth, finalStates: report.finalStateCount,
        statesWaitingForReaders: report.readerBlockedStateCount,
        statesWaitingForWriteSides: report.writeSideBlockedStateCount, playedToTheEnd: report.completionCount,
        seconds: result.duration / .seconds(1), failure: report.failure?.description)
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    return String(
      decoding: try encoder.encode(Listing(projection: InterleavingReport.projection, plans: plans)), as: UTF8.self)
  }
}

/// Each plan's states and rate, where a person looks.
private struct StateProgress {
  private let started = ContinuousClock.now
  private let isTerminal = isatty(STDERR_FILENO) == 1

  func show(_ report: InterleavingReport) {
    guard isTerminal else { return }
    let seconds = (ContinuousClock.now - started) / .seconds(1)
    let text = String(
      format: "\r\u{1B}[K%@: %d states, %.0f steps/s since the start, %.0f s", report.plan, report.stateCount,
      Double(report.stepCount) / max(0.001, seconds), seconds)
    FileHandle.standardError.write(Data(text.utf8))
  }

  func clear() {
    if isTerminal { FileHandle.standardError.write(Data("\r\u{1B}[K".utf8)) }
  }
}
