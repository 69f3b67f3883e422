import BenchGate
import CZstdBare
import DWCPCore
import DWCPLinkEmulation
import DWCPNIO
import NIOCore

/// What one contender moves in one round.
struct BulkLoad: Sendable {
  let corpus: Corpus
  let blockCount: Int
  var streamCount = 1

  var byteCount: Int { blockCount * Corpus.blockByteCount }

  /// Every byte arrived.
  func check(_ receivedByteCount: Int) throws {
    guard receivedByteCount == byteCount else {
      throw BenchmarkError("\(receivedByteCount) bytes arrived of \(byteCount)")
    }
  }
}

/// Bulk from a cold source: every block comes from memory and not from a cache.
enum Bulk {
  /// Codec none, CRC32C on, against SwiftNIO alone.
  static func stored(streamCount: Int) -> LiveScenario {
    LiveScenario(reference: "nio-sink") {
      let load = BulkLoad(
        corpus: SeededCorpora.random(blockCount: 2_048), blockCount: 8_000, streamCount: streamCount)
      return [
        Contender(name: "channel") { try await runOnChannels(load, .fixed(.none)) },
        Contender(name: "async") { try await runAsync(load, .fixed(.none)) },
        Contender(name: "nio-sink") { try await SinkBulk.run(load) },
      ]
    }
  }

  /// One stream over an emulated link of 1 Gb/s with a round trip of 60 ms, against SwiftNIO alone over the same.
  static let far = LiveScenario(reference: "nio-sink") {
    let load = BulkLoad(corpus: SeededCorpora.random(blockCount: 1_000), blockCount: 1_000)
    let link = LinkEmulation(
      LinkConditions(delayNanoseconds: 30_000_000, rateBitsPerSecond: 1_000_000_000), seed: 1)
    return [
      Contender(name: "channel") { try await runOnChannels(load, .fixed(.none), over: link) },
      Contender(name: "nio-sink") { try await SinkBulk.run(load, over: link) },
    ]
  }

  /// zstd level 1, against one thread that only compresses.
  static let zstd1 = LiveScenario(reference: "libzstd") {
    let load = BulkLoad(corpus: SeededCorpora.mixed(blockCount: 1_536), blockCount: 1_536)
    return [
      Contender(name: "channel") { try await runOnChannels(load, .fixed(.zstdDefault)) },
      Contender(name: "async") { try await runAsync(load, .fixed(.zstdDefault)) },
      Contender(name: "libzstd") { try BareZstd.run(load) },
    ]
  }

  /// What one stream moves, from connecting until the other end says that it has everything.
  static func rawBytesPerSecond(
    _ load: BulkLoad, _ compression: CompressionChoice, over link: LinkEmulation? = nil, _ log: ChoiceLog? = nil
  ) async throws -> Double {
    let stopwatch = Stopwatch()
    let receivedByteCount = try await Transport.run(
      compression, over: link, explainsCodecs: log?.isExplaining ?? false
    ) { BulkDriver(load, log, done: $0) }
    let seconds = stopwatch.elapsedSeconds
    try load.check(receivedByteCount)
    return Double(receivedByteCount) / seconds
  }

  private static func runOnChannels(
    _ load: BulkLoad, _ compression: CompressionChoice, over link: LinkEmulation? = nil
  ) async throws -> [Figure] {
    let stopwatch = Stopwatch()
    let receivedByteCount = try await Transport.run(compression, over: link) { BulkDriver(load, done: $0) }
    let figures = stopwatch.bulkFigures(rawByteCount: receivedByteCount)
    try load.check(receivedByteCount)
    return figures
  }

  /// Through `withSession` and `withStream`, with a task for each stream.
  private static func runAsync(_ load: BulkLoad, _ compression: CompressionChoice) async throws -> [Figure] {
    try await withServer(host: Transport.host, port: 0, configuration: Transport.configuration(Transport.server)) {
      stream in
      var byteCount = 0
      while let chunk = try await stream.read() { byteCount += chunk.bytes.readableBytes }
      try await stream.write(ByteBuffer(integer: byteCount))
    } body: { server in
      let stopwatch = Stopwatch()
      let receivedByteCount = try await withSession(
        host: Transport.host, port: server.localAddress?.port ?? 0,
        configuration: Transport.configuration(Transport.client, compression)
      ) { session in
        try await withThrowingTaskGroup { group in
          for stream in 0..<load.streamCount {
            group.addTask { try await send(load, from: stream, over: session) }
          }
          return try await group.reduce(0, +)
        }
      }
      let figures = stopwatch.bulkFigures(rawByteCount: receivedByteCount)
      try load.check(receivedByteCount)
      return figures
    }
  }

