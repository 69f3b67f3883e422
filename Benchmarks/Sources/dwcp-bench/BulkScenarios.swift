import CZstdBare
import DWCPCore

/// One stream without a codec, from a cold source, against SwiftNIO alone.
enum BulkNone {
  private static let corpusByteCount = 256 << 20
  private static let roundByteCount = 1 << 30

  static let scenario = Scenario(
    name: "bulk-none",
    summary: "codec none with CRC32C over loopback TCP, against a SwiftNIO client and sink with 256 KiB reads",
    contenderNames: ["dwcp-channel", "dwcp-async", "nio-sink"],
    comparison: ("nio-sink", 0.3)
  ) {
    let load = BulkLoad(
      corpus: .random(byteCount: corpusByteCount), blockCount: roundByteCount / Corpus.blockByteCount)
    return [
      Contender(name: "dwcp-channel") { try await SessionBulk.runOnChannels(load, .fixed(.none)) },
      Contender(name: "dwcp-async") { try await SessionBulk.runAsync(load, .fixed(.none)) },
      Contender(name: "nio-sink") { try await SinkBulk.run(load) },
    ]
  }
}

/// One stream with zstd level 1, against one thread that only compresses.
enum BulkZstd {
  private static let corpusByteCount = 192 << 20

  static let scenario = Scenario(
    name: "bulk-zstd1",
    summary: "zstd 1 over loopback TCP, against one thread calling libzstd on the same blocks",
    contenderNames: ["zstd-channel", "zstd-async", "libzstd"],
    comparison: ("libzstd", 0.9)
  ) {
    let corpus = Corpus.compressible(byteCount: corpusByteCount)
    let load = BulkLoad(corpus: corpus, blockCount: corpus.blockCount)
    return [
      Contender(name: "zstd-channel") { try await SessionBulk.runOnChannels(load, .fixed(.zstdDefault)) },
      Contender(name: "zstd-async") { try await SessionBulk.runAsync(load, .fixed(.zstdDefault)) },
      Contender(name: "libzstd") { try BareZstd.run(load) },
    ]
  }
}

/// libzstd alone, with one context for all blocks.
private enum BareZstd {
  static func run(_ load: BulkLoad) throws -> [Figure] {
    let context = unsafe ZSTD_createCCtx()
    defer { unsafe ZSTD_freeCCtx(context) }
    unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, 1)
    var room = [UInt8](repeating: 0, count: ZSTD_compressBound(Corpus.blockByteCount))
    var compressedByteCount = 0
    let stopwatch = Stopwatch()
    for number in 0..<load.blockCount {
      let written = unsafe load.corpus.block(number).withUnsafeReadableBytes { raw in
        unsafe room.withUnsafeMutableBytes { room in
          unsafe ZSTD_compress2(context, room.baseAddress, room.count, raw.baseAddress, raw.count)
        }
      }
      guard ZSTD_isError(written) == 0 else { throw BenchmarkError("libzstd refuses block \(number)") }
      compressedByteCount += written
    }
    let rawByteCount = load.blockCount * Corpus.blockByteCount
    return stopwatch.figures(rawByteCount: rawByteCount) + [
      Figure(name: "raw/compressed", value: Double(rawByteCount) / Double(compressedByteCount))
    ]
  }
}
