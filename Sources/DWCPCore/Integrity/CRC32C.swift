internal import CCRC32C

/// A CRC-32C that is fed piece by piece: the frame and payload check of the protocol (SPEC CONV-3).
public struct CRC32C: Hashable, Sendable {
  /// The register before the final exclusive-or.
  private var state: UInt32 = 0xFFFF_FFFF

  /// The check of no bytes yet.
  public init() {}

  /// Feeds the next bytes, in order.
  public mutating func update(_ bytes: RawSpan) {
    state = unsafe bytes.withUnsafeBytes { unsafe dwcp_crc32c_update(state, $0.baseAddress, $0.count) }
  }

  @inline(__always)
  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    state = unsafe dwcp_crc32c_update(state, bytes.baseAddress, bytes.count)
  }

  /// The check value of some of the bytes; they have to be there.
  @inline(__always)
  static func checksum(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ count: Int) -> UInt32 {
    guard let base = bytes.baseAddress, start >= 0, count >= 0, start <= bytes.count &- count else { return 0 }
    return ~(unsafe dwcp_crc32c_update(0xFFFF_FFFF, base.advanced(by: start), count))
  }

  /// The check value of all bytes fed so far; more may follow.
  public var value: UInt32 { ~state }

  /// The check value of one piece of bytes.
  public static func checksum(_ bytes: RawSpan) -> UInt32 {
    var check = CRC32C()
    check.update(bytes)
    return check.value
  }
}
