import NIOCore
import Testing

@testable import DWCPCore

/// Hostile blocks of each kind - independent, with a dictionary, chained - give an error and no byte, or the declared number of bytes, and never a byte
/// that nobody wrote: each is decoded over two kinds of stale bytes (SPEC CDC-3, CDC-4, CHN-1 to CHN-3, DIC-3).
@Suite struct CodecSuiteDamage {
  @Test("a block that nobody damaged decodes", arguments: HostileBlock.all)
  func undamaged(block: HostileBlock) throws {
    let context = CodecContext()
    #expect(try block.decode(block.encoded, in: context) == block.raw)
    #expect(block.job(block.encoded).run(in: context).raw == ByteBuffer(bytes: block.raw))
    #expect(block.encoded.count < block.raw.count)
  }

  @Test("there is a block of each kind")
  func kinds() {
    #expect(Set(HostileBlock.all.map(\.kind)) == Set(HostileBlock.Kind.allCases))
    #expect(HostileBlock.all.count == 16)
  }

  @Test("every truncation fails", arguments: HostileBlock.all)
  func everyTruncationFails(block: HostileBlock) {
    let context = CodecContext()
    for byteCount in 0..<block.encoded.count {
      let cut = Array(block.encoded.prefix(byteCount))
      #expect(block.failure(cut, in: context) != nil, "\(byteCount) bytes")
      let decoded = block.job(cut).run(in: context)
      #expect(decoded.failure != nil && decoded.raw.readableBytes == 0, "\(byteCount) bytes")
    }
  }

