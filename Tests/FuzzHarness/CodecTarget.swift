import DWCPCore
import NIOCore

/// Input: u8 options, u8 window log and kind of block, u24 declared raw length, u8 level; then a payload to be decoded, or the recipe of raw
/// bytes to be encoded, decoded, damaged and decoded again. For a block with a dictionary and option 4, a dictionary of 64 bytes stands
/// in front of the payload.
enum CodecTarget {
  /// What else it takes to decode a block.
  enum Kind: Int {
    case independent, withDictionary, chained, withTrainedDictionary
  }

  private static let maximumRawByteCount = 1 << 17
  static let codecs = CodecContext()
  /// Two, so that a byte that nobody wrote shows as a difference.
  private static let stale: [UInt8] = [0xA5, 0x3C]

  /// One of raw content, and one with the tables of zstd.
  static let dictionaries: [CompressionDictionary] = {
    let samples = (0..<400).map {
      Array("{\"service\": \"echo\", \"urgency\": \($0 % 8), \"bytes\": \($0 &* 7_919)}".utf8)
    }
    let made = [try? CompressionDictionary(samples[0] + samples[1]), try? .trained(on: samples, byteCount: 1_024)]
    return made.compactMap(\.self)
  }()

  static func problem(in bytes: [UInt8]) -> String? {
    var input = FuzzInput(bytes)
    let options = input.byte()
    let place = Int(input.byte())
    let windowLog = 10 + place % 22
    let declared = (Int(input.byte()) << 16 | input.short()) % (maximumRawByteCount + 1)
    let level = input.byte()
    let codec: Codec = options & 1 == 0 ? .zstd : .lz4
    let kind = codec == .zstd ? Kind(rawValue: place / 22 % 4) ?? .independent : .independent
    guard kind != .chained else {
      return ChainTarget.problem(&input, options: options, declared: declared, level: level, windowLog: windowLog)
    }
    guard options & 2 == 0 else {
      return roundTrip(recipe(&input), codec, kind, level: level, windowLog: windowLog, damage: options)
    }
    if kind != .independent, options & 4 != 0 {
      guard let foreign = try? CompressionDictionary(input.bytes(64)) else { return nil }
      return decode(input.remainder(), codec, foreign, declared, windowLog).problem
    }
    return decode(input.remainder(), codec, dictionary(kind), declared, windowLog).problem
  }

  private static func dictionary(_ kind: Kind) -> CompressionDictionary? {
    switch kind {
    case .independent, .chained: nil
    case .withDictionary: dictionaries[0]
    case .withTrainedDictionary: dictionaries[1]
    }
  }

  /// Decodes into room that is exactly large enough, and into room that is larger, over other stale bytes.
  private static func decode(
    _ payload: [UInt8], _ codec: Codec, _ dictionary: CompressionDictionary?, _ declared: Int, _ windowLog: Int
  ) -> (raw: [UInt8]?, problem: String?) {
    let (raw, problem) = attempts(declared) { output, _ throws(CodecError) in
      try codecs.decompress(
        payload.span.bytes, codec: codec, rawByteCount: declared, maximumWindowLog: windowLog, dictionary: dictionary,
        into: &output)
    }
    let (slackRaw, slackProblem) = attempts(declared, slack: 64) { output, _ throws(CodecError) in
      try codecs.decompress(
        payload.span.bytes, codec: codec, rawByteCount: declared, slackByteCount: 64, maximumWindowLog: windowLog,
        dictionary: dictionary, into: &output)
    }
    if let problem = problem ?? slackProblem { return (nil, problem) }
    // With room behind it lz4 takes blocks too that end otherwise than they should.
    guard raw == nil && codec == .lz4 || isSame(slackRaw, raw) else {
      return (nil, "the same payload decodes to different bytes where there is room behind it")
    }
    return (raw, nil)
  }

  /// What decoding has to keep to whatever the payload is: exactly the declared length or nothing, the same each time, and nothing behind it.
  ///
  /// - Parameters:
  ///   - slack: so many bytes behind it may be written nevertheless; there is always room for them, so that the outcome is the same.
  ///   - decode: gets the number of the attempt too, which begins at 0.
  static func attempts(
    _ declared: Int, slack: Int = 0, _ decode: (inout OutputRawSpan, Int) throws(CodecError) -> Void
  ) -> (raw: [UInt8]?, problem: String?) {
    var first: [UInt8]?
    for (number, spare) in [0, 64].enumerated() {
      let (raw, problem) = attempt(declared, number, spare: slack + spare, slack: slack, decode)
      if let problem { return (nil, problem) }
      if number > 0, !isSame(raw, first) {
        return (nil, "the same payload decodes to different bytes, or to stale ones")
      }
      first = raw
    }
    return (first, nil)
  }

