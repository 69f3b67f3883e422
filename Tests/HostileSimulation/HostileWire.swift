internal import DWCPCore
public import NIOCore

/// What a hostile peer sends in one go: frames written by hand, apart from the engine's own writer (SPEC section 4). The buffer has the size of
/// a transport's read buffer, however little is written, as a short read would leave it.
public struct HostileWire {
  public private(set) var bytes: ByteBuffer

  public init(readBufferByteCount: Int) {
    bytes = ByteBufferAllocator().buffer(capacity: readBufferByteCount)
  }

  public static let check: UInt8 = 0x80
  public static let preface: UInt64 = 0x4457_4350_0300_0000

  public mutating func raw(_ more: [UInt8]) {
    bytes.writeBytes(more)
  }

  public mutating func text(_ text: String) {
    bytes.writeString(text)
  }

  public mutating func number(_ value: some FixedWidthInteger) {
    bytes.writeInteger(value)
  }

  /// A header that declares `length` bytes, with a right check.
  public mutating func header(_ type: UInt8, flags: UInt8 = check, stream: UInt64 = 0, length: Int) {
    let start = bytes.writerIndex
    bytes.writeMultipleIntegers(
      UInt64(type) << 56 | UInt64(flags) << 48 | stream, UInt32(truncatingIfNeeded: length))
    bytes.writeInteger(checksum(from: start))
  }

  /// A whole frame, with a payload check where its flags say so.
  public mutating func frame(
    _ type: UInt8, flags: UInt8 = check, stream: UInt64 = 0, _ body: (inout ByteBuffer) -> Void
  ) {
    let start = bytes.writerIndex
    bytes.writeRepeatingByte(0, count: 16)
    body(&bytes)
    let length = bytes.writerIndex - start - 16
    bytes.setInteger(UInt64(type) << 56 | UInt64(flags) << 48 | stream, at: start)
    bytes.setInteger(UInt32(truncatingIfNeeded: length), at: start + 8)
    bytes.setInteger(checksum(from: start, byteCount: 12), at: start + 12)
    if flags & Self.check != 0 { bytes.writeInteger(checksum(from: start + 16)) }
  }

  public mutating func frame(_ type: UInt8, stream: UInt64 = 0, number: UInt64) {
    frame(type, stream: stream) { $0.writeInteger(number) }
  }

  private func checksum(from start: Int, byteCount: Int? = nil) -> UInt32 {
    let end = byteCount.map { start + $0 } ?? bytes.writerIndex
    return bytes.getSlice(at: start, length: end - start).map { CRC32C.checksum($0.readableBytesSpan) } ?? 0
  }
}

extension HostileWire {
  /// A DATA frame (SPEC section 8).
  public mutating func data(
    stream: UInt64 = 1, flags: UInt8 = 0, offset: UInt64, codec: UInt8 = 0, rawByteCount: Int, markCount: Int = 0,
    markLength: UInt16 = 0, payload: (inout ByteBuffer) -> Void
  ) {
    let flags = flags | Self.check | (markCount > 0 ? 0x04 : 0)
    frame(0x41, flags: flags, stream: stream) { body in
      body.writeMultipleIntegers(offset, UInt32(codec) << 24 | UInt32(truncatingIfNeeded: rawByteCount))
      if markCount > 0 {
        body.writeInteger(UInt16(truncatingIfNeeded: markCount))
        if markLength == 0 {
          body.writeRepeatingByte(0, count: 2 * markCount)
        } else {
          for _ in 0..<markCount { body.writeInteger(markLength) }
        }
      }
      payload(&body)
    }
  }

  /// A stored block of so many equal bytes.
  public mutating func stored(
    stream: UInt64 = 1, flags: UInt8 = 0, offset: UInt64, byteCount: Int, markCount: Int = 0, markLength: UInt16 = 0
  ) {
    data(
      stream: stream, flags: flags, offset: offset, rawByteCount: byteCount, markCount: markCount,
      markLength: markLength
    ) { $0.writeRepeatingByte(7, count: byteCount) }
  }

