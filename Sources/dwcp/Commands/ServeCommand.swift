import ArgumentParser
import DWCPCore
import DWCPNIO
import Dispatch
import Foundation
import Logging
import NIOCore

struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Receives files, answers fetch and ping, and offers the services echo, sink and source.",
    discussion: """
      Prints `listening on HOST:PORT` on standard output; the log goes to standard error. SIGTERM and SIGINT end it in good order: streams \
      under way get 10 seconds to finish. Without --root no files are served. Files whose names begin with .dwcp-partial- are unfinished; those that \
      a crash left behind may be removed. Nothing is encrypted or authenticated: listen on loopback or on a \
      network that you trust.

      EXAMPLES
        dwcp serve --root /srv/images
        dwcp serve --listen 10.0.0.5:7373 --root /srv/images --codecs lz4,none
        dwcp serve --metrics 127.0.0.1:9373
      """)

  @Option(help: "Where to listen; port 0 takes any free one.")
  var listen = Endpoint.loopback

  @Option(help: "The directory files are received into and fetched from.")
  var root: String?

  @Option(
    help: ArgumentHelp(
      "Where to answer HTTP requests for /metrics (Prometheus), /health and /ready; a host left out is loopback.",
      valueName: "host:port"))
  var metrics: Endpoint?

  @Option(help: "Codecs to decode, preferred first, of zstd, lz4, none.")
  var codecs: CodecList?

  @Option(help: "Seconds a client may take for the handshake, 1 to 3600.")
  var handshakeTimeoutSeconds = 10

  @Option(help: "Sessions at once, 1 to 1000000; connections above that are closed.")
  var maximumSessions = 1_000

  @Option(
    help: ArgumentHelp(
      "Mebibytes of files that a session holds while they are updated (`dwcp send --baseline`), 0 for none; it can take six times as much.",
      valueName: "mebibytes"))
  var updateBudget: UInt64 = 64

  @Flag(help: "Log each file and stream too.")
  var verbose = false

  func validate() throws {
    guard (1...3_600).contains(handshakeTimeoutSeconds) else {
      throw ValidationError("--handshake-timeout-seconds takes 1 to 3600")
    }
    guard (1...1_000_000).contains(maximumSessions) else {
      throw ValidationError("--maximum-sessions takes 1 to 1000000")
    }
    guard updateBudget <= 1 << 20 else { throw ValidationError("--update-budget takes 0 to 1048576 mebibytes") }
  }

  func run() async throws {
    try await reportingFailures {
      do {
        try await Operations.run(on: metrics, configuration: makeConfiguration(), serve)
      } catch let error as IOError {
        throw ToolError(
          "cannot listen on \(listen): \(reason(of: error)); choose another address or port with --listen")
      }
    }
  }

  private func makeConfiguration() -> TransportConfiguration {
    var configuration = TransportConfiguration()
    configuration.logger = Logger(label: "dwcp") { StreamLogHandler.standardError(label: $0) }
    configuration.logger.logLevel = verbose ? .debug : .info
    configuration.session.handshakeTimeoutNanoseconds = UInt64(handshakeTimeoutSeconds) * 1_000_000_000
    configuration.maximumSessionCount = maximumSessions
    if root != nil, updateBudget > 0 {
      configuration.session.receiveObjectByteCount = updateBudget << 20
      configuration.session.maximumRawBlockByteCount = FileClient.blockByteCount
    }
    if let codecs { configuration.session.decodableCodecs = codecs.codecs }
    return configuration
  }

  private func serve(with configuration: TransportConfiguration, _ operations: Operations?) async throws {
    let logger = configuration.logger
    let signals = TerminationSignals()
    let router = ServiceRouter(
      root: try root.map(openRoot), logger: logger, objectByteCount: configuration.session.receiveObjectByteCount)
    try await withServer(host: listen.host, port: listen.port, configuration: configuration) { stream in
      try await router.serve(stream)
    } body: { server in
      if let address = server.localAddress, let port = address.port, let host = address.ipAddress {
        standardOutput("listening on \(host.contains(":") ? "[\(host)]" : host):\(port)\n")
        warnIfReachable(host: host, logger)
      }
      let names = configuration.session.decodableCodecs.map(\.name).joined(separator: ", ")
      logger.info("DWCP v3 codec initialized: \(names)")
      operations?.note(.ready)
      async let ladder = CodecLadder.ofThisMachine()
      await signals.first()
      operations?.note(.draining)
      logger.info("draining: streams under way may finish")
      _ = await ladder
    }
    logger.info("stopped")
  }

  private func openRoot(_ path: String) throws -> RootDirectory {
    do {
      return try RootDirectory(path: path)
    } catch let error as SystemError {
      throw ToolError("cannot serve \(path): \(error.message); name an existing directory with --root")
    }
  }

  /// SPEC SEC-1.
  private func warnIfReachable(host: String, _ logger: Logger) {
    guard !host.isLoopback else { return }
    logger.warning("listening on \(host) without TLS: whoever is on the path can read and change what is sent")
  }
}

/// SIGTERM and SIGINT, as something to wait for.
private final class TerminationSignals {
  private let sources: [any DispatchSourceSignal]
  private let arrivals: AsyncStream<Void>

  init() {
    let (arrivals, continuation) = AsyncStream<Void>.makeStream()
    self.arrivals = arrivals
    sources = [SIGTERM, SIGINT].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { continuation.yield() }
      source.resume()
      return source
    }
  }

  func first() async {
    for await _ in arrivals { return }
  }
}
