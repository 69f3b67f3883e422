internal import Synchronization

/// What the blocks of one chain share at one end: the history of the codec (SPEC CHN-1).
///
/// Jobs with the same chain are to be run one after the other, in the order in which they were handed out. A chain that finds them in another order, as
/// when a copy of its session has gone on with it, is broken: its blocks go stored, or fail.
public final class CodecChain: Sendable {
  private struct State: ~Copyable {
    var encoder: ZstdChainEncoder?
    var decoder: ZstdChainDecoder?
    var nextPosition: UInt32 = 0
    var isBroken = false

    /// Nothing can follow.
    mutating func breakOff() {
      isBroken = true
      encoder = nil
      decoder = nil
    }

    /// Whether the block at this position is the next one.
    mutating func begin(_ position: UInt32) -> Bool {
      guard !isBroken, position == nextPosition else { return false }
      nextPosition &+= 1
      return true
    }
  }

  private let state = Mutex(State())

  package init() {}

  /// Appends the block made from `raw`.
  package func encode(
    _ raw: RawSpan, at position: UInt32, level: Int, windowLog: Int, into output: inout OutputRawSpan
  ) throws(CodecError) {
    try state.withLock { state throws(CodecError) in
      do throws(CodecError) {
        guard state.begin(position) else { throw CodecError(.brokenChain) }
        if state.encoder == nil { state.encoder = try ZstdChainEncoder(level: level, windowLog: windowLog) }
        try state.encoder?.append(raw, into: &output)
      } catch {
        state.breakOff()
        throw error
      }
    }
  }

  /// Appends exactly `rawByteCount` bytes, or none.
  package func decode(
    _ encoded: RawSpan, at position: UInt32, rawByteCount: Int, windowLog: Int, into output: inout OutputRawSpan
  ) throws(CodecError) {
    try state.withLock { state throws(CodecError) in
      do throws(CodecError) {
        guard state.begin(position) else { throw CodecError(.brokenChain) }
        if state.decoder == nil { state.decoder = try ZstdChainDecoder(windowLog: windowLog) }
        try state.decoder?.append(encoded, rawByteCount: rawByteCount, into: &output)
      } catch {
        state.breakOff()
        throw error
      }
    }
  }

  /// A block did not decode to what it says that it does.
  func breakOff() {
    state.withLock { $0.breakOff() }
  }
}

/// One block's place in a chain.
struct ChainPlace: Hashable, Sendable {
  let chain: CodecChain
  /// 0 for the block that begins it.
  let position: UInt32

  var isFirst: Bool { position == 0 }

  // Which object keeps the history says nothing of the state that it is in.
  static func == (left: Self, right: Self) -> Bool { left.position == right.position }
  func hash(into hasher: inout Hasher) { hasher.combine(position) }
}