  @Test(
    "every flipped bit is an error and no byte, or the declared number; in a chain the right ones",
    arguments: HostileBlock.all)
  func everyFlippedBitIsSurvived(block: HostileBlock) {
    let context = CodecContext()
    for bit in 0..<8 * block.encoded.count {
      var damaged = block.encoded
      damaged[bit / 8] ^= 1 << UInt8(bit % 8)
      _ = block.failure(damaged, in: context)
      let decoded = block.job(damaged).run(in: context)
      guard decoded.failure == nil else {
        #expect(decoded.raw.readableBytes == 0, "bit \(bit)")
        continue
      }
      #expect(decoded.raw.readableBytes == block.raw.count, "bit \(bit)")
      if block.kind.isChained { #expect(decoded.raw == ByteBuffer(bytes: block.raw), "bit \(bit)") }
    }
    #expect(block.failure(block.encoded, in: context) == nil)
  }

  @Test("every other declared length fails", arguments: HostileBlock.all)
  func everyOtherDeclaredLengthFails(block: HostileBlock) {
    let context = CodecContext()
    for rawByteCount in Array(0..<block.raw.count) + [block.raw.count + 1, block.raw.count * 10] {
      #expect(block.failure(block.encoded, rawByteCount: rawByteCount, in: context) != nil, "\(rawByteCount)")
    }
  }

  @Test("a block behind which something stands fails", arguments: HostileBlock.all)
  func trailing(block: HostileBlock) {
    let context = CodecContext()
    let skippable: [UInt8] = [0x50, 0x2A, 0x4D, 0x18, 2, 0, 0, 0, 1, 2]
    let emptyFrame: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0x20, 0, 1, 0, 0]
    let lastBlock: [UInt8] = [1, 0, 0]
    for tail in [[0], [1], [0x50], [0xFF], skippable, emptyFrame, lastBlock, block.encoded] as [[UInt8]] {
      #expect(block.failure(block.encoded + tail, in: context) != nil, "\(tail.prefix(10))")
      if block.isZstd { #expect(block.failure(tail, in: context) != nil || tail == block.encoded) }
    }
    guard block.isZstd else { return }
    for head in [skippable, emptyFrame] {
      #expect(block.failure(head + block.encoded, in: context) != nil, "\(head)")
    }
  }

  @Test(
    "a frame that names a dictionary, or asks for a larger window, is refused by its header",
    arguments: HostileBlock.all)
  func headers(block: HostileBlock) {
    guard block.isZstd, block.kind != .continuesChain else { return }
    let context = CodecContext()
    let isSingleSegment = block.encoded[4] & 0x20 != 0
    for (flag, id) in [(1, [7]), (2, [7, 0]), (3, [7, 0, 0, 0])] as [(UInt8, [UInt8])] {
      var foreign = block.encoded
      foreign[4] |= flag
      foreign.insert(contentsOf: id, at: isSingleSegment ? 5 : 6)
      #expect(block.failure(foreign, in: context) == .dictionaryRequired, "\(id)")
    }
    #expect(block.failure(block.encoded, maximumWindowLog: 9, in: context) == .windowTooLarge)
    guard !isSingleSegment else { return }
    for descriptor in [UInt8(HostileBlock.chainWindowLog - 10) << 3 | 1, 0xFF] {
      var wide = block.encoded
      wide[5] = descriptor
      #expect(block.failure(wide, in: context) == .windowTooLarge, "\(descriptor)")
    }
  }

  @Test("a block that continues a chain has no header, and none may stand in it")
  func headerInChain() throws {
    for block in HostileBlock.all where block.kind == .continuesChain {
      let beginning = try #require(HostileBlock.all.first { $0.kind == .beginsChain && $0.setting == block.setting })
      #expect(block.failure(beginning.encoded, in: CodecContext()) != nil)
      #expect(beginning.failure(block.encoded, in: CodecContext()) == .notASingleFrame)
    }
  }

  @Test("a block decoded without its dictionary, or without its history, fails")
  func withoutWhatItNeeds() throws {
    let context = CodecContext()
    for block in HostileBlock.all where block.kind == .withDictionary || block.kind == .withTrainedDictionary {
      #expect(decodeFailure(block.encoded, .zstd, rawByteCount: block.raw.count, in: context) != nil, "\(block)")
    }
  }

  /// Buffers are written again and again (``CodecContext``): what was in one before must not come out of it.
  @Test("a buffer that held another block shows nothing of it", arguments: HostileBlock.Kind.allCases)
  func reusedBuffers(kind: HostileBlock.Kind) throws {
    let raw = SampleKind.text.bytes(12_000) + SampleKind.mixed.bytes(8_000)
    let block = try #require(HostileBlock(kind, .zstdDefault, raw: raw))
    let secret = try #require(
      HostileBlock(.independent, .zstdDefault, raw: [UInt8](repeating: 0x5E, count: raw.count)))
    let used = CodecContext()
    let stride = max(1, block.encoded.count / 150)
    for place in Swift.stride(from: 0, to: block.encoded.count, by: stride) {
      var damaged = block.encoded
      damaged[place] ^= 1 << UInt8(place % 8)
      for payload in [damaged, Array(block.encoded.prefix(place))] {
        #expect(secret.job(secret.encoded).run(in: used).failure == nil)
        let decoded = block.job(payload).run(in: used)
        let fresh = block.job(payload).run(in: CodecContext())
        #expect(decoded.raw == fresh.raw && decoded.failure == fresh.failure, "at \(place)")
        #expect(decoded.raw.readableBytes == (decoded.failure == nil ? raw.count : 0), "at \(place)")
      }
    }
  }

  @Test func noiseIsSurvived() {
    let context = CodecContext()
    for seed in 1...3000 as ClosedRange<UInt64> {
      let noise = SampleKind.random.bytes(Int(seed % 90), seed: seed)
      for codec in Codec.allCases { _ = decodeFailure(noise, codec, rawByteCount: 64, in: context) }
      let frame: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, UInt8(seed % 4) << 6 | 0x20] + noise
      _ = decodeFailure(frame, .zstd, rawByteCount: Int(noise.first ?? 0), in: context)
    }
  }
}