  private static func send(_ load: BulkLoad, from first: Int, over session: LiveSession) async throws -> Int {
    try await session.withStream { stream in
      for number in stride(from: first, to: load.blockCount, by: load.streamCount) {
        try await stream.write(load.corpus.block(number))
      }
      try await stream.finish()
      let answer = try await stream.read()
      return answer?.bytes.getInteger(at: answer?.bytes.readerIndex ?? 0, as: Int.self) ?? 0
    }
  }
}

/// Writes on all streams while there is room, and adds up what the other end says it got.
final class BulkDriver: SessionDelegate {
  private let load: BulkLoad
  private let log: ChoiceLog?
  private let done: EventLoopPromise<Int>
  /// The next block of each stream.
  private var nextBlocks: [StreamID: Int] = [:]
  private var answeredCount = 0
  private var receivedByteCount = 0

  init(_ load: BulkLoad, _ log: ChoiceLog? = nil, done: EventLoopPromise<Int>) {
    self.load = load
    self.log = log
    self.done = done
  }

  func attached(to handler: SessionHandler) {}

  func session(_ handler: SessionHandler, received event: SessionEvent) {
    do {
      switch event {
      case .established:
        try handler.perform { session throws(SessionError) in
          for stream in 0..<load.streamCount {
            nextBlocks[try session.open(Service.sink.opening)] = stream
          }
          for id in nextBlocks.keys.sorted(by: { $0.rawValue < $1.rawValue }) { try write(id, &session) }
        }
      case .writable(let id): try handler.perform { session throws(SessionError) in try write(id, &session) }
      case .readable(let id): handler.perform { read(id, &$0) }
      case .codecChosen(let decision): log?.note(decision)
      case .ended(let error):
        log?.note(handler.counters)
        if let error { done.fail(error) }
      default: break
      }
    } catch {
      done.fail(error)
    }
  }

  private func write(_ id: StreamID, _ session: inout Session) throws(SessionError) {
    guard var number = nextBlocks[id] else { return }
    while number < load.blockCount {
      let hasRoom = try session.write(load.corpus.block(number), to: id)
      number += load.streamCount
      nextBlocks[id] = number
      guard hasRoom else { return }
    }
    nextBlocks[id] = nil
    try session.finish(id)
  }

  private func read(_ id: StreamID, _ session: inout Session) {
    while case .bytes(let bytes, endsMessage: _) = session.read(id) {
      receivedByteCount += bytes.getInteger(at: bytes.readerIndex, as: Int.self) ?? 0
      answeredCount += 1
      session.release(id)
    }
    guard answeredCount == load.streamCount else { return }
    done.succeed(receivedByteCount)
    session.close(.noError, text: "")
  }
}

/// libzstd alone, with one context for all blocks.
private enum BareZstd {
  static func run(_ load: BulkLoad) throws -> [Figure] {
    let context = unsafe ZSTD_createCCtx()
    defer { unsafe ZSTD_freeCCtx(context) }
    unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, 1)
    var room = [UInt8](repeating: 0, count: ZSTD_compressBound(Corpus.blockByteCount))
    let stopwatch = Stopwatch()
    for number in 0..<load.blockCount {
      let written = unsafe load.corpus.block(number).withUnsafeReadableBytes { raw in
        unsafe room.withUnsafeMutableBytes { room in
          unsafe ZSTD_compress2(context, room.baseAddress, room.count, raw.baseAddress, raw.count)
        }
      }
      guard ZSTD_isError(written) == 0 else { throw BenchmarkError("libzstd refuses block \(number)") }
    }
    return stopwatch.bulkFigures(rawByteCount: load.byteCount)
  }
}
