public import NIOCore

/// Work for a codec, on one block or a dictionary. The engine hands jobs out and takes their results back in any order; it never runs one by itself, so that the
/// caller decides which thread pays.
public enum CodecJob: Hashable, Sendable {
  case encode(EncodeJob)
  case decode(DecodeJob)
  case prepare(DictionaryJob)
  case encodePages(PageEncodeJob)
  case decodePages(PageDecodeJob)

  /// Raw bytes to be read or made; a measure of the work.
  public var rawByteCount: Int {
    switch self {
    case .encode(let job): job.raw.readableBytes
    case .decode(let job): job.rawByteCount
    case .prepare(let job): job.content.readableBytes
    case .encodePages(let job): job.raw.readableBytes
    case .decodePages(let job): job.rawByteCount
    }
  }

  /// What the block has in common with others of its stream; nil for an independent one. Jobs of one chain are to be run one after the other, in
  /// the order in which they were handed out.
  public var chain: CodecChain? {
    switch self {
    case .encode(let job): job.place?.chain
    case .decode(let job): job.place?.chain
    case .prepare, .encodePages, .decodePages: nil
    }
  }

  /// Does the work, on whatever thread this is called.
  public func run(in context: CodecContext) -> CodecJobResult {
    switch self {
    case .encode(let job): .encoded(job.run(in: context))
    case .decode(let job): .decoded(job.run(in: context))
    case .prepare(let job): .prepared(job.run())
    case .encodePages(let job): .encodedPages(job.run(in: context))
    case .decodePages(let job): .decodedPages(job.run(in: context))
    }
  }
}

/// What came of a ``CodecJob``; give it to ``Session/complete(_:durationNanoseconds:now:)``.
public enum CodecJobResult: Hashable, Sendable {
  case encoded(EncodedBlock)
  case decoded(DecodedBlock)
  case prepared(ReceivedDictionary)
  case encodedPages(EncodedPages)
  case decodedPages(DecodedPages)
}

/// One block to be compressed.
public struct EncodeJob: Hashable, Sendable {
  let number: UInt64
  let streamID: StreamID
  /// What the application wrote.
  public let raw: ByteBuffer
  /// Codec and level.
  public let setting: CompressionSetting
  /// `raw` is a part of a block that has gone stored, to learn what it would have come to.
  var isSample = false
  /// The receiver's limit (SPEC CAP-5, CHN-2).
  let maximumWindowLog: Int
  /// Where the block stands in its chain; nil for an independent one.
  var place: ChainPlace?
  /// What an independent block is compressed against (SPEC DIC-3).
  var dictionary: CompressionDictionary?

  /// SPEC CDC-5: a compressed block has to save this much to be worth decoding.
  static func leastSavingByteCount(rawByteCount: Int) -> Int { max(16, rawByteCount / 16) }

  func run(in context: CodecContext) -> EncodedBlock {
    if let place { return runChained(place, in: context) }
    let payload = Self.encode(raw, setting, maximumWindowLog, dictionary, context)
    return EncodedBlock(
      number: number, streamID: streamID, tried: setting, triedRawByteCount: raw.readableBytes,
      triedByteCount: payload?.readableBytes ?? raw.readableBytes, isSample: isSample,
      codec: payload == nil ? .none : setting.codec, payload: payload ?? raw, rawByteCount: raw.readableBytes)
  }

  /// A block of a chain goes on with it even where it does not shrink, since a stored one would end the chain.
  private func runChained(_ place: ChainPlace, in context: CodecContext) -> EncodedBlock {
    var isEncoded = false
    let room = DataFrame.maximumChainedByteCount(rawByteCount: raw.readableBytes)
    let payload = context.makeBuffer(.encoded, byteCount: room) { output in
      do throws(CodecError) {
        try place.chain.encode(
          raw.readableBytesSpan, at: place.position, level: setting.level, windowLog: maximumWindowLog, into: &output)
        isEncoded = true
      } catch {
        // The block goes stored, and those behind it until another chain begins.
      }
    }
    return EncodedBlock(
      number: number, streamID: streamID, tried: setting, triedRawByteCount: raw.readableBytes,
      triedByteCount: isEncoded ? payload.readableBytes : raw.readableBytes, isSample: false,
      codec: isEncoded ? setting.codec : .none, payload: isEncoded ? payload : raw, rawByteCount: raw.readableBytes,
      decodedCheck: isEncoded ? CRC32C.checksum(raw.readableBytesSpan) : 0)
  }

