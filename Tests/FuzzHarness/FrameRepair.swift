import DWCPCore
import NIOCore

/// Makes the checks in mutated bytes right again, so that a fuzzer gets beyond them (SPEC HDR-1, HDR-3): without this nearly every
/// mutation would end at the first CRC.
enum FrameRepair {
  private static let headerByteCount = 16

  /// - Parameter start: where the first frame begins.
  /// - Parameter broken: bit n set: the checks of frame n stay as they are, bit 15 for all frames from there on.
  /// - Parameter mend: may change the body of a frame before its check is made.
  static func repair(
    _ bytes: inout [UInt8], from start: Int = 0, broken: Int,
    mend: (UInt8, inout ArraySlice<UInt8>) -> Void = { _, _ in }
  ) {
    var position = start
    var number = 0
    while position + headerByteCount <= bytes.count {
      let isBroken = broken >> min(number, 15) & 1 == 1
      let header = bytes[position..<position + headerByteCount]
      if !isBroken {
        // The highest 8 bits of the length are reserved; a fuzzer finds that out by leaving the checks broken.
        put(CRC32C.checksum(ofBytes: header.prefix(12)), at: position + 12, in: &bytes)
      }
      let length = header.dropFirst(8).prefix(4).reduce(0) { $0 << 8 | Int($1) }
      let end = position + headerByteCount + length
      guard end <= bytes.count else { return }
      let isChecked = bytes[position + 1] & 0x80 != 0
      if !isBroken {
        var body = bytes[position + headerByteCount..<end]
        mend(bytes[position], &body)
        bytes.replaceSubrange(position + headerByteCount..<end, with: body)
        if isChecked, end + 4 <= bytes.count { put(CRC32C.checksum(ofBytes: body), at: end, in: &bytes) }
      }
      position = end + (isChecked ? 4 : 0)
      number += 1
    }
  }

  /// Makes the hash of a dictionary that comes in one part right, so that it gets beyond that (SPEC DIC-1).
  static func mendDictionary(_ type: UInt8, _ body: inout ArraySlice<UInt8>) {
    let headByteCount = 52
    guard type == 0x46, body.count >= headByteCount,
      let made = try? CompressionDictionary(Array(body.dropFirst(headByteCount)))
    else { return }
    let start = body.startIndex
    body.replaceSubrange(start + 20..<start + headByteCount, with: made.sha256)
  }

  private static func put(_ value: UInt32, at position: Int, in bytes: inout [UInt8]) {
    for index in 0..<4 { bytes[position + index] = UInt8(truncatingIfNeeded: value >> UInt32(24 - 8 * index)) }
  }
}

extension CRC32C {
  static func checksum(ofBytes bytes: some Collection<UInt8>) -> UInt32 {
    checksum(ByteBuffer(bytes: bytes).readableBytesSpan)
  }
}

/// Cuts bytes as a connection might.
enum Chunking {
  /// - Parameter seed: 0: one piece; below 64: pieces of that length; else pieces of changing length.
  static func pieces(of bytes: [UInt8], seed: UInt8) -> [ByteBuffer] {
    var pieces: [ByteBuffer] = []
    var start = 0
    var state = UInt32(seed)
    while start < bytes.count {
      state = state &* 1_664_525 &+ 1_013_904_223
      let length =
        switch seed {
        case 0: bytes.count
        case 1..<64: Int(seed)
        default: 1 + Int(state >> 24) % (1 + Int(seed))
        }
      let end = min(start + length, bytes.count)
      pieces.append(ByteBuffer(bytes: bytes[start..<end]))
      start = end
    }
    return pieces
  }
}
