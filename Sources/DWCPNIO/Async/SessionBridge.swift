internal import DWCPCore
internal import DequeModule
internal import NIOCore

/// Between the channel-level API and tasks: keeps who waits for what in one session, on the session's event loop.
///
/// Each stream has at most one reader and one writer waiting. A cancelled stream is reset at once, and says so to whoever asks later.
final class SessionBridge: SessionDelegate {
  /// Who waits in one stream.
  final class StreamWaiters {
    let mailbox: StreamMailbox
    var reader: Reader?
    var writer: UnsafeContinuation<Void, any Error>?
    var isCancelled = false
    var hasFinished = false

    init(mailbox: StreamMailbox) {
      self.mailbox = mailbox
    }

    func takeReader() -> Reader? {
      defer { reader = nil }
      return reader
    }

    func takeWriter() -> UnsafeContinuation<Void, any Error>? {
      defer { writer = nil }
      return writer
    }
  }

  struct Reader {
    var maximumByteCount: Int
    /// Whether what comes behind is left in the mailbox.
    var readsAhead: Bool
    /// Taken out before it is resumed, as a writer's. Not checked ones: those take a tenth more time for each exchange.
    var continuation: UnsafeContinuation<StreamChunk?, any Error>
  }

  struct OpenRequest {
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

  private let channel: any Channel
  private let executor: LoopExecutor?
  /// Nil when streams that the other end opens are refused.
  private let incoming: IncomingStreams?
  private let onEnd: () -> Void
  let readAheadBudget = StreamMailbox.ReadAheadBudget()
  var handler: SessionHandler?
  private(set) var closeFuture: EventLoopFuture<Void>?
  /// Made when it is asked for: the address is known only when the channel is connected. Until the end it keeps the bridge.
  private var knownSession: LiveSession?
  var streams: [StreamID: StreamWaiters] = [:]
  var openRequests: Deque<OpenRequest> = []
  var establishmentWaiters: [UInt64: CheckedContinuation<Agreement, any Error>] = [:]
  var pingWaiters: [UInt64: CheckedContinuation<Duration, any Error>] = [:]
  /// Tasks that wait for where an object stands when its version is no longer under way.
  var standWaiters: [UInt64: (name: ObjectName, continuation: CheckedContinuation<UInt64, any Error>)] = [:]
  private(set) var agreement: Agreement?
  private(set) var outcome: Outcome?

  /// - Parameter incoming: takes the streams that the other end opens; nil refuses them.
  /// - Parameter onEnd: called once, when the session has ended.
  init(
    channel: any Channel, _ placement: TaskPlacement, _ incoming: IncomingStreams?, onEnd: @escaping () -> Void
  ) {
    self.channel = channel
    self.incoming = incoming
    self.onEnd = onEnd
    executor = placement == .eventLoop ? LoopExecutor(channel.eventLoop) : nil
  }

  /// The session in its public form.
  func publicSession() -> LiveSession {
    if let knownSession { return knownSession }
    let address = channel.remoteAddress
    let access = BridgeAccess(self, eventLoop: channel.eventLoop, executor: executor, remoteAddress: address)
    let session = LiveSession(bridge: access)
    // Before it is connected it has no address, and behind the end nobody would take it away again.
    if address != nil, outcome == nil { knownSession = session }
    return session
  }

  func attached(to handler: SessionHandler) {
    self.handler = handler
    closeFuture = handler.closeFuture
  }

  func session(_ handler: SessionHandler, received event: SessionEvent) {
    switch event {
    case .established(let agreement): establish(agreement)
    case .codecChosen, .sendCodecsChanged: break
    case .objectStands(let name, _, let isOwn): if isOwn { resumeStands(name) }
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
    let mailbox = StreamMailbox(opening: opening, session: publicSession())
    guard incoming?.add(SessionStream(id: id, mailbox: mailbox)) == true else {
      return engine { session in
        session.stop(id, code: .refusedStream)
        session.reset(id, code: .refusedStream)
        session.release(id)
      } ?? ()
    }
    streams[id] = StreamWaiters(mailbox: mailbox)
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
    for waiter in standWaiters.values { waiter.continuation.resume(throwing: outcome.error) }
    standWaiters.removeAll()
    for request in openRequests { request.continuation.resume(throwing: outcome.error) }
    openRequests.removeAll()
    for id in Array(streams.keys) {
      resumeReader(id)
      failWriter(id, outcome.error)
    }
    knownSession = nil
    onEnd()
  }

  /// Gives commands to the engine; nil when the channel has gone.
  func engine<Result, Failure: Error>(
    _ body: (inout Session) throws(Failure) -> Result
  ) throws(Failure) -> Result? {
    try handler?.perform(body)
  }
}
