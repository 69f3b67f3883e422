import Testing

@_spi(Measuring) @testable import DWCPCore

/// Bytes, and what became of them some time later.
struct Pages {
  let base: [UInt8]
  let raw: [UInt8]

  /// Pages of text, numbers and noise, of which so many thousandths of the bytes have changed.
  static func scattered(pageCount: Int, perMille: Int, seed: UInt64 = 1) -> Pages {
    let base = SampleKind.mixed.bytes(pageCount * PageMask.pageByteCount, seed: seed)
    var generator = SampleGenerator(state: seed &+ 99)
    var raw = base
    for _ in 0..<(raw.count * perMille / 1_000) {
      raw[generator.below(raw.count)] = generator.nextByte()
    }
    return Pages(base: base, raw: raw)
  }

  /// Some bytes are inserted here and there, and push others over the end.
  static func shifted(pageCount: Int, seed: UInt64 = 1) -> Pages {
    let base = SampleKind.random.bytes(pageCount * PageMask.pageByteCount, seed: seed)
    var raw: [UInt8] = []
    for start in stride(from: 0, to: base.count, by: 10_000) {
      raw += SampleKind.text.bytes(13, seed: seed &+ UInt64(start))
      raw += base[start..<min(start + 10_000, base.count)]
    }
    return Pages(base: base, raw: Array(raw.prefix(base.count)))
  }

  static func unlike(_ kind: SampleKind, pageCount: Int) -> Pages {
    let byteCount = pageCount * PageMask.pageByteCount
    return Pages(base: SampleKind.random.bytes(byteCount, seed: 3), raw: kind.bytes(byteCount, seed: 4))
  }
}

extension SampleGenerator {
  mutating func below(_ bound: Int) -> Int {
    var value = 0
    for _ in 0..<4 { value = value << 8 | Int(nextByte()) }
    return value % bound
  }
}

/// Runs a decoder behind 3 bytes that are in use and over different stale bytes: exactly `rawByteCount` bytes, always the same, or a failure that appends nothing.
func decodeOverStaleBytes(
  rawByteCount: Int, spare: Int = 0, _ call: (inout OutputRawSpan) throws(CodecError) -> Void
) -> Result<[UInt8], CodecError> {
  func attempt(over stale: UInt8) -> OutputOutcome {
    withOutput(capacity: 3 + rawByteCount + spare, used: 3, stale: stale) { output throws(CodecError) in
      try call(&output)
      return true
    }
  }
  let (outcome, other) = (attempt(over: 0xAA), attempt(over: 0x55))
  #expect(outcome.bytes.prefix(3) == [0xAA, 0xAA, 0xAA])
  #expect(outcome.bytes.dropFirst(3) == other.bytes.dropFirst(3))
  #expect(outcome.failure == other.failure)
  if let failure = outcome.failure {
    #expect(outcome.bytes.count == 3)
    return .failure(failure)
  }
  #expect(outcome.bytes.count == 3 + rawByteCount)
  return .success(Array(outcome.bytes.dropFirst(3)))
}

/// The mask of all pages, as it goes over the wire without a codec.
func mask(_ pages: Pages) throws -> [UInt8] {
  let pageCount = pages.base.count / PageMask.pageByteCount
  var granuleCount = 0
  let masks = withOutput(capacity: pageCount * 64) { output throws(CodecError) in
    granuleCount = try PageMask.appendMasks(of: pages.raw.span.bytes, base: pages.base.span.bytes, into: &output)
    return true
  }
  let changes = withOutput(capacity: granuleCount * 9 + 1) { output throws(CodecError) in
    try PageMask.appendChanges(
      of: pages.raw.span.bytes, base: pages.base.span.bytes, masks: masks.bytes.span.bytes, granuleCount: granuleCount,
      into: &output)
    return true
  }
  #expect(masks.failure == nil && changes.failure == nil)
  let encoded = masks.bytes + changes.bytes
  #expect(PageMask.byteCounts(pageCount: pageCount).contains(encoded.count))
  return encoded
}

func unmask(_ encoded: [UInt8], base: [UInt8]) -> Result<[UInt8], CodecError> {
  decodeOverStaleBytes(rawByteCount: base.count) { output throws(CodecError) in
    try PageMask.decode(encoded.span.bytes, base: base.span.bytes, into: &output)
  }
}
