/// The type byte of a frame (SPEC HDR-6 and the table of types).
struct FrameType: RawRepresentable, Hashable, Sendable {
  let rawValue: UInt8

  static let hello = FrameType(rawValue: 0x01)
  static let welcome = FrameType(rawValue: 0x02)
  static let refuse = FrameType(rawValue: 0x03)
  static let ping = FrameType(rawValue: 0x04)
  static let pong = FrameType(rawValue: 0x05)
  static let ack = FrameType(rawValue: 0x06)
  static let credit = FrameType(rawValue: 0x07)
  static let streams = FrameType(rawValue: 0x08)
  static let close = FrameType(rawValue: 0x09)
  static let updateAck = FrameType(rawValue: 0x0D)
  static let open = FrameType(rawValue: 0x40)
  static let data = FrameType(rawValue: 0x41)
  static let reset = FrameType(rawValue: 0x42)
  static let stop = FrameType(rawValue: 0x43)
  static let goAway = FrameType(rawValue: 0x44)
  static let update = FrameType(rawValue: 0x45)
  static let dictionary = FrameType(rawValue: 0x46)
  static let dictionaryAnswer = FrameType(rawValue: 0x47)
  static let baselineAnswer = FrameType(rawValue: 0x48)
  /// Ignorable: one that asks for nothing sensible is skipped as any unknown frame is (SPEC PRI-1).
  static let priority = FrameType(rawValue: 0xC0)
  /// Never assigned: peers must skip it (SPEC HDR-7).
  static let grease = FrameType(rawValue: 0xBA)

  static let maximumIgnorableByteCount = 16_384
  static let maximumRefuseByteCount = 4_096
  static let maximumAnnouncementByteCount = 8_192

  /// Unknown frames with this bit are skipped.
  var isIgnorable: Bool { rawValue & 0x80 != 0 }

  /// Frames with this bit are counted and acknowledged.
  var isNumbered: Bool { rawValue & 0x40 != 0 }

  /// Frames that an initiator may send before it has seen WELCOME (SPEC HS-2), and its late REFUSE (SPEC HS-4).
  var isEarly: Bool {
    switch self {
    case .hello, .refuse, .open, .data, .reset, .stop, .ping, .close: true
    default: false
    }
  }

  /// Which stream ids a type may carry (SPEC HDR-8).
  enum Addressing: Hashable {
    case session
    case stream
    case either
  }

  /// The table of types in SPEC section 4: body bounds and stream id; nil for unknown types.
  var shape: (bodyByteCounts: ClosedRange<Int>, addressing: Addressing)? {
    switch self {
    case .hello: (40...Self.maximumAnnouncementByteCount, .session)
    case .welcome: (100...Self.maximumAnnouncementByteCount, .session)
    case .refuse: (21...Self.maximumRefuseByteCount, .session)
    case .ping, .pong, .ack, .streams: (8...8, .session)
    case .credit: (8...8, .either)
    case .close: (6...1_030, .session)
    case .open: (0...8_192, .stream)
    case .data: (DataFrame.extensionByteCount...FrameHeader.maximumBodyByteCount, .stream)
    case .reset: (12...12, .stream)
    case .stop: (4...4, .stream)
    case .goAway: (14...1_038, .session)
    case .update: (4...Self.maximumAnnouncementByteCount, .session)
    case .updateAck: (18...3_066, .session)
    case .dictionary:
      (DictionaryFrame.headByteCount &+ 1...DictionaryFrame.headByteCount &+ DictionaryFrame.partByteCount, .session)
    case .dictionaryAnswer: (DictionaryFrame.answerByteCount...DictionaryFrame.answerByteCount, .session)
    case .baselineAnswer: (BaselineAnswer.byteCount...BaselineAnswer.byteCount, .session)
    default: nil
    }
  }
}

extension FrameType: CustomStringConvertible {
  var description: String {
    switch self {
    case .hello: "HELLO"
    case .welcome: "WELCOME"
    case .refuse: "REFUSE"
    case .ping: "PING"
    case .pong: "PONG"
    case .ack: "ACK"
    case .credit: "CREDIT"
    case .streams: "STREAMS"
    case .close: "CLOSE"
    case .open: "OPEN"
    case .data: "DATA"
    case .reset: "RESET"
    case .stop: "STOP"
    case .goAway: "GOAWAY"
    case .update: "UPDATE"
    case .updateAck: "UPDATE_ACK"
    case .dictionary: "DICTIONARY"
    case .dictionaryAnswer: "DICTIONARY_ANSWER"
    case .baselineAnswer: "BASELINE_ANSWER"
    case .priority: "PRIORITY"
    default: "type 0x\(String(rawValue, radix: 16))"
    }
  }
}
