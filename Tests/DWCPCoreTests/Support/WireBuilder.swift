import DWCPCore
import NIOCore

/// Frames as a peer of any intention would write them, apart from the engine's own writer (SPEC section 4).
struct WireBuilder {
  private(set) var bytes = ByteBuffer()

  static let check: UInt8 = 0x80

  /// - Parameter length: what the header says, when it is not the body's.
  func frame(
    _ type: UInt8, flags: UInt8 = check, stream: UInt64 = 0, length: Int? = nil, _ body: [UInt8]
  ) -> WireBuilder {
    var header = ByteBuffer()
    header.writeMultipleIntegers(
      UInt64(type) << 56 | UInt64(flags) << 48 | stream, UInt32(truncatingIfNeeded: length ?? body.count))
    var builder = self
    builder.bytes.writeImmutableBuffer(header)
    builder.bytes.writeInteger(CRC32C.checksum(header.readableBytesSpan))
    builder.bytes.writeBytes(body)
    if flags & Self.check != 0 {
      builder.bytes.writeInteger(CRC32C.checksum(ByteBuffer(bytes: body).readableBytesSpan))
    }
    return builder
  }

  /// A DATA frame (SPEC section 8).
  func data(
    stream: UInt64 = 1, flags: UInt8 = 0, offset: UInt64 = 0, codec: UInt8 = 0, raw: Int? = nil, marks: [UInt16]? = nil,
    dictionary: UInt32? = nil, decodedCheck: UInt32? = nil, _ payload: [UInt8]
  ) -> WireBuilder {
    var body = ByteBuffer()
    body.writeMultipleIntegers(offset, UInt32(codec) << 24 | UInt32(truncatingIfNeeded: raw ?? payload.count))
    if let marks {
      body.writeInteger(UInt16(truncatingIfNeeded: marks.count))
      for mark in marks { body.writeInteger(mark) }
    }
    if let dictionary { body.writeInteger(dictionary) }
    if let decodedCheck { body.writeInteger(decodedCheck) }
    body.writeBytes(payload)
    let markFlag: UInt8 = marks == nil ? 0 : 0x04
    let dictionaryFlag: UInt8 = dictionary == nil ? 0 : 0x40
    return frame(
      0x41, flags: flags | markFlag | dictionaryFlag | Self.check, stream: stream, Array(body.readableBytesView))
  }

  /// A DATA frame with pages of an object (SPEC BAS-2).
  ///
  /// - Parameter runs: pages skipped and pages less one, each below 64.
  /// - Parameter check: of the raw bytes; that of the payload when nothing is said.
  func pages(
    method: UInt8 = 0, reserved: UInt8 = 0, base: (UInt64, UInt32)? = nil, stream: UInt64 = 1, flags: UInt8 = 0,
    offset: UInt64 = 0, runs: [UInt8] = [0, 0], _ payload: [UInt8], codec: UInt8 = 0, raw: Int? = nil,
    check: UInt32? = nil
  ) -> WireBuilder {
    var body = ByteBuffer()
    body.writeMultipleIntegers(offset, UInt32(codec) << 24 | UInt32(truncatingIfNeeded: raw ?? payload.count))
    body.writeMultipleIntegers(method, reserved, UInt16(truncatingIfNeeded: runs.count))
    if let base { body.writeMultipleIntegers(base.0, base.1) }
    body.writeBytes(runs)
    body.writeInteger(check ?? CRC32C.checksum(ByteBuffer(bytes: payload).readableBytesSpan))
    body.writeBytes(payload)
    return frame(0x41, flags: flags | 0x20 | Self.check, stream: stream, Array(body.readableBytesView))
  }

  func raw(_ more: [UInt8]) -> WireBuilder {
    var builder = self
    builder.bytes.writeBytes(more)
    return builder
  }
}

/// A number as big-endian bytes.
func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
  Array(ByteBuffer(integer: value).readableBytesView)
}
