public import DWCPCore
internal import NIOCore

/// A version of an object, as its opening has it (SPEC BAS-1).
public struct HostileVersion: Sendable {
  public let name: ObjectName
  public var epoch: UInt64 = 1
  public var base: UInt64 = 0
  public var version: UInt64
  public var byteCount: Int
  public var baseDigest: UInt64 = 0

  public init(_ object: UInt64, domain: UInt64 = 0, base: UInt64 = 0, version: UInt64 = 1, byteCount: Int) {
    name = ObjectName(domain: domain, number: object)
    self.base = base
    self.version = version
    self.byteCount = byteCount
  }

  /// The digest of so many bytes that are all the same (SPEC BAS-1).
  public static func digest(of byte: UInt8, byteCount: Int) -> UInt64 {
    guard byte != 0, byteCount > 0 else { return 0 }
    return (0...(byteCount - 1) / 4_096).reduce(0) { sum, page in
      var content = ByteBuffer(repeating: byte, count: min(4_096, byteCount - page * 4_096))
      content.writeRepeatingByte(0, count: 4_096 - content.readableBytes)
      var x = UInt64(page) << 32 &+ UInt64(CRC32C.checksum(content.readableBytesSpan))
      x = (x ^ x >> 30) &* 0xBF58_476D_1CE4_E5B9
      x = (x ^ x >> 27) &* 0x94D0_49BB_1331_11EB
      return sum &+ (x ^ x >> 31)
    }
  }
}

/// How pages travel (SPEC BAS-3).
public enum HostileMethod: UInt8, CaseIterable, Sendable {
  case full, prefix, mask, zero, moved

  /// It needs the base.
  var isBased: Bool { self != .full && self != .zero }
}

extension HostileWire {
  /// OPEN of a new version; another copy of the entry may follow.
  public mutating func version(_ version: HostileVersion, stream: UInt64) {
    open(stream: stream) { body in
      body.writeMultipleIntegers(UInt16(4), UInt16(8), version.name.domain, UInt16(5), UInt16(48))
      body.writeMultipleIntegers(
        version.name.number, version.epoch, version.base, version.version, UInt64(bitPattern: Int64(version.byteCount)),
        version.baseDigest)
    }
  }

  /// Pages of one byte, which the base has too where the method needs it, in blocks of their own.
  public mutating func pages(
    _ range: Range<Int>, of byteCount: Int, stream: UInt64 = 1, flags: UInt8 = 0, offset: UInt64,
    method: HostileMethod = .full, byte: UInt8 = 7, isDamaged: Bool = false, table: [UInt8]? = nil
  ) {
    let rawByteCount = min(byteCount, range.upperBound * 4_096) - range.lowerBound * 4_096
    let raw = ByteBuffer(repeating: method == .zero ? 0 : byte, count: rawByteCount)
    let isStored = method == .mask || method == .zero
    data(
      stream: stream, flags: flags | 0x20, offset: offset, codec: isStored ? 0 : 2, rawByteCount: rawByteCount
    ) { body in
      let runs = table ?? Self.run(range)
      body.writeMultipleIntegers(method.rawValue, UInt8(0), UInt16(truncatingIfNeeded: runs.count))
      if method == .moved { body.writeMultipleIntegers(UInt64(0), UInt32(1)) }
      body.writeBytes(runs)
      body.writeInteger(CRC32C.checksum(raw.readableBytesSpan) ^ (isDamaged ? 1 : 0))
      if method == .mask { body.writeRepeatingByte(0, count: 64 * range.count) }
      if !isStored { body.writeBytes(Self.frame(of: byte, rawByteCount: rawByteCount)) }
    }
  }

  /// One run, its integers as long as they go.
  public static func run(_ range: Range<Int>) -> [UInt8] {
    var bytes = ByteBuffer()
    bytes.writeMultipleIntegers(1 << 31 | UInt32(range.lowerBound), 1 << 31 | UInt32(range.count - 1))
    return Array(bytes.readableBytesView)
  }

  /// 0 mismatch, 1 stands, 2 released.
  public mutating func objectAnswer(
    _ object: UInt64, domain: UInt64 = 0, version: UInt64, value: UInt64 = 0, answer: UInt8
  ) {
    frame(0x48) { $0.writeMultipleIntegers(domain, object, version, value, UInt32(answer) << 24) }
  }

  /// A zstd frame of one run.
  static func frame(of byte: UInt8, rawByteCount: Int) -> [UInt8] {
    var body = ByteBuffer(bytes: [0x28, 0xB5, 0x2F, 0xFD, 0xA0])
    body.writeInteger(UInt32(rawByteCount), endianness: .little)
    let block = UInt32(rawByteCount) << 3 | 0b011
    body.writeBytes([UInt8(block & 0xFF), UInt8(block >> 8 & 0xFF), UInt8(block >> 16 & 0xFF), byte])
    return Array(body.readableBytesView)
  }
}
