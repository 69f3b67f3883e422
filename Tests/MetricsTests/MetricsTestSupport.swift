import CoreMetrics
import DWCPBandwidthMetrics
import DWCPCompressionMetrics
import DWCPCore
import DWCPNIO
import DWCPPrometheus
import DWCPStreamMetrics
import Logging
import NIOCore
import Synchronization
import Testing

/// The three modules over one registry, fed from one source of snapshots: what a service sets up.
struct Meters {
  let statistics = SessionStatistics()
  private let registry = PrometheusRegistry()
  private var streams: StreamMetrics
  private var bandwidth: BandwidthMetrics
  private var compression: CompressionMetrics

  init() {
    streams = StreamMetrics(factory: registry)
    bandwidth = BandwidthMetrics(factory: registry)
    compression = CompressionMetrics(factory: registry)
  }

  func configuration(_ setting: CompressionSetting = .none) -> TransportConfiguration {
    var configuration = TransportConfiguration()
    configuration.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    configuration.drainTimeout = .seconds(5)
    // Hundreds of tests begin at once.
    configuration.session.handshakeTimeoutNanoseconds = 60_000_000_000
    configuration.session.compression = .fixed(setting)
    configuration.session.receiveObjectByteCount = 1 << 20
    configuration.statistics = statistics
    return configuration
  }

  mutating func read() async -> Scrape {
    let snapshot = await statistics.snapshot()
    return read(snapshot, at: NIODeadline.now().uptimeNanoseconds)
  }

  mutating func read(_ snapshot: SessionSnapshot, at nanoseconds: UInt64) -> Scrape {
    streams.update(from: snapshot)
    bandwidth.update(from: snapshot, now: Instant(nanoseconds: nanoseconds))
    compression.update(from: snapshot)
    return Scrape(registry.exposition())
  }
}

/// The samples of an exposition by name and labels, as written.
struct Scrape {
  let samples: [String: String]

  init(_ text: String) {
    var samples: [String: String] = [:]
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      guard let space = line.lastIndex(of: " ") else { continue }
      samples[String(line[..<space])] = String(line[line.index(after: space)...])
    }
    self.samples = samples
  }

  /// Nil where it is missing or no whole number.
  subscript(_ sample: String) -> Int? { samples[sample].flatMap { Int($0) } }

  func real(_ sample: String) -> Double? { samples[sample].flatMap { Double($0) } }

  /// Everything that must never go back.
  var counters: [String: Double] {
    samples.filter { $0.key.contains("_total") }.compactMapValues { Double($0) }
  }
}

final class Flag: Sendable {
  private let value = Atomic(false)

  var isSet: Bool { value.load(ordering: .relaxed) }
  func set() { value.store(true, ordering: .relaxed) }
}

/// Waits for something that comes with the other end's next bytes.
func eventually(_ what: String, _ condition: () async -> Bool) async throws {
  for _ in 0..<2_000 {
    if await condition() { return }
    try await Task.sleep(for: .milliseconds(5))
  }
  Issue.record("in vain: \(what)")
}

@Sendable func echo(_ stream: SessionStream) async throws {
  while let chunk = try await stream.read() {
    try await stream.write(chunk.bytes, endsMessage: chunk.endsMessage)
  }
}

/// Bytes that do not compress, the same for the same count.
func noise(byteCount: Int) -> [UInt8] {
  var state: UInt64 = 88_172_645_463_325_252
  return (0..<byteCount).map { _ in
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return UInt8(truncatingIfNeeded: state >> 24)
  }
}

func text(byteCount: Int) -> [UInt8] {
  Array("all work and no play makes a dull protocol; ".utf8).cycled(to: byteCount)
}

extension Array {
  fileprivate func cycled(to count: Int) -> [Element] { (0..<count).map { self[$0 % self.count] } }
}
