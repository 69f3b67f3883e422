import BenchGate
import CBench
@_spi(Measuring) import DWCPCore
import Foundation
import NIOCore

/// A large object with bytes inserted: blocks that are each encoded against the range of the old object that suits them, beside `zstd --patch-from`, which has
/// all of it at once.
enum Patches {
  /// What a block costs beside its payload: header, extension that names the base, checks.
  private static let framingByteCount = 80

  static func scenario(byteCount: Int, blockByteCount: Int, spacing: Int, level: Int) -> LiveScenario {
    LiveScenario(reference: "patch-from", maximumRoundCount: byteCount < 1 << 30 ? .max : 1) {
      guard let tool = ["/usr/bin/zstd", "/usr/local/bin/zstd"].first(where: FileManager.default.isExecutableFile)
      else {
        throw Unavailable(reason: "the program zstd is not installed; scripts/setup installs it")
      }
      guard ProcessInfo.processInfo.physicalMemory > UInt64(byteCount) * 8 else {
        throw Unavailable(reason: "this machine has too little memory for \(byteCount) bytes")
      }
      let pair = ObjectPair(byteCount: byteCount, spacing: spacing)
      return [
        Contender(name: "patch-from") { try patch(pair, tool, level: level) },
        Contender(name: "blocks") { try blocks(pair, blockByteCount: blockByteCount, level: level) },
      ]
    }
  }

  private static func ratio(_ pair: ObjectPair, _ byteCount: Int) -> Figure {
    Figure(
      name: "ratio", unit: "raw/bytes", direction: .higherIsBetter, isCompared: true,
      value: Double(pair.new.readableBytes) / Double(byteCount))
  }

  private static func speed(_ name: String, _ pair: ObjectPair, seconds: Double) -> Figure {
    Figure(
      name: name, unit: "MB/CPU s", direction: .higherIsBetter, isCompared: name == "encode",
      value: Double(pair.new.readableBytes) / 1e6 / seconds)
  }

  private static func patch(_ pair: ObjectPair, _ tool: String, level: Int) throws -> [Figure] {
    let directory = FileManager.default.temporaryDirectory.appending(path: "dwcp-patch-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let names = ["old", "new", "patch"].map { directory.appending(path: $0) }
    for (name, buffer) in [(names[0], pair.old), (names[1], pair.new)] {
      try Data(buffer.readableBytesView).write(to: name)
    }
    let process = Process()
    process.executableURL = URL(filePath: tool)
    process.arguments = ["-q", "-\(level)", "--patch-from=\(names[0].path)", names[1].path, "-o", names[2].path]
    process.standardError = FileHandle.nullDevice
    let before = childSeconds
    try process.run()
    process.waitUntilExit()
    let seconds = childSeconds - before
    guard process.terminationStatus == 0 else { throw BenchmarkError("zstd --patch-from failed") }
    let size = try FileManager.default.attributesOfItem(atPath: names[2].path)[.size] as? Int
    return [ratio(pair, size ?? 0), speed("encode", pair, seconds: seconds)]
  }

  /// Processor time of the children that have ended (RUSAGE_CHILDREN, which differs in type from system to system).
  private static var childSeconds: Double {
    var usage = rusage()
    unsafe getrusage(-1, &usage)
    return [usage.ru_utime, usage.ru_stime].reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6 }
  }

  private static func blocks(_ pair: ObjectPair, blockByteCount: Int, level: Int) throws -> [Figure] {
    let codec = PageGroupCodec(context: CodecContext())
    var finder = BaseFinder(byteCount: pair.old.readableBytes)
    let entering = Stopwatch()
    finder.enter(pair.old.readableBytesSpan)
    let enteringSeconds = entering.processorSeconds
    var (byteCount, baseByteCount) = (0, 0)
    var (findingSeconds, encodingSeconds) = (0.0, 0.0)
    var (payload, decoded) = (ByteBuffer(), ByteBuffer())
    for start in stride(from: 0, to: pair.new.readableBytes, by: blockByteCount) {
      let length = min(blockByteCount, pair.new.readableBytes - start)
      let block = pair.new.getSlice(at: start, length: length) ?? ByteBuffer()
      let finding = Stopwatch()
      let range = finder.base(for: block.readableBytesSpan, maximumByteCount: 2 * blockByteCount)
      findingSeconds += finding.processorSeconds
      let base = range.flatMap { pair.old.getSlice(at: $0.lowerBound, length: $0.count) }
      baseByteCount += base?.readableBytes ?? 0
      let encoding = Stopwatch()
      let made = try encode(block, base, level: level, codec, into: &payload)
      encodingSeconds += encoding.processorSeconds
      byteCount += framingByteCount + (made == nil ? length : payload.readableBytes)
      guard let made else { continue }
      guard try decode(payload, made, base, as: block, codec, into: &decoded) else {
        throw BenchmarkError("a block does not decode to what was encoded")
      }
    }
    return [
      ratio(pair, byteCount), speed("encode", pair, seconds: findingSeconds + encodingSeconds),
      speed("enter", pair, seconds: enteringSeconds), speed("find", pair, seconds: findingSeconds),
      Figure(name: "base", unit: "base/raw", value: Double(baseByteCount) / Double(pair.new.readableBytes)),
    ]
  }

  private static func encode(
    _ block: ByteBuffer, _ base: ByteBuffer?, level: Int, _ codec: PageGroupCodec, into payload: inout ByteBuffer
  ) throws -> PageGroupCodec.Encoding? {
    var terms = PageGroupCodec.Terms(maximumByteCount: block.readableBytes)
    terms.setting = CompressionSetting(codec: .zstd, level: level) ?? .zstdDefault
    terms.isInPlace = false
    payload.clear(minimumCapacity: block.readableBytes)
    var encoding: PageGroupCodec.Encoding?
    let base = base ?? ByteBuffer()
    try payload.writeWithOutputRawSpan(minimumWritableBytes: block.readableBytes) { output in
      encoding = try codec.encode(
        block.readableBytesSpan, base: base.readableBytesSpan, terms: terms, into: &output)
    }
    return encoding
  }

  private static func decode(
    _ payload: ByteBuffer, _ encoding: PageGroupCodec.Encoding, _ base: ByteBuffer?, as block: ByteBuffer,
    _ codec: PageGroupCodec, into decoded: inout ByteBuffer
  ) throws -> Bool {
    let base = base ?? ByteBuffer()
    decoded.clear(minimumCapacity: block.readableBytes)
    try decoded.writeWithOutputRawSpan(minimumWritableBytes: block.readableBytes) { output in
      try codec.decode(
        payload.readableBytesSpan, encoding, base: base.readableBytesSpan, rawByteCount: block.readableBytes,
        maximumWindowLog: 23, into: &output)
    }
    return decoded == block
  }
}
