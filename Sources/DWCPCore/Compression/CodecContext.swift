internal import NIOCore
internal import Synchronization

/// The working memory of the codecs, made on first use and kept from block to block, and buffers for what they make.
///
/// Any thread may call; calls to one context take turns, so a program that compresses on several threads gives each its
/// own.
public final class CodecContext: Sendable {
  let libraries = Mutex(CodecLibraries())
  private let encoded = Mutex(OutputBuffers(isShrinking: false))
  private let decoded = Mutex(OutputBuffers(isShrinking: true))

  /// A context that holds no memory yet.
  public init() {}

  /// Appends the block made from `raw` to `output`, if it fits.
  ///
  /// - Parameters:
  ///   - raw: the block's raw bytes.
  ///   - setting: codec and level.
  ///   - maximumByteCount: the longest block that is of use.
  ///   - maximumWindowLog: the receiver's limit on the window of a zstd frame, 10 to 31 (SPEC CDC-3).
  ///   - dictionary: what the receiver decodes the block with too; for zstd only (SPEC DIC-3).
  ///   - output: where the encoded block is appended.
  /// - Returns: false if the block is longer than `maximumByteCount` or the room in `output`, or the codec is `none`;
  ///   nothing has been appended then, and the block is to be sent stored.
  /// - Throws: ``CodecError/Reason/notAvailable`` if the library has no memory.
  public func compress(
    _ raw: RawSpan, setting: CompressionSetting, maximumByteCount: Int, maximumWindowLog: Int = 18,
    dictionary: CompressionDictionary? = nil, into output: inout OutputRawSpan
  ) throws(CodecError) -> Bool {
    let capacity = min(maximumByteCount, output.freeCapacity)
    guard setting.codec != .none, capacity > 0 else { return false }
    return try libraries.withLock { libraries throws(CodecError) in
      switch setting.codec {
      case .none: false
      case .lz4: try libraries.lz4.compress(raw, level: setting.level, maximumByteCount: capacity, into: &output)
      case .zstd:
        try libraries.zstd.compress(
          raw, level: setting.level, maximumByteCount: capacity, maximumWindowLog: maximumWindowLog,
          dictionary: dictionary?.encoder(level: setting.level), into: &output)
      }
    }
  }

  /// Appends the decoded block to `output`: exactly `rawByteCount` bytes, or none and an error (SPEC CDC-3, CDC-4).
  ///
  /// - Parameters:
  ///   - encoded: the payload of one DATA frame.
  ///   - codec: what the frame says; never `none`.
  ///   - rawByteCount: the declared raw length.
  ///   - maximumWindowLog: this end's limit on the window of a zstd frame, 10 to 31.
  ///   - dictionary: what a zstd block was compressed against.
  ///   - output: where the raw bytes are appended; it needs room for `rawByteCount`.
  /// - Throws: the reason for which the block is broken, or ``CodecError/Reason/notAvailable`` when there is no room.
  public func decompress(
    _ encoded: RawSpan, codec: Codec, rawByteCount: Int, maximumWindowLog: Int,
    dictionary: CompressionDictionary? = nil, into output: inout OutputRawSpan
  ) throws(CodecError) {
    try decompress(
      encoded, codec: codec, rawByteCount: rawByteCount, slackByteCount: 0, maximumWindowLog: maximumWindowLog,
      dictionary: dictionary, into: &output)
  }

  /// The same for who has room behind the block and nothing there.
  ///
  /// - Parameter slackByteCount: so many bytes behind the block may be written to, as far as there is room, and are not appended: lz4 is quicker with
  ///   ``LZ4Library/decodingSlackByteCount`` of them.
  package func decompress(
    _ encoded: RawSpan, codec: Codec, rawByteCount: Int, slackByteCount: Int, maximumWindowLog: Int,
    dictionary: CompressionDictionary? = nil, into output: inout OutputRawSpan
  ) throws(CodecError) {
    guard codec != .none, !encoded.isEmpty else { throw CodecError(.malformed) }
    guard rawByteCount >= 0 else { throw CodecError(.wrongLength) }
    guard rawByteCount <= output.freeCapacity else { throw CodecError(.notAvailable) }
    // lz4 decodes without memory of its own.
    guard codec == .zstd else {
      return try LZ4Library.decompress(
        encoded, rawByteCount: rawByteCount, slackByteCount: slackByteCount, into: &output)
    }
    try ZstdFrameHeader.verify(encoded, rawByteCount: rawByteCount, maximumWindowLog: maximumWindowLog)
    try libraries.withLock { libraries throws(CodecError) in
      try libraries.zstd.decompress(encoded, rawByteCount: rawByteCount, dictionary: dictionary?.decoder, into: &output)
    }
  }
}

extension CodecContext {
  /// Lets go of the buffers; the next ones are made anew.
  package func forgetOutputs() {
    encoded.withLock { $0 = OutputBuffers(isShrinking: false) }
    decoded.withLock { $0 = OutputBuffers(isShrinking: true) }
  }

