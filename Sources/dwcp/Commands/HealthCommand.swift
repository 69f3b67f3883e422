import ArgumentParser
import DWCPCore
import DWCPNIO

struct HealthCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "health",
    abstract: "Checks an endpoint: handshake, negotiation and one round trip.",
    discussion: """
      Exit code 0 means healthy, 1 not, with the reason on standard error.

      EXAMPLE
        dwcp health 10.0.0.5:7373
      """)

  @Argument(help: "The server's HOST:PORT.")
  var endpoint: Endpoint

  func run() async throws {
    try await reportingFailures {
      try await connected(to: endpoint, configuration: .quiet()) { session in
        let (agreement, roundTrip) = try await withDeadline(.seconds(15), waitingFor: "a handshake and a round trip") {
          (try await session.agreement(), try await session.ping())
        }
        let microseconds = Int(roundTrip.inSeconds * 1e6)
        let codecs = agreement.sendCodecs.map(\.name).joined(separator: ", ")
        standardOutput(
          "healthy: \(agreement.peerImplementation) speaks 3.\(agreement.minorVersion), decodes \(codecs), integrity "
            + "\(agreement.isIntegrityOn ? "on" : "off"), round trip \(microseconds) us\n")
      }
    }
  }
}
