import BenchGate
import CBench
import CLZ4Bare
import CZstdBare
import DWCPCore
import Dispatch
import NIOCore

/// Blocks of 128 KiB through two engines in one thread, codec jobs run at once and integrity off, beside the bare library calls on the same blocks: what
/// the engine adds to its codecs.
enum CodecPaths {
  static let rungs = ["lz4:1", "zstd:-5", "zstd:-1", "zstd:1", "zstd:3", "zstd:9"].compactMap(CompressionSetting.init)
  private static let blockCount = 32

  static let scenario = LiveScenario(reference: "bare") {
    let corpus = try [
      SeededCorpora.named("pages", blockCount: blockCount / 2), SeededCorpora.named("json", blockCount: blockCount / 2),
    ]
    let blocks = corpus.compactMap { $0?.blocks }.flatMap { $0 }
    return [
      Contender(name: "bare") { try rungs.flatMap { try BareCodec($0).figures(blocks) } },
      Contender(name: "engine") {
        let paths = rungs.map(EnginePath.init)
        return try paths.flatMap { try $0.figures(blocks) } + paths.map(\.allocationFigure)
      },
    ]
  }

  /// Times of one block.
  fileprivate static func figures(
    _ setting: CompressionSetting, encodingSeconds: Double, decodingSeconds: Double, blockCount: Int
  ) -> [Figure] {
    let name = "\(setting.codec.name)_\(setting.level)"
    return [
      Figure(
        name: "\(name).encode", unit: "us/block", isCompared: true, value: encodingSeconds * 1e6 / Double(blockCount)),
      Figure(
        name: "\(name).decode", unit: "us/block", isCompared: true, value: decodingSeconds * 1e6 / Double(blockCount)),
    ]
  }

  /// Enough turns for a decode time of some milliseconds at least.
  fileprivate static func turnCount(_ setting: CompressionSetting) -> Int {
    setting.codec == .zstd && setting.level > 3 ? 12 : 24
  }
}

/// The library alone.
@safe private final class BareCodec {
  private let setting: CompressionSetting
  private let compressor = unsafe ZSTD_createCCtx()
  private let decompressor = unsafe ZSTD_createDCtx()
  private let state = UnsafeMutableRawPointer.allocate(byteCount: Int(LZ4_sizeofState()), alignment: 16)
  private var room = [UInt8](repeating: 0, count: 256 << 10)

  init(_ setting: CompressionSetting) {
    self.setting = setting
    unsafe ZSTD_CCtx_setParameter(compressor, ZSTD_c_compressionLevel, Int32(setting.level))
    unsafe ZSTD_CCtx_setParameter(compressor, ZSTD_c_dictIDFlag, 0)
  }

  deinit {
    unsafe ZSTD_freeCCtx(compressor)
    unsafe ZSTD_freeDCtx(decompressor)
    unsafe state.deallocate()
  }

  /// Each block is encoded, moved and decoded before the next one, as on its way through the engine, so that the caches are in the same state.
  func figures(_ blocks: [ByteBuffer]) throws -> [Figure] {
    var encodingNanoseconds: UInt64 = 0
    var decodingNanoseconds: UInt64 = 0
    var wire = ByteBuffer()
    let turnCount = CodecPaths.turnCount(setting)
    for _ in 0..<turnCount {
      for block in blocks {
        let start = DispatchTime.now().uptimeNanoseconds
        let byteCount = try encode(block)
        encodingNanoseconds += DispatchTime.now().uptimeNanoseconds - start
        wire.clear()
        wire.writeBytes(room[..<byteCount])
        let middle = DispatchTime.now().uptimeNanoseconds
        try decode(wire)
        decodingNanoseconds += DispatchTime.now().uptimeNanoseconds - middle
      }
    }
    return CodecPaths.figures(
      setting, encodingSeconds: Double(encodingNanoseconds) / 1e9, decodingSeconds: Double(decodingNanoseconds) / 1e9,
      blockCount: turnCount * blocks.count)
  }

  private func encode(_ block: ByteBuffer) throws -> Int {
    let written = unsafe block.withUnsafeReadableBytes { raw in
      unsafe room.withUnsafeMutableBytes { room in
        guard setting.codec == .lz4 else {
          return unsafe ZSTD_compress2(compressor, room.baseAddress, room.count, raw.baseAddress, raw.count)
        }
        return unsafe Int(
          LZ4_compress_fast_extState(
            state, raw.baseAddress?.assumingMemoryBound(to: CChar.self),
            room.baseAddress?.assumingMemoryBound(to: CChar.self),
            Int32(raw.count), Int32(room.count), 1))
      }
    }
    guard written > 0, ZSTD_isError(written) == 0 else { throw BenchmarkError("the library cannot encode") }
    return written
  }

