public import DWCPCore
public import NIOCore

/// Raw bytes read from a stream.
public struct StreamChunk: Hashable, Sendable {
  public let bytes: ByteBuffer
  /// A message ends behind these bytes, which may be none (SPEC section 8).
  public let endsMessage: Bool
}

/// One stream, for the task that was given it. Cancelling that task resets the stream (SPEC STR-9, STR-10).
///
/// One task at a time may read, and one may write.
public struct SessionStream: Sendable {
  public let id: StreamID
  /// What the opener said about the stream.
  public let opening: StreamOpening
  /// The session this stream belongs to.
  public let session: LiveSession
  let mailbox: StreamMailbox

  /// The next bytes, or nil when the other end has finished. Reading is what lets the other end send more (SPEC CRD-5).
  ///
  /// - Throws: ``SessionError`` when the direction or the session ended early.
  public func read(maximumByteCount: Int = .max) async throws -> StreamChunk? {
    if let chunk = mailbox.takeChunk(maximumByteCount: maximumByteCount) { return chunk }
    return try await cancellable { bridge, continuation in
      bridge.read(id, maximumByteCount: maximumByteCount, continuation)
    }
  }

  /// The next whole message, or nil when the other end has finished.
  ///
  /// - Parameter maximumByteCount: a longer message is an error, so that the other end cannot fill the memory.
  /// - Throws: ``SessionError`` also when the stream ends inside a message.
  public func readMessage(maximumByteCount: Int = 1 << 20) async throws -> ByteBuffer? {
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
  public func write(_ bytes: ByteBuffer, endsMessage: Bool = false) async throws {
    guard try !mailbox.reserve(bytes.readableBytes) else {
      let id = id
      session.bridge.run { $0.writeUnconfirmed(bytes, endsMessage: endsMessage, to: id) }
      return try Task.checkCancellation()
    }
    try await cancellable { bridge, continuation in
      bridge.write(bytes, endsMessage: endsMessage, to: id, continuation)
    }
  }

  /// Ends this end's direction behind what was written.
  public func finish() async throws {
    let id = id
    try await session.bridge.call { try $0.finish(id) }
  }

  /// Asks the other end to send no more; what has arrived unread is dropped (SPEC STR-10).
  public func stop(_ code: ErrorCode) {
    let id = id
    session.bridge.run { $0.stop(id, code: code) }
  }

  /// Ends this end's direction at once; what was written and not sent is dropped (SPEC STR-9).
  public func reset(_ code: ErrorCode) {
    let id = id
    session.bridge.run { $0.reset(id, code: code) }
  }

  private func cancellable<Result: Sendable>(
    _ body: @escaping @Sendable (SessionBridge, CheckedContinuation<Result, any Error>) -> Void
  ) async throws -> Result {
    let id = id
    let bridge = session.bridge
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        bridge.run { body($0, continuation) }
      }
    } onCancel: {
      bridge.run { $0.cancelStream(id) }
    }
  }

  /// Runs the code that uses the stream and ends the stream with it: in good order when the code returns, with a reset when it throws.
  nonisolated(nonsending) func use<Result>(_ body: (SessionStream) async throws -> Result) async throws -> Result {
    let id = id
    let bridge = session.bridge
    do {
      let result = try await body(self)
      bridge.run { $0.end(id, code: nil) }
      return result
    } catch {
      let code = ErrorCode(endingStreamAfter: error)
      bridge.run { $0.end(id, code: code) }
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
