import DWCPCore
import NIOCore

/// Finds the frames in bytes, for tests that look at what was sent or change what is received. It knows the layout of SPEC section 4 and
/// no rule.
struct WireFrame {
  static let prefaceByteCount = 8
  static let headerByteCount = 16

  let type: UInt8
  let flags: UInt8
  let stream: UInt64
  let body: ByteBuffer
  /// Where it begins, and where it ends.
  let start: Int
  let end: Int

  static let data: UInt8 = 0x41

  var isChecked: Bool { flags & 0x80 != 0 }
  var bodyRange: Range<Int> { start + Self.headerByteCount..<end - (isChecked ? 4 : 0) }

  static let names: [UInt8: String] = [
    0x01: "HELLO", 0x02: "WELCOME", 0x03: "REFUSE", 0x04: "PING", 0x05: "PONG", 0x06: "ACK", 0x07: "CREDIT",
    0x08: "STREAMS", 0x09: "CLOSE", 0x0D: "UPDATE_ACK", 0x40: "OPEN", 0x41: "DATA", 0x42: "RESET", 0x43: "STOP",
    0x44: "GOAWAY",
    0x45: "UPDATE",
    0x46: "DICTIONARY", 0x47: "DICTIONARY_ANSWER", 0x48: "BASELINE_ANSWER",
  ]

  var name: String { Self.names[type] ?? "0x" + String(type, radix: 16) }

  /// The frame at an index; nil when it is not whole or one of its checks is wrong.
  init?(at start: Int, in bytes: ByteBuffer) {
    guard let first = bytes.getInteger(at: start, as: UInt64.self),
      let length = bytes.getInteger(at: start + 8, as: UInt32.self),
      let headerCheck = bytes.getInteger(at: start + 12, as: UInt32.self),
      let body = bytes.getSlice(at: start + Self.headerByteCount, length: Int(length)),
      headerCheck == WireFrame.checksum(bytes, start..<start + 12)
    else { return nil }
    type = UInt8(truncatingIfNeeded: first >> 56)
    flags = UInt8(truncatingIfNeeded: first >> 48)
    stream = first & 0xFFFF_FFFF_FFFF
    self.body = body
    self.start = start
    let bodyEnd = start + Self.headerByteCount + Int(length)
    guard flags & 0x80 != 0 else {
      end = bodyEnd
      return
    }
    end = bodyEnd + 4
    guard let check = bytes.getInteger(at: bodyEnd, as: UInt32.self),
      check == WireFrame.checksum(bytes, start + Self.headerByteCount..<bodyEnd)
    else { return nil }
  }

  /// The whole frames in what an engine sent, behind its preface; nil when something else stands among them.
  static func all(in bytes: ByteBuffer, hasPreface: Bool) -> [WireFrame]? {
    var frames: [WireFrame] = []
    var position = bytes.readerIndex + (hasPreface ? prefaceByteCount : 0)
    while position < bytes.writerIndex {
      guard let frame = WireFrame(at: position, in: bytes) else { return nil }
      frames.append(frame)
      position = frame.end
    }
    return frames
  }

  /// ACK of so many numbered frames.
  static func acknowledgement(of count: UInt64) -> ByteBuffer {
    var bytes = ByteBuffer()
    bytes.writeMultipleIntegers(UInt64(0x06) << 56 | 0x80 << 48, UInt32(8), UInt32(0), count, UInt32(0))
    bytes.setInteger(checksum(bytes, 0..<12), at: 12)
    bytes.setInteger(checksum(bytes, 16..<24), at: 24)
    return bytes
  }

  static func checksum(_ bytes: ByteBuffer, _ range: Range<Int>) -> UInt32 {
    CRC32C.checksum(bytes.readableBytesSpan.extracting(range))
  }

  /// Makes both checks right again after a change.
  func repair(_ bytes: inout ByteBuffer) {
    bytes.setInteger(Self.checksum(bytes, start..<start + 12), at: start + 12)
    guard isChecked else { return }
    bytes.setInteger(Self.checksum(bytes, bodyRange), at: bodyRange.upperBound)
  }
}

extension ByteBuffer {
  /// A copy with one bit changed; bit 0 is the highest of the first byte.
  func flipping(bit: Int) -> ByteBuffer {
    var copy = self
    let index = readerIndex + bit / 8
    copy.setInteger((getInteger(at: index, as: UInt8.self) ?? 0) ^ (0x80 >> UInt8(bit % 8)), at: index)
    return copy
  }
}
