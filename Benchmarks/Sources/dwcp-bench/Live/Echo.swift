import BenchStatistics
import DWCPCore
import DWCPLinkEmulation
import DWCPNIO
import Dispatch
import NIOCore

/// Round trips of 64 bytes on a stream that stays open, alone or beside bulk streams of the same session.
enum Echo {
  static let byteCount = 64

  static func scenario(bulkStreamCount: Int) -> LiveScenario {
    let count = bulkStreamCount == 0 ? 5_000 : 2_000
    return LiveScenario(reference: "nio-connection") {
      let corpus = bulkStreamCount == 0 ? nil : SeededCorpora.random(blockCount: 1_024)
      return [
        Contender(name: "channel") { try await run(count, bulkStreamCount, corpus) },
        // Idle whatever else the scenario has: what a small message costs where nothing is in its way.
        Contender(name: "nio-connection") {
          figures(
            try await PingPong.run(
              message: ByteBuffer(repeating: 1, count: byteCount), connectionCount: 1, count: count))
        },
      ]
    }
  }

  /// Over an emulated link of 100 Mb/s with a round trip of 2 ms: beside one bulk stream, and alone.
  static let slowLink = LiveScenario(reference: "idle") {
    let link = LinkEmulation(LinkConditions(delayNanoseconds: 1_000_000, rateBitsPerSecond: 100_000_000), seed: 1)
    let corpus = SeededCorpora.random(blockCount: 256)
    return [
      Contender(name: "bulk-1") { try await run(1_000, 1, corpus, over: link) },
      Contender(name: "idle") { try await run(1_000, 0, nil, over: link) },
    ]
  }

  /// In a session of its own, while another one on the same event loops moves 3 GB.
  static let otherSession = LiveScenario(reference: "idle") {
    let load = BulkLoad(corpus: SeededCorpora.random(blockCount: 1_024), blockCount: 24_000)
    return [
      Contender(name: "beside-bulk") {
        async let bulk = Transport.run { BulkDriver(load, done: $0) }
        let figures = try await run(1_000, 0, nil)
        try load.check(try await bulk)
        return figures
      },
      Contender(name: "idle") { try await run(1_000, 0, nil) },
    ]
  }

  private static func run(
    _ count: Int, _ bulkStreamCount: Int, _ corpus: Corpus?, over link: LinkEmulation? = nil
  ) async throws -> [Figure] {
    let stopwatch = Stopwatch()
    let outcome = try await Transport.run(over: link) {
      EchoDriver(count: count, bulkStreamCount: bulkStreamCount, corpus: corpus, done: $0)
    }
    let rate = Double(outcome.bulkByteCount) / 1_048_576 / stopwatch.elapsedSeconds
    return figures(outcome.roundTripMicroseconds)
      + (bulkStreamCount == 0 ? [] : [Figure(name: "bulk", unit: "MiB/s", direction: .higherIsBetter, value: rate)])
  }

  private static func figures(_ microseconds: [Double]) -> [Figure] {
    [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)].map { name, fraction in
      Figure(name: name, unit: "us", isCompared: true, value: quantile(fraction, of: microseconds) ?? .nan)
    }
  }
}

/// Sends the next 64 bytes when the last are back.
private final class EchoDriver: SessionDelegate {
  struct Outcome: Sendable {
    var roundTripMicroseconds: [Double] = []
    var bulkByteCount = 0
  }

  private let count: Int
  private let bulkStreamCount: Int
  private let corpus: Corpus?
  private let done: EventLoopPromise<Outcome>
  private let message = ByteBuffer(repeating: 1, count: Echo.byteCount)
  private var outcome = Outcome()
  private var echoID: StreamID?
  private var sentNanoseconds: UInt64 = 0
  private var awaitedByteCount = 0
  private var nextBlock = 0

  init(count: Int, bulkStreamCount: Int, corpus: Corpus?, done: EventLoopPromise<Outcome>) {
    self.count = count
    self.bulkStreamCount = bulkStreamCount
    self.corpus = corpus
    self.done = done
  }

  func attached(to handler: SessionHandler) {}

  func session(_ handler: SessionHandler, received event: SessionEvent) {
    do {
      switch event {
      case .established: try handler.perform { session throws(SessionError) in try begin(&session) }
      case .readable(let id) where id == echoID:
        try handler.perform { session throws(SessionError) in try read(id, &session) }
      case .writable(let id) where id != echoID:
        try handler.perform { session throws(SessionError) in try writeBulk(id, &session) }
      case .ended(let error?): done.fail(error)
      default: break
      }
    } catch {
      done.fail(error)
    }
  }

  private func begin(_ session: inout Session) throws(SessionError) {
    let id = try session.open(Service.echo.opening)
    echoID = id
    try send(on: id, &session)
    for _ in 0..<bulkStreamCount { try writeBulk(try session.open(Service.sink.opening), &session) }
  }

  private func send(on id: StreamID, _ session: inout Session) throws(SessionError) {
    sentNanoseconds = DispatchTime.now().uptimeNanoseconds
    awaitedByteCount = Echo.byteCount
    _ = try session.write(message, to: id)
  }

  private func writeBulk(_ id: StreamID, _ session: inout Session) throws(SessionError) {
    guard let corpus else { return }
    repeat {
      nextBlock += 1
      outcome.bulkByteCount += Corpus.blockByteCount
    } while try session.write(corpus.block(nextBlock), to: id)
  }

  private func read(_ id: StreamID, _ session: inout Session) throws(SessionError) {
    while case .bytes(let bytes, endsMessage: _) = session.read(id) { awaitedByteCount -= bytes.readableBytes }
    guard awaitedByteCount == 0 else { return }
    outcome.roundTripMicroseconds.append(Double(DispatchTime.now().uptimeNanoseconds - sentNanoseconds) / 1_000)
    guard outcome.roundTripMicroseconds.count == count else { return try send(on: id, &session) }
    done.succeed(outcome)
    session.close(.noError, text: "")
  }
}
