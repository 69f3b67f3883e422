public import NIOCore

/// Describes the frames of what one end sent on one link, one line each, without a session: for people who look at captures.
public struct FrameLister: Sendable {
  private var parser = FrameParser(
    maximumRawBlockByteCount: Int(Announcement.Bounds.rawBlockByteCounts.upperBound), allowsChains: true,
    allowsDictionaries: true)
  /// Bytes in front of the frame that comes next.
  private var frameStart = 0
  private var position = 0

  /// A lister that expects a preface first.
  public init() {}

  /// Bytes taken since the end of the last whole frame.
  public var unfinishedByteCount: Int { position &- frameStart }

  /// Takes bytes from `input` up to the end of the next frame; nil when more are needed.
  ///
  /// - Throws: the first rule of SPEC sections 3 to 8 that a frame breaks by itself.
  public mutating func next(_ input: inout ByteBuffer) throws(SessionError) -> String? {
    let before = input.readableBytes
    let step = try parser.step(&input)
    position &+= before &- input.readableBytes
    guard step != .needsMore else { return nil }
    defer {
      frameStart = position
      parser.releaseBlock()
    }
    let description =
      step == .preface ? "PREFACE \(parser.preface), link kind \(parser.preface.linkKind)" : frameDescription
    return "@\(frameStart) \(description)"
  }

  private var frameDescription: String {
    let header = parser.header
    var words = ["\(header.type)"]
    if header.streamID != .session { words.append("stream \(header.streamID)") }
    words.append("\(header.bodyByteCount) bytes")
    if header.isChecked { words.append("checked") }
    words.append(contentsOf: header.type == .data ? dataWords : controlWords)
    return words.joined(separator: ", ")
  }

  private var dataWords: [String] {
    let frame = parser.dataFrame
    let codec = Codec(rawValue: frame.codecID)?.name ?? "codec \(frame.codecID)"
    var words = ["offset \(frame.offset)", codec, "\(frame.rawByteCount) raw bytes"]
    if parser.header.flags & DataFrame.Flags.chained != 0 {
      words.append(parser.header.flags & DataFrame.Flags.restart == 0 ? "CHAINED" : "CHAINED RESTART")
    }
    if parser.header.flags & DataFrame.Flags.dictionary != 0 { words.append("DICTIONARY \(parser.dictionaryID)") }
    if let markTable = parser.markTable { words.append("\(markTable.readableBytes / 2) marks") }
    if parser.header.flags & DataFrame.Flags.endOfMessage != 0 { words.append("EOM") }
    if parser.header.flags & DataFrame.Flags.fin != 0 { words.append("FIN") }
    return words
  }

  private var controlWords: [String] {
    guard var body = parser.body else { return [] }
    switch parser.header.type {
    case .ping, .pong, .ack, .streams, .credit:
      return body.readInteger(as: UInt64.self).map { ["\($0)"] } ?? []
    case .update, .updateAck:
      return body.readInteger(as: UInt32.self).map { ["epoch \($0)"] } ?? []
    case .stop, .close, .refuse:
      return body.readInteger(as: UInt32.self).map { ["\(ErrorCode(rawValue: $0))"] } ?? []
    case .reset, .goAway:
      guard let (code, number) = body.readMultipleIntegers(as: (UInt32, UInt64).self) else { return [] }
      return ["\(ErrorCode(rawValue: code))", "\(number)"]
    case .dictionary:
      guard let frame = try? DictionaryFrame(reading: &body) else { return [] }
      return ["dictionary \(frame.id)", "offset \(frame.offset) of \(frame.totalByteCount)"]
    case .dictionaryAnswer:
      guard let (id, code) = body.readMultipleIntegers(as: (UInt32, UInt8).self) else { return [] }
      return ["dictionary \(id)", DictionaryFrame.Answer(rawValue: code).map { "\($0)" } ?? "answer \(code)"]
    case .open:
      let opening = try? StreamOpening.read(from: &body).opening
      return opening?.metadata.map { "\($0.key)=\($0.value)" } ?? []
    default:
      return []
    }
  }
}
