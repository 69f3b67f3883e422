public import CoreMetrics
public import DWCPCore

/// Bytes as metrics: raw (the applications') and wire (what crossed the links), goodput, and round trips.
///
/// Make it once, where the service starts, and hand it snapshots in the order in which they were taken; each handle is made in
/// ``init(factory:)`` and never looked up again.
public struct BandwidthMetrics: Sendable {
  /// What each metric means, by its name.
  public static let help: [String: String] = [
    "dwcp_raw_bytes_total": "Bytes of the applications, before compression, in blocks sent and received.",
    "dwcp_wire_bytes_total": "Bytes on the links, headers of the protocol included, those of TCP and TLS not.",
    "dwcp_frames_total": "Frames sent, and those received until their session ended.",
    "dwcp_goodput_bytes_per_second": "Raw bytes a second over the last interval of at least a second between readings.",
    "dwcp_round_trip_seconds": "Mean of the latest round trips of all open sessions; NaN while there is none.",
    "dwcp_round_trip_max_seconds": "Longest of the latest round trips of all open sessions; NaN while there is none.",
  ]

  /// Shorter intervals say more about the moments of reading than about the traffic.
  private static let leastGoodputIntervalNanoseconds: UInt64 = 1_000_000_000

  private let sent: DirectionHandles
  private let received: DirectionHandles
  private let meanRoundTrip: Gauge
  private let highestRoundTrip: Gauge
  private var progress = CounterProgress()
  private var goodputStart: (instant: Instant, counters: SessionCounters)?

  /// Makes every handle.
  ///
  /// - Parameter factory: the metrics backend; the one the program was bootstrapped with unless another is given.
  public init(factory: any MetricsFactory = MetricsSystem.factory) {
    sent = DirectionHandles("sent", factory)
    received = DirectionHandles("received", factory)
    meanRoundTrip = Gauge(label: "dwcp_round_trip_seconds", factory: factory)
    highestRoundTrip = Gauge(label: "dwcp_round_trip_max_seconds", factory: factory)
  }

  /// Brings the metrics up to a snapshot.
  ///
  /// - Parameter now: when the snapshot was taken, on any clock that never goes back.
  public mutating func update(from snapshot: SessionSnapshot, now: Instant) {
    let rise = progress.rise(to: snapshot.counters)
    sent.raw.increment(by: rise.rawBytesSent)
    sent.wire.increment(by: rise.wireBytesSent)
    sent.frames.increment(by: rise.framesSent)
    received.raw.increment(by: rise.rawBytesReceived)
    received.wire.increment(by: rise.wireBytesReceived)
    received.frames.increment(by: rise.framesReceived)
    updateGoodput(snapshot.counters, now)
    // Nothing measured is not the same as no delay.
    let trips = snapshot.roundTrips
    let isMeasured = trips.sessionCount > 0
    meanRoundTrip.record(isMeasured ? Double(trips.sumNanoseconds) / Double(trips.sessionCount) / 1e9 : .nan)
    highestRoundTrip.record(isMeasured ? Double(trips.highestNanoseconds) / 1e9 : .nan)
  }

  private mutating func updateGoodput(_ counters: SessionCounters, _ now: Instant) {
    guard let start = goodputStart else {
      goodputStart = (now, counters)
      return
    }
    let interval = now > start.instant ? now.nanoseconds - start.instant.nanoseconds : 0
    guard interval >= Self.leastGoodputIntervalNanoseconds else { return }
    func rate(_ earlier: UInt64, _ later: UInt64) -> Double {
      later > earlier ? Double(later - earlier) / (Double(interval) / 1e9) : 0
    }
    sent.goodput.record(rate(start.counters.rawBytesSent, counters.rawBytesSent))
    received.goodput.record(rate(start.counters.rawBytesReceived, counters.rawBytesReceived))
    goodputStart = (now, counters)
  }
}

private struct DirectionHandles: Sendable {
  let raw: Counter
  let wire: Counter
  let frames: Counter
  let goodput: Gauge

  init(_ direction: String, _ factory: any MetricsFactory) {
    let labels = [("direction", direction)]
    raw = Counter(label: "dwcp_raw_bytes_total", dimensions: labels, factory: factory)
    wire = Counter(label: "dwcp_wire_bytes_total", dimensions: labels, factory: factory)
    frames = Counter(label: "dwcp_frames_total", dimensions: labels, factory: factory)
    goodput = Gauge(label: "dwcp_goodput_bytes_per_second", dimensions: labels, factory: factory)
  }
}
