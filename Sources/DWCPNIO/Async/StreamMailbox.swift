internal import DequeModule
internal import NIOCore
internal import Synchronization

/// What a stream's tasks and its session's event loop leave for each other, so that not every read and write costs two thread switches.
///
/// Reads: the loop hands over all that has come, up to a limit, when it wakes a reader. Writes: a task goes on without waiting for the
/// loop while little of what it wrote is on its way there and the stream has room.
final class StreamMailbox: Sendable {
  /// Read ahead of the reader; bytes here have been given back as credit.
  static let maximumReadAheadByteCount = 256 << 10
  /// Written and not yet taken over by the loop.
  private static let maximumUnconfirmedByteCount = 256 << 10

  private struct State {
    var chunks: Deque<StreamChunk> = []
    var unconfirmedByteCount = 0
    var isFull = false
    var failure: (any Error)?
  }

  private let state = Mutex(State())

  func deliver(_ chunk: StreamChunk) {
    state.withLock { $0.chunks.append(chunk) }
  }

  /// The next bytes that were read ahead.
  func takeChunk(maximumByteCount: Int) -> StreamChunk? {
    state.withLock { state in
      guard let first = state.chunks.popFirst() else { return nil }
      var rest = first.bytes
      guard rest.readableBytes > maximumByteCount, let head = rest.readSlice(length: max(1, maximumByteCount)) else {
        return first
      }
      state.chunks.prepend(StreamChunk(bytes: rest, endsMessage: first.endsMessage))
      return StreamChunk(bytes: head, endsMessage: false)
    }
  }

  /// Whether a write may leave without an answer from the loop, which then has to `confirm` it.
  func reserve(_ byteCount: Int) throws -> Bool {
    try state.withLock { state in
      if let failure = state.failure { throw failure }
      let total = state.unconfirmedByteCount + byteCount
      let isLittle = state.unconfirmedByteCount == 0 || total <= Self.maximumUnconfirmedByteCount
      guard !state.isFull, isLittle else { return false }
      state.unconfirmedByteCount = total
      return true
    }
  }

  func confirm(_ byteCount: Int, hasRoom: Bool) {
    state.withLock { state in
      state.unconfirmedByteCount -= byteCount
      state.isFull = !hasRoom
    }
  }

  /// There is room again.
  func reopen() {
    state.withLock { $0.isFull = false }
  }

  /// Later writes throw this.
  func fail(_ error: any Error) {
    state.withLock { $0.failure = $0.failure ?? error }
  }
}
