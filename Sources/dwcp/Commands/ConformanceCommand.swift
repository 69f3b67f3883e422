import ArgumentParser
import DWCPConformance
import DWCPCore
import DWCPNIO
import Foundation
import Logging
import NIOCore

struct ConformanceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "conformance",
    abstract: "Tests a server against every rule of SPEC.md that can be seen from outside, hostile input included.",
    discussion: """
      The server has to offer the services echo, sink and source (SPEC.md, appendix A). Each case opens connections of its own, and a failure says what \
      was expected by which rule, what came, and the last frames. Exit code 0 means that no required case failed; cases that do not \
      apply to the server are skipped. Do not run it against a server that others depend on: it floods.

      EXAMPLES
        dwcp conformance 10.0.0.5:7373
        dwcp conformance --self
        dwcp conformance --self --filter framing/ --json
        dwcp conformance 10.0.0.5:7373 --junit report.xml
        dwcp conformance --list
      """)

  @Argument(help: "The server's HOST:PORT.")
  var endpoint: Endpoint?

  @Flag(name: .customLong("self"), help: "Test a server of our own, started on loopback for this.")
  var testsSelf = false

  @Flag(help: "Print one JSON object on standard output.")
  var json = false

  @Option(help: ArgumentHelp("Write a JUnit XML report.", valueName: "file"))
  var junit: String?

  @Flag(help: "List the cases and the rules they test, and run none.")
  var list = false

  @Option(help: ArgumentHelp("Run only cases whose id contains one of these, separated by commas.", valueName: "text"))
  var filter: String?

  @Option(help: "Seconds a case may wait for what has to come, 0.1 to 600.")
  var timeoutSeconds = 5.0

  @Option(help: "The server's handshake timeout, 0.1 to 600 seconds.")
  var handshakeTimeoutSeconds = 10.0

  @Option(help: "Cases run at a time, 1 to 64.")
  var concurrency = 8

  func validate() throws {
    guard list || (endpoint != nil) != testsSelf else {
      throw ValidationError("name either a server's HOST:PORT or --self")
    }
    guard (0.1...600).contains(timeoutSeconds), (0.1...600).contains(handshakeTimeoutSeconds) else {
      throw ValidationError("timeouts are 0.1 to 600 seconds")
    }
    guard (1...64).contains(concurrency) else { throw ValidationError("--concurrency takes 1 to 64") }
    guard !cases.isEmpty else {
      throw ValidationError("no case matches --filter; `dwcp conformance --list` shows them")
    }
  }

  private var cases: [Case] {
    guard let filter else { return Case.all }
    let texts = filter.split(separator: ",")
    return Case.all.filter { one in texts.contains { one.id.contains($0) } }
  }

  func run() async throws {
    if list { return printList() }
    try await reportingFailures {
      if let endpoint {
        let target = Target(
          host: endpoint.host, port: endpoint.port, timeoutSeconds: timeoutSeconds,
          handshakeTimeoutSeconds: handshakeTimeoutSeconds)
        if let reason = target.failureToConnect() {
          throw ToolError("cannot connect to \(endpoint): \(reason); check the address and that a server runs there")
        }
        try await test(target, named: "\(endpoint)")
      } else {
        try await testOwnServer()
      }
    }
  }

  private func testOwnServer() async throws {
    var configuration = TransportConfiguration.quiet()
    // Nobody waits 10 seconds for a case about waiting.
    configuration.session.handshakeTimeoutNanoseconds = 1_000_000_000
    configuration.drainTimeout = .zero
    // A server of ours holds objects only where it is told to.
    configuration.session.receiveObjectByteCount = 1 << 20
    let router = ServiceRouter(root: nil, logger: configuration.logger)
    try await withServer(host: "127.0.0.1", port: 0, configuration: configuration) { stream in
      try await router.serve(stream)
    } body: { server in
      guard let port = server.localAddress?.port else { throw ToolError("our own server has no port; try again") }
      let target = Target(host: "127.0.0.1", port: port, timeoutSeconds: timeoutSeconds, handshakeTimeoutSeconds: 1)
      try await test(target, named: "self")
    }
  }

  private func printList() {
    for one in cases {
      let kind = one.isRequired ? "required" : "optional"
      let id = one.id.padding(toLength: max(36, one.id.count), withPad: " ", startingAt: 0)
      standardOutput("\(id) \(kind)  \(one.title) (\(one.clauses.joined(separator: ", ")))\n")
    }
  }

  private func test(_ target: Target, named name: String) async throws {
    let cases = cases
    let isShown = isatty(2) == 1 && !json
    let start = ContinuousClock.now
    let verdicts = await Runner(target, concurrency: concurrency).run(cases) { verdict in
      if isShown { standardError("\r\u{1B}[K\(verdict.outcome.rawValue) \(verdict.case.id)") }
    }
    if isShown { standardError("\r\u{1B}[K") }
    let report = Report(target: name, verdicts: verdicts, seconds: (ContinuousClock.now - start).inSeconds)
    if let junit { try write(report.junit(), to: junit) }
    standardOutput(json ? try report.json() : text(report))
    guard report.isConforming else { throw ExitCode(1) }
  }

  private func write(_ text: String, to path: String) throws {
    do {
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    } catch {
      throw ToolError("cannot write \(path): \(reason(of: error)); choose another file with --junit")
    }
  }

  private func text(_ report: Report) -> String {
    var lines: [String] = []
    for verdict in report.verdicts where verdict.outcome != .passed {
      let kind = verdict.case.isRequired ? "" : " (optional)"
      lines.append("\(verdict.outcome.rawValue) \(verdict.case.id)\(kind): \(verdict.case.title)")
      lines += verdict.message.split(separator: "\n").map { "    \($0)" }
    }
    lines.append(
      "\(report.verdicts.count) cases in \(String(format: "%.1f", report.seconds)) s: \(report.count(.passed)) passed, "
        + "\(report.count(.failed)) failed, \(report.count(.skipped)) skipped; "
        + (report.isConforming ? "conforming" : "not conforming"))
    return lines.joined(separator: "\n") + "\n"
  }
}
