import Testing

@_spi(Measuring) @testable import DWCPCore

/// Which way a group goes, that it comes back, and what broken payloads come to.
struct CodecSuitePageGroups {
  private typealias Encoding = PageGroupCodec.Encoding
  private let codec = PageGroupCodec(context: CodecContext())

  private func encode(
    _ pages: Pages, _ change: (inout PageGroupCodec.Terms) -> Void = { _ in }
  ) throws -> (payload: [UInt8], encoding: PageGroupCodec.Encoding)? {
    var terms = PageGroupCodec.Terms(maximumByteCount: pages.raw.count + 1_000)
    change(&terms)
    var encoding: PageGroupCodec.Encoding?
    let outcome = withOutput(capacity: pages.raw.count + 2_000) { output throws(CodecError) in
      encoding = try codec.encode(pages.raw.span.bytes, base: pages.base.span.bytes, terms: terms, into: &output)
      return true
    }
    if let failure = outcome.failure { throw failure }
    #expect(outcome.bytes.count <= terms.maximumByteCount)
    #expect(encoding != nil || outcome.bytes.isEmpty)
    return encoding.map { (outcome.bytes, $0) }
  }

  private func decode(
    _ payload: [UInt8], _ encoding: PageGroupCodec.Encoding, base: [UInt8]?, rawByteCount: Int,
    maximumWindowLog: Int = 18
  ) -> Result<[UInt8], CodecError> {
    decodeOverStaleBytes(rawByteCount: rawByteCount, spare: 5) { output throws(CodecError) in
      guard let base else {
        return try codec.decode(
          payload.span.bytes, encoding, base: nil, rawByteCount: rawByteCount, maximumWindowLog: maximumWindowLog,
          into: &output)
      }
      try codec.decode(
        payload.span.bytes, encoding, base: base.span.bytes, rawByteCount: rawByteCount,
        maximumWindowLog: maximumWindowLog, into: &output)
    }
  }

  @Test func methodsAreTheOnesOnTheWire() {
    #expect(PageGroupCodec.Method.allCases.map(\.rawValue) == [0, 1, 2])
  }

  @Test func theWayIsChosenByWhatHasChanged() throws {
    let few = try #require(try encode(.scattered(pageCount: 32, perMille: 2)))
    #expect(few.encoding == Encoding(method: .mask, codec: .zstd))
    let many = try #require(try encode(.scattered(pageCount: 32, perMille: 100)))
    #expect(many.encoding.method == .mask)
    let shifted = Pages.shifted(pageCount: 32)
    let moved = try #require(try encode(shifted))
    #expect(moved.encoding == Encoding(method: .prefix, codec: .zstd))
    #expect(moved.payload.count < shifted.raw.count / 50)
    let fresh = try #require(try encode(.unlike(.text, pageCount: 32)))
    #expect(fresh.encoding == Encoding(method: .full, codec: .zstd))
    #expect(try encode(.unlike(.random, pageCount: 32)) { $0.maximumByteCount = 31 * 4_096 } == nil)
    let same = SampleKind.random.bytes(64 * 4_096)
    let unchanged = try #require(try encode(Pages(base: same, raw: same)))
    #expect(unchanged.encoding.method == .mask && unchanged.payload.count < 40)
  }