  /// Without a step for each byte, which the fuzzer would follow.
  static func isSame(_ left: [UInt8]?, _ right: [UInt8]?) -> Bool {
    left.map { ByteBuffer(bytes: $0) } == right.map { ByteBuffer(bytes: $0) }
  }

  private static func attempt(
    _ declared: Int, _ number: Int, spare: Int, slack: Int,
    _ decode: (inout OutputRawSpan, Int) throws(CodecError) -> Void
  ) -> (raw: [UInt8]?, problem: String?) {
    let canary = stale[number]
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: declared + spare, alignment: 1)
    defer { room.deallocate() }
    room.initializeMemory(as: UInt8.self, repeating: canary)
    var output = OutputRawSpan(buffer: room, initializedCount: 0)
    var failure: CodecError?
    do throws(CodecError) {
      try decode(&output, number)
    } catch {
      failure = error
    }
    let written = output.finalize(for: room)
    guard room[(max(declared, 0) + slack)...].allSatisfy({ $0 == canary }) else {
      return (nil, "decoding wrote behind the declared length (CDC-4)")
    }
    if let failure {
      guard written == 0 else { return (nil, "a failed decoding appended \(written) bytes") }
      let namesRule = failure.rule.hasPrefix("CDC-") || failure.rule.hasPrefix("CHN-")
      return namesRule && !failure.message.isEmpty ? (nil, nil) : (nil, "an error without a rule")
    }
    guard written == declared else { return (nil, "decoding gave \(written) of \(declared) bytes (CDC-4)") }
    return (Array(room[..<written]), nil)
  }

  /// Runs: u8 kind, u8 length, and a byte to repeat, bytes as they stand, or a place to copy from.
  static func recipe(_ input: inout FuzzInput) -> [UInt8] {
    var raw: [UInt8] = []
    while !input.isEmpty, raw.count < 1 << 15 {
      let kind = input.byte()
      let length = Int(input.byte()) << Int(kind >> 5)
      switch kind & 3 {
      case 0: raw += [UInt8](repeating: input.byte(), count: length)
      case 1: raw += input.bytes(length)
      case 2:
        let distance = max(1, min(input.short(), raw.count))
        for _ in 0..<length where !raw.isEmpty { raw.append(raw[raw.count - distance]) }
      default:
        var state = UInt32(input.byte()) << 8 | 1
        for _ in 0..<length {
          state = state &* 1_664_525 &+ 1_013_904_223
          raw.append(UInt8(state >> 24))
        }
      }
    }
    return raw
  }

  private static func setting(_ codec: Codec, _ level: UInt8, rawByteCount: Int) -> CompressionSetting? {
    // High levels take long on much.
    let highest = rawByteCount > 16_384 ? 6 : 19
    let level = codec == .zstd ? Int(level % 27) - 7 : Int(level % 13)
    return CompressionSetting(codec: codec, level: min(level, codec == .zstd ? highest : min(highest, 12)))
  }

  private static func roundTrip(
    _ raw: [UInt8], _ codec: Codec, _ kind: Kind, level: UInt8, windowLog: Int, damage: UInt8
  ) -> String? {
    guard let setting = setting(codec, level, rawByteCount: raw.count) else { return nil }
    guard CompressionSetting("\(setting)") == setting else { return "\(setting) does not read what it writes" }
    // A level makes tables of its own of a dictionary, and keeps them.
    if kind != .independent, setting.level > 12 { return nil }
    let limit = damage & 4 == 0 ? raw.count + 512 : raw.count / 2
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: limit + 64, alignment: 1)
    defer { room.deallocate() }
    room.initializeMemory(as: UInt8.self, repeating: stale[0])
    var output = OutputRawSpan(buffer: room, initializedCount: 0)
    let fits =
      (try? codecs.compress(
        raw.span.bytes, setting: setting, maximumByteCount: limit, maximumWindowLog: windowLog,
        dictionary: dictionary(kind), into: &output))
    let written = output.finalize(for: room)
    guard let fits else { return "encoding with \(setting) failed" }
    guard room[limit...].allSatisfy({ $0 == stale[0] }) else { return "encoding wrote behind its limit" }
    guard fits else { return written == 0 ? nil : "encoding that did not fit appended \(written) bytes" }
    let payload = Array(room[..<written])
    let (decoded, problem) = decode(payload, codec, dictionary(kind), raw.count, windowLog)
    if let problem { return problem }
    guard isSame(decoded, raw) else { return "\(setting): \(raw.count) bytes do not survive the round trip" }
    guard damage >> 6 != 3 else { return otherLengths(payload, codec, kind, raw.count, windowLog) }
    return decode(damaged(payload, by: damage), codec, dictionary(kind), raw.count, windowLog).problem
  }

  private static func otherLengths(
    _ payload: [UInt8], _ codec: Codec, _ kind: Kind, _ rawByteCount: Int, _ windowLog: Int
  ) -> String? {
    for declared in [rawByteCount + 1, rawByteCount - 1] where declared >= 0 {
      guard decode(payload, codec, dictionary(kind), declared, windowLog).raw == nil else {
        return "a payload of \(rawByteCount) bytes decodes to \(declared) (CDC-4)"
      }
    }
    return nil
  }

  /// Flips a bit, cuts, or appends a byte.
  static func damaged(_ payload: [UInt8], by damage: UInt8) -> [UInt8] {
    guard !payload.isEmpty else { return payload }
    let place = Int(damage) * 37 % payload.count
    switch damage >> 6 {
    case 0:
      var flipped = payload
      flipped[place] ^= 1 << (damage >> 3 & 7)
      return flipped
    case 1: return Array(payload.prefix(place))
    default: return payload + [damage]
    }
  }
}

