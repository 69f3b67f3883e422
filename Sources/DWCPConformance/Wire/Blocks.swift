/// Encoded blocks made by hand, so that each field can be wrong.
enum Block {
  /// One LZ4 block: `count` times the same byte (at least 13). One literal, a match at distance 1, five literals at the end.
  static func lz4(_ byte: UInt8, count: Int) -> [UInt8] {
    var rest = count - 6 - 4
    var block: [UInt8] = [0x10 | UInt8(truncatingIfNeeded: min(rest, 15)), byte, 1, 0]
    if rest >= 15 {
      rest -= 15
      while rest >= 255 {
        block.append(255)
        rest -= 255
      }
      block.append(UInt8(truncatingIfNeeded: rest))
    }
    return block + [0x50] + [UInt8](repeating: byte, count: 5)
  }

  /// An LZ4 block whose match begins before the block does.
  static let lz4BeforeStart: [UInt8] = [0x1F, 0x61, 0x10, 0x00, 0x64, 0x50, 0x61, 0x61, 0x61, 0x61, 0x61]

  private static let zstdMagic: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD]

  /// One zstd frame (RFC 8878): `count` times the same byte, as one run-length block.
  ///
  /// - Parameter contentSize: what the frame header states; nil for a header with a window descriptor instead.
  static func zstd(
    _ byte: UInt8, count: Int, contentSize: UInt32?, windowLog: UInt64 = 17, dictionaryID: UInt8? = nil
  ) -> [UInt8] {
    var frame = zstdMagic
    let dictionary: [UInt8] = dictionaryID.map { [$0] } ?? []
    let dictionaryFlag: UInt8 = dictionary.isEmpty ? 0 : 1
    if let contentSize {
      // Single segment, content size of four bytes.
      frame += [0xA0 | dictionaryFlag] + dictionary + bigEndian(UInt64(contentSize), byteCount: 4).reversed()
    } else {
      frame += [dictionaryFlag, UInt8(truncatingIfNeeded: (windowLog - 10) << 3)] + dictionary
    }
    let header = UInt64(count) << 3 | 1 << 1 | 1
    return frame + bigEndian(header, byteCount: 3).reversed() + [byte]
  }

  static func zstd(_ byte: UInt8, count: Int) -> [UInt8] {
    zstd(byte, count: count, contentSize: UInt32(truncatingIfNeeded: count))
  }

  /// One block of a zstd frame that goes on: `count` times the same byte.
  static func zstdPart(_ byte: UInt8, count: Int, isLast: Bool = false) -> [UInt8] {
    bigEndian(UInt64(count) << 3 | 1 << 1 | (isLast ? 1 : 0), byteCount: 3).reversed() + [byte]
  }

  /// The header of a frame that goes on, with a window of 2 to the power of `windowLog`.
  static func zstdFrameStart(windowLog: UInt64 = 17) -> [UInt8] {
    zstdMagic + [0, UInt8(truncatingIfNeeded: (windowLog - 10) << 3)]
  }

  static let zstdSkippable: [UInt8] = [0x50, 0x2A, 0x4D, 0x18, 4, 0, 0, 0, 0, 0, 0, 0]

  /// Decodes an LZ4 block of exactly `count` bytes; nil when it is broken.
  static func decodeLZ4(_ block: [UInt8], count: Int) -> [UInt8]? {
    var reader = ByteReader(block)
    var output: [UInt8] = []
    func length(_ nibble: UInt64) -> Int? {
      var total = Int(truncatingIfNeeded: nibble)
      guard nibble == 15 else { return total }
      while let more = reader.integer(byteCount: 1) {
        total += Int(truncatingIfNeeded: more)
        if more != 255 { return total }
      }
      return nil
    }
    while let token = reader.integer(byteCount: 1) {
      guard let literals = length(token >> 4), let bytes = reader.bytes(UInt64(literals)) else { return nil }
      output += bytes
      if reader.isAtEnd { return output.count == count ? output : nil }
      guard let low = reader.integer(byteCount: 1), let high = reader.integer(byteCount: 1),
        let match = length(token & 15)
      else { return nil }
      let distance = Int(truncatingIfNeeded: high << 8 | low)
      guard distance > 0, distance <= output.count, output.count + match + 4 <= count else { return nil }
      for _ in 0..<(match + 4) { output.append(output[output.count - distance]) }
    }
    return nil
  }
}
