internal import NIOCore

extension String {
  /// Text of a peer, safe to show: what is not UTF-8, and what a terminal or a log would obey, become replacement characters
  /// (SPEC CONV-4).
  init(showing bytes: [UInt8]) {
    var text = String.UnicodeScalarView()
    for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
      let isObeyed = [.control, .format, .lineSeparator, .paragraphSeparator].contains(
        scalar.properties.generalCategory)
      text.append(isObeyed ? "\u{FFFD}" : scalar)
    }
    self.init(text)
  }
}

extension ByteBuffer {
  /// Text with a u16 length in front, cut to `maximumByteCount` bytes at a character boundary.
  mutating func writeText(_ text: String, maximumByteCount: Int) {
    var fitting = String.UnicodeScalarView()
    var byteCount = 0
    for scalar in text.unicodeScalars {
      byteCount &+= UTF8.width(scalar)
      guard byteCount <= maximumByteCount else { break }
      fitting.append(scalar)
    }
    let bytes = String(fitting).utf8
    writeInteger(UInt16(truncatingIfNeeded: bytes.count))
    writeBytes(bytes)
  }

  /// Text with a u16 length in front; nil when the length reaches past the end.
  mutating func readText() -> String? {
    guard let count = readInteger(as: UInt16.self), let bytes = readBytes(length: Int(count)) else { return nil }
    return String(showing: bytes)
  }

  /// A list of codec ids with a u8 count in front.
  mutating func readCodecIDs() -> [UInt8]? {
    guard let count = readInteger(as: UInt8.self) else { return nil }
    return readBytes(length: Int(count))
  }

  /// A list of codec ids with a u8 count in front; never more than 255.
  mutating func writeCodecIDs(_ ids: [UInt8]) {
    let ids = ids.prefix(255)
    writeInteger(UInt8(truncatingIfNeeded: ids.count))
    writeBytes(ids)
  }
}
