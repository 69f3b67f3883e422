import DWCPCore
import NIOCore

/// Codecs on what this machine has, which no other has in the same way: ratios and speeds are told, and stored nowhere.
enum MachineCodecs {
  private static let settings = ["lz4:1", "zstd:-1", "zstd:1", "zstd:3", "zstd:9"].compactMap(CompressionSetting.init)

  static let files = scenario {
    let files = MachineCorpora.realFiles()
    guard !files.isEmpty else { throw Unavailable(reason: "none of the known files is on this machine") }
    return files
  }

  static let memory = scenario {
    do {
      return try MachineCorpora.processMemory()
    } catch {
      throw Unavailable(reason: "the memory of a process cannot be read: \(error)")
    }
  }

  private static func scenario(_ corpora: @escaping @Sendable () throws -> [Corpus]) -> LiveScenario {
    LiveScenario(reference: name(settings[0])) {
      let blocks = try corpora().flatMap(\.blocks)
      return settings.map { setting in Contender(name: name(setting)) { try run(setting, on: blocks) } }
    }
  }

  private static func name(_ setting: CompressionSetting) -> String { "\(setting.codec.name)_\(setting.level)" }

  private static func run(_ setting: CompressionSetting, on blocks: [ByteBuffer]) throws -> [Figure] {
    let context = CodecContext()
    let byteCount = blocks.reduce(0) { $0 + $1.readableBytes }
    let encoding = Stopwatch()
    let encoded = try blocks.map { try CodecBlocks.encode($0, setting, in: context) }
    let encodingSeconds = encoding.elapsedSeconds
    let decoding = Stopwatch()
    for (raw, encoded) in zip(blocks, encoded) {
      guard try CodecBlocks.decode(encoded, setting.codec, as: raw, in: context) else {
        throw BenchmarkError("\(setting) does not decode what it encoded")
      }
    }
    let decodingSeconds = decoding.elapsedSeconds
    let encodedByteCount = encoded.reduce(0) { $0 + $1.readableBytes }
    func speed(_ name: String, _ seconds: Double) -> Figure {
      Figure(
        name: name, unit: "MiB/s", direction: .higherIsBetter, isCompared: true,
        value: Double(byteCount) / 1_048_576 / seconds)
    }
    return [
      Figure(
        name: "ratio", unit: "raw/compressed", direction: .higherIsBetter,
        value: Double(byteCount) / Double(encodedByteCount)),
      speed("encode", encodingSeconds), speed("decode", decodingSeconds),
    ]
  }
}
