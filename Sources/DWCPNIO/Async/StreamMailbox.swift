internal import DWCPCore
internal import DequeModule
internal import NIOCore
internal import Synchronization

/// What a stream's tasks and its session's event loop leave for each other, so that not every read and write costs two thread switches.
///
/// Reads: the loop hands over all that has come, up to a limit, when it wakes a reader. Writes: a task goes on without waiting for the
/// loop while little of what it wrote is on its way there and the stream has room.
final class StreamMailbox: Sendable {
  /// Read ahead in all streams of a session together. These bytes have been given back as credit, so without a limit of its own each stream in turn
  /// could leave a share behind (SPEC MEM-1).
  final class ReadAheadBudget: Sendable {
    static let byteCount = 2 << 20
    private static let byteCountPerChunk = 64
    private let used = Atomic(0)

    var remainingByteCount: Int { Self.byteCount - used.load(ordering: .relaxed) }

    /// What a chunk costs, empty ones too.
    static func cost(_ chunk: StreamChunk) -> Int { byteCountPerChunk + chunk.bytes.readableBytes }

    fileprivate func take(_ byteCount: Int) { used.wrappingAdd(byteCount, ordering: .relaxed) }
    fileprivate func giveBack(_ byteCount: Int) { used.wrappingSubtract(byteCount, ordering: .relaxed) }
  }

  /// Read ahead of the reader; bytes here have been given back as credit.
  static let maximumReadAheadByteCount = 256 << 10
  /// Written and not yet taken over by the loop.
  private static let maximumUnconfirmedByteCount = 256 << 10

  private struct State {
    var chunks: Deque<StreamChunk> = []
    /// Set with the first chunk.
    var budget: ReadAheadBudget?
    var unconfirmedByteCount = 0
    var isFull = false
    var hasFinished = false
    var failure: (any Error)?
  }

  let opening: StreamOpening
  let session: LiveSession
  private let state = Mutex(State())
  /// Commands on their way to the loop, writes included.
  private let underWayCount = Atomic(0)
  /// Whether there is anything to be found in the state that keeps a read from the session, or a write.
  private let hasChunks = Atomic(false)
  private let hasObstacle = Atomic(false)

  init(opening: StreamOpening, session: LiveSession) {
    self.opening = opening
    self.session = session
  }

  deinit {
    guard hasChunks.load(ordering: .acquiring) else { return }
    state.withLock { state in
      for chunk in state.chunks { state.budget?.giveBack(ReadAheadBudget.cost(chunk)) }
    }
  }

  func deliver(_ chunk: StreamChunk, charging budget: ReadAheadBudget) {
    budget.take(ReadAheadBudget.cost(chunk))
    state.withLock { state in
      state.budget = budget
      state.chunks.append(chunk)
    }
    hasChunks.store(true, ordering: .releasing)
  }

  /// The next bytes that were read ahead.
  func takeChunk(maximumByteCount: Int) -> StreamChunk? {
    guard hasChunks.load(ordering: .acquiring) else { return nil }
    return state.withLock { state in
      guard let first = state.chunks.popFirst() else {
        hasChunks.store(false, ordering: .relaxed)
        return nil
      }
      var rest = first.bytes
      guard rest.readableBytes > maximumByteCount, let head = rest.readSlice(length: max(1, maximumByteCount)) else {
        state.budget?.giveBack(ReadAheadBudget.cost(first))
        return first
      }
      state.budget?.giveBack(head.readableBytes)
      let offset = first.objectOffset
      state.chunks.prepend(
        StreamChunk(
          bytes: rest, endsMessage: first.endsMessage, objectOffset: offset.map { $0 + UInt64(head.readableBytes) }))
      return StreamChunk(bytes: head, endsMessage: false, objectOffset: offset)
    }
  }

  /// On the loop: whether a write may be given to the session at once. It may not while the stream is full.
  func mayWriteAtOnce() throws -> Bool {
    guard hasObstacle.load(ordering: .acquiring) else { return true }
    return try state.withLock { state in
      if let failure = state.failure { throw failure }
      return !state.isFull
    }
  }

  /// Whether a write may leave without an answer from the loop, which then has to `confirm` it.
  func reserve(_ byteCount: Int) throws -> Bool {
    try state.withLock { state in
      if let failure = state.failure { throw failure }
      let total = state.unconfirmedByteCount + byteCount
      let isLittle = state.unconfirmedByteCount == 0 || total <= Self.maximumUnconfirmedByteCount
      guard !state.isFull, !state.hasFinished, isLittle else { return false }
      state.unconfirmedByteCount = total
      underWayCount.add(1, ordering: .relaxed)
      return true
    }
  }

  func confirm(_ byteCount: Int, hasRoom: Bool) {
    state.withLock { state in
      state.unconfirmedByteCount -= byteCount
      state.isFull = !hasRoom
      hasObstacle.store(!hasRoom || state.failure != nil, ordering: .releasing)
    }
    noteArrival()
  }

  /// On the loop: whether what comes now overtakes nothing.
  var isNothingUnderWay: Bool { underWayCount.load(ordering: .relaxed) == 0 }

  /// A command leaves for the loop.
  func noteDeparture() {
    underWayCount.add(1, ordering: .relaxed)
  }

  /// On the loop.
  func noteArrival() {
    underWayCount.subtract(1, ordering: .relaxed)
  }

  /// The writer has finished.
  func noteFinish(of id: StreamID) throws {
    try state.withLock { state in
      if let failure = state.failure { throw failure }
      guard !state.hasFinished else { throw SessionError.finished(id) }
      state.hasFinished = true
    }
  }

  /// A write has filled the stream.
  func close() {
    state.withLock { $0.isFull = true }
    hasObstacle.store(true, ordering: .releasing)
  }

  /// There is room again.
  func reopen() {
    state.withLock { state in
      state.isFull = false
      hasObstacle.store(state.failure != nil, ordering: .releasing)
    }
  }

  /// Later writes throw this.
  func fail(_ error: any Error) {
    state.withLock { $0.failure = $0.failure ?? error }
    hasObstacle.store(true, ordering: .releasing)
  }
}
