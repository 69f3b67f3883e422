import DWCPCore
import Logging
import NIOCore
import Synchronization
import Testing

@testable import DWCPNIO

/// What operators are told of streams that wait, and what a kernel may keep waiting.
@Suite(.timeLimit(.minutes(1))) struct MultiplexingSuiteWaiting {
  private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])

    func add(_ line: String) { lines.withLock { $0.append(line) } }
    func take() -> [String] {
      lines.withLock { lines in
        defer { lines = [] }
        return lines
      }
    }
  }

  private struct LineHandler: LogHandler {
    let lines: Lines
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      lines.add("\(event.message)")
    }
  }

  /// A client and a server in memory.
  private struct Pair {
    var client: Session
    var server: Session
    let now = Instant(nanoseconds: 1_000_000_000)

    init() {
      var random = SystemRandomNumberGenerator()
      var narrow = SessionConfiguration()
      narrow.streamWindowByteCount = 65_536
      var stored = SessionConfiguration()
      stored.compression = .fixed(.none)
      client = Session(role: .initiator, configuration: stored, secrets: SessionSecrets(using: &random), now: now)
      server = Session(role: .acceptor, configuration: narrow, secrets: SessionSecrets(using: &random), now: now)
      exchange()
    }

    mutating func exchange() {
      while Self.carry(from: &client, to: &server, now) || Self.carry(from: &server, to: &client, now) {}
    }

    private static func carry(from: inout Session, to: inout Session, _ now: Instant) -> Bool {
      var batch = TransmitBatch()
      from.transmit(maximumByteCount: 1 << 20, now: now, into: &batch)
      batch.forEachBuffer { to.receive($0, now: now) }
      return batch.byteCount > 0
    }
  }

  @Test("a stream that waits at two looks is told once, with what it waits for, and again when it waits anew")
  func log() throws {
    let lines = Lines()
    let logger = Logger(label: "test") { _ in LineHandler(lines: lines) }
    var pair = Pair()
    var log = BlockedStreamLog()
    var isWaiting = log.look(at: pair.client.blockedStreams, logger)
    #expect(!isWaiting)
    let id = try pair.client.open()
    _ = try pair.client.write(ByteBuffer(repeating: 7, count: 100_000), to: id)
    pair.exchange()
    isWaiting = log.look(at: pair.client.blockedStreams, logger)
    #expect(isWaiting)
    #expect(lines.take() == [])
    isWaiting = log.look(at: pair.client.blockedStreams, logger)
    #expect(isWaiting)
    #expect(lines.take() == ["stream 1 has waited for over 10 s: the other end's application does not read it"])
    isWaiting = log.look(at: pair.client.blockedStreams, logger)
    #expect(isWaiting)
    #expect(lines.take() == [])
    var atServer = BlockedStreamLog()
    for _ in 0..<3 { isWaiting = atServer.look(at: pair.server.blockedStreams, logger) }
    #expect(isWaiting)
    #expect(lines.take() == ["stream 1 has waited for over 10 s: this end's application does not read what has come"])
    while case .bytes = pair.server.read(id) { pair.exchange() }
    isWaiting = log.look(at: pair.client.blockedStreams, logger)
    #expect(!isWaiting)
    isWaiting = atServer.look(at: pair.server.blockedStreams, logger)
    #expect(!isWaiting)
    _ = try pair.client.write(ByteBuffer(repeating: 7, count: 100_000), to: id)
    pair.exchange()
    for _ in 0..<2 { _ = log.look(at: pair.client.blockedStreams, logger) }
    #expect(lines.take().count == 1)
  }

  @Test("of many that wait ten are named")
  func manyWait() throws {
    let lines = Lines()
    let logger = Logger(label: "test") { _ in LineHandler(lines: lines) }
    var pair = Pair()
    for _ in 0..<25 { _ = try pair.client.write(ByteBuffer(repeating: 7, count: 70_000), to: pair.client.open()) }
    pair.exchange()
    var log = BlockedStreamLog()
    for _ in 0..<2 { _ = log.look(at: pair.client.blockedStreams, logger) }
    let told = lines.take()
    #expect(told.count == 11)
    #expect(told.last == "15 more streams have waited as long")
  }

  @Test("a kernel takes over little that it cannot send yet")
  func unsentBytes() async throws {
    try await withTestServer(onStream: echo) { port in
      let done = TransportConfiguration.silent().group.any().makePromise(of: Void.self)
      let channel = try await SessionChannels.connect(host: "127.0.0.1", port: port, configuration: .silent()) { _ in
        Closer(done)
      }.get()
      #if canImport(Darwin)
        let option = NIOBSDSocket.Option(rawValue: 0x201)
      #else
        let option = NIOBSDSocket.Option(rawValue: 25)
      #endif
      let value = try await channel.getOption(.tcpOption(option)).get()
      #expect(Int32(truncatingIfNeeded: value) == 131_072)
      try await done.futureResult.get()
      try await channel.close()
    }
  }

  /// Tells that the handshake is complete.
  private final class Closer: SessionDelegate {
    private let done: EventLoopPromise<Void>

    init(_ done: EventLoopPromise<Void>) {
      self.done = done
    }

    func attached(to handler: SessionHandler) {}

    func session(_ handler: SessionHandler, received event: SessionEvent) {
      if case .established = event { done.succeed() }
      if case .ended(let error?) = event { done.fail(error) }
    }
  }
}
