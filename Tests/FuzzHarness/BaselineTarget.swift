@_spi(Measuring) import DWCPCore
import NIOCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Input: u8 kind, u8 shape, u8 base; then a payload to be decoded against the base, a mask to be completed, packed and decoded, or edits of the base that are
/// encoded, decoded, damaged and decoded again.
enum BaselineTarget {
  private static let pageByteCount = 4_096
  private static let codec = PageGroupCodec(context: CodecContext())
  private static let packing = CodecContext()
  private static let canary: UInt8 = 0xA5

  /// What the other end has: pages of each kind, and some that begin like a dictionary of zstd.
  private static let bases: [[UInt8]] = [1, 1, 2, 3].map { pageCount in
    var state = UInt32(pageCount)
    return (0..<pageCount * pageByteCount).map { index in
      state = state &* 1_664_525 &+ 1_013_904_223
      switch (index / 512 + pageCount) % 4 {
      case 0: return 0
      case 1: return UInt8(truncatingIfNeeded: index / 8)
      case 2: return UInt8(state >> 24) & 7 | 0x60
      default: return UInt8(state >> 24)
      }
    }
  }
  private static let unaligned: [[UInt8]] = [
    [], [7], Array(bases[1].prefix(5_000)), [0x37, 0xA4, 0x30, 0xEC] + Array(bases[0].dropFirst(4)),
  ]

  static func problem(in bytes: [UInt8]) -> String? {
    var input = FuzzInput(bytes)
    let kind = input.byte()
    let shape = input.byte()
    let choice = Int(input.byte())
    let base = (bases + unaligned)[choice % 8]
    let encoding = PageGroupCodec.Encoding(
      method: PageGroupCodec.Method(rawValue: kind >> 2 & 3) ?? .mask, codec: Codec(rawValue: kind >> 4 & 3) ?? .zstd)
    switch kind & 3 {
    case 0:
      let rawByteCount = shape & 1 == 0 ? base.count : input.short()
      return decode(input.remainder(), encoding, base, rawByteCount, windowLog: 10 + Int(shape >> 4)).problem
    case 1: return completedMask(&input, bases[choice % bases.count], shape: shape)
    default: return roundTrip(edited(base, &input), base, shape: shape, damage: kind)
    }
  }

  /// Decodes into room that is exactly large enough, or into room that is larger; now and then into both, over other bytes.
  private static func decode(
    _ payload: [UInt8], _ encoding: PageGroupCodec.Encoding, _ base: [UInt8], _ rawByteCount: Int, windowLog: Int
  ) -> (raw: [UInt8]?, problem: String?) {
    var first: [UInt8]?
    let isRepeated = payload.count % 4 == 0
    for spare in isRepeated ? [0, 64] : [payload.count % 2 * 64] {
      let room = UnsafeMutableRawBufferPointer.allocate(byteCount: rawByteCount + spare, alignment: 1)
      defer { room.deallocate() }
      fill(room, with: canary &+ UInt8(spare))
      var output = OutputRawSpan(buffer: room, initializedCount: 0)
      var failure: CodecError?
      do throws(CodecError) {
        try codec.decode(
          payload.span.bytes, encoding, base: base.span.bytes, rawByteCount: rawByteCount, maximumWindowLog: windowLog,
          into: &output)
      } catch {
        failure = error
      }
      let written = output.finalize(for: room)
      guard room[rawByteCount...].allSatisfy({ $0 == canary &+ UInt8(spare) }) else {
        return (nil, "decoding wrote behind the declared length (CDC-4)")
      }
      guard written == (failure == nil ? rawByteCount : 0) else {
        return (nil, "decoding gave \(written) of \(rawByteCount) bytes, and \(failure.map { "\($0)" } ?? "no error")")
      }
      let raw = failure == nil ? Array(room[..<written]) : nil
      if isRepeated, spare > 0, !isEqual(raw, first) { return (nil, "the same payload decodes to different bytes") }
      first = raw
    }
    return (first, nil)
  }

  // The loops of the standard library are instrumented as well, and would take most of the time.

  private static func fill(_ room: UnsafeMutableRawBufferPointer, with byte: UInt8) {
    if let base = room.baseAddress { memset(base, Int32(byte), room.count) }
  }

  private static func isEqual(_ left: [UInt8]?, _ right: [UInt8]?) -> Bool {
    guard let left, let right else { return left == nil && right == nil }
    let count = left.count
    guard count == right.count else { return false }
    return left.withUnsafeBytes { left in
      right.withUnsafeBytes { right in
        guard let left = left.baseAddress, let right = right.baseAddress else { return true }
        return memcmp(left, right, count) == 0
      }
    }
  }

  /// Masks from the input, and behind them as much as belongs there: decodes as it is, and packed by zstd. With one byte more or fewer it does not.
  private static func completedMask(_ input: inout FuzzInput, _ base: [UInt8], shape: UInt8) -> String? {
    var masks = [UInt8](repeating: 0, count: base.count / 64)
    for _ in 0..<Int(shape & 0x3F) { masks[input.short() % masks.count] ^= input.byte() }
    let byteMasks = (0..<masks.reduce(0) { $0 + $1.nonzeroBitCount }).map { _ in input.byte() }
    let stream = masks + byteMasks + (0..<byteMasks.reduce(0) { $0 + $1.nonzeroBitCount }).map { _ in input.byte() }
    let plain = PageGroupCodec.Encoding(method: .mask, codec: .none)
    let (raw, problem) = decode(stream, plain, base, base.count, windowLog: 18)
    if let problem { return problem }
    guard raw != nil else { return "a mask that fits its payload is refused" }
    for other in [Array(stream.dropLast()), stream + [shape]] {
      let (raw, problem) = decode(other, plain, base, base.count, windowLog: 18)
      guard problem == nil, raw == nil else { return problem ?? "a mask decodes that does not fit its payload" }
    }
    guard let packed = packed(stream) else { return "a mask cannot be packed" }
    let (unpacked, failure) = decode(
      packed, PageGroupCodec.Encoding(method: .mask, codec: .zstd), base, base.count, windowLog: 18)
    return failure ?? (isEqual(unpacked, raw) ? nil : "a packed mask decodes to other bytes")
  }

