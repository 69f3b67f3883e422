internal import DWCPCore
internal import DequeModule
internal import NIOCore

/// Between the channel-level API and tasks: keeps who waits for what in one session, on the session's event loop.
///
/// Each stream has at most one reader and one writer waiting. A cancelled stream is reset at once, and says so to whoever asks later.
final class SessionBridge: SessionDelegate {
  private struct StreamWaiters {
    let mailbox: StreamMailbox
    var reader: Reader?
    var writer: CheckedContinuation<Void, any Error>?
    var isCancelled = false

    mutating func takeWriter() -> CheckedContinuation<Void, any Error>? {
      defer { writer = nil }
      return writer
    }
  }

  private struct Reader {
    var maximumByteCount: Int
    var continuation: CheckedContinuation<StreamChunk?, any Error>
  }

  private struct OpenRequest {
    var token: UInt64
    var opening: StreamOpening
    var compression: CompressionChoice?
    var mailbox: StreamMailbox
    var continuation: CheckedContinuation<StreamID, any Error>
  }

  enum Outcome {
    case orderly
    case failed(SessionError)

    var error: SessionError {
      switch self {
      case .orderly:
        SessionError(code: .shutdown, blame: .caller, rule: "END-4", message: "the session has ended in good order")
      case .failed(let error): error
      }
    }
  }

  private let eventLoop: any EventLoop
  private var onStream: ((StreamID, StreamOpening, StreamMailbox) -> Void)?
  private let onEnd: () -> Void
  private let readAheadBudget = StreamMailbox.ReadAheadBudget()
  private var handler: SessionHandler?
  private var closeFuture: EventLoopFuture<Void>?
  private var streams: [StreamID: StreamWaiters] = [:]
  private var openRequests: Deque<OpenRequest> = []
  private var establishmentWaiters: [UInt64: CheckedContinuation<Agreement, any Error>] = [:]
  private var pingWaiters: [UInt64: CheckedContinuation<Duration, any Error>] = [:]
  private var agreement: Agreement?
  private var outcome: Outcome?

  /// - Parameter onEnd: called once, when the session has ended.
  init(eventLoop: any EventLoop, onEnd: @escaping () -> Void) {
    self.eventLoop = eventLoop
    self.onEnd = onEnd
  }

  /// From now on streams that the other end opens are handed over; until then they are refused.
  func acceptStreams(_ onStream: @escaping (StreamID, StreamOpening, StreamMailbox) -> Void) {
    self.onStream = onStream
  }

  func attached(to handler: SessionHandler) {
    self.handler = handler
    closeFuture = handler.closeFuture
  }

  func session(_ handler: SessionHandler, received event: SessionEvent) {
    switch event {
    case .established(let agreement): establish(agreement)
    case .codecChosen: break
    case .streamOpened(let id, let opening): accept(id, opening)
    case .readable(let id): resumeReader(id)
    case .writable(let id): resumeWriter(id)
    case .stopped(let id, let code): failWriter(id, SessionError.stopped(id, code))
    case .closed(let id): streams[id] = nil
    case .streamLimitRaised: retryOpenRequests()
    case .pong(let nanoseconds): resumePings(nanoseconds)
    case .goingAway: retryOpenRequests()
    case .ended(let error): end(error)
    }
  }

  private func establish(_ agreement: Agreement) {
    self.agreement = agreement
    for waiter in establishmentWaiters.values { waiter.resume(returning: agreement) }
    establishmentWaiters.removeAll()
    // Those that asked before there was anybody to ask.
    if !pingWaiters.isEmpty { engine { $0.ping(now: .current) } }
    retryOpenRequests()
  }

  private func accept(_ id: StreamID, _ opening: StreamOpening) {
    guard let onStream else {
      return engine { session in
        session.stop(id, code: .refusedStream)
        session.reset(id, code: .refusedStream)
        session.release(id)
      } ?? ()
    }
    let mailbox = StreamMailbox()
    streams[id] = StreamWaiters(mailbox: mailbox)
    onStream(id, opening, mailbox)
  }

  private func resumePings(_ nanoseconds: UInt64) {
    for waiter in pingWaiters.values { waiter.resume(returning: .nanoseconds(Int64(clamping: nanoseconds))) }
    pingWaiters.removeAll()
  }

