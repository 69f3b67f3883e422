import DWCPBandwidthMetrics
import DWCPCompressionMetrics
import DWCPCore
import DWCPNIO
import DWCPPrometheus
import DWCPStreamMetrics
import Logging
import NIOCore
import NIOHTTP1
import Synchronization

/// What `serve --metrics` answers to an operator's tools: /metrics, /health and /ready.
final class Operations: Sendable {
  /// Whether sessions are taken.
  enum Phase: String {
    case starting, ready, draining
  }

  /// Often enough for a scrape to find a fresh round trip, and far from what a peer may take for a flood (SPEC section 14).
  private static let roundTripInterval = TimeAmount.seconds(5)

  /// Where the sessions are to count.
  let statistics = SessionStatistics()
  private let collector: MetricsCollector
  private let phase = Mutex(Phase.starting)

  private init() {
    collector = MetricsCollector(statistics: statistics)
  }

  /// Answers as long as the body runs. Without an endpoint there is nobody to ask, and nothing is counted.
  static func run(
    on endpoint: Endpoint?, configuration: TransportConfiguration,
    _ body: (TransportConfiguration, Operations?) async throws -> Void
  ) async throws {
    guard let endpoint else { return try await body(configuration, nil) }
    let operations = Operations()
    var configuration = configuration
    configuration.statistics = operations.statistics
    let server = try await OperatorServer.listen(on: endpoint, group: configuration.group) { path in
      await operations.answer(path)
    }
    tellAddress(server.localAddress, configuration.logger)
    let probes = configuration.group.next().scheduleRepeatedTask(
      initialDelay: .seconds(1), delay: roundTripInterval
    ) { _ in operations.statistics.measureRoundTrips() }
    let outcome: Result<Void, any Error>
    do {
      outcome = .success(try await body(configuration, operations))
    } catch {
      outcome = .failure(error)
    }
    probes.cancel()
    try? await server.close()
    try outcome.get()
  }

  func note(_ phase: Phase) {
    self.phase.withLock { $0 = phase }
  }

  private func answer(_ path: String) async -> OperatorAnswer {
    switch path {
    case "/metrics":
      return OperatorAnswer(
        status: .ok, contentType: PrometheusRegistry.contentType, text: await collector.exposition())
    case "/health": return OperatorAnswer(status: .ok, text: "alive\n")
    case "/ready":
      let phase = phase.withLock { $0 }
      return OperatorAnswer(status: phase == .ready ? .ok : .serviceUnavailable, text: "\(phase.rawValue)\n")
    default:
      return OperatorAnswer(status: .notFound, text: "there are /metrics, /health and /ready\n")
    }
  }

  private static func tellAddress(_ address: SocketAddress?, _ logger: Logger) {
    guard let address, let host = address.ipAddress, let port = address.port else { return }
    let place = "http://\(host.contains(":") ? "[\(host)]" : host):\(port)"
    logger.info("metrics at \(place)/metrics, health at \(place)/health and \(place)/ready")
    guard !host.isLoopback else { return }
    logger.warning("metrics can be read by whoever reaches \(host)")
  }
}

extension String {
  /// For addresses in digits.
  var isLoopback: Bool { hasPrefix("127.") || self == "::1" }
}

/// Brings what the sessions have counted to the metrics modules, one reading after the other.
actor MetricsCollector {
  private let statistics: SessionStatistics
  private let registry: PrometheusRegistry
  private var streams: StreamMetrics
  private var bandwidth: BandwidthMetrics
  private var compression: CompressionMetrics

  init(statistics: SessionStatistics) {
    self.statistics = statistics
    let registry = PrometheusRegistry()
    for help in [StreamMetrics.help, BandwidthMetrics.help, CompressionMetrics.help] { registry.describe(help) }
    self.registry = registry
    streams = StreamMetrics(factory: registry)
    bandwidth = BandwidthMetrics(factory: registry)
    compression = CompressionMetrics(factory: registry)
  }

  func exposition() async -> String {
    let snapshot = await statistics.snapshot()
    streams.update(from: snapshot)
    bandwidth.update(from: snapshot, now: Instant(nanoseconds: NIODeadline.now().uptimeNanoseconds))
    compression.update(from: snapshot)
    return registry.exposition()
  }
}
