import NIOCore

/// Raw bytes in blocks of 128 KiB, larger than the processor's caches together, made from a seed.
struct Corpus: Sendable {
  static let blockByteCount = 128 << 10
  /// A slice whose start is above 16 MiB would be copied by ByteBuffer, so the corpus is not one buffer.
  private static let chunkByteCount = 8 << 20
  private static let blocksPerChunk = chunkByteCount / blockByteCount

  private let chunks: [ByteBuffer]

  var blockCount: Int { chunks.count * Self.blocksPerChunk }
  var byteCount: Int { blockCount * Self.blockByteCount }

  /// A block, shared and not copied; the blocks repeat behind the last one.
  func block(_ number: Int) -> ByteBuffer {
    let (chunk, place) = (number % blockCount).quotientAndRemainder(dividingBy: Self.blocksPerChunk)
    return chunks[chunk].getSlice(at: place * Self.blockByteCount, length: Self.blockByteCount) ?? ByteBuffer()
  }

  /// Bytes that do not compress.
  static func random(byteCount: Int) -> Corpus {
    var generator = SeededGenerator(seed: 1)
    return Corpus(byteCount: byteCount) { chunk in
      for _ in 0..<(chunkByteCount / 8) { chunk.writeInteger(generator.next()) }
    }
  }

  /// A third each of log lines, JSON and memory pages, in turns of 256 KiB.
  static func compressible(byteCount: Int) -> Corpus {
    var writer = SampleWriter()
    return Corpus(byteCount: byteCount) { chunk in
      while chunk.readableBytes < chunkByteCount { writer.writeRun(into: &chunk) }
    }
  }

  private init(byteCount: Int, _ fill: (inout ByteBuffer) -> Void) {
    chunks = (0..<(byteCount / Self.chunkByteCount)).map { _ in
      var chunk = ByteBuffer()
      chunk.reserveCapacity(Self.chunkByteCount)
      fill(&chunk)
      return chunk
    }
  }
}

/// Writes text and pages like those of a running machine.
private struct SampleWriter {
  private static let runByteCount = 256 << 10
  private static let pageByteCount = 4_096
  private static let words = [
    "connection", "request", "started", "finished", "timeout", "retry", "volume", "snapshot", "migrated", "guest",
    "balloon", "dirty", "pages", "network", "bridge", "device", "attached", "detached", "lease", "renewed",
  ]
  private static let levels = ["INFO", "INFO", "INFO", "DEBUG", "WARN", "ERROR"]

  private var generator = SeededGenerator(seed: 2)
  private var runNumber = 0
  private var clock: UInt64 = 1_700_000_000_000

  mutating func writeRun(into buffer: inout ByteBuffer) {
    let end = buffer.writerIndex + Self.runByteCount
    while buffer.writerIndex < end {
      switch runNumber % 3 {
      case 0: writeLogLine(into: &buffer)
      case 1: writeRecord(into: &buffer)
      default: writePage(into: &buffer)
      }
    }
    buffer.moveWriterIndex(to: end)
    runNumber += 1
  }

  private mutating func writeLogLine(into buffer: inout ByteBuffer) {
    let random = generator.next()
    clock += random & 0xFF
    buffer.writeString("\(clock) host-\(random >> 8 & 0x3F) \(Self.levels[Int(random >> 16 & 0xFF) % 6]) vm=")
    buffer.writeString(String(generator.next() & 0xFFFF_FFFF, radix: 16))
    writeWords(3 + Int(random >> 24 & 7), into: &buffer)
    buffer.writeString(" took \(random >> 32 & 0xFFFF)us\n")
  }

  private mutating func writeRecord(into buffer: inout ByteBuffer) {
    let random = generator.next()
    buffer.writeString("{\"id\":\"\(String(generator.next(), radix: 16))\",\"cpu\":\(random & 0x3FF),\"state\":\"")
    buffer.writeString("\(Self.words[Int(random >> 16 & 0xFFFF) % 20])\",\"memoryBytes\":\(random >> 32),\"tags\":[\"")
    writeWords(2, into: &buffer)
    buffer.writeString("\"]}\n")
  }

  private mutating func writeWords(_ count: Int, into buffer: inout ByteBuffer) {
    var random = generator.next()
    for _ in 0..<count {
      buffer.writeStaticString(" ")
      buffer.writeString(Self.words[Int(random & 0x1F) % 20])
      random >>= 5
    }
  }

  /// A page that is empty, a table of pointers, small numbers, or noise.
  private mutating func writePage(into buffer: inout ByteBuffer) {
    let kind = generator.next() % 8
    let base = 0x7FFF_0000_0000 | (generator.next() & 0xFFFF_0000)
    for _ in 0..<(Self.pageByteCount / 8) {
      switch kind {
      case 0, 1: buffer.writeInteger(UInt64(0), endianness: .little)
      case 2, 3, 4: buffer.writeInteger(base | (generator.next() & 0xFFF8), endianness: .little)
      case 5, 6: buffer.writeInteger(generator.next() & 0xFF, endianness: .little)
      default: buffer.writeInteger(generator.next(), endianness: .little)
      }
    }
  }
}

/// SplitMix64: the same numbers for the same seed, everywhere.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}