  /// A zstd block of one run: 13 bytes that become `rawByteCount`.
  public mutating func bomb(stream: UInt64 = 1, offset: UInt64, rawByteCount: Int) {
    data(stream: stream, offset: offset, codec: 2, rawByteCount: rawByteCount) { body in
      body.writeBytes([0x28, 0xB5, 0x2F, 0xFD])
      if rawByteCount < 256 {
        body.writeMultipleIntegers(UInt8(0x20), UInt8(rawByteCount))
      } else {
        body.writeInteger(UInt8(0xA0))
        body.writeInteger(UInt32(rawByteCount), endianness: .little)
      }
      let block = UInt32(rawByteCount) << 3 | 0b011
      body.writeBytes([UInt8(block & 0xFF), UInt8(block >> 8 & 0xFF), UInt8(block >> 16 & 0xFF), 7])
    }
  }

  /// A block of a chain (SPEC CHN-1), one run: the first one with a window, others without.
  public mutating func chained(
    stream: UInt64, windowLog: UInt8?, offset: UInt64, rawByteCount: Int, isDamaged: Bool
  ) {
    let raw = ByteBuffer(repeating: 7, count: rawByteCount)
    data(
      stream: stream, flags: windowLog == nil ? 0x08 : 0x18, offset: offset, codec: 2, rawByteCount: rawByteCount
    ) { body in
      body.writeInteger(CRC32C.checksum(raw.readableBytesSpan) ^ (isDamaged ? 1 : 0))
      if let windowLog { body.writeBytes([0x28, 0xB5, 0x2F, 0xFD, 0, (windowLog - 10) << 3]) }
      let block = UInt32(rawByteCount) << 3 | 0b010
      body.writeBytes([UInt8(block & 0xFF), UInt8(block >> 8 & 0xFF), UInt8(block >> 16 & 0xFF), 7])
    }
  }

  /// An LZ4 block of one run: a byte, a match at distance 1 that repeats it, and five bytes to end with. At least 30 raw bytes.
  public mutating func lz4Run(
    stream: UInt64 = 1, flags: UInt8 = 0, offset: UInt64, rawByteCount: Int, distance: UInt16 = 1
  ) {
    data(stream: stream, flags: flags, offset: offset, codec: 1, rawByteCount: rawByteCount) { body in
      body.writeBytes([0x1F, 7, UInt8(distance & 0xFF), UInt8(distance >> 8)])
      let rest = rawByteCount - 6 - 19
      body.writeRepeatingByte(0xFF, count: rest / 255)
      body.writeBytes([UInt8(rest % 255), 0x50, 7, 7, 7, 7, 7])
    }
  }

  public mutating func open(stream: UInt64, _ body: (inout ByteBuffer) -> Void = { _ in }) {
    frame(0x40, stream: stream, body)
  }

  public mutating func reset(stream: UInt64, finalOffset: UInt64 = 0) {
    frame(0x42, stream: stream) { $0.writeMultipleIntegers(UInt32(0x11), finalOffset) }
  }

  public mutating func stop(stream: UInt64) {
    frame(0x43, stream: stream) { $0.writeInteger(UInt32(0x11)) }
  }

  public mutating func goAway(last: UInt64) {
    frame(0x44) { $0.writeMultipleIntegers(UInt32(0x14), last, UInt16(0)) }
  }

  /// Preface and HELLO (SPEC section 5).
  public mutating func hello(_ announcement: (inout ByteBuffer) -> Void = { _ in }) {
    number(Self.preface)
    frame(0x01) { body in
      body.writeInteger(Self.preface)
      body.writeRepeatingByte(1, count: 32)
      announcement(&body)
    }
  }

  /// Preface and WELCOME, integrity on.
  public mutating func welcome(_ announcement: (inout ByteBuffer) -> Void = { _ in }) {
    number(Self.preface)
    frame(0x02) { body in
      body.writeMultipleIntegers(Self.preface, Self.preface, UInt32(0x0001_0000))
      body.writeRepeatingByte(2, count: 80)
      announcement(&body)
    }
  }
}