  /// Nil when it does not save enough. A codec that fails leaves the block stored too: nothing is lost but the saving.
  private static func encode(
    _ raw: ByteBuffer, _ setting: CompressionSetting, _ maximumWindowLog: Int, _ dictionary: CompressionDictionary?,
    _ context: CodecContext
  ) -> ByteBuffer? {
    // A block that names a dictionary is longer by that.
    let limit =
      raw.readableBytes &- leastSavingByteCount(rawByteCount: raw.readableBytes)
      &- (dictionary == nil ? 0 : DataFrame.dictionaryIDByteCount)
    guard limit > 0 else { return nil }
    var isSmaller = false
    let payload = context.makeBuffer(.encoded, byteCount: limit) { output in
      isSmaller =
        (try? context.compress(
          raw.readableBytesSpan, setting: setting, maximumByteCount: limit, maximumWindowLog: maximumWindowLog,
          dictionary: dictionary, into: &output)) ?? false
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
  /// Only a part of a block was tried, which has gone stored.
  let isSample: Bool
  let codec: Codec
  let payload: ByteBuffer
  let rawByteCount: Int
  /// CRC32C of the raw bytes of a chained block (SPEC CHN-3).
  var decodedCheck: UInt32 = 0

  /// It saves too little for its codec to be worth it (SPEC CDC-5).
  var isUnshrunk: Bool {
    payload.readableBytes > rawByteCount &- EncodeJob.leastSavingByteCount(rawByteCount: rawByteCount)
  }
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
  /// Where the block stands in its chain; nil for an independent one.
  var place: ChainPlace?
  /// CRC32C of the raw bytes of a chained block (SPEC CHN-3).
  var decodedCheck: UInt32 = 0
  /// What the block was compressed against, and its id; 0 where there is none (SPEC DIC-3).
  var dictionary: CompressionDictionary?
  var dictionaryID: UInt32 = 0

  func run(in context: CodecContext) -> DecodedBlock {
    var failure: CodecError?
    // A closure that used the job would be given a copy of it.
    let (encoded, codec, rawByteCount, windowLog) = (encoded, codec, rawByteCount, maximumWindowLog)
    let (place, dictionary) = (place, dictionary)
    let slack = codec == .lz4 ? LZ4Library.decodingSlackByteCount : 0
    let raw = context.makeBuffer(.decoded, byteCount: rawByteCount, slackByteCount: slack) { output in
      do throws(CodecError) {
        guard let place else {
          return try context.decompress(
            encoded.readableBytesSpan, codec: codec, rawByteCount: rawByteCount, slackByteCount: slack,
            maximumWindowLog: windowLog, dictionary: dictionary, into: &output)
        }
        try place.chain.decode(
          encoded.readableBytesSpan, at: place.position, rawByteCount: rawByteCount, windowLog: windowLog,
          into: &output)
      } catch {
        failure = error
      }
    }
    if let place, failure == nil, CRC32C.checksum(raw.readableBytesSpan) != decodedCheck {
      place.chain.breakOff()
      failure = CodecError(.wrongCheck)
    }
    return DecodedBlock(
      number: number, streamID: streamID, codec: codec, raw: failure == nil ? raw : ByteBuffer(), failure: failure,
      dictionaryID: dictionaryID)
  }
}

/// A block ready to be read, or why it never will be.
public struct DecodedBlock: Hashable, Sendable {
  let number: UInt64
  let streamID: StreamID
  let codec: Codec
  let raw: ByteBuffer
  let failure: CodecError?
  /// The dictionary that is no longer needed for it; 0 where there was none.
  var dictionaryID: UInt32 = 0
}