  /// What buffers are made for. Those of encoded blocks are held until the other end has them, and those of decoded ones until they are read.
  enum Output {
    case encoded, decoded
  }

  /// Makes a buffer by writing to one with room for `byteCount` bytes, which is used again when nobody has what was made any more.
  ///
  /// - Parameter slackByteCount: how much more room a long one has, which is scratch for who writes.
  func makeBuffer(
    _ output: Output, byteCount: Int, slackByteCount: Int = 0, _ write: (inout OutputRawSpan) -> Void
  ) -> ByteBuffer {
    switch output {
    case .encoded: Self.makeBuffer(from: encoded, byteCount: byteCount, slackByteCount: slackByteCount, write)
    case .decoded: Self.makeBuffer(from: decoded, byteCount: byteCount, slackByteCount: slackByteCount, write)
    }
  }

  private static func makeBuffer(
    from outputs: borrowing Mutex<OutputBuffers>, byteCount: Int, slackByteCount: Int,
    _ write: (inout OutputRawSpan) -> Void
  ) -> ByteBuffer {
    guard OutputBuffers.byteCounts.contains(byteCount) else {
      var buffer = ByteBuffer()
      buffer.writeWithOutputRawSpan(minimumWritableBytes: byteCount, initializingWith: write)
      return buffer
    }
    var (last, place) = outputs.withLock { $0.take() }
    let isUsedAgain = last != nil
    var buffer = last.take() ?? ByteBuffer()
    buffer.clear(minimumCapacity: 0)
    let wasHeld = isUsedAgain && buffer.storageCapacity == 0
    buffer.writeWithOutputRawSpan(minimumWritableBytes: byteCount &+ slackByteCount, initializingWith: write)
    outputs.withLock { [buffer] in $0.keep(buffer, at: place, wasHeld: wasHeld) }
    return buffer
  }
}

/// The buffers that jobs wrote last, in turns. One whose bytes nobody holds any more is written again without an allocation; any other is left to who
/// holds it. There are only as many as it takes, so that they stay in the processor's caches.
struct OutputBuffers {
  /// What is shorter is joined with what follows, which a second reference would make a copy of; and what is much longer than the blocks that are usual would
  /// take much memory for ever.
  static let byteCounts = 16_384...524_288
  private static let maximumCount = 24
  private static let leastPatience = 32
  private static let mostPatience = 1 << 20

  /// A place that has not been needed for a while goes, so that what is written next is what the caches had last, also after a burst.
  let isShrinking: Bool
  /// The places of those that jobs write, and of those to come, hold nothing.
  private(set) var buffers: [ByteBuffer?] = []
  private var next = 0
  /// Buffers kept since one was still held, or a place went.
  private var quietCount = 0
  /// A place goes when so many were. Each that is missed later doubles it, so that in the steady state none goes.
  private var patience = leastPatience
  private var hasShrunk = false

  init(isShrinking: Bool) {
    self.isShrinking = isShrinking
  }

  /// The one that was kept first, and its place.
  mutating func take() -> (buffer: ByteBuffer?, place: Int) {
    guard !buffers.isEmpty else { return (nil, 0) }
    defer { next = next &+ 1 == buffers.count ? 0 : next &+ 1 }
    return (buffers[next].take(), next)
  }

  /// - Parameter wasHeld: somebody still had the one that was taken, so that it will take one more.
  mutating func keep(_ buffer: ByteBuffer, at place: Int, wasHeld: Bool) {
    guard place < buffers.count else {
      if buffers.isEmpty { buffers = [buffer] }
      return
    }
    buffers[place] = buffer
    if wasHeld { grow() } else if isShrinking { shrink() }
  }

  private mutating func grow() {
    quietCount = 0
    if hasShrunk { patience = min(2 &* patience, Self.mostPatience) }
    if buffers.count < Self.maximumCount { buffers.insert(nil, at: next) }
  }

  private mutating func shrink() {
    quietCount &+= 1
    guard quietCount >= patience, buffers.count > 1 else { return }
    quietCount = 0
    hasShrunk = true
    buffers.remove(at: next)
    if next == buffers.count { next = 0 }
  }
}

/// What is behind the lock of a ``CodecContext``.
struct CodecLibraries: ~Copyable {
  var zstd = ZstdLibrary()
  var lz4 = LZ4Library()
  var pageGroups = PageGroupScratch()
}

extension OutputRawSpan {
  /// Lends exactly `byteCount` free bytes to a library and appends as many as it wrote, which is none if it returns nil
  /// or throws. The caller has made sure of the room.
  mutating func appendFromLibrary(
    byteCount: Int, _ write: (UnsafeMutableRawBufferPointer) throws(CodecError) -> Int?
  ) throws(CodecError) -> Bool {
    unsafe try withUnsafeMutableBytes { buffer, initializedByteCount throws(CodecError) in
      let room = unsafe UnsafeMutableRawBufferPointer(
        rebasing: buffer[initializedByteCount..<initializedByteCount &+ byteCount])
      guard let written = unsafe try write(room) else { return false }
      initializedByteCount &+= written
      return true
    }
  }
}
