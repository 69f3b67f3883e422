import DWCPCore
import DWCPLinkEmulation
import NIOCore
import Testing

/// Streams that write without end, or echo, over an emulated link in virtual time.
private struct Traffic {
  let application: TrafficApplication
  var link: VirtualLink

  init(bulkStreamCount: Int, echoes: Bool, _ configuration: SessionConfiguration, _ conditions: LinkConditions) {
    var configuration = configuration
    configuration.compression = .fixed(.none)
    configuration.requiresIntegrity = false
    application = TrafficApplication(bulkStreamCount: bulkStreamCount, echoes: echoes)
    link = VirtualLink(client: configuration, server: configuration, emulation: LinkEmulation(conditions, seed: 1))
  }

  /// Lets time pass until so many nanoseconds after the start.
  mutating func run(untilNanoseconds end: UInt64) async throws {
    while link.now - start < end, try link.step(application.take) { await Task.yield() }
  }
}

private final class TrafficApplication {
  static let part = noise(1 << 20)

  let bulkStreamCount: Int
  let echoes: Bool
  private(set) var readByteCount = 0
  private(set) var roundTripsNanoseconds: [UInt64] = []
  /// Set when the bulk streams are to write no more by themselves.
  var isThrottled = false
  private(set) var bulkIDs: Set<StreamID> = []
  private var echoSent: Instant?

  init(bulkStreamCount: Int, echoes: Bool) {
    self.bulkStreamCount = bulkStreamCount
    self.echoes = echoes
  }

  func take(_ end: VirtualLink.End, _ event: SessionEvent, _ session: inout Session, _ now: Instant) throws {
    switch (end, event) {
    case (.client, .established):
      if echoes { try echo(on: try session.open(StreamOpening(metadata: ["echo": ""])), &session, now) }
      for _ in 0..<bulkStreamCount {
        let id = try session.open()
        bulkIDs.insert(id)
        try write(to: id, &session)
      }
    case (.client, .writable(let id)) where bulkIDs.contains(id):
      try write(to: id, &session)
    case (.client, .readable(let id)):
      while case .bytes = session.read(id), let sent = echoSent {
        roundTripsNanoseconds.append(now - sent)
        try echo(on: id, &session, now)
      }
    case (.server, .readable(let id)):
      while case .bytes(let bytes, let endsMessage) = session.read(id) {
        readByteCount += endsMessage ? 0 : bytes.readableBytes
        if endsMessage { _ = try session.write(bytes, to: id, endsMessage: true) }
      }
    default:
      break
    }
  }

  private func echo(on id: StreamID, _ session: inout Session, _ now: Instant) throws {
    echoSent = now
    _ = try session.write(ByteBuffer(repeating: 1, count: 64), to: id, endsMessage: true)
  }

  private func write(to id: StreamID, _ session: inout Session) throws {
    while !isThrottled, try session.write(Self.part, to: id) {}
  }
}

extension [UInt64] {
  fileprivate func quantile(_ fraction: Double) -> UInt64 { sorted()[Int(Double(count - 1) * fraction)] }
}

@Suite struct FlowControlSuiteVirtual {
  @Test(
    "on 100 Mb/s an echo beside bulk takes at most 3 ms more than alone, and bulk has nine tenths of the link (SPEC ACK-4)",
    arguments: [(1, 1), (4, 1), (1, 10)] as [(Int, UInt64)])
  func echoBesideBulk(bulkStreamCount: Int, delayMilliseconds: UInt64) async throws {
    let conditions = LinkConditions(
      delayNanoseconds: delayMilliseconds * milliseconds, rateBitsPerSecond: 100_000_000)
    var idle = Traffic(bulkStreamCount: 0, echoes: true, SessionConfiguration(), conditions)
    try await idle.run(untilNanoseconds: 2_000 * milliseconds)
    var busy = Traffic(bulkStreamCount: bulkStreamCount, echoes: true, SessionConfiguration(), conditions)
    try await busy.run(untilNanoseconds: 5_000 * milliseconds)
    let limit = idle.application.roundTripsNanoseconds.quantile(0.99) + 3 * milliseconds
    #expect(busy.application.roundTripsNanoseconds.count > 200)
    #expect(busy.application.roundTripsNanoseconds.quantile(0.99) <= limit)
    #expect(busy.application.readByteCount >= 5 * 12_500_000 * 9 / 10)
  }

  @Test("windows reach 10 Gb/s x 60 ms within ten round trips, and give memory back (SPEC CRD-8)")
  func windowGrowth() async throws {
    var configuration = SessionConfiguration()
    configuration.receiveBudgetByteCount = 256 << 20
    configuration.streamSendBudgetByteCount = 4 << 20
    var conditions = LinkConditions(delayNanoseconds: 30 * milliseconds, rateBitsPerSecond: 10_000_000_000)
    conditions.segmentByteCount = 64 << 10
    var traffic = Traffic(bulkStreamCount: 1, echoes: false, configuration, conditions)
    let roundTrip = 60 * milliseconds
    try await traffic.run(untilNanoseconds: 10 * roundTrip)
    let before = traffic.application.readByteCount
    try await traffic.run(untilNanoseconds: 12 * roundTrip)
    #expect(traffic.application.readByteCount - before >= 2 * 75_000_000 * 99 / 100)
    #expect(traffic.link.perform(at: .server) { $0.receiveWindowUnitCount } >= 75_000_000)
    traffic.application.isThrottled = true
    for trip in 13..<60 as Range<UInt64> {
      for id in traffic.application.bulkIDs {
        _ = try traffic.link.perform(at: .client) { try $0.write(TrafficApplication.part, to: id) }
      }
      try await traffic.run(untilNanoseconds: trip * roundTrip)
    }
    #expect(traffic.link.perform(at: .server) { $0.receiveWindowUnitCount } == configuration.sessionWindowByteCount)
  }
}
