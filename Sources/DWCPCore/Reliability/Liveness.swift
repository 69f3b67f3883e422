/// Whether the other end is alive: handshake timeout, idle timeout, pings (SPEC HS-6, LIV-1, LIV-3).
///
/// Only bytes that arrive count. A write that takes long says nothing.
struct Liveness: Hashable, Sendable {
  private(set) var handshakeDeadline: Instant?
  private var idleTimeoutNanoseconds: UInt64 = 0
  private var lastReceived: Instant
  /// Sent pings that have not been answered, newest last; an answer to one settles the older ones.
  private var outstandingPings: [Ping] = []
  private var nextPingValue: UInt64 = 1
  private var hasProbedSinceReceived = false

  private static let maximumOutstandingPingCount = 64

  private struct Ping: Hashable, Sendable {
    var value: UInt64
    var sent: Instant
    var isProbe: Bool
  }

  /// The answer to a ping.
  struct Pong: Hashable {
    var roundTripNanoseconds: UInt64
    var pingSent: Instant
    /// The application asked for it, or for an older ping that it settles too.
    var isAwaited: Bool
  }

  enum Verdict: Hashable {
    case alive, handshakeTimedOut, idle, probe
  }

  init(start: Instant, handshakeTimeoutNanoseconds: UInt64) {
    lastReceived = start
    handshakeDeadline = start.advanced(byNanoseconds: handshakeTimeoutNanoseconds)
  }

  mutating func noteReceived(now: Instant) {
    lastReceived = max(lastReceived, now)
    hasProbedSinceReceived = false
  }

  /// The handshake is complete: the smaller timeout that is not 0 holds.
  mutating func begin(localMilliseconds: UInt32, remoteMilliseconds: UInt32) {
    handshakeDeadline = nil
    let timeouts = [localMilliseconds, remoteMilliseconds].filter { $0 > 0 }
    idleTimeoutNanoseconds = UInt64(timeouts.min() ?? 0) &* 1_000_000
  }

  var nextDeadline: Instant? {
    if let handshakeDeadline { return handshakeDeadline }
    guard idleTimeoutNanoseconds > 0 else { return nil }
    return lastReceived.advanced(
      byNanoseconds: hasProbedSinceReceived ? idleTimeoutNanoseconds : idleTimeoutNanoseconds / 3)
  }

  mutating func verdict(now: Instant) -> Verdict {
    if let handshakeDeadline { return handshakeDeadline <= now ? .handshakeTimedOut : .alive }
    guard idleTimeoutNanoseconds > 0 else { return .alive }
    let silence = now.nanoseconds(since: lastReceived)
    if silence >= idleTimeoutNanoseconds { return .idle }
    guard silence >= idleTimeoutNanoseconds / 3, !hasProbedSinceReceived else { return .alive }
    hasProbedSinceReceived = true
    return .probe
  }

  /// The value of a new ping; nil when too many are unanswered.
  mutating func makePing(now: Instant) -> UInt64? { makePing(now: now, isProbe: false) }

  /// A ping of the engine's own; nil while another one waits for its answer.
  mutating func makeProbe(now: Instant) -> UInt64? {
    outstandingPings.isEmpty ? makePing(now: now, isProbe: true) : nil
  }

  private mutating func makePing(now: Instant, isProbe: Bool) -> UInt64? {
    guard outstandingPings.count < Self.maximumOutstandingPingCount else { return nil }
    defer { nextPingValue &+= 1 }
    outstandingPings.append(Ping(value: nextPingValue, sent: now, isProbe: isProbe))
    return nextPingValue
  }

  /// What the answer tells. An answer to nothing is an error.
  mutating func receivePong(_ value: UInt64, now: Instant) throws(SessionError) -> Pong {
    guard let index = outstandingPings.firstIndex(where: { $0.value == value }) else {
      throw .peer(.protocol, "LIV-1", "PONG answers no PING")
    }
    let sent = outstandingPings[index].sent
    let isAwaited = outstandingPings[...index].contains { !$0.isProbe }
    outstandingPings.removeFirst(index &+ 1)
    return Pong(roundTripNanoseconds: now.nanoseconds(since: sent), pingSent: sent, isAwaited: isAwaited)
  }
}
