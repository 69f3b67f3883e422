import Crypto
import DWCPCore
import NIOCore

/// Raw bytes in blocks of 128 KiB, with a name.
struct Corpus: Sendable {
  static let blockByteCount = 128 << 10

  let name: String
  /// Where the bytes come from, in words.
  let source: String
  let blocks: [ByteBuffer]

  var byteCount: Int { blocks.reduce(0) { $0 + $1.readableBytes } }

  var sha256: String {
    var digest = SHA256()
    for block in blocks { digest.update(block) }
    return digest.hexadecimal
  }

  /// A block, shared and not copied; the blocks repeat behind the last one.
  func block(_ number: Int) -> ByteBuffer { blocks[number % blocks.count] }
}

/// What anyone can make again from a seed.
enum SeededCorpora {
  /// The names, in the order of tables.
  static let names = ["json", "pages", "dirty-pages", "log", "zeros", "random", "compressed"]
  /// Small enough for callgrind, large enough that a level makes a difference.
  static let blockCount = 4

  /// Nil for a name that is none of `names`.
  static func named(_ name: String, blockCount: Int = blockCount) throws -> Corpus? {
    switch name {
    case "json": make(name, "control messages", blockCount) { $0.writeMessage(into: &$1) }
    case "pages": make(name, "memory-like pages", blockCount) { $0.writePage(into: &$1) }
    case "dirty-pages":
      dirty(try named("pages", blockCount: blockCount), changedPercent: 5)
    case "log": make(name, "log lines", blockCount) { $0.writeLogLine(into: &$1) }
    case "zeros": make(name, "zeros", blockCount) { $1.writeRepeatingByte(0, count: 4_096) }
    case "random": random(blockCount: blockCount)
    case "compressed": try compressed(blockCount: blockCount)
    default: nil
    }
  }

  static func all() throws -> [Corpus] { try names.compactMap { try named($0) } }

  /// A third each of log lines, messages and pages, in turns of two blocks.
  static func mixed(blockCount: Int) -> Corpus {
    var number = 0
    return make("mixed", "log lines, control messages and pages in turns", blockCount) { writer, block in
      switch number / 2 % 3 {
      case 0: writer.writeLogLine(into: &block)
      case 1: writer.writeMessage(into: &block)
      default: writer.writePage(into: &block)
      }
      if block.readableBytes >= Corpus.blockByteCount { number += 1 }
    }
  }

  static func random(blockCount: Int) -> Corpus {
    make("random", "random bytes", blockCount) { $1.writeInteger($0.generator.next()) }
  }

  private static func make(
    _ name: String, _ source: String, _ blockCount: Int, _ write: (inout SampleWriter, inout ByteBuffer) -> Void
  ) -> Corpus {
    var writer = SampleWriter(seed: 2)
    let blocks = (0..<blockCount).map { _ in
      var block = ByteBuffer()
      block.reserveCapacity(Corpus.blockByteCount + 4_096)
      while block.readableBytes < Corpus.blockByteCount { write(&writer, &block) }
      block.moveWriterIndex(to: Corpus.blockByteCount)
      return block
    }
    return Corpus(name: name, source: "\(source), made from a seed", blocks: blocks)
  }

  /// The pages some time later: a few of them have changed in places.
  private static func dirty(_ pages: Corpus?, changedPercent: UInt64) -> Corpus? {
    guard let pages else { return nil }
    var generator = SeededGenerator(seed: 3)
    let blocks = pages.blocks.map { block in
      var block = block
      for start in stride(from: 0, to: block.readableBytes, by: 4_096) where generator.next() % 100 < changedPercent {
        for _ in 0..<(1 + generator.next() % 16) {
          block.setInteger(generator.next(), at: start + Int(generator.next() % 512) * 8)
        }
      }
      return block
    }
    return Corpus(
      name: "dirty-pages", source: "the pages with \(changedPercent) % of them changed in places", blocks: blocks)
  }

  /// What does not shrink again, though it is not random: zstd's output at level 3.
  private static func compressed(blockCount: Int) throws -> Corpus {
    let context = CodecContext()
    var output = ByteBuffer()
    let log = make("log", "", blockCount * 8) { $0.writeLogLine(into: &$1) }
    for block in log.blocks where output.readableBytes < blockCount * Corpus.blockByteCount {
      output.writeImmutableBuffer(try CodecBlocks.encode(block, zstd3, in: context))
    }
    var blocks: [ByteBuffer] = []
    while let block = output.readSlice(length: min(Corpus.blockByteCount, output.readableBytes)),
      block.readableBytes > 0
    {
      blocks.append(ByteBuffer(bytes: block.readableBytesView))
    }
    return Corpus(
      name: "compressed", source: "log lines, compressed by this machine's libzstd at level 3",
      blocks: Array(blocks.prefix(blockCount)))
  }

  private static let zstd3 = CompressionSetting("zstd:3") ?? .zstdDefault
}
