import CoreMetrics
import DWCPBandwidthMetrics
import DWCPCompressionMetrics
import DWCPCore
import DWCPPrometheus
import DWCPStreamMetrics
import Foundation
import Synchronization
import Testing

/// What the modules make of snapshots that no transfer made.
@Suite struct MetricsSuiteReadings {
  @Test("goodput is raw bytes over the time between readings, those too close together left out")
  func goodput() {
    var meters = Meters()
    var snapshot = SessionSnapshot()
    let sent = #"dwcp_goodput_bytes_per_second{direction="sent"}"#
    snapshot.counters.rawBytesSent = 1_000
    #expect(meters.read(snapshot, at: 10_000_000_000).samples[sent] == nil)
    snapshot.counters.rawBytesSent = 9_000
    #expect(meters.read(snapshot, at: 10_500_000_000).samples[sent] == nil)
    snapshot.counters.rawBytesSent = 21_000
    #expect(meters.read(snapshot, at: 12_000_000_000)[sent] == 10_000)
    #expect(meters.read(snapshot, at: 13_000_000_000)[sent] == 0)
  }

  @Test("gauges of streams are those of the snapshot, and fall with it")
  func gauges() {
    var meters = Meters()
    var snapshot = SessionSnapshot()
    snapshot.openSessionCount = 2
    snapshot.peerStreams.openCount = 240
    snapshot.peerStreams.limit = 512
    snapshot.localStreams.limit = .max
    snapshot.highestStreamUse = 0.9375
    snapshot.outgoingObjectByteCount = 65_536
    snapshot.incomingObjectByteCount = .max
    let first = meters.read(snapshot, at: 0)
    #expect(first["dwcp_sessions_open"] == 2)
    #expect(first[#"dwcp_streams_open{opener="peer"}"#] == 240)
    #expect(first[#"dwcp_streams_limit{opener="peer"}"#] == 512)
    #expect(first.real(#"dwcp_streams_limit{opener="local"}"#) == Double(UInt64.max))
    #expect(first.real("dwcp_stream_limit_used_ratio") == 0.9375)
    #expect(first[#"dwcp_object_held_bytes{direction="sent"}"#] == 65_536)
    #expect(first.real(#"dwcp_object_held_bytes{direction="received"}"#) == Double(UInt64.max))
    let second = meters.read(SessionSnapshot(), at: 1)
    #expect(second["dwcp_sessions_open"] == 0)
    #expect(second[#"dwcp_streams_open{opener="peer"}"#] == 0)
    #expect(second["dwcp_stream_limit_used_ratio"] == 0)
    #expect(second[#"dwcp_object_held_bytes{direction="received"}"#] == 0)
  }

  @Test("every metric is described, and everything described is a metric")
  func descriptions() throws {
    let factory = NamingFactory()
    _ = StreamMetrics(factory: factory)
    _ = BandwidthMetrics(factory: factory)
    _ = CompressionMetrics(factory: factory)
    let described = [StreamMetrics.help, BandwidthMetrics.help, CompressionMetrics.help].flatMap(\.keys)
    #expect(Set(described) == factory.names)
    #expect(described.count == factory.names.count)
    #expect(factory.names.allSatisfy { $0.hasPrefix("dwcp_") })
    let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
    let document = try String(contentsOfFile: root + "/docs/metrics.md", encoding: .utf8)
    for name in factory.names { #expect(document.contains("| `\(name)` |"), "docs/metrics.md lacks \(name)") }
  }

  @Test("all handles are made at the start: no reading makes another one, whatever a peer sent")
  func fixedHandles() {
    let factory = NamingFactory()
    var streams = StreamMetrics(factory: factory)
    var bandwidth = BandwidthMetrics(factory: factory)
    var compression = CompressionMetrics(factory: factory)
    let count = factory.handleCount
    var snapshot = SessionSnapshot()
    snapshot.counters.rawBytesSent = 5
    streams.update(from: snapshot)
    bandwidth.update(from: snapshot, now: Instant(nanoseconds: 1))
    compression.update(from: snapshot)
    #expect(factory.handleCount == count)
    #expect(count < 160)
  }
}

/// Remembers which names were asked for.
private final class NamingFactory: MetricsFactory {
  private let labels = Mutex<[String]>([])

  var names: Set<String> { Set(labels.withLock { $0 }) }
  var handleCount: Int { labels.withLock(\.count) }

  private func note(_ label: String) -> NOOPMetricsHandler {
    labels.withLock { $0.append(label) }
    return NOOPMetricsHandler.instance
  }

  func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler { note(label) }
  func makeFloatingPointCounter(label: String, dimensions: [(String, String)]) -> any FloatingPointCounterHandler {
    note(label)
  }
  func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler { note(label) }
  func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
    note(label)
  }
  func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler { note(label) }
  func destroyCounter(_ handler: any CounterHandler) {}
  func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
  func destroyMeter(_ handler: any MeterHandler) {}
  func destroyRecorder(_ handler: any RecorderHandler) {}
  func destroyTimer(_ handler: any TimerHandler) {}
}