extension CodecTarget {
  /// Payloads of both codecs as the library makes them, of each kind, and recipes with each kind of run.
  static var seeds: [[UInt8]] {
    var seeds: [[UInt8]] = []
    let texts: [[UInt8]] = [
      [], [1], Array("hello hello hello hello".utf8), [UInt8](repeating: 0, count: 3_000),
      (0..<600).map { UInt8(truncatingIfNeeded: $0 * $0 / 7) }, Array("{\"service\": \"sink\", \"urgency\": 5}".utf8),
    ]
    let kinds: [(Codec, Kind)] = [
      (.zstd, .independent), (.lz4, .independent), (.zstd, .withDictionary), (.zstd, .withTrainedDictionary),
    ]
    for (codec, kind) in kinds {
      let option: UInt8 = codec == .zstd ? 0 : 1
      let place = UInt8(22 * kind.rawValue + 8)
      for raw in texts {
        guard let setting = CompressionSetting(codec: codec, level: 3),
          let payload = encoded(raw, setting, dictionary(kind))
        else { continue }
        seeds.append([option, place] + size(raw.count) + [0] + payload)
        if kind != .independent { seeds.append([option | 4, place] + size(raw.count) + [0] + foreign(kind) + payload) }
      }
      for level in [0, 1, 3, 8, 12, 26] as [UInt8] {
        for damage in [0, 4, 0x40, 0x80, 0xC0] as [UInt8] {
          let head: [UInt8] = [option | 2 | damage, place, 0, 0, 0, level]
          seeds.append(head + [1, 4, 1, 2, 3, 4, 0x20, 9, 7, 2, 30, 0, 3, 0x43, 20, 5])
          if kind != .independent { seeds.append(head + [1, UInt8(texts[5].count)] + texts[5]) }
        }
      }
    }
    return seeds + ChainTarget.seeds(texts)
  }

  static func size(_ byteCount: Int) -> [UInt8] {
    [UInt8(byteCount >> 16), UInt8(truncatingIfNeeded: byteCount >> 8), UInt8(truncatingIfNeeded: byteCount)]
  }

  /// The beginning of a dictionary, which is one where it is raw content.
  private static func foreign(_ kind: Kind) -> [UInt8] {
    Array((dictionary(kind)?.bytes ?? []).prefix(64))
  }

  private static func encoded(
    _ raw: [UInt8], _ setting: CompressionSetting, _ dictionary: CompressionDictionary?
  ) -> [UInt8]? {
    var payload = ByteBuffer()
    var fits = false
    payload.writeWithOutputRawSpan(minimumWritableBytes: raw.count + 512) { output in
      fits =
        (try? codecs.compress(
          raw.span.bytes, setting: setting, maximumByteCount: raw.count + 512, dictionary: dictionary, into: &output))
        ?? false
    }
    return fits ? Array(payload.readableBytesView) : nil
  }
}
