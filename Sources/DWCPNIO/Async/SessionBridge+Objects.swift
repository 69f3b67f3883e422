internal import DWCPCore
internal import NIOCore

/// What tasks ask for about objects, already on the event loop.
extension SessionBridge {
  func session<Result>(_ body: (inout Session) -> Result) throws -> Result {
    if let outcome { throw outcome.error }
    guard let result = engine(body) else { throw ChannelError.ioOnClosedChannel }
    return result
  }

  func openVersion(
    of name: ObjectName, byteCount: Int, forgetsBase: Bool, _ opening: StreamOpening,
    _ compression: CompressionChoice?, _ mailbox: StreamMailbox
  ) throws -> StreamID {
    if let outcome { throw outcome.error }
    let id = try engine { session throws(SessionError) in
      try session.openVersion(
        of: name, byteCount: byteCount, forgetsBase: forgetsBase, opening: opening, compression: compression)
    }
    guard let id else { throw ChannelError.ioOnClosedChannel }
    streams[id] = StreamWaiters(mailbox: mailbox)
    return id
  }

  func writePages(
    _ bytes: ByteBuffer, at offset: Int, base: Range<UInt64>?, to id: StreamID,
    _ continuation: UnsafeContinuation<Void, any Error>
  ) {
    do {
      if let outcome { throw outcome.error }
      let hasRoom = try engine { session throws(SessionError) in
        try session.writePages(bytes, at: offset, to: id, base: base)
      }
      guard hasRoom == false else { return continuation.resume() }
      streams[id]?.mailbox.close()
      awaitRoom(in: id, continuation)
    } catch {
      continuation.resume(throwing: error)
    }
  }

  func awaitStand(of name: ObjectName, token: UInt64, _ continuation: CheckedContinuation<UInt64, any Error>) {
    if let outcome { return continuation.resume(throwing: outcome.error) }
    guard let version = engine({ $0.standingVersion(of: name) }) ?? nil else {
      standWaiters[token] = (name, continuation)
      return
    }
    continuation.resume(returning: version)
  }

  func resumeStands(_ name: ObjectName) {
    guard let version = engine({ $0.standingVersion(of: name) }) ?? nil else { return }
    for (token, waiter) in standWaiters where waiter.name == name {
      standWaiters[token] = nil
      waiter.continuation.resume(returning: version)
    }
  }
}
