import DWCPCore
import NIOCore

/// Input: u8 options, u8 window log, u24 declared raw length, u8 level; then a payload to be decoded, or the recipe of raw bytes to be
/// encoded, decoded, damaged and decoded again.
enum CodecTarget {
  private static let maximumRawByteCount = 1 << 20
  private static let codecs = CodecContext()
  private static let canary: UInt8 = 0xA5

  static func problem(in bytes: [UInt8]) -> String? {
    var input = FuzzInput(bytes)
    let options = input.byte()
    let windowLog = 10 + Int(input.byte() % 22)
    let declared = (Int(input.byte()) << 16 | input.short()) % (maximumRawByteCount + 1)
    let level = input.byte()
    let codec: Codec = options & 1 == 0 ? .zstd : .lz4
    guard options & 2 != 0 else {
      return decode(input.remainder(), codec, declared, windowLog).problem
    }
    return roundTrip(recipe(&input), codec, level: level, windowLog: windowLog, damage: options)
  }

  /// Decodes into room that is exactly large enough, and into room that is larger.
  private static func decode(
    _ payload: [UInt8], _ codec: Codec, _ declared: Int, _ windowLog: Int
  ) -> (raw: [UInt8]?, problem: String?) {
    var first: [UInt8]?
    for spare in [0, 64] {
      let (raw, problem) = decode(payload, codec, declared, windowLog, spare: spare)
      if let problem { return (nil, problem) }
      if spare > 0, raw != first { return (nil, "the same payload decodes to different bytes") }
      first = raw
    }
    return (first, nil)
  }

  private static func decode(
    _ payload: [UInt8], _ codec: Codec, _ declared: Int, _ windowLog: Int, spare: Int
  ) -> (raw: [UInt8]?, problem: String?) {
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: declared + spare, alignment: 1)
    defer { room.deallocate() }
    room.initializeMemory(as: UInt8.self, repeating: canary)
    var output = OutputRawSpan(buffer: room, initializedCount: 0)
    var failure: CodecError?
    do throws(CodecError) {
      try codecs.decompress(
        payload.span.bytes, codec: codec, rawByteCount: declared, maximumWindowLog: windowLog, into: &output)
    } catch {
      failure = error
    }
    let written = output.finalize(for: room)
    guard room[max(declared, 0)...].allSatisfy({ $0 == canary }) else {
      return (nil, "decoding wrote behind the declared length (CDC-4)")
    }
    if let failure {
      guard written == 0 else { return (nil, "a failed decoding appended \(written) bytes") }
      return failure.rule.hasPrefix("CDC-") && !failure.message.isEmpty ? (nil, nil) : (nil, "an error without a rule")
    }
    guard written == declared else { return (nil, "decoding gave \(written) of \(declared) bytes (CDC-4)") }
    return (Array(room[..<written]), nil)
  }

  /// Runs: u8 kind, u8 length, and a byte to repeat, bytes as they stand, or a place to copy from.
  private static func recipe(_ input: inout FuzzInput) -> [UInt8] {
    var raw: [UInt8] = []
    while !input.isEmpty, raw.count < 1 << 17 {
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
    _ raw: [UInt8], _ codec: Codec, level: UInt8, windowLog: Int, damage: UInt8
  ) -> String? {
    guard let setting = setting(codec, level, rawByteCount: raw.count) else { return nil }
    guard CompressionSetting("\(setting)") == setting else { return "\(setting) does not read what it writes" }
    let limit = damage & 4 == 0 ? raw.count + 512 : raw.count / 2
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: limit + 64, alignment: 1)
    defer { room.deallocate() }
    room.initializeMemory(as: UInt8.self, repeating: canary)
    var output = OutputRawSpan(buffer: room, initializedCount: 0)
    let fits =
      (try? codecs.compress(
        raw.span.bytes, setting: setting, maximumByteCount: limit, maximumWindowLog: windowLog, into: &output))
    let written = output.finalize(for: room)
    guard let fits else { return "encoding with \(setting) failed" }
    guard room[limit...].allSatisfy({ $0 == canary }) else { return "encoding wrote behind its limit" }
    guard fits else { return written == 0 ? nil : "encoding that did not fit appended \(written) bytes" }
    var payload = Array(room[..<written])
    let (decoded, problem) = decode(payload, codec, raw.count, windowLog)
    if let problem { return problem }
    guard decoded == raw else { return "\(setting): \(raw.count) bytes do not survive the round trip" }
    return damaged(&payload, codec, raw.count, windowLog, damage)
  }

  /// Flips a bit, cuts, or declares another length: an error, or as many bytes as declared.
  private static func damaged(
    _ payload: inout [UInt8], _ codec: Codec, _ rawByteCount: Int, _ windowLog: Int, _ damage: UInt8
  ) -> String? {
    guard !payload.isEmpty else { return nil }
    let place = Int(damage) * 37 % payload.count
    switch damage >> 6 {
    case 0: payload[place] ^= 1 << (damage >> 3 & 7)
    case 1: payload.removeLast(payload.count - place)
    case 2: payload.append(damage)
    default:
      guard decode(payload, codec, rawByteCount + 1, windowLog).raw == nil else {
        return "a payload decodes to a longer length than it has (CDC-4)"
      }
      guard rawByteCount > 0, decode(payload, codec, rawByteCount - 1, windowLog).raw == nil else {
        return rawByteCount == 0 ? nil : "a payload decodes to a shorter length than it has (CDC-4)"
      }
    }
    return decode(payload, codec, rawByteCount, windowLog).problem
  }
}

extension CodecTarget {
  /// Payloads of both codecs as the library makes them, and recipes with each kind of run.
  static var seeds: [[UInt8]] {
    var seeds: [[UInt8]] = []
    let texts: [[UInt8]] = [
      [], [1], Array("hello hello hello hello".utf8), [UInt8](repeating: 0, count: 3_000),
      (0..<600).map { UInt8(truncatingIfNeeded: $0 * $0 / 7) },
    ]
    for (codec, option) in [(Codec.zstd, UInt8(0)), (.lz4, 1)] {
      for raw in texts {
        guard let setting = CompressionSetting(codec: codec, level: 3), let payload = encoded(raw, setting) else {
          continue
        }
        let size = [
          UInt8(raw.count >> 16), UInt8(truncatingIfNeeded: raw.count >> 8), UInt8(truncatingIfNeeded: raw.count),
        ]
        seeds.append([option, 8] + size + [0] + payload)
      }
      for level in [0, 1, 3, 8, 12, 26] as [UInt8] {
        for damage in [0, 4, 0x40, 0x80, 0xC0] as [UInt8] {
          seeds.append([option | 2 | damage, 8, 0, 0, 0, level, 1, 4, 1, 2, 3, 4, 0x20, 9, 7, 2, 30, 0, 3, 0x43, 20, 5])
        }
      }
    }
    return seeds
  }

  private static func encoded(_ raw: [UInt8], _ setting: CompressionSetting) -> [UInt8]? {
    var payload = ByteBuffer()
    var fits = false
    payload.writeWithOutputRawSpan(minimumWritableBytes: raw.count + 512) { output in
      fits =
        (try? codecs.compress(raw.span.bytes, setting: setting, maximumByteCount: raw.count + 512, into: &output))
        ?? false
    }
    return fits ? Array(payload.readableBytesView) : nil
  }
}
