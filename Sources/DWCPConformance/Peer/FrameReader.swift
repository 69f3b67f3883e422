/// Cuts what a server sends into its preface and frames.
struct FrameReader {
  private var bytes: [UInt8] = []
  private var start = 0
  private(set) var preface: [UInt8]?

  mutating func append(_ more: [UInt8]) {
    if start > 1 << 20 || start == bytes.count {
      bytes.removeFirst(start)
      start = 0
    }
    bytes += more
  }

  var unreadByteCount: Int { bytes.count - start }

  /// The bytes so far that are no whole preface.
  var unfinishedPreface: [UInt8] { preface == nil ? Array(bytes[start...]) : [] }

  /// The next frame, once all of it is there. A frame whose payload check is absent or wrong says so.
  ///
  /// - Throws: what makes it impossible to go on: no magic, a wrong header check, a length that no frame may have.
  mutating func next() throws(CaseFailure) -> Frame? {
    if preface == nil { try takePreface() }
    guard preface != nil, unreadByteCount >= 16 else { return nil }
    let header = Array(bytes[start..<start + 16])
    var reader = ByteReader(header)
    guard let type = reader.integer(byteCount: 1), let flags = reader.integer(byteCount: 1),
      let stream = reader.integer(byteCount: 6), let length = reader.integer(byteCount: 4),
      let check = reader.integer(byteCount: 4)
    else { return nil }
    guard UInt32(truncatingIfNeeded: check) == crc32c(header[..<12]) else {
      throw CaseFailure("HDR-1: frames with a right header check", came: "header \(hex(header))")
    }
    guard length <= 0xFF_FFFF else {
      throw CaseFailure("HDR-2: lengths below 2^24", came: "header \(hex(header))")
    }
    let isChecked = flags & UInt64(Flag.check) != 0
    let bodyEnd = start + 16 + Int(truncatingIfNeeded: length)
    let end = bodyEnd + (isChecked ? 4 : 0)
    guard bytes.count >= end else { return nil }
    var frame = Frame(
      type: UInt8(truncatingIfNeeded: type), stream: stream, flags: UInt8(truncatingIfNeeded: flags),
      body: Array(bytes[start + 16..<bodyEnd]))
    if isChecked {
      let isRight = bytes[bodyEnd..<end].elementsEqual(bigEndian(UInt64(crc32c(frame.body)), byteCount: 4))
      frame.payloadCheck = isRight ? .right : .wrong
    } else {
      frame.payloadCheck = .absent
    }
    start = end
    return frame
  }

  private mutating func takePreface() throws(CaseFailure) {
    let seen = Array(bytes[start...].prefix(8))
    guard seen.prefix(4).elementsEqual([0x44, 0x57, 0x43, 0x50].prefix(seen.count)) else {
      throw CaseFailure("PRE-1: a preface", came: "bytes \(hex(seen))")
    }
    guard seen.count == 8 else { return }
    preface = seen
    start += 8
  }
}

func hex(_ bytes: [UInt8]) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
}
