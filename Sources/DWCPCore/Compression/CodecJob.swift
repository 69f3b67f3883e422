public import NIOCore

/// Work for a codec, on one block that needs no other (SPEC CDC-2). The engine hands jobs out and takes their results back in any order; it never runs one by itself, so that the
/// caller decides which thread pays.
public enum CodecJob: Hashable, Sendable {
  case encode(EncodeJob)
  case decode(DecodeJob)

  /// Raw bytes to be read or made; a measure of the work.
  public var rawByteCount: Int {
    switch self {
    case .encode(let job): job.raw.readableBytes
    case .decode(let job): job.rawByteCount
    }
  }

  /// Does the work, on whatever thread this is called.
  public func run(in context: CodecContext) -> CodecJobResult {
    switch self {
    case .encode(let job): .encoded(job.run(in: context))
    case .decode(let job): .decoded(job.run(in: context))
    }
  }
}

/// What came of a ``CodecJob``; give it to ``Session/complete(_:durationNanoseconds:now:)``.
public enum CodecJobResult: Hashable, Sendable {
  case encoded(EncodedBlock)
  case decoded(DecodedBlock)
}

/// One block to be compressed.
public struct EncodeJob: Hashable, Sendable {
  let number: UInt64
  let streamID: StreamID
  /// What the application wrote.
  public let raw: ByteBuffer
  /// Codec and level.
  public let setting: CompressionSetting
  /// With setting `none`: what is tried on a part of the block, to learn what it would come to.
  let sample: CompressionSetting?
  /// The receiver's limit (SPEC CAP-5).
  let maximumWindowLog: Int

  /// SPEC CDC-5: a compressed block has to save this much to be worth decoding.
  static func leastSavingByteCount(rawByteCount: Int) -> Int { max(16, rawByteCount / 16) }

  func run(in context: CodecContext) -> EncodedBlock {
    guard let sample else {
      let payload = Self.encode(raw, setting, maximumWindowLog, context)
      return EncodedBlock(
        number: number, streamID: streamID, tried: setting, triedRawByteCount: raw.readableBytes,
        triedByteCount: payload?.readableBytes ?? raw.readableBytes, isSample: false,
        codec: payload == nil ? .none : setting.codec, payload: payload ?? raw, rawByteCount: raw.readableBytes)
    }
    let count = CodecSelector.sampleByteCount(rawByteCount: raw.readableBytes)
    let part = raw.getSlice(at: raw.readerIndex, length: count) ?? raw
    let payload = Self.encode(part, sample, maximumWindowLog, context)
    return EncodedBlock(
      number: number, streamID: streamID, tried: sample, triedRawByteCount: part.readableBytes,
      triedByteCount: payload?.readableBytes ?? part.readableBytes, isSample: true, codec: .none, payload: raw,
      rawByteCount: raw.readableBytes)
  }

  /// Nil when it does not save enough. A codec that fails leaves the block stored too: nothing is lost but the saving.
  private static func encode(
    _ raw: ByteBuffer, _ setting: CompressionSetting, _ maximumWindowLog: Int, _ context: CodecContext
  ) -> ByteBuffer? {
    let limit = raw.readableBytes &- leastSavingByteCount(rawByteCount: raw.readableBytes)
    guard limit > 0 else { return nil }
    var payload = ByteBuffer()
    var isSmaller = false
    payload.writeWithOutputRawSpan(minimumWritableBytes: limit) { output in
      isSmaller =
        (try? context.compress(
          raw.readableBytesSpan, setting: setting, maximumByteCount: limit, maximumWindowLog: maximumWindowLog,
          into: &output)) ?? false
    }
    return isSmaller ? payload : nil
  }
}

/// A block ready to be sent.
public struct EncodedBlock: Hashable, Sendable {
  let number: UInt64
  let streamID: StreamID
  /// What was tried, on how much, and what that came to; what became of the block is `codec`.
  let tried: CompressionSetting
  let triedRawByteCount: Int
  let triedByteCount: Int
  /// Only a part of the block was tried, which goes stored whatever came of it.
  let isSample: Bool
  let codec: Codec
  let payload: ByteBuffer
  let rawByteCount: Int
}

/// One block to be decompressed, into exactly the declared number of bytes (SPEC CDC-4).
public struct DecodeJob: Hashable, Sendable {
  let number: UInt64
  let streamID: StreamID
  /// The payload of one DATA frame, not checked yet beyond its length and its payload check.
  public let encoded: ByteBuffer
  /// What the frame says it is.
  public let codec: Codec
  /// The declared raw length; it has been charged.
  public let rawByteCount: Int
  let maximumWindowLog: Int

  func run(in context: CodecContext) -> DecodedBlock {
    var raw = ByteBuffer()
    var failure: CodecError?
    raw.writeWithOutputRawSpan(minimumWritableBytes: rawByteCount) { output in
      do throws(CodecError) {
        try context.decompress(
          encoded.readableBytesSpan, codec: codec, rawByteCount: rawByteCount, maximumWindowLog: maximumWindowLog,
          into: &output)
      } catch {
        failure = error
      }
    }
    return DecodedBlock(
      number: number, streamID: streamID, codec: codec, raw: failure == nil ? raw : ByteBuffer(), failure: failure)
  }
}

/// A block ready to be read, or why it never will be.
public struct DecodedBlock: Hashable, Sendable {
  let number: UInt64
  let streamID: StreamID
  let codec: Codec
  let raw: ByteBuffer
  let failure: CodecError?
}
