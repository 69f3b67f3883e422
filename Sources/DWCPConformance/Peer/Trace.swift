/// The last frames in each direction, for the report of a failure.
struct Trace {
  private static let keptCount = 14
  private var lines: [String] = []
  private var droppedCount = 0

  mutating func add(_ line: String) {
    lines.append(line)
    if lines.count > Self.keptCount {
      lines.removeFirst()
      droppedCount += 1
    }
  }

  var text: String {
    (droppedCount > 0 ? ["... \(droppedCount) before"] : []).appending(contentsOf: lines).joined(separator: "\n")
  }
}

extension Array {
  fileprivate func appending(contentsOf more: [Element]) -> [Element] { self + more }
}

extension Frame: CustomStringConvertible {
  /// As SPEC names things, e.g. `DATA stream 1, offset 0, none, 5 raw, EOM, FIN`.
  var description: String {
    var words = [name]
    if streamID != 0 { words[0] += " stream \(streamID)" }
    if let declaredLength { words.append("only the header, declaring \(declaredLength) bytes") }
    if declaredLength == nil { words += content }
    if kind != .data, flags & ~Flag.check != 0 { words.append("flags 0x\(String(flags, radix: 16))") }
    if payloadCheck != .right { words.append(payloadCheck == .absent ? "unchecked" : "wrong payload check") }
    if hasWrongHeaderCheck { words.append("wrong header check") }
    return words.joined(separator: ", ")
  }

  private var name: String {
    switch kind {
    case .goAway: "GOAWAY"
    case let kind?: "\(kind)".uppercased()
    case nil: "type 0x\(String(type, radix: 16, uppercase: true))"
    }
  }

  private var content: [String] {
    var reader = ByteReader(body)
    func code() -> String {
      Code(UInt32(truncatingIfNeeded: reader.integer(byteCount: 4) ?? 0)).description
    }
    func number() -> String { String(reader.integer(byteCount: 8) ?? 0) }
    switch kind {
    case .ping, .pong, .ack, .credit, .streams: return [number()]
    case .close, .refuse: return [code()] + (kind == .close ? reader.text().map { ["\"\($0)\""] } ?? [] : [])
    case .stop: return [code()]
    case .reset: return [code(), "final offset " + number()]
    case .goAway: return [code(), "last stream " + number()]
    case .data: return dataContent(&reader)
    case .open: return [printable(Array(body.prefix(60)))]
    default: return ["\(body.count) bytes"]
    }
  }

  private func dataContent(_ reader: inout ByteReader) -> [String] {
    let offset = reader.integer(byteCount: 8) ?? 0
    let codec = reader.integer(byteCount: 1) ?? 0
    var words = ["offset \(offset)", "codec \(codec)", "\(reader.integer(byteCount: 3) ?? 0) raw"]
    let flagNames: [(UInt8, String)] = [
      (Flag.marks, "MARKS"), (Flag.endOfMessage, "EOM"), (Flag.fin, "FIN"), (Flag.reservedInData, "reserved flag"),
    ]
    words += flagNames.filter { flags & $0.0 != 0 }.map(\.1)
    return words
  }
}
