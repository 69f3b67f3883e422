public import DWCPCore

public enum FramingError: Error {
  case headerCheck
  case payloadCheck
}

/// The 28 bytes in front of a payload: header and extension of a DATA frame.
public struct FrameHead {
  public static let headerByteCount = 16
  public static let byteCount = 28
  public static let checkByteCount = 4

  public var stream: Int
  public var payloadByteCount: Int
  /// Has been fed with the extension.
  public var check = CRC32C()

  @inlinable
  public init(stream: Int, payloadByteCount: Int) {
    self.stream = stream
    self.payloadByteCount = payloadByteCount
  }

  @inlinable
  public init(reading bytes: RawSpan) throws(FramingError) {
    let first = UInt64(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt64.self))
    let length = UInt32(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: 8, as: UInt32.self))
    let headerCheck = UInt32(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: 12, as: UInt32.self))
    guard CRC32C.checksum(bytes.extracting(first: 12)) == headerCheck else { throw .headerCheck }
    stream = Int(first & 0xFFFF_FFFF_FFFF)
    payloadByteCount = Int(length) - 12
    check.update(bytes.extracting(last: 12))
  }

  @inlinable
  public mutating func write(to output: inout OutputRawSpan) {
    output.append((UInt64(0x1080) << 48 | UInt64(stream)).bigEndian, as: UInt64.self)
    output.append(UInt32(payloadByteCount + 12).bigEndian, as: UInt32.self)
    output.append(CRC32C.checksum(output.bytes.extracting(last: 12)).bigEndian, as: UInt32.self)
    output.append(UInt64(0), as: UInt64.self)
    output.append(UInt32(payloadByteCount).bigEndian, as: UInt32.self)
    check.update(output.bytes.extracting(last: 12))
  }
}

/// Joins what a buffer's end has cut in two, for cores that walk over spans.
public struct Carry {
  @usableFromInline var bytes: [UInt8] = []

  public init() {}

  @inlinable
  public mutating func readHead(_ input: RawSpan, at position: inout Int) throws(FramingError) -> FrameHead? {
    if bytes.isEmpty, input.byteCount - position >= FrameHead.byteCount {
      defer { position += FrameHead.byteCount }
      return try FrameHead(reading: input.extracting(position..<position + FrameHead.byteCount))
    }
    guard fill(FrameHead.byteCount, from: input, at: &position) else { return nil }
    defer { bytes.removeAll(keepingCapacity: true) }
    return try FrameHead(reading: bytes.span.bytes)
  }

  @inlinable
  public mutating func readCheck(_ input: RawSpan, at position: inout Int) -> UInt32? {
    guard fill(FrameHead.checkByteCount, from: input, at: &position) else { return nil }
    defer { bytes.removeAll(keepingCapacity: true) }
    return UInt32(bigEndian: bytes.span.bytes.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt32.self))
  }

  @inlinable
  mutating func fill(_ byteCount: Int, from input: RawSpan, at position: inout Int) -> Bool {
    while bytes.count < byteCount, position < input.byteCount {
      bytes.append(input.unsafeLoad(fromByteOffset: position, as: UInt8.self))
      position += 1
    }
    return bytes.count == byteCount
  }
}