  @Test func withoutZstdMasksGoAsTheyAre() throws {
    let few = Pages.scattered(pageCount: 16, perMille: 5)
    for text in ["none", "lz4"] {
      let lz4 = try setting(text)
      let encoded = try #require(
        try encode(few) {
          $0.mayUseZstd = false
          $0.setting = lz4
        })
      #expect(encoded.encoding == Encoding(method: .mask, codec: .none))
      #expect(encoded.payload == (try mask(few)))
      let fresh = try encode(.unlike(.text, pageCount: 16)) {
        $0.mayUseZstd = false
        $0.setting = lz4
      }
      #expect(fresh?.encoding == (text == "none" ? nil : Encoding(method: .full, codec: .lz4)))
    }
  }

  @Test(arguments: ["none", "lz4", "zstd:-5", "zstd", "zstd:3", "zstd:9", "zstd:19"])
  func groupsSurvive(text: String) throws {
    let setting = try setting(text)
    var methods: Set<PageGroupCodec.Method> = []
    let cases =
      [0, 1, 10, 100, 400].map { Pages.scattered(pageCount: 16, perMille: $0) }
      + [1, 7, 16].map { Pages.shifted(pageCount: $0) } + SampleKind.allCases.map { Pages.unlike($0, pageCount: 5) }
    for pages in cases {
      for isInPlace in [true, false] {
        for limit in [pages.raw.count, pages.raw.count / 10, 100, 1, 0] {
          let encoded = try encode(pages) {
            $0.setting = setting
            $0.isInPlace = isInPlace
            $0.maximumByteCount = limit
          }
          guard let encoded else { continue }
          methods.insert(encoded.encoding.method)
          #expect(isInPlace || encoded.encoding.method != .mask)
          let decoded = decode(encoded.payload, encoded.encoding, base: pages.base, rawByteCount: pages.raw.count)
          #expect(decoded == .success(pages.raw))
        }
      }
    }
    #expect(methods.isSuperset(of: [.prefix, .mask]))
  }

  @Test func basesOfAnyLengthServe() throws {
    let text = SampleKind.text.bytes(100_000)
    let magic: [UInt8] = [0x37, 0xA4, 0x30, 0xEC]
    let bases = [[1], Array(text.prefix(7)), Array(text.dropFirst(777)), text + text, magic + text, magic]
    for base in bases {
      for raw in [text, Array(text.prefix(1)), Array(text[5_000..<9_097])] {
        let pages = Pages(base: base, raw: raw)
        let encoded = try #require(try encode(pages))
        #expect(encoded.encoding == Encoding(method: .prefix, codec: .zstd))
        #expect(decode(encoded.payload, encoded.encoding, base: base, rawByteCount: raw.count) == .success(raw))
      }
    }
    let full = try #require(try encode(Pages(base: [], raw: text)))
    #expect(full.encoding == Encoding(method: .full, codec: .zstd))
    #expect(try encode(Pages(base: text, raw: [])) == nil)
  }

  /// A block of 1 MiB is longer than the window that this end announces for other frames: it is its own window.
  @Test func largeObjectsAreOneSegment() throws {
    let old = SampleKind.random.bytes(1 << 20)
    let raw = SampleKind.text.bytes(55) + old[..<600_000] + SampleKind.text.bytes(66, seed: 2) + old[600_000...]
    let encoded = try #require(try encode(Pages(base: old, raw: raw)))
    #expect(encoded.encoding.method == .prefix)
    #expect(encoded.payload.count < 1_000)
    let header = try ZstdFrameHeader(encoded.payload.span.bytes)
    #expect(header.isSingleSegment && header.contentByteCount == UInt64(raw.count))
    #expect(decode(encoded.payload, encoded.encoding, base: old, rawByteCount: raw.count) == .success(raw))
  }

  @Test func damageIsAnErrorOrAsManyBytes() throws {
    let cases: [(Pages, PageGroupCodec.Method)] = [
      (.scattered(pageCount: 3, perMille: 20), .mask), (.shifted(pageCount: 3), .prefix),
    ]
    for (pages, method) in cases {
      let (payload, encoding) = try #require(try encode(pages))
      try #require(encoding == Encoding(method: method, codec: .zstd))
      let rawByteCount = pages.raw.count
      for byteCount in 0..<payload.count {
        let cut = Array(payload.prefix(byteCount))
        #expect(decode(cut, encoding, base: pages.base, rawByteCount: rawByteCount).isFailure)
      }
      #expect(decode(payload + [0], encoding, base: pages.base, rawByteCount: rawByteCount).isFailure)
      for bit in 0..<8 * payload.count {
        var damaged = payload
        damaged[bit / 8] ^= 1 << UInt8(bit % 8)
        _ = decode(damaged, encoding, base: pages.base, rawByteCount: rawByteCount)
      }
      for count in [0, 1, rawByteCount - 1, rawByteCount + 1, rawByteCount + 4_096] {
        #expect(decode(payload, encoding, base: pages.base, rawByteCount: count).isFailure)
      }
      #expect(decode(payload, encoding, base: nil, rawByteCount: rawByteCount) == .failure(CodecError(.malformed)))
    }
  }

  /// SPEC CDC-3: what the header of a frame says is checked before anything is decoded.
  @Test func framesKeepToTheirForm() throws {
    let pages = Pages.shifted(pageCount: 4)
    let count = pages.raw.count
    let (payload, encoding) = try #require(try encode(pages))
    func failure(_ payload: [UInt8], _ encoding: PageGroupCodec.Encoding) -> CodecError.Reason? {
      guard case .failure(let error) = decode(payload, encoding, base: pages.base, rawByteCount: count) else {
        return nil
      }
      return error.reason
    }
    // A window of its own instead of a single segment: magic, descriptor without the bit, a window of 64 KiB, content size, a last block of one byte repeated.
    let windowed: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0x80, 0x30, 0, 0x40, 0, 0, 0x03, 0, 2, 7]
    #expect(failure(windowed, encoding) == .windowTooLarge)
    #expect(failure(payload + payload, encoding) == .notASingleFrame)
    #expect(failure(Array(payload.dropFirst()), encoding) == .notASingleFrame)
    let small = try #require(try DWCPCoreTests.encode([1, 2, 3], .zstdDefault))
    #expect(failure(small, encoding) == .wrongContentSize)
    let maskEncoding = Encoding(method: .mask, codec: .zstd)
    // Shorter than the masks of 4 pages, and longer than all that can stand behind them.
    #expect(failure(small, maskEncoding) == .wrongContentSize)
    let long = try #require(
      try DWCPCoreTests.encode([UInt8](repeating: 0, count: 4 * (64 + 9 * 512) + 1), .zstdDefault))
    #expect(failure(long, maskEncoding) == .wrongContentSize)
    let few = Pages.scattered(pageCount: 32, perMille: 2)
    let (masked, fewEncoding) = try #require(try encode(few))
    #expect(fewEncoding == maskEncoding)
    let narrow = decode(masked, maskEncoding, base: few.base, rawByteCount: few.raw.count, maximumWindowLog: 10)
    #expect(narrow == .failure(CodecError(.windowTooLarge)))
    for other in [Encoding(method: .prefix, codec: .none), Encoding(method: .prefix, codec: .lz4)] {
      #expect(failure(payload, other) == .malformed)
    }
    #expect(failure(payload, Encoding(method: .mask, codec: .lz4)) == .malformed)
    #expect(failure(payload, Encoding(method: .full, codec: .none)) == .malformed)
  }

  @Test func anotherBaseGivesOtherBytesAndNoMore() throws {
    for pages in [Pages.scattered(pageCount: 2, perMille: 20), .shifted(pageCount: 2)] {
      let (payload, encoding) = try #require(try encode(pages))
      let others = [[UInt8](repeating: 0, count: pages.base.count), SampleKind.text.bytes(pages.base.count)]
      for other in others {
        let decoded = decode(payload, encoding, base: other, rawByteCount: pages.raw.count)
        #expect(decoded != .success(pages.raw))
      }
      // An offset that reaches behind the beginning of a shorter prefix is damage.
      #expect(decode(payload, encoding, base: Array(pages.base.prefix(9)), rawByteCount: pages.raw.count).isFailure)
    }
  }
}

extension Result {
  fileprivate var isFailure: Bool {
    if case .failure = self { true } else { false }
  }
}
