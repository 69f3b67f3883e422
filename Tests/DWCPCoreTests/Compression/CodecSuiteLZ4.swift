import Testing

@testable import DWCPCore

struct CodecSuiteLZ4 {
  private let last = [UInt8](repeating: 0x62, count: 5)

  private func failure(_ block: [UInt8], rawByteCount: Int) -> CodecError.Reason? {
    decodeFailure(block, .lz4, rawByteCount: rawByteCount)
  }

  @Test func handmadeBlocksDecode() throws {
    #expect(try decode([0x50] + Array("hello".utf8), .lz4, rawByteCount: 5) == Array("hello".utf8))
    // One literal, a match of 14 at offset 1, then the five last literals that the format asks for.
    let run: [UInt8] = [0x1A, 0x61, 1, 0, 0x50] + last
    #expect(try decode(run, .lz4, rawByteCount: 20) == [UInt8](repeating: 0x61, count: 15) + last)
    #expect(try decode([0], .lz4, rawByteCount: 0) == [])
  }

  @Test func offsetsMustStayWithinTheBlock() {
    for offset in [2, 3, 8, 255, 256, 65_535] as [UInt16] {
      let block: [UInt8] = [0x1A, 0x61, UInt8(offset & 0xFF), UInt8(offset >> 8), 0x50] + last
      #expect(failure(block, rawByteCount: 20) == .malformed)
    }
  }

  /// Offset 0 points at bytes not written yet. Releases of the library differ in refusing it, but none may show stale
  /// bytes, which `decodeFailure` looks for.
  @Test(arguments: [0, 64]) func offsetZeroShowsNothingStale(slackByteCount: Int) {
    func look(_ block: [UInt8], rawByteCount: Int) {
      _ = decodeFailure(block, .lz4, rawByteCount: rawByteCount, slackByteCount: slackByteCount)
    }
    for matchByteCount in 4...18 {
      for literals in [1, 7, 14] {
        let token = UInt8(literals << 4 | matchByteCount - 4)
        let block = [token] + [UInt8](repeating: 0x61, count: literals) + [0, 0, 0x50] + last
        look(block, rawByteCount: literals + matchByteCount + 5)
      }
    }
    for extra in [0, 1, 10, 100, 250] as [UInt8] {
      look([0x1F, 0x61, 0, 0, extra, 0x50] + last, rawByteCount: 1 + 19 + Int(extra) + 5)
    }
  }

  @Test func lengthMustBeTheDeclaredOne() {
    let block: [UInt8] = [0x50] + Array("hello".utf8)
    #expect(failure(block, rawByteCount: 6) == .wrongLength)
    #expect(failure(block, rawByteCount: 1 << 20) == .wrongLength)
    #expect(failure(block, rawByteCount: 4) == .malformed)
    #expect(failure(block, rawByteCount: 0) == .malformed)
    #expect(failure(block, rawByteCount: -1) == .wrongLength)
    #expect(failure(block + [0], rawByteCount: 5) == .malformed)
    #expect(failure(block + block, rawByteCount: 10) == .malformed)
    #expect(failure([], rawByteCount: 0) == .malformed)
  }

  /// The format lets a decoder ask for a last match that begins 12 bytes before the end, and for five literals behind it; the library asks for the former
  /// only where it may not write behind the block.
  @Test("a block that ends otherwise than its format asks for is what it says, or broken (SPEC CDC-4)")
  func otherEnds() {
    let lateMatch = [0x10, 0x61, 1, 0, 0x50] + last
    let lateMatchBytes = [UInt8](repeating: 0x61, count: 5) + last
    let noLiterals: [UInt8] = [0x1F, 0x61, 1, 0, 255, 255, 255, 255, 0, 0]
    for (spare, slack) in rooms {
      let late = try? decode(lateMatch, .lz4, rawByteCount: 10, spareByteCount: spare, slackByteCount: slack)
      let isBroken = late == nil
      #expect(isBroken ? min(spare, slack) < 64 : late == lateMatchBytes)
      #expect(isBroken || slack > 0, "what may not be written decides nothing")
      let noLiteralsFail =
        decodeFailure(noLiterals, .lz4, rawByteCount: 1_040, spareByteCount: spare, slackByteCount: slack)
      #expect(noLiteralsFail == .malformed)
    }
  }

  @Test func roomBehindTheBlockDoesNotCount() throws {
    let run: [UInt8] = [0x1A, 0x61, 1, 0, 0x50] + last
    for (spare, slack) in rooms {
      let bytes = try decode(run, .lz4, rawByteCount: 20, spareByteCount: spare, slackByteCount: slack)
      #expect(bytes == [UInt8](repeating: 0x61, count: 15) + last)
      for rawByteCount in [0, 1, 15, 19, 21] {
        let failure = decodeFailure(
          run, .lz4, rawByteCount: rawByteCount, spareByteCount: spare, slackByteCount: slack)
        #expect(failure == (rawByteCount < 20 ? .malformed : .wrongLength))
      }
    }
  }

  private let rooms = [0, 64].flatMap { slack in [0, 1, 63, 64, 65, 100].map { (spare: $0, slack: slack) } }

  @Test func endlessLengthsAreRefused() {
    #expect(failure([0xF0] + [UInt8](repeating: 0xFF, count: 5000), rawByteCount: 100) == .malformed)
    #expect(failure([0x1F, 0x61, 1, 0] + [UInt8](repeating: 0xFF, count: 5000), rawByteCount: 100) == .malformed)
  }
}
