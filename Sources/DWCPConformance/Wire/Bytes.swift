internal import CCRC32C

/// Reads big-endian integers (SPEC CONV-1) from the front of some bytes; nil where there are too few.
struct ByteReader {
  private(set) var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  var isAtEnd: Bool { rest.isEmpty }

  mutating func integer(byteCount: Int) -> UInt64? {
    guard rest.count >= byteCount else { return nil }
    defer { rest = rest.dropFirst(byteCount) }
    return rest.prefix(byteCount).reduce(0) { $0 << 8 | UInt64($1) }
  }

  mutating func bytes(_ count: UInt64) -> [UInt8]? {
    guard let count = Int(exactly: count), rest.count >= count else { return nil }
    defer { rest = rest.dropFirst(count) }
    return Array(rest.prefix(count))
  }

  /// Text with a u16 length in front (SPEC CONV-4).
  mutating func text() -> String? {
    guard let count = integer(byteCount: 2), let bytes = bytes(count) else { return nil }
    return printable(bytes)
  }

  /// A list with a u8 count in front.
  mutating func list() -> [UInt8]? {
    guard let count = integer(byteCount: 1) else { return nil }
    return bytes(count)
  }
}

/// Another end's words without what a terminal would obey.
func printable(_ bytes: [UInt8]) -> String {
  let scalars = String(decoding: bytes, as: UTF8.self).unicodeScalars.map { scalar in
    let category = scalar.properties.generalCategory
    return [.control, .format, .lineSeparator, .paragraphSeparator].contains(category) ? "\u{FFFD}" : scalar
  }
  return String(String.UnicodeScalarView(scalars))
}

/// The lowest `byteCount` bytes of an integer, big-endian.
func bigEndian(_ value: UInt64, byteCount: Int) -> [UInt8] {
  (0..<byteCount).reversed().map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
}

/// SPEC CONV-3.
func crc32c(_ bytes: ArraySlice<UInt8>) -> UInt32 {
  bytes.withUnsafeBytes { ~dwcp_crc32c_update(~0, $0.baseAddress, $0.count) }
}

func crc32c(_ bytes: [UInt8]) -> UInt32 { crc32c(bytes[...]) }