  private func decode(_ block: ByteBuffer) throws {
    let written = unsafe block.withUnsafeReadableBytes { encoded in
      unsafe room.withUnsafeMutableBytes { room in
        guard setting.codec == .lz4 else {
          return unsafe ZSTD_decompressDCtx(
            decompressor, room.baseAddress, room.count, encoded.baseAddress, encoded.count)
        }
        return unsafe Int(
          LZ4_decompress_safe(
            encoded.baseAddress?.assumingMemoryBound(to: CChar.self),
            room.baseAddress?.assumingMemoryBound(to: CChar.self),
            Int32(encoded.count), Int32(room.count)))
      }
    }
    guard written == Corpus.blockByteCount else { throw BenchmarkError("the library cannot decode") }
  }
}

/// The same through the engine: from `write` to a batch, and from `receive` to `read`.
private final class EnginePath {
  private let setting: CompressionSetting
  private var sender: Session
  private var receiver: Session
  private let codecs = CodecContext()
  private var now = Instant(nanoseconds: 1_000_000_000)
  private var batch = TransmitBatch()
  private var wire = ByteBuffer()
  private var encodingNanoseconds: UInt64 = 0
  private var decodingNanoseconds: UInt64 = 0
  private var allocationCount: UInt64 = 0
  private var allocationsPerBlock = 0.0

  init(_ setting: CompressionSetting) {
    self.setting = setting
    var configuration = SessionConfiguration()
    configuration.compression = .fixed(setting)
    configuration.requiresIntegrity = false
    configuration.blockByteCount = Corpus.blockByteCount
    var random = SeededGenerator(seed: 3)
    sender = Session(role: .initiator, configuration: configuration, secrets: SessionSecrets(using: &random), now: now)
    receiver = Session(role: .acceptor, configuration: configuration, secrets: SessionSecrets(using: &random), now: now)
    wire.reserveCapacity(256 << 10)
  }

  func figures(_ blocks: [ByteBuffer]) throws -> [Figure] {
    exchange(nil)
    let id = try sender.open()
    // Until the link is known and blocks have their length.
    for block in blocks { try carry(block, on: id) }
    encodingNanoseconds = 0
    decodingNanoseconds = 0
    allocationCount = 0
    let blocksBefore = sender.counters.sentByCodec[setting.codec].blocks
    let turnCount = CodecPaths.turnCount(setting)
    for _ in 0..<turnCount { for block in blocks { try carry(block, on: id) } }
    let blockCount = turnCount * blocks.count
    let sentCount = sender.counters.sentByCodec[setting.codec].blocks - blocksBefore
    guard sentCount == UInt64(blockCount) else {
      throw BenchmarkError("\(sentCount) blocks were sent for \(blockCount)")
    }
    allocationsPerBlock = Double(allocationCount) / Double(blockCount)
    return CodecPaths.figures(
      setting, encodingSeconds: Double(encodingNanoseconds) / 1e9, decodingSeconds: Double(decodingNanoseconds) / 1e9,
      blockCount: blockCount)
  }

  /// Both ends together, in the steady state.
  var allocationFigure: Figure {
    Figure(
      name: "\(setting.codec.name)_\(setting.level).allocations", unit: "allocations/block", value: allocationsPerBlock)
  }

  private func carry(_ block: ByteBuffer, on id: StreamID) throws {
    _ = try sender.write(block, to: id)
    exchange(id)
  }

  /// Both ways until both are silent; what the receiver reads has to be of the right length.
  private func exchange(_ id: StreamID?) {
    while true {
      now = Instant(nanoseconds: now.nanoseconds + 20_000)
      let sent = timed(&encodingNanoseconds) { send(from: &sender) }
      refill()
      timed(&decodingNanoseconds) { take(by: &receiver) }
      let answered = send(from: &receiver)
      refill()
      take(by: &sender)
      guard sent || answered else { return }
    }
  }

  private func timed<Result>(_ sum: inout UInt64, _ body: () -> Result) -> Result {
    let before = allocation_count_totals().allocation_count
    allocation_count_start()
    let start = DispatchTime.now().uptimeNanoseconds
    let result = body()
    sum += DispatchTime.now().uptimeNanoseconds - start
    allocation_count_stop()
    allocationCount += allocation_count_totals().allocation_count - before
    return result
  }

  private func send(from session: inout Session) -> Bool {
    batch.removeAll()
    session.runJobs(in: codecs, now: now)
    session.transmit(maximumByteCount: 192 << 10, now: now, into: &batch)
    return batch.byteCount > 0
  }

  private func refill() {
    wire.clear()
    batch.forEachBuffer { wire.writeImmutableBuffer($0) }
    batch.removeAll()
  }

  private func take(by session: inout Session) {
    guard wire.readableBytes > 0 else { return }
    session.receive(wire, now: now)
    session.runJobs(in: codecs, now: now)
    while let event = session.nextEvent() {
      guard case .readable(let id) = event else { continue }
      while case .bytes = session.read(id) {}
    }
  }
}
