import DWCPCore
import Foundation
import NIOCore

/// What each codec and level makes of each corpus on this machine: measured once, and the ground of everything that happens in virtual time.
struct RungTable: Sendable, Codable {
  struct Entry: Sendable, Codable {
    /// Payload over raw bytes, stored blocks included (SPEC CDC-5).
    var wireFraction: Double
    /// Raw bytes a second of one core; nil for `none`, which takes no time.
    var compressBytesPerSecond: Double?
    var decompressBytesPerSecond: Double?
  }

  /// By corpus, then by setting.
  private(set) var entries: [String: [String: Entry]] = [:]
  private(set) var settings: [String] = []

  var corpora: [String] { entries.keys.sorted() }

  func entry(_ corpus: String, _ setting: CompressionSetting) -> Entry {
    setting.codec == .none
      ? Entry(wireFraction: 1) : entries[corpus]?[setting.description] ?? Entry(wireFraction: 1)
  }

  init(measuring corpora: [Corpus], _ settings: [CompressionSetting]) throws {
    self.settings = settings.map(\.description)
    let context = CodecContext()
    for corpus in corpora {
      for setting in settings {
        entries[corpus.name, default: [:]][setting.description] =
          setting.codec == .none ? Entry(wireFraction: 1) : try Self.measure(setting, corpus, context)
      }
    }
  }

  /// The figures of an earlier result of `selector --json`.
  init(recordedIn file: String) throws {
    struct Recording: Decodable {
      let table: RungTable
    }
    self = try JSONDecoder().decode(Recording.self, from: Data(contentsOf: URL(fileURLWithPath: file))).table
  }

  /// The quickest of several passes, since anything else on the machine only slows them.
  private static func measure(
    _ setting: CompressionSetting, _ corpus: Corpus, _ context: CodecContext
  ) throws -> Entry {
    let raw = Double(corpus.byteCount)
    var encoded: [ByteBuffer] = []
    var compressSeconds = Double.infinity
    var decompressSeconds = Double.infinity
    let whole = Stopwatch()
    repeat {
      let stopwatch = Stopwatch()
      encoded = try corpus.blocks.map { try CodecBlocks.encode($0, setting, in: context) }
      compressSeconds = min(compressSeconds, stopwatch.elapsedSeconds)
      let back = Stopwatch()
      for (block, payload) in zip(corpus.blocks, encoded) {
        _ = try CodecBlocks.decode(payload, setting.codec, as: block, in: context)
      }
      decompressSeconds = min(decompressSeconds, back.elapsedSeconds)
    } while whole.elapsedSeconds < 0.05
    let wire = zip(corpus.blocks, encoded).reduce(0) { sum, pair in
      let (rawByteCount, byteCount) = (pair.0.readableBytes, pair.1.readableBytes)
      return sum + (byteCount + max(16, rawByteCount / 16) <= rawByteCount ? byteCount : rawByteCount)
    }
    return Entry(
      wireFraction: Double(wire) / raw, compressBytesPerSecond: raw / compressSeconds,
      decompressBytesPerSecond: raw / decompressSeconds)
  }
}
