internal import NIOCore

/// What stands in a block of pages between the extension that every DATA frame has and the decoded check (SPEC BAS-2).
struct PageBlockHead: Hashable, Sendable {
  /// How the payload comes to the raw bytes (SPEC BAS-3).
  enum Method: UInt8, Hashable, Sendable {
    case full = 0
    case prefix = 1
    case mask = 2
    case zero = 3
    /// As `prefix`, but the bytes of the base lie somewhere else.
    case moved = 4

    var needsBase: Bool { self == .prefix || self == .mask || self == .moved }
  }

  /// Method, reserved byte and length of the table.
  static let fixedByteCount = 4
  /// Base offset and length, of method `moved` only.
  static let baseRangeByteCount = 12
  /// SPEC BAS-3.
  static let maximumBaseByteCount = 8_388_608

  var method: Method
  /// The bytes of the base that `moved` goes on from.
  var baseRange: Range<UInt64>?
  /// Still packed.
  var table: ByteBuffer

  init(method: Method, baseRange: Range<UInt64>? = nil, table: ByteBuffer) {
    self.method = method
    self.baseRange = baseRange
    self.table = table
  }

  var byteCount: Int {
    Self.fixedByteCount &+ (baseRange == nil ? 0 : Self.baseRangeByteCount) &+ table.readableBytes
  }

  func write(to buffer: inout ByteBuffer) {
    buffer.writeMultipleIntegers(method.rawValue, UInt8(0), UInt16(truncatingIfNeeded: table.readableBytes))
    if let baseRange {
      buffer.writeMultipleIntegers(baseRange.lowerBound, UInt32(truncatingIfNeeded: baseRange.count))
    }
    buffer.writeImmutableBuffer(table)
  }
}

extension PageBlockHead {
  /// Reads the first bytes; returns how many of the head are still to come.
  static func readFixed(_ bytes: ByteBuffer) throws(SessionError) -> (method: Method, restByteCount: Int) {
    var bytes = bytes
    guard let (code, reserved, tableByteCount) = bytes.readMultipleIntegers(as: (UInt8, UInt8, UInt16).self),
      let method = Method(rawValue: code), reserved == 0
    else { throw .peer(.protocol, "BAS-3", "a block of pages has an unknown method, or a reserved byte is set") }
    return (method, (method == .moved ? baseRangeByteCount : 0) &+ Int(tableByteCount))
  }

  /// Reads what follows the first bytes.
  init(method: Method, reading rest: ByteBuffer) throws(SessionError) {
    var rest = rest
    self.init(method: method, table: ByteBuffer())
    if method == .moved {
      guard let (offset, length) = rest.readMultipleIntegers(as: (UInt64, UInt32).self),
        offset <= ObjectVersion.byteCounts.upperBound, length > 0, length <= Self.maximumBaseByteCount
      else { throw .peer(.protocol, "BAS-3", "the base of a block of pages is empty, or out of bounds") }
      baseRange = offset..<offset &+ UInt64(length)
    }
    // A short table must not keep a read buffer alive (SPEC MEM-1).
    table = ByteBuffer(bytes: rest.readableBytesView)
  }
}

extension DataFrame {
  /// SPEC BAS-3: the payload length of a block of pages, before memory is reserved for it.
  func checkPayload(byteCount: Int, method: PageBlockHead.Method) throws(SessionError) {
    let isStored = codecID == Codec.none.rawValue
    switch method {
    case .full: return try checkPayload(byteCount: byteCount, isChained: false)
    case .zero where isStored && byteCount == 0 && rawByteCount > 0: return
    case .prefix, .moved:
      if codecID == Codec.zstd.rawValue, byteCount > 0, byteCount < rawByteCount { return }
    case .mask where rawByteCount > 0 && rawByteCount & (PageRuns.pageByteCount &- 1) == 0:
      let least = rawByteCount >> 6
      if isStored, byteCount >= least, byteCount < rawByteCount { return }
      if codecID == Codec.zstd.rawValue, byteCount > 0, byteCount < rawByteCount { return }
    default: break
    }
    throw .peer(
      .frameSize, "BAS-3",
      "a block of pages of method \(method.rawValue), codec \(codecID) and \(rawByteCount) raw bytes came with \(byteCount)"
    )
  }
}
