/// Codes of SPEC section 13.
struct Code: Hashable, CustomStringConvertible {
  let rawValue: UInt32

  init(_ rawValue: UInt32) { self.rawValue = rawValue }

  private static let names = [
    "NO_ERROR", "INTERNAL", "PROTOCOL", "HEADER_CHECK", "PAYLOAD_CHECK", "FRAME_SIZE", "FLOW_CONTROL", "STREAM_STATE",
    "STREAM_LIMIT", "CODEC", "VERSION", "NO_COMMON_CODEC", "POLICY", "CAPABILITY", "IDLE_TIMEOUT", "HANDSHAKE_TIMEOUT",
    "EXCESSIVE_LOAD", "CANCELLED", "REFUSED_STREAM", "UNKNOWN_SERVICE", "SHUTDOWN",
  ]

  static let noError = Code(0x00)
  static let `protocol` = Code(0x02)
  static let headerCheck = Code(0x03)
  static let payloadCheck = Code(0x04)
  static let frameSize = Code(0x05)
  static let flowControl = Code(0x06)
  static let streamState = Code(0x07)
  static let streamLimit = Code(0x08)
  static let codec = Code(0x09)
  static let version = Code(0x0A)
  static let capability = Code(0x0D)
  static let idleTimeout = Code(0x0E)
  static let handshakeTimeout = Code(0x0F)
  static let excessiveLoad = Code(0x10)
  static let cancelled = Code(0x11)
  static let refusedStream = Code(0x12)
  static let unknownService = Code(0x13)
  /// The first of the application's own.
  static let application = Code(0x4000_0000)

  var description: String {
    Self.names.indices.contains(Int(rawValue)) ? Self.names[Int(rawValue)] : "code 0x\(String(rawValue, radix: 16))"
  }
}

/// Frame types of SPEC section 4.
enum FrameKind: UInt8 {
  case hello = 0x01
  case welcome, refuse, ping, pong, ack, credit, streams, close
  case updateAck = 0x0D
  case open = 0x40
  case data, reset, stop, goAway, update
  case dictionary, dictionaryAnswer, baselineAnswer

  /// The type table's bounds of `length`.
  var lengths: ClosedRange<Int> {
    switch self {
    case .hello: 40...8_192
    case .welcome: 100...8_192
    case .refuse: 21...4_096
    case .ping, .pong, .ack, .credit, .streams: 8...8
    case .close: 6...1_030
    case .open: 0...8_192
    case .data: 12...16_777_215
    case .reset: 12...12
    case .stop: 4...4
    case .goAway: 14...1_038
    case .update: 4...8_192
    case .updateAck: 18...3_066
    case .dictionary: 53...16_436
    case .dictionaryAnswer: 5...5
    case .baselineAnswer: 36...36
    }
  }

  /// Whether a stream id is required (true), must be zero (false), or both are legal (nil).
  var namesStream: Bool? {
    switch self {
    case .credit: nil
    case .open, .data, .reset, .stop: true
    default: false
    }
  }
}

enum Flag {
  static let check: UInt8 = 0x80
  static let fin: UInt8 = 0x01
  static let endOfMessage: UInt8 = 0x02
  static let marks: UInt8 = 0x04
  static let chained: UInt8 = 0x08
  static let restart: UInt8 = 0x10
  static let baseline: UInt8 = 0x20
  static let dictionary: UInt8 = 0x40
  /// For a peer that announces nothing of section 17, as the tester does.
  static let reservedInData: UInt8 = 0x78
  static let reservedElsewhere: UInt8 = 0x3F
}

/// One frame, right or deliberately wrong.
struct Frame {
  enum PayloadCheck { case right, absent, wrong }

  var type: UInt8
  var flags: UInt8 = 0
  var streamID: UInt64 = 0
  var body: [UInt8] = []
  var payloadCheck = PayloadCheck.right
  /// Instead of the length of the body, which is then not sent.
  var declaredLength: UInt32?
  var hasWrongHeaderCheck = false

  init(_ kind: FrameKind, stream: UInt64 = 0, flags: UInt8 = 0, body: [UInt8] = []) {
    self.init(type: kind.rawValue, stream: stream, flags: flags, body: body)
  }

  init(type: UInt8, stream: UInt64 = 0, flags: UInt8 = 0, body: [UInt8] = []) {
    self.type = type
    self.flags = flags
    streamID = stream
    self.body = body
  }

  var kind: FrameKind? { FrameKind(rawValue: type) }
  var isNumbered: Bool { type & 0x40 != 0 }

  var encoded: [UInt8] {
    let allFlags = payloadCheck == .absent ? flags : flags | Flag.check
    var bytes = [type, allFlags] + bigEndian(streamID, byteCount: 6)
    bytes += bigEndian(UInt64(declaredLength ?? UInt32(truncatingIfNeeded: body.count)), byteCount: 4)
    bytes += bigEndian(UInt64(crc32c(bytes) ^ (hasWrongHeaderCheck ? 1 : 0)), byteCount: 4)
    guard declaredLength == nil else { return bytes }
    bytes += body
    if payloadCheck != .absent {
      bytes += bigEndian(UInt64(crc32c(body) ^ (payloadCheck == .wrong ? 1 : 0)), byteCount: 4)
    }
    return bytes
  }

  // What scripts do to a frame to break it.

