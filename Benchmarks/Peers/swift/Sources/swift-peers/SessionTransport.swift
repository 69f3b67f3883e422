import DWCPCore
import DWCPNIO
import NIOCore

/// DWCP through its channel-level API.
enum SessionTransport {
  /// The library's defaults, except for what the options say; silent, as the other peers are.
  static func configuration(_ options: Options, group: any EventLoopGroup) -> TransportConfiguration {
    var configuration = TransportConfiguration()
    configuration.group = group
    configuration.taskPlacement = .eventLoop
    configuration.logger.logLevel = .critical
    configuration.session.requiresIntegrity = options.isIntegrityRequired
    if !options.isCompressionAutomatic { configuration.session.compression = .fixed(.none) }
    if options.streamLimit > 0 { configuration.session.maximumPeerStreamCount = UInt64(options.streamLimit) }
    return configuration
  }

  static func serve(_ options: Options, group: any EventLoopGroup) async throws -> any Channel {
    let state = NIOLoopBoundBox.makeBoxSendingValue(ServerState(), eventLoop: group.next())
    return try await SessionChannels.listen(
      host: options.host, port: options.port, configuration: configuration(options, group: group)
    ) { _ in
      SessionStreams(accept: { ServerStream(state: state.value) }, established: { _ in }, ended: { _ in })
    }.get()
  }

  static func run(_ options: Options, group: any EventLoopGroup) async throws -> [String: Double] {
    let finished = group.next().makePromise(of: [String: Double].self)
    let channel = SessionChannels.connect(
      host: options.host, port: options.port, configuration: configuration(options, group: group)
    ) { _ in
      SessionStreams(
        accept: nil,
        established: { Client(opener: $0, options: options, finished: finished).begin() },
        ended: { finished.fail($0) })
    }
    channel.whenFailure { finished.fail($0) }
    return try await finished.futureResult.get()
  }
}

/// The streams of one session.
private final class SessionStreams: SessionDelegate, StreamOpener {
  private struct Entry {
    let user: any StreamUser
    var hasFinished = false
    var hasEnded = false
  }

  private let accept: (() -> any StreamUser)?
  private let established: (any StreamOpener) -> Void
  private let ended: (any Error) -> Void
  private var handler: SessionHandler?
  private var entries: [StreamID: Entry] = [:]
  /// Users for whom the other end allows no stream yet.
  private var waiting: [any StreamUser] = []

  init(
    accept: (() -> any StreamUser)?, established: @escaping (any StreamOpener) -> Void,
    ended: @escaping (any Error) -> Void
  ) {
    self.accept = accept
    self.established = established
    self.ended = ended
  }

  func attached(to handler: SessionHandler) {
    self.handler = handler
  }

  func open(_ user: any StreamUser) {
    guard let handler else { return }
    guard handler.perform({ $0.canOpenStream }) else { return waiting.append(user) }
    do {
      add(try handler.perform { session throws(SessionError) in try session.open() }, user)
    } catch {
      ended(error)
    }
  }

  private func add(_ id: StreamID, _ user: any StreamUser) {
    entries[id] = Entry(user: user)
    user.opened(SessionStreamHandle(streams: self, id: id))
  }

  func session(_ handler: SessionHandler, received event: SessionEvent) {
    switch event {
    case .established: established(self)
    case .streamOpened(let id, _): if let accept { add(id, accept()) }
    case .readable(let id): read(id, handler)
    case .writable(let id): entries[id]?.user.writable(SessionStreamHandle(streams: self, id: id))
    case .stopped(let id, let code): ended(PeerError("stream \(id) was stopped: \(code)"))
    case .closed(let id): entries[id] = nil
    case .streamLimitRaised: openWaiting(handler)
    case .ended(let error):
      ended(error ?? PeerError("the session ended early"))
      self.handler = nil
    case .pong, .goingAway: break
    }
  }

  private func openWaiting(_ handler: SessionHandler) {
    while !waiting.isEmpty, handler.perform({ $0.canOpenStream }) { open(waiting.removeFirst()) }
  }

  private func read(_ id: StreamID, _ handler: SessionHandler) {
    guard let user = entries[id]?.user else { return }
    while true {
      switch handler.perform({ $0.read(id) }) {
      case .bytes(let bytes, endsMessage: _):
        user.received(bytes, SessionStreamHandle(streams: self, id: id))
      case .notReady:
        return
      case .end:
        user.ended(SessionStreamHandle(streams: self, id: id))
        return noteEnd(id, handler)
      case .failed(let error):
        ended(error)
        return handler.perform { $0.release(id) }
      }
    }
  }

  private func noteEnd(_ id: StreamID, _ handler: SessionHandler) {
    if entries[id]?.hasFinished == true {
      handler.perform { $0.release(id) }
    } else {
      entries[id]?.hasEnded = true
    }
  }

  /// Releases the stream when both directions have ended.
  fileprivate func write(_ bytes: ByteBuffer, ends: Bool, to id: StreamID) -> Bool {
    guard let handler else { return false }
    let hasRoom = handler.perform { session in
      do {
        let hasRoom = try bytes.readableBytes == 0 || session.write(bytes, to: id)
        if ends { try session.finish(id) }
        return hasRoom && !ends
      } catch {
        // The session's end tells why.
        return false
      }
    }
    if ends { noteFinish(id, handler) }
    return hasRoom
  }

  private func noteFinish(_ id: StreamID, _ handler: SessionHandler) {
    if entries[id]?.hasEnded == true {
      handler.perform { $0.release(id) }
    } else {
      entries[id]?.hasFinished = true
    }
  }
}

private struct SessionStreamHandle: ByteStream {
  let streams: SessionStreams
  let id: StreamID

  func write(_ bytes: ByteBuffer, ends: Bool) -> Bool { streams.write(bytes, ends: ends, to: id) }

  /// What one turn of the event loop writes leaves together.
  func flush() {}
}
