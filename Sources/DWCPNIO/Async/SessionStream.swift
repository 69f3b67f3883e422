public import DWCPCore
public import NIOCore

/// Raw bytes read from a stream.
public struct StreamChunk: Hashable, Sendable {
  public let bytes: ByteBuffer
  /// A message ends behind these bytes, which may be none (SPEC section 8).
  public let endsMessage: Bool
  /// Where they lie in the object of which the stream carries a version; nil on other streams (SPEC BAS-2).
  public var objectOffset: UInt64?
}

/// One stream, for the task that was given it. Cancelling that task resets the stream (SPEC STR-9, STR-10).
///
/// One task at a time may read, and one may write.
public struct SessionStream: Sendable {
  public let id: StreamID
  let mailbox: StreamMailbox

  /// What the opener said about the stream.
  public var opening: StreamOpening { mailbox.opening }
  /// The session this stream belongs to.
  public var session: LiveSession { mailbox.session }

  /// The next bytes, or nil when the other end has finished. Reading is what lets the other end send more (SPEC CRD-5).
  ///
  /// - Throws: ``SessionError`` when the direction or the session ended early.
  public nonisolated(nonsending) func read(maximumByteCount: Int = .max) async throws -> StreamChunk? {
    if let chunk = mailbox.takeChunk(maximumByteCount: maximumByteCount) { return chunk }
    if !Task.isCancelled, let bridge = mailbox.session.bridge.here {
      switch try bridge.readAtOnce(id, maximumByteCount: maximumByteCount) {
      case .chunk(let chunk): return chunk
      case .end: return nil
      case .notReady: break
      }
      return try await awaitChunk(maximumByteCount: maximumByteCount)
    }
    return try await withTaskCancellationHandler {
      try await withUnsafeThrowingContinuation { continuation in
        let id = id
        mailbox.session.bridge.send {
          $0.read(id, maximumByteCount: maximumByteCount, readsAhead: true, continuation)
        }
      }
    } onCancel: {
      cancel()
    }
  }

  /// On the event loop, when nothing can be read.
  private nonisolated(nonsending) func awaitChunk(maximumByteCount: Int) async throws -> StreamChunk? {
    try await withTaskCancellationHandler {
      try await withUnsafeThrowingContinuation { continuation in
        guard let bridge = mailbox.session.bridge.here else {
          return continuation.resume(throwing: CancellationError())
        }
        bridge.awaitChunk(id, maximumByteCount: maximumByteCount, continuation)
      }
    } onCancel: {
      cancel()
    }
  }

  /// The task that uses the stream was cancelled.
  private func cancel() {
    let id = id
    mailbox.session.bridge.run { $0.cancelStream(id) }
  }

  /// The next whole message, or nil when the other end has finished.
  ///
  /// - Parameter maximumByteCount: a longer message is an error, so that the other end cannot fill the memory.
  /// - Throws: ``SessionError`` also when the stream ends inside a message.
  public nonisolated(nonsending) func readMessage(maximumByteCount: Int = 1 << 20) async throws -> ByteBuffer? {
    var message: ByteBuffer?
    while let chunk = try await read() {
      var bytes = chunk.bytes
      guard (message?.readableBytes ?? 0) + bytes.readableBytes <= maximumByteCount else {
        throw SessionError(
          code: .protocol, blame: .peer, rule: "DAT-8",
          message: "a message is longer than the \(maximumByteCount) bytes expected")
      }
      if message?.writeBuffer(&bytes) == nil { message = bytes }
      if chunk.endsMessage { return message }
    }
    guard message == nil else {
      throw SessionError(code: .protocol, blame: .peer, rule: "DAT-8", message: "the stream ended inside a message")
    }
    return nil
  }

  /// Hands bytes over for sending and waits while too many are waiting already. What goes wrong behind the return is thrown by the next call.
  ///
  /// - Parameter endsMessage: a message ends behind these bytes, which may be none.
  /// - Throws: ``SessionError`` when the other end stopped the stream or the session ended.
  public nonisolated(nonsending) func write(_ bytes: ByteBuffer, endsMessage: Bool = false) async throws {
    let id = id
    if let bridge, try mailbox.mayWriteAtOnce() {
      guard try !bridge.writeAtOnce(bytes, endsMessage: endsMessage, to: id) else {
        return try Task.checkCancellation()
      }
      return try await cancellable { $0.awaitRoom(in: id, $1) }
    }
    guard try !mailbox.reserve(bytes.readableBytes) else {
      let mailbox = mailbox
      mailbox.session.bridge.send { $0.writeUnconfirmed(bytes, endsMessage: endsMessage, to: id, mailbox) }
      return try Task.checkCancellation()
    }
    try await cancellable { bridge, continuation in
      bridge.write(bytes, endsMessage: endsMessage, to: id, continuation)
    }
  }

  /// Ends this end's direction behind what was written. What goes wrong behind the return is thrown by the next call.
  ///
  /// - Throws: ``SessionError`` when the direction has ended already.
  public nonisolated(nonsending) func finish() async throws {
    if let bridge { return try bridge.finish(id) }
    try mailbox.noteFinish(of: id)
    let mailbox = mailbox
    command { $0.finishUnconfirmed($1, mailbox) }
  }

  /// Asks the other end to send no more; what has arrived unread is dropped (SPEC STR-10).
  public func stop(_ code: ErrorCode) {
    command { $0.stop($1, code: code) }
  }

  /// Ends this end's direction at once; what was written and not sent is dropped (SPEC STR-9).
  public func reset(_ code: ErrorCode) {
    command { $0.reset($1, code: code) }
  }

  /// The bridge, where a command for this stream may be given at once: on the event loop, when none is still on its way there.
  private var bridge: SessionBridge? {
    guard let here = mailbox.session.bridge.here, mailbox.isNothingUnderWay else { return nil }
    return here
  }

  /// Gives a command for this stream, behind those that were given before.
  private func command(_ body: @escaping @Sendable (SessionBridge, StreamID) -> Void) {
    if let bridge { return body(bridge, id) }
    let (id, mailbox) = (id, mailbox)
    mailbox.noteDeparture()
    mailbox.session.bridge.send { bridge in
      mailbox.noteArrival()
      body(bridge, id)
    }
  }

  private nonisolated(nonsending) func cancellable(
    _ body: @escaping @Sendable (SessionBridge, UnsafeContinuation<Void, any Error>) -> Void
  ) async throws {
    let bridge = mailbox.session.bridge
    try await withTaskCancellationHandler {
      try await withUnsafeThrowingContinuation { continuation in
        if let here = self.bridge { body(here, continuation) } else { bridge.send { body($0, continuation) } }
      }
    } onCancel: {
      cancel()
    }
  }

  /// Runs the code that uses the stream and ends the stream with it: in good order when the code returns, with a reset when it throws.
  nonisolated(nonsending) func use<Result>(
    _ body: (SessionStream) async throws -> Result
  ) async throws -> Result {
    do {
      let result = try await body(self)
      command { $0.end($1, code: nil) }
      return result
    } catch {
      let code = ErrorCode(endingStreamAfter: error)
      command { $0.end($1, code: code) }
      throw error
    }
  }
}

extension ErrorCode {
  /// The code the other end learns when the code that used a stream threw.
  fileprivate init(endingStreamAfter error: any Error) {
    if error is CancellationError {
      self = .cancelled
    } else if let error = error as? SessionError, !error.isReportedByPeer {
      self = error.code
    } else {
      self = error is SessionError ? .cancelled : .internal
    }
  }
}