  func with(flags: UInt8) -> Frame { changed { $0.flags |= flags } }
  func on(_ stream: UInt64) -> Frame { changed { $0.streamID = stream } }
  /// Only the header, with this length.
  func declaring(_ length: UInt32) -> Frame { changed { $0.declaredLength = length } }
  var unchecked: Frame { changed { $0.payloadCheck = .absent } }
  var withWrongPayloadCheck: Frame { changed { $0.payloadCheck = .wrong } }
  var withWrongHeaderCheck: Frame { changed { $0.hasWrongHeaderCheck = true } }

  private func changed(_ change: (inout Frame) -> Void) -> Frame {
    var frame = self
    change(&frame)
    return frame
  }
}

extension Frame {
  static func ping(_ value: UInt64) -> Frame { Frame(.ping, body: bigEndian(value, byteCount: 8)) }
  static func pong(_ value: UInt64) -> Frame { Frame(.pong, body: bigEndian(value, byteCount: 8)) }
  static func ack(_ count: UInt64) -> Frame { Frame(.ack, body: bigEndian(count, byteCount: 8)) }
  static func streams(_ limit: UInt64) -> Frame { Frame(.streams, body: bigEndian(limit, byteCount: 8)) }

  /// Stream 0 stands for the session.
  static func credit(_ stream: UInt64, _ limit: UInt64) -> Frame {
    Frame(.credit, stream: stream, body: bigEndian(limit, byteCount: 8))
  }

  static func close(_ code: Code, text: [UInt8] = []) -> Frame {
    Frame(
      .close, body: bigEndian(UInt64(code.rawValue), byteCount: 4) + bigEndian(UInt64(text.count), byteCount: 2) + text)
  }

  static func goAway(_ last: UInt64) -> Frame {
    Frame(.goAway, body: bigEndian(0x14, byteCount: 4) + bigEndian(last, byteCount: 8) + [0, 0])
  }

  static func reset(_ stream: UInt64, _ code: Code, at finalOffset: UInt64) -> Frame {
    let body = bigEndian(UInt64(code.rawValue), byteCount: 4) + bigEndian(finalOffset, byteCount: 8)
    return Frame(.reset, stream: stream, body: body)
  }

  static func stop(_ stream: UInt64, _ code: Code) -> Frame {
    Frame(.stop, stream: stream, body: bigEndian(UInt64(code.rawValue), byteCount: 4))
  }

  static func update(_ epoch: UInt64, _ entries: [Entry] = []) -> Frame {
    Frame(.update, body: bigEndian(epoch, byteCount: 4) + entries.flatMap(\.encoded))
  }

  static func open(_ stream: UInt64, _ entries: [Entry]) -> Frame {
    Frame(.open, stream: stream, body: entries.flatMap(\.encoded))
  }

  /// A stream to a service of SPEC appendix A.
  static func open(_ stream: UInt64, _ service: String, bytes: String? = nil) -> Frame {
    .open(stream, [.metadata("service", service)] + (bytes.map { [.metadata("bytes", $0)] } ?? []))
  }

  /// A block; `payload` and `rawLength` are those of a stored one unless given.
  static func data(
    _ stream: UInt64, at offset: UInt64, _ raw: [UInt8] = [], flags: UInt8 = 0, marks: [UInt16]? = nil,
    codec: UInt8 = 0, rawLength: Int? = nil
  ) -> Frame {
    var body = bigEndian(offset, byteCount: 8) + [codec] + bigEndian(UInt64(rawLength ?? raw.count), byteCount: 3)
    if let marks {
      body += bigEndian(UInt64(marks.count), byteCount: 2) + marks.flatMap { bigEndian(UInt64($0), byteCount: 2) }
    }
    return Frame(.data, stream: stream, flags: flags | (marks == nil ? 0 : Flag.marks), body: body + raw)
  }

  static func data(_ stream: UInt64, at offset: UInt64, _ text: String, flags: UInt8 = 0) -> Frame {
    .data(stream, at: offset, Array(text.utf8), flags: flags)
  }
}

/// `u16 tag, u16 length, value`: of an announcement (SPEC section 6) or of OPEN (section 7).
struct Entry {
  var tag: UInt16
  var value: [UInt8]
  /// Instead of the length of the value.
  var declaredLength: UInt16?

  init(_ tag: UInt16, _ value: [UInt8], declaring length: UInt16? = nil) {
    self.tag = tag
    self.value = value
    declaredLength = length
  }

  init(_ tag: UInt16, _ value: UInt64, byteCount: Int) {
    self.init(tag, bigEndian(value, byteCount: byteCount))
  }

  var encoded: [UInt8] {
    bigEndian(UInt64(tag), byteCount: 2)
      + bigEndian(UInt64(declaredLength ?? UInt16(truncatingIfNeeded: value.count)), byteCount: 2) + value
  }

  static func metadata(_ key: String, _ value: String) -> Entry {
    Entry(0x0001, [UInt8(truncatingIfNeeded: key.utf8.count)] + Array(key.utf8) + Array(value.utf8))
  }

  // Announcement tags that scripts use often.
  static func codecs(_ ids: UInt8...) -> Entry { Entry(0x0001, ids) }
  static func sessionCredit(_ units: UInt64) -> Entry { Entry(0x0004, units, byteCount: 8) }
  static func streamCredit(_ units: UInt64) -> Entry { Entry(0x0005, units, byteCount: 8) }
  static func idleTimeout(milliseconds: UInt64) -> Entry { Entry(0x0007, milliseconds, byteCount: 4) }
  static let integrity = Entry(0x0008, [1])
}
