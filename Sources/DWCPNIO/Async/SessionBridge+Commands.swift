internal import DWCPCore
internal import DequeModule
internal import NIOCore

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
    standWaiters.removeValue(forKey: token)?.continuation.resume(throwing: CancellationError())
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

  /// Nil when the stream has to wait for its turn, or for the connection.
  func openAtOnce(
    _ opening: StreamOpening, _ compression: CompressionChoice?, _ mailbox: StreamMailbox
  ) throws -> StreamID? {
    guard openRequests.isEmpty, outcome == nil else { return nil }
    do throws(SessionError) {
      let id = try engine { session throws(SessionError) in try session.open(opening, compression: compression) }
      if let id { streams[id] = StreamWaiters(mailbox: mailbox) }
      return id
    } catch {
      guard error.code == .streamLimit else { throw error }
      return nil
    }
  }

  /// Serves those who wait for the stream limit, in order.
  func retryOpenRequests() {
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

  /// What there is to be read now.
  enum ImmediateRead {
    case chunk(StreamChunk)
    case end
    case notReady
  }

  func readAtOnce(_ id: StreamID, maximumByteCount: Int) throws -> ImmediateRead {
    let stream = streams[id]
    if stream?.isCancelled == true { throw CancellationError() }
    if stream?.reader != nil { throw SessionError.secondReader(id) }
    return try take(from: id, maximumByteCount: maximumByteCount)
  }

  func read(
    _ id: StreamID, maximumByteCount: Int, readsAhead: Bool,
    _ continuation: UnsafeContinuation<StreamChunk?, any Error>
  ) {
    let stream = streams[id]
    guard stream?.isCancelled != true else { return continuation.resume(throwing: CancellationError()) }
    guard stream?.reader == nil else { return continuation.resume(throwing: SessionError.secondReader(id)) }
    let reader = Reader(maximumByteCount: maximumByteCount, readsAhead: readsAhead, continuation: continuation)
    if !serve(reader, of: id) { stream?.reader = reader }
  }

  /// Behind a look that found nothing to be read, in the same turn.
  func awaitChunk(
    _ id: StreamID, maximumByteCount: Int, _ continuation: UnsafeContinuation<StreamChunk?, any Error>
  ) {
    guard let stream = streams[id], !stream.isCancelled else {
      return continuation.resume(throwing: CancellationError())
    }
    stream.reader = Reader(maximumByteCount: maximumByteCount, readsAhead: false, continuation: continuation)
  }

  func resumeReader(_ id: StreamID) {
    guard let stream = streams[id], let reader = stream.takeReader() else { return }
    if !serve(reader, of: id) { stream.reader = reader }
  }

  /// False when there is nothing to be read yet.
  private func serve(_ reader: Reader, of id: StreamID) -> Bool {
    do {
      switch try take(from: id, maximumByteCount: reader.maximumByteCount) {
      case .chunk(let chunk):
        if reader.readsAhead { readAhead(of: id) }
        reader.continuation.resume(returning: chunk)
      case .end:
        reader.continuation.resume(returning: nil)
      case .notReady:
        return false
      }
    } catch {
      reader.continuation.resume(throwing: error)
    }
    return true
  }

  private func take(from id: StreamID, maximumByteCount: Int) throws -> ImmediateRead {
    var offset: UInt64?
    let read = engine { session in
      // A task may keep what it gets for as long as it likes.
      session.detachFromInput()
      offset = session.pageOffset(of: id)
      return session.read(id, maximumByteCount: maximumByteCount)
    }
    switch read ?? .notReady {
    case .bytes(let bytes, let endsMessage):
      return .chunk(StreamChunk(bytes: bytes, endsMessage: endsMessage, objectOffset: offset))
    case .end where outcome == nil || streams[id] != nil:
      return .end
    case .failed(let error):
      throw error
    case .notReady, .end:
      guard let outcome else { return .notReady }
      throw outcome.error
    }
  }

  /// Leaves what else has come where the reader finds it without waking this loop.
  private func readAhead(of id: StreamID) {
    guard let mailbox = streams[id]?.mailbox else { return }
    var rest = min(StreamMailbox.maximumReadAheadByteCount, readAheadBudget.remainingByteCount)
    while rest > 0 {
      let offset = engine { $0.pageOffset(of: id) } ?? nil
      guard case .bytes(let bytes, let endsMessage)? = engine({ $0.read(id, maximumByteCount: rest) }) else { return }
      let chunk = StreamChunk(bytes: bytes, endsMessage: endsMessage, objectOffset: offset)
      mailbox.deliver(chunk, charging: readAheadBudget)
      rest -= StreamMailbox.ReadAheadBudget.cost(chunk)
    }
  }

  func resumeWriter(_ id: StreamID) {
    guard let stream = streams[id] else { return }
    stream.mailbox.reopen()
    stream.takeWriter()?.resume()
  }

  func failWriter(_ id: StreamID, _ error: any Error) {
    guard let stream = streams[id] else { return }
    stream.mailbox.fail(error)
    stream.takeWriter()?.resume(throwing: error)
  }

  /// A write whose task has gone on; an error waits for its next one.
  func writeUnconfirmed(_ bytes: ByteBuffer, endsMessage: Bool, to id: StreamID, _ mailbox: StreamMailbox) {
    var hasRoom: Bool?
    if streams[id] != nil, outcome == nil {
      do throws(SessionError) {
        hasRoom = try engine { session throws(SessionError) in
          try session.write(bytes, to: id, endsMessage: endsMessage)
        }
      } catch {
        mailbox.fail(error)
      }
    }
    mailbox.confirm(bytes.readableBytes, hasRoom: hasRoom != false)
  }

  /// False when the writer is to wait for room, behind these bytes.
  func writeAtOnce(_ bytes: ByteBuffer, endsMessage: Bool, to id: StreamID) throws -> Bool {
    let stream = streams[id]
    if stream?.isCancelled == true { throw CancellationError() }
    if let outcome { throw outcome.error }
    if stream?.writer != nil { throw SessionError.secondWriter(id) }
    let hasRoom = try engine { session throws(SessionError) in
      try session.write(bytes, to: id, endsMessage: endsMessage)
    }
    guard hasRoom == false else { return true }
    stream?.mailbox.close()
    return false
  }

  /// Behind a write that filled the stream.
  func awaitRoom(in id: StreamID, _ continuation: UnsafeContinuation<Void, any Error>) {
    do {
      guard let stream = streams[id], try !stream.mailbox.mayWriteAtOnce() else { return continuation.resume() }
      guard stream.writer == nil else { throw SessionError.secondWriter(id) }
      stream.writer = continuation
    } catch {
      continuation.resume(throwing: error)
    }
  }

  func write(
    _ bytes: ByteBuffer, endsMessage: Bool, to id: StreamID, _ continuation: UnsafeContinuation<Void, any Error>
  ) {
    do {
      if try writeAtOnce(bytes, endsMessage: endsMessage, to: id) { return continuation.resume() }
      awaitRoom(in: id, continuation)
    } catch {
      continuation.resume(throwing: error)
    }
  }

  func finish(_ id: StreamID) throws {
    if let outcome { throw outcome.error }
    try engine { session throws(SessionError) in try session.finish(id) }
    streams[id]?.hasFinished = true
  }

  /// The task has gone on; an error waits for its next call.
  func finishUnconfirmed(_ id: StreamID, _ mailbox: StreamMailbox) {
    do {
      try finish(id)
    } catch {
      mailbox.fail(error)
    }
  }

  /// Nobody uses the stream any more.
  func end(_ id: StreamID, code: ErrorCode?) {
    let stream = streams.removeValue(forKey: id)
    let hasFinished = stream?.hasFinished == true
    // Of code that has kept the stream beyond its scope.
    stream?.takeReader()?.continuation.resume(throwing: CancellationError())
    stream?.takeWriter()?.resume(throwing: CancellationError())
    engine { session in
      if let code {
        session.reset(id, code: code)
        session.stop(id, code: code)
      } else if !hasFinished {
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
    guard let stream = streams[id] else { return }
    stream.isCancelled = true
    let reader = stream.takeReader()
    engine { session in
      session.reset(id, code: .cancelled)
      session.stop(id, code: .cancelled)
    }
    reader?.continuation.resume(throwing: CancellationError())
    failWriter(id, CancellationError())
  }

  func drain() { engine { $0.drain(now: .current) } }
  func close(_ code: ErrorCode, text: String) { engine { $0.close(code, text: text) } }
  func announce(decodableCodecs: [Codec]) -> Bool {
    engine { $0.announce(decodableCodecs: decodableCodecs) } ?? false
  }

  func offer(_ dictionary: CompressionDictionary) { engine { $0.offer(dictionary) } }
  var dictionaryInUse: CompressionDictionary? { engine { $0.dictionaryInUse } ?? nil }

  var counters: SessionCounters { handler?.counters ?? SessionCounters() }
}

extension SessionError {
  static func stopped(_ id: StreamID, _ code: ErrorCode) -> SessionError {
    SessionError(
      code: code, blame: .peer, rule: "STR-10", message: "the other end no longer reads stream \(id)",
      isReportedByPeer: true)
  }

  static func finished(_ id: StreamID) -> SessionError {
    SessionError(
      code: .streamState, blame: .caller, rule: "STR-8", message: "stream \(id) has been finished already")
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
