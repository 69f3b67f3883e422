public import DWCPCore
public import NIOCore

/// Objects of which both ends hold a version, so that the next one goes as what has changed (SPEC BAS-1 to BAS-6).
extension LiveSession {
  /// Sends a new version of an object, when the handshake has told what the other end holds: the body writes its pages (``SessionStream/writePages(_:at:base:)``), and those
  /// that it leaves out stay as they are.
  ///
  /// - Parameters:
  ///   - name: the object.
  ///   - byteCount: its length in the new version.
  ///   - forgetsBase: both ends forget what they hold of the object.
  ///   - opening: what else is said of the stream.
  ///   - compression: nil for what the configuration says.
  ///   - body: writes the pages; the stream is finished behind it, if it was not there, and is reset when it throws.
  /// - Returns: what the body returned, and the version at which the object stands then; 0 when the other end keeps none, so that the next version goes whole.
  /// - Throws: ``SessionError`` when a version of the object is under way, the other end does not hold so much, or the session ended; and what the body throws.
  public nonisolated(nonsending) func withVersion<Result>(
    of name: ObjectName, byteCount: Int, forgetsBase: Bool = false, opening: StreamOpening = StreamOpening(),
    compression: CompressionChoice? = nil, _ body: (SessionStream) async throws -> Result
  ) async throws -> (result: Result, version: UInt64) {
    _ = try await agreement()
    let mailbox = StreamMailbox(opening: opening, session: self)
    let id = try await bridge.call {
      try $0.openVersion(of: name, byteCount: byteCount, forgetsBase: forgetsBase, opening, compression, mailbox)
    }
    let result = try await SessionStream(id: id, mailbox: mailbox).use(body)
    return (result, try await bridge.cancellable { $0.awaitStand(of: name, token: $1, $2) })
  }

  /// Lets an object of this end's go, at both ends; nothing happens while a version of it is under way.
  ///
  /// - Parameter name: the object.
  public func releaseObject(_ name: ObjectName) async throws {
    _ = try await bridge.call { try $0.session { $0.releaseObject(name) } }
  }

  /// Says, when the handshake has told what the other end holds, that it has an object of this end's already (``Session/adoptOutgoing(_:of:epoch:version:)``).
  ///
  /// - Parameters:
  ///   - image: its content; making it takes time in proportion to it, which is the caller's.
  ///   - name: the object.
  ///   - version: as agreed on, above all that were sent.
  /// - Returns: false when the other end does not hold so much, or the version is not new.
  public func adoptOutgoing(_ image: ObjectImage, of name: ObjectName, version: UInt64) async throws -> Bool {
    _ = try await agreement()
    return try await bridge.call { try $0.session { $0.adoptOutgoing(image, of: name, version: version) } }
  }

  /// Gives this end an object of the other end's that it has by other means (``Session/adoptIncoming(_:of:epoch:version:)``).
  ///
  /// - Parameters:
  ///   - image: its content; making it takes time in proportion to it, which is the caller's.
  ///   - name: the object.
  ///   - version: as agreed on, above all that were received.
  /// - Returns: false when the budget has not as much left, or the version is not new.
  public func adoptIncoming(_ image: ObjectImage, of name: ObjectName, version: UInt64) async throws -> Bool {
    try await bridge.call { try $0.session { $0.adoptIncoming(image, of: name, version: version) } }
  }

  /// Gives memory back: this end no longer holds an object of the other end's.
  ///
  /// - Parameter name: the object.
  public func dropObject(_ name: ObjectName) async throws {
    try await bridge.call { try $0.session { $0.dropObject(name) } }
  }

  /// What this end holds of an object of the other end's; nil when it holds none.
  ///
  /// - Parameters:
  ///   - name: the object.
  ///   - range: the bytes that are wanted; those beyond its end do not come.
  public func object(
    _ name: ObjectName, range: Range<Int>
  ) async throws -> (version: UInt64, bytes: ByteBuffer)? {
    try await bridge.call { try $0.session { $0.object(name, range: range) } }
  }
}

extension SessionStream {
  /// Hands pages of a new version over for sending, and waits while too many are waiting already. Those that the other end has already do not go.
  ///
  /// - Parameters:
  ///   - bytes: whole pages of 4,096 bytes; only the last page of the object may be shorter.
  ///   - offset: where they lie in the object, a multiple of 4,096.
  ///   - base: where the last version has bytes like these, if not at the same place; at most 8 MiB.
  /// - Throws: ``SessionError`` when the bytes are not whole pages, a page was written before, the other end stopped the stream, or the session ended.
  public nonisolated(nonsending) func writePages(
    _ bytes: ByteBuffer, at offset: Int, base: Range<UInt64>? = nil
  ) async throws {
    let id = id
    let bridge = mailbox.session.bridge
    try await withTaskCancellationHandler {
      try await withUnsafeThrowingContinuation { continuation in
        bridge.run { $0.writePages(bytes, at: offset, base: base, to: id, continuation) }
      }
    } onCancel: {
      bridge.run { $0.cancelStream(id) }
    }
  }
}