  private func end(_ error: SessionError?) {
    let outcome = error.map(Outcome.failed) ?? .orderly
    self.outcome = outcome
    for waiter in establishmentWaiters.values { waiter.resume(throwing: outcome.error) }
    establishmentWaiters.removeAll()
    for waiter in pingWaiters.values { waiter.resume(throwing: outcome.error) }
    pingWaiters.removeAll()
    for request in openRequests { request.continuation.resume(throwing: outcome.error) }
    openRequests.removeAll()
    for id in Array(streams.keys) {
      resumeReader(id)
      failWriter(id, outcome.error)
    }
    onStream = nil
    onEnd()
  }

  /// Gives commands to the engine; nil when the channel has gone.
  private func engine<Result, Failure: Error>(
    _ body: (inout Session) throws(Failure) -> Result
  ) throws(Failure) -> Result? {
    try handler?.perform(body)
  }
}

/// What tasks ask for, already on the event loop.
extension SessionBridge {
  func awaitEstablishment(token: UInt64, _ continuation: CheckedContinuation<Agreement, any Error>) {
    if let agreement { return continuation.resume(returning: agreement) }
    if let outcome { return continuation.resume(throwing: outcome.error) }
    establishmentWaiters[token] = continuation
  }

  /// Waits until the connection has closed, which follows the end of the session: a program that exits on the end alone could take
  /// CLOSE with it, and the other end would see a lost link (SPEC END-4).
  func awaitEnd(_ continuation: CheckedContinuation<Void, Never>) {
    guard let closeFuture else { return continuation.resume() }
    closeFuture.whenComplete { _ in continuation.resume() }
  }

  func ping(token: UInt64, _ continuation: CheckedContinuation<Duration, any Error>) {
    if let outcome { return continuation.resume(throwing: outcome.error) }
    pingWaiters[token] = continuation
    engine { $0.ping(now: .current) }
  }

  /// Gives up on a waiter that is not bound to a stream.
  func cancel(token: UInt64) {
    establishmentWaiters.removeValue(forKey: token)?.resume(throwing: CancellationError())
    pingWaiters.removeValue(forKey: token)?.resume(throwing: CancellationError())
    guard let index = openRequests.firstIndex(where: { $0.token == token }) else { return }
    openRequests.remove(at: index).continuation.resume(throwing: CancellationError())
  }

  func open(
    token: UInt64, _ opening: StreamOpening, _ compression: CompressionChoice?, _ mailbox: StreamMailbox,
    _ continuation: CheckedContinuation<StreamID, any Error>
  ) {
    if let outcome { return continuation.resume(throwing: outcome.error) }
    openRequests.append(
      OpenRequest(
        token: token, opening: opening, compression: compression, mailbox: mailbox, continuation: continuation))
    retryOpenRequests()
  }

  /// Serves those who wait for the stream limit, in order.
  private func retryOpenRequests() {
    while let request = openRequests.first {
      do throws(SessionError) {
        guard
          let id = try engine({ (session) throws(SessionError) in
            try session.open(request.opening, compression: request.compression)
          })
        else { return }
        streams[id] = StreamWaiters(mailbox: request.mailbox)
        openRequests.removeFirst()
        request.continuation.resume(returning: id)
      } catch {
        guard error.code != .streamLimit else { return }
        openRequests.removeFirst()
        request.continuation.resume(throwing: error)
      }
    }
  }

  func read(
    _ id: StreamID, maximumByteCount: Int, _ continuation: CheckedContinuation<StreamChunk?, any Error>
  ) {
    guard streams[id]?.isCancelled != true else { return continuation.resume(throwing: CancellationError()) }
    guard streams[id]?.reader == nil else { return continuation.resume(throwing: SessionError.secondReader(id)) }
    let reader = Reader(maximumByteCount: maximumByteCount, continuation: continuation)
    if !serve(reader, of: id) { streams[id]?.reader = reader }
  }

  private func resumeReader(_ id: StreamID) {
    guard let reader = streams[id]?.reader else { return }
    streams[id]?.reader = nil
    if !serve(reader, of: id) { streams[id]?.reader = reader }
  }

  /// False when there is nothing to be read yet.
  private func serve(_ reader: Reader, of id: StreamID) -> Bool {
    let read = engine { session in
      // A task may keep what it gets for as long as it likes.
      session.detachFromInput()
      return session.read(id, maximumByteCount: reader.maximumByteCount)
    }
    switch read ?? .notReady {
    case .bytes(let bytes, let endsMessage):
      readAhead(of: id)
      reader.continuation.resume(returning: StreamChunk(bytes: bytes, endsMessage: endsMessage))
    case .end where outcome == nil || streams[id] != nil:
      reader.continuation.resume(returning: nil)
    case .failed(let error):
      reader.continuation.resume(throwing: error)
    case .notReady, .end:
      guard let outcome else { return false }
      reader.continuation.resume(throwing: outcome.error)
    }
    return true
  }

