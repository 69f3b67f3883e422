internal import NIOCore
internal import Synchronization

/// What blocks are compressed against, so that small messages that resemble one another shrink (SPEC DIC-1, DIC-2).
///
/// Either a dictionary of zstd (RFC 8878, section 5), as `dwcp dictionary train` and `zstd --train` make them, or any bytes that messages are
/// likely to repeat. Copies share what libzstd made of the bytes, and two dictionaries with the same bytes are equal.
public struct CompressionDictionary: Sendable {
  /// The bounds of SPEC DIC-1, in bytes.
  public static let byteCounts = 8...114_688

  /// One reference, since jobs and blocks carry it.
  private let shared: Shared

  private final class Shared: Sendable {
    let sha256: [UInt8]
    let content: ByteBuffer
    let decoder: ZstdDecoderDictionary
    /// What the library made of the content, for each level that asked for it.
    let encoders = Mutex<[Int: ZstdEncoderDictionary]>([:])

    init(_ content: ByteBuffer, sha256: [UInt8], decoder: ZstdDecoderDictionary) {
      self.content = content
      self.sha256 = sha256
      self.decoder = decoder
    }
  }

  /// Prepares the bytes for use, which takes time in proportion to them.
  ///
  /// - Parameter bytes: ``byteCounts`` of them.
  /// - Throws: ``CodecError/Reason/badDictionary`` when there are too few or too many, or when they begin like a dictionary of zstd and are not a whole
  ///   one.
  public init(_ bytes: [UInt8]) throws(CodecError) {
    try self.init(ByteBuffer(bytes: bytes))
  }

  init(_ content: ByteBuffer) throws(CodecError) {
    try self.init(content, sha256: ContentHash.sha256(of: content.readableBytesSpan))
  }

  /// - Parameter sha256: that of the content.
  init(_ content: ByteBuffer, sha256: [UInt8]) throws(CodecError) {
    guard Self.byteCounts.contains(content.readableBytes),
      let decoder = ZstdDecoderDictionary(content.readableBytesSpan)
    else { throw CodecError(.badDictionary) }
    shared = Shared(content, sha256: sha256, decoder: decoder)
  }

  /// Names the content.
  public var sha256: [UInt8] { shared.sha256 }

  var content: ByteBuffer { shared.content }
  var decoder: ZstdDecoderDictionary { shared.decoder }

  /// The content.
  public var bytes: [UInt8] { Array(content.readableBytesView) }

  /// The length of the content.
  public var byteCount: Int { content.readableBytes }

  /// Made on first use of a level; nil when there is no memory for it.
  func encoder(level: Int) -> ZstdEncoderDictionary? {
    shared.encoders.withLock { byLevel in
      if let made = byLevel[level] { return made }
      let made = ZstdEncoderDictionary(content.readableBytesSpan, level: level)
      byLevel[level] = made
      return made
    }
  }
}

extension CompressionDictionary: Hashable {
  public static func == (left: Self, right: Self) -> Bool { left.sha256 == right.sha256 }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(sha256)
  }
}

/// A dictionary that the other end sent, to be hashed and prepared (SPEC DIC-1).
public struct DictionaryJob: Hashable, Sendable {
  let id: UInt32
  let content: ByteBuffer
  let sha256: [UInt8]

  func run() -> ReceivedDictionary {
    let isWhole = ContentHash.sha256(of: content.readableBytesSpan) == sha256
    return ReceivedDictionary(
      id: id, isWhole: isWhole, dictionary: isWhole ? try? CompressionDictionary(content, sha256: sha256) : nil)
  }
}

/// A dictionary ready to be used, or why it never will be.
public struct ReceivedDictionary: Hashable, Sendable {
  let id: UInt32
  /// The content is what the other end said that it is.
  let isWhole: Bool
  /// Nil when libzstd cannot use it.
  let dictionary: CompressionDictionary?
}
