import ArgumentParser
import DWCPCore
import DWCPNIO
import Foundation

struct PingCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ping",
    abstract: "Measures the round trip of a session.",
    discussion: """
      EXAMPLES
        dwcp ping 10.0.0.5:7373
        dwcp ping --count 20 --json 10.0.0.5:7373
      """)

  @Argument(help: "The server's HOST:PORT.")
  var endpoint: Endpoint

  @Option(help: "How many, 1 to 100000.")
  var count = 4

  @Flag(help: "Print the result as one JSON object.")
  var json = false

  func validate() throws {
    guard (1...100_000).contains(count) else { throw ValidationError("--count takes 1 to 100000") }
  }

  func run() async throws {
    try await reportingFailures {
      let trips = try await connected(to: endpoint, configuration: .quiet()) { session in
        _ = try await session.agreement()
        return try await measure(session)
      }
      let sorted = trips.sorted()
      guard let least = sorted.first, let most = sorted.last else { return }
      let median = sorted[sorted.count / 2]
      if json {
        let report = PingReport(
          count: trips.count, minimumMicroseconds: least, medianMicroseconds: median, maximumMicroseconds: most)
        standardOutput(String(decoding: try JSONEncoder().encode(report), as: UTF8.self) + "\n")
      } else {
        standardOutput(
          String(
            format: "%d round trips: minimum %.0f us, median %.0f us, maximum %.0f us\n", trips.count, least, median,
            most))
      }
    }
  }

  /// Within the pings that the other end allows (SPEC section 14), with room for those of the engine: 20 at once, then 2 a second.
  private func measure(_ session: LiveSession) async throws -> [Double] {
    var trips: [Double] = []
    for number in 1...count {
      if number > 20 { try await Task.sleep(for: .milliseconds(500)) }
      let roundTrip = try await withDeadline(.seconds(15), waitingFor: "a round trip") { try await session.ping() }
      let microseconds = roundTrip.inSeconds * 1e6
      trips.append(microseconds)
      if !json { standardOutput(String(format: "%d  %.0f us\n", number, microseconds)) }
    }
    return trips
  }
}

private struct PingReport: Codable {
  var count: Int
  var minimumMicroseconds: Double
  var medianMicroseconds: Double
  var maximumMicroseconds: Double
}