  /// Leaves what else has come where the reader finds it without waking this loop.
  private func readAhead(of id: StreamID) {
    guard let mailbox = streams[id]?.mailbox else { return }
    var rest = min(StreamMailbox.maximumReadAheadByteCount, readAheadBudget.remainingByteCount)
    while rest > 0, case .bytes(let bytes, let endsMessage)? = engine({ $0.read(id, maximumByteCount: rest) }) {
      let chunk = StreamChunk(bytes: bytes, endsMessage: endsMessage)
      mailbox.deliver(chunk, charging: readAheadBudget)
      rest -= StreamMailbox.ReadAheadBudget.cost(chunk)
    }
  }

  private func resumeWriter(_ id: StreamID) {
    streams[id]?.mailbox.reopen()
    streams[id]?.takeWriter()?.resume()
  }

  private func failWriter(_ id: StreamID, _ error: any Error) {
    streams[id]?.mailbox.fail(error)
    streams[id]?.takeWriter()?.resume(throwing: error)
  }

  /// A write whose task has gone on; an error waits for its next one.
  func writeUnconfirmed(_ bytes: ByteBuffer, endsMessage: Bool, to id: StreamID) {
    guard let mailbox = streams[id]?.mailbox, outcome == nil else { return }
    do throws(SessionError) {
      let hasRoom = try engine { session throws(SessionError) in
        try session.write(bytes, to: id, endsMessage: endsMessage)
      }
      mailbox.confirm(bytes.readableBytes, hasRoom: hasRoom != false)
    } catch {
      mailbox.fail(error)
    }
  }

  func write(
    _ bytes: ByteBuffer, endsMessage: Bool, to id: StreamID, _ continuation: CheckedContinuation<Void, any Error>
  ) {
    guard streams[id]?.isCancelled != true else { return continuation.resume(throwing: CancellationError()) }
    if let outcome { return continuation.resume(throwing: outcome.error) }
    guard streams[id]?.writer == nil else { return continuation.resume(throwing: SessionError.secondWriter(id)) }
    do throws(SessionError) {
      let hasRoom = try engine { session throws(SessionError) in
        try session.write(bytes, to: id, endsMessage: endsMessage)
      }
      guard hasRoom == false else { return continuation.resume() }
      streams[id]?.writer = continuation
    } catch {
      continuation.resume(throwing: error)
    }
  }

  func finish(_ id: StreamID) throws {
    if let outcome { throw outcome.error }
    try engine { session throws(SessionError) in try session.finish(id) }
  }

  func end(_ id: StreamID, code: ErrorCode?) {
    engine { session in
      if let code {
        session.reset(id, code: code)
        session.stop(id, code: code)
      } else {
        try? session.finish(id)
      }
      session.release(id)
    }
  }

  func stop(_ id: StreamID, code: ErrorCode) { engine { $0.stop(id, code: code) } }

  func reset(_ id: StreamID, code: ErrorCode) {
    engine { $0.reset(id, code: code) }
    failWriter(id, SessionError.stopped(id, code))
  }

  /// The task that uses a stream was cancelled: both directions end now.
  func cancelStream(_ id: StreamID) {
    guard streams[id] != nil else { return }
    streams[id]?.isCancelled = true
    let reader = streams[id]?.reader
    streams[id]?.reader = nil
    engine { session in
      session.reset(id, code: .cancelled)
      session.stop(id, code: .cancelled)
    }
    reader?.continuation.resume(throwing: CancellationError())
    failWriter(id, CancellationError())
  }

  func drain() { engine { $0.drain(now: .current) } }
  func close(_ code: ErrorCode, text: String) { engine { $0.close(code, text: text) } }
  var counters: SessionCounters { handler?.counters ?? SessionCounters() }
}

extension SessionError {
  fileprivate static func stopped(_ id: StreamID, _ code: ErrorCode) -> SessionError {
    SessionError(
      code: code, blame: .peer, rule: "STR-10", message: "the other end no longer reads stream \(id)",
      isReportedByPeer: true)
  }

  fileprivate static func secondReader(_ id: StreamID) -> SessionError {
    SessionError(
      code: .streamState, blame: .caller, rule: "DAT-7",
      message: "stream \(id) is being read already; read from one task at a time")
  }

  fileprivate static func secondWriter(_ id: StreamID) -> SessionError {
    SessionError(
      code: .streamState, blame: .caller, rule: "STR-8",
      message: "stream \(id) is being written already; write from one task at a time")
  }
}
