public import CoreMetrics
public import DWCPCore

/// Sessions and streams as metrics: how many are open and may be, how they ended, and which resets crossed the wire.
///
/// Make it once, where the service starts, and hand it snapshots in the order in which they were taken; each handle is made in
/// ``init(factory:)`` and never looked up again.
public struct StreamMetrics: Sendable {
  /// What each metric means, by its name.
  public static let help: [String: String] = [
    "dwcp_sessions_open": "Sessions whose handshake is complete and which have not ended.",
    "dwcp_sessions_opened_total": "Sessions that completed the handshake.",
    "dwcp_sessions_closed_total":
      "Sessions that ended: orderly, failed after the handshake, or handshake_failed before it was complete.",
    "dwcp_streams_open": "Streams open now, by the end that opened them.",
    "dwcp_streams_limit": "Streams that may be open at once in the sessions open now, by the end that opens them.",
    "dwcp_stream_limit_used_ratio": "The largest share of a stream limit that is in use in any session, 0 to 1.",
    "dwcp_streams_opened_total": "Streams opened, by the end that opened them.",
    "dwcp_streams_closed_total":
      "Streams that ended: finished, reset_local or reset_peer (the end that cut them short), or session_ended.",
    "dwcp_stream_resets_total":
      "RESET frames by direction and code; codes without a name in the specification are other.",
    "dwcp_stream_blocked_total":
      "How often streams had to wait, by what for: stream_credit, session_credit, link, scheduler, codec, or reader.",
  ]

  private let openSessions: Gauge
  private let openedSessions: Counter
  private let orderlySessions: Counter
  private let failedSessions: Counter
  private let refusedSessions: Counter
  private let localStreams: UseGauges
  private let peerStreams: UseGauges
  private let highestUse: Gauge
  private let openedByThisEnd: Counter
  private let openedByPeer: Counter
  private let finishedStreams: Counter
  private let streamsResetByThisEnd: Counter
  private let streamsResetByPeer: Counter
  private let streamsEndedWithSession: Counter
  private let resetsSent: ResetHandles
  private let resetsReceived: ResetHandles
  private let blocked: [(blocker: StreamBlocker, counter: Counter)]
  private var progress = CounterProgress()

  /// Makes every handle.
  ///
  /// - Parameter factory: the metrics backend; the one the program was bootstrapped with unless another is given.
  public init(factory: any MetricsFactory = MetricsSystem.factory) {
    func counter(_ name: String, _ labels: (String, String)...) -> Counter {
      Counter(label: name, dimensions: labels, factory: factory)
    }
    openSessions = Gauge(label: "dwcp_sessions_open", factory: factory)
    openedSessions = counter("dwcp_sessions_opened_total")
    orderlySessions = counter("dwcp_sessions_closed_total", ("outcome", "orderly"))
    failedSessions = counter("dwcp_sessions_closed_total", ("outcome", "failed"))
    refusedSessions = counter("dwcp_sessions_closed_total", ("outcome", "handshake_failed"))
    localStreams = UseGauges(opener: "local", factory)
    peerStreams = UseGauges(opener: "peer", factory)
    highestUse = Gauge(label: "dwcp_stream_limit_used_ratio", factory: factory)
    openedByThisEnd = counter("dwcp_streams_opened_total", ("opener", "local"))
    openedByPeer = counter("dwcp_streams_opened_total", ("opener", "peer"))
    finishedStreams = counter("dwcp_streams_closed_total", ("outcome", "finished"))
    streamsResetByThisEnd = counter("dwcp_streams_closed_total", ("outcome", "reset_local"))
    streamsResetByPeer = counter("dwcp_streams_closed_total", ("outcome", "reset_peer"))
    streamsEndedWithSession = counter("dwcp_streams_closed_total", ("outcome", "session_ended"))
    resetsSent = ResetHandles(direction: "sent", factory)
    resetsReceived = ResetHandles(direction: "received", factory)
    blocked = StreamBlocker.allCases.map { ($0, counter("dwcp_stream_blocked_total", ("reason", $0.label))) }
  }

  /// Brings the metrics up to a snapshot.
  public mutating func update(from snapshot: SessionSnapshot) {
    openSessions.record(Double(snapshot.openSessionCount))
    localStreams.record(snapshot.localStreams)
    peerStreams.record(snapshot.peerStreams)
    highestUse.record(snapshot.highestStreamUse)
    let rise = progress.rise(to: snapshot.counters)
    openedSessions.increment(by: rise.sessionsOpened)
    orderlySessions.increment(by: rise.sessionsClosed.orderly)
    failedSessions.increment(by: rise.sessionsClosed.failed)
    refusedSessions.increment(by: rise.sessionsClosed.handshakeFailed)
    openedByThisEnd.increment(by: rise.streamsOpened)
    openedByPeer.increment(by: rise.streamsAccepted)
    finishedStreams.increment(by: rise.streamsClosed.finished)
    streamsResetByThisEnd.increment(by: rise.streamsClosed.resetByThisEnd)
    streamsResetByPeer.increment(by: rise.streamsClosed.resetByPeer)
    streamsEndedWithSession.increment(by: rise.streamsClosed.sessionEnded)
    resetsSent.increment(by: rise.resetsSent)
    resetsReceived.increment(by: rise.resetsReceived)
    for (blocker, counter) in blocked where rise.blocked[blocker] > 0 { counter.increment(by: rise.blocked[blocker]) }
  }
}

extension StreamBlocker {
  fileprivate var label: String {
    switch self {
    case .streamCredit: "stream_credit"
    case .sessionCredit: "session_credit"
    case .link: "link"
    case .scheduler: "scheduler"
    case .codec: "codec"
    case .reader: "reader"
    }
  }
}

/// The streams that one end opened.
private struct UseGauges: Sendable {
  let open: Gauge
  let limit: Gauge

  init(opener: String, _ factory: any MetricsFactory) {
    open = Gauge(label: "dwcp_streams_open", dimensions: [("opener", opener)], factory: factory)
    limit = Gauge(label: "dwcp_streams_limit", dimensions: [("opener", opener)], factory: factory)
  }

  func record(_ use: SessionSnapshot.StreamUse) {
    // swift-metrics traps on whole numbers above Int64.max, which a sum of limits that peers announced can reach.
    open.record(Double(use.openCount))
    limit.record(Double(use.limit))
  }
}

/// One counter for each code there is, made before any peer has sent one.
private struct ResetHandles: Sendable {
  private let byCode: [(code: ErrorCode, counter: Counter)]
  private let other: Counter

  init(direction: String, _ factory: any MetricsFactory) {
    func counter(_ code: String) -> Counter {
      Counter(
        label: "dwcp_stream_resets_total", dimensions: [("direction", direction), ("code", code)], factory: factory)
    }
    byCode = ResetCounters.codes.map { ($0, counter($0.description)) }
    other = counter("other")
  }

  func increment(by rise: ResetCounters) {
    for (code, counter) in byCode where rise[code] > 0 { counter.increment(by: rise[code]) }
    if rise.other > 0 { other.increment(by: rise.other) }
  }
}