  private static func packed(_ stream: [UInt8]) -> [UInt8]? {
    var payload = ByteBuffer()
    var fits = false
    payload.writeWithOutputRawSpan(minimumWritableBytes: stream.count + 64) { output in
      fits =
        (try? packing.compress(
          stream.span.bytes, setting: .zstdDefault, maximumByteCount: stream.count + 64, into: &output)) ?? false
    }
    return fits ? Array(payload.readableBytesView) : nil
  }

  /// Edits: u8 kind, u16 place, u8 length; and bytes to be written, inserted, or none to be left out.
  private static func edited(_ base: [UInt8], _ input: inout FuzzInput) -> [UInt8] {
    var raw = base
    for _ in 0..<24 where !input.isEmpty {
      let kind = input.byte()
      let place = min(input.short() % max(1, raw.count), raw.count)
      let length = Int(input.byte() & 0x3F)
      let end = min(place + length, raw.count)
      switch kind & 3 {
      case 0: raw.replaceSubrange(place..<end, with: input.bytes(end - place))
      case 1: raw.insert(contentsOf: input.bytes(length), at: place)
      case 2: raw.removeSubrange(place..<end)
      default: for index in place..<end { raw[index] ^= kind }
      }
      // As many bytes as before, so that pages stay pages.
      guard kind & 0x80 == 0 else { continue }
      raw += [UInt8](repeating: kind, count: max(0, base.count - raw.count))
      raw.removeLast(raw.count - base.count)
    }
    return raw
  }

  private static func roundTrip(_ raw: [UInt8], _ base: [UInt8], shape: UInt8, damage: UInt8) -> String? {
    var terms = PageGroupCodec.Terms(maximumByteCount: shape & 0x80 == 0 ? raw.count + 512 : raw.count / 3)
    terms.mayUseZstd = shape & 3 != 0
    terms.isInPlace = shape & 4 == 0
    terms.maximumWindowLog = shape & 8 == 0 ? 18 : 10
    terms.setting =
      CompressionSetting(
        ["none", "lz4", "zstd:-5", "zstd:1", "zstd:2", "zstd:3", "zstd:5", "zstd:-1"][Int(shape >> 4 & 7)])
      ?? .none
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: terms.maximumByteCount + 64, alignment: 1)
    defer { room.deallocate() }
    fill(room, with: canary)
    var output = OutputRawSpan(buffer: room, initializedCount: 0)
    let encoding: PageGroupCodec.Encoding?
    do throws(CodecError) {
      encoding = try codec.encode(raw.span.bytes, base: base.span.bytes, terms: terms, into: &output)
    } catch {
      return "encoding failed: \(error)"
    }
    let written = output.finalize(for: room)
    guard room[terms.maximumByteCount...].allSatisfy({ $0 == canary }) else { return "encoding wrote behind its limit" }
    guard let encoding else { return written == 0 ? nil : "encoding that did not fit appended \(written) bytes" }
    var payload = Array(room[..<written])
    let (decoded, problem) = decode(payload, encoding, base, raw.count, windowLog: terms.maximumWindowLog)
    if let problem { return problem }
    guard isEqual(decoded, raw) else { return "\(encoding): \(raw.count) bytes do not survive the round trip" }
    guard !payload.isEmpty, damage & 4 != 0 else { return nil }
    payload[Int(damage >> 3) * 131 % payload.count] ^= 1 << (shape & 7)
    return decode(payload, encoding, base, raw.count, windowLog: terms.maximumWindowLog).problem
  }

  static var seeds: [[UInt8]] {
    var seeds: [[UInt8]] = []
    for choice in 0..<8 as Range<UInt8> {
      for kind in [2, 6, 3, 0x17] as [UInt8] {
        for shape in [0x33, 0x13, 0x70, 0xB3, 0x57] as [UInt8] {
          seeds.append([
            kind, shape, choice, 0, 0, 9, 2, 1, 2, 3, 0, 200, 60, 1, 0, 80, 5, 9, 9, 9, 9, 9, 0x82, 1, 1, 30,
          ])
        }
      }
      seeds.append([1, 5, choice, 0, 3, 0x81, 0, 9, 1, 0, 60, 2, 3, 0x80, 0xFF, 7] + Array(0...40))
      seeds.append([0x08, 0, choice] + [UInt8](repeating: 0, count: 64) + Array(0...40))
      // Frames of zstd: one block of one byte repeated, of 4,096 bytes, of 64 with a prefix.
      for size in [[0x00, 0x0F], [0x40, 0x00]] as [[UInt8]] {
        seeds.append([0x24, 1, choice, 0x10, 0, 0x28, 0xB5, 0x2F, 0xFD, 0x60] + size + [0x03, 0x80, 0x00, 9])
        seeds.append([0x28, 0, choice, 0x28, 0xB5, 0x2F, 0xFD, 0x20, 0x40, 0x03, 0x02, 0x00, 0])
      }
    }
    return seeds
  }
}
