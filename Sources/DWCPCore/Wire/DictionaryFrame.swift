internal import NIOCore

/// What stands in front of the bytes in a DICTIONARY frame (SPEC DIC-1).
struct DictionaryFrame: Hashable, Sendable {
  static let headByteCount = 52
  /// What each frame of a dictionary carries but the last.
  static let partByteCount = 16_384
  /// Dictionaries that live at once in one direction.
  static let liveCount = 2
  static let answerByteCount = 5

  /// What DICTIONARY_ANSWER says.
  enum Answer: UInt8, Hashable, Sendable {
    case rejected = 0
    case accepted = 1
    case alreadyHeld = 2
    /// Of a dictionary of the sender's own.
    case retired = 3
  }

  var id: UInt32
  var domain: UInt64 = 0
  var totalByteCount: Int
  var offset: Int
  var sha256: [UInt8]

  func write(to buffer: inout ByteBuffer) {
    buffer.writeMultipleIntegers(
      id, domain, UInt32(truncatingIfNeeded: totalByteCount), UInt32(truncatingIfNeeded: offset))
    buffer.writeBytes(sha256)
  }
}

extension DictionaryFrame {
  /// Reads the fields; what is left are the bytes of the part.
  init(reading body: inout ByteBuffer) throws(SessionError) {
    guard
      let (id, domain, total, offset) = body.readMultipleIntegers(as: (UInt32, UInt64, UInt32, UInt32).self),
      let sha256 = body.readBytes(length: ContentHash.byteCount)
    else { throw .peer(.frameSize, "HDR-2", "DICTIONARY is too short") }
    self.init(id: id, domain: domain, totalByteCount: Int(total), offset: Int(offset), sha256: sha256)
  }
}
