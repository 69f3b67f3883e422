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
  private let accept: (() -> any StreamUser)?
  private let established: (any StreamOpener) -> Void
  fileprivate let ended: (any Error) -> Void
  fileprivate private(set) var handler: SessionHandler?
  private var streams: [StreamID: SessionByteStream] = [:]
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
    do {
      add(try handler.perform { session throws(SessionError) in try session.open() }, user, handler)
    } catch {
      if error.code == .streamLimit { waiting.append(user) } else { ended(error) }
    }
  }

  private func add(_ id: StreamID, _ user: any StreamUser, _ handler: SessionHandler) {
    let stream = SessionByteStream(id: id, user: user, handler: handler)
    streams[id] = stream
    user.opened(stream)
  }

  func session(_ handler: SessionHandler, received event: SessionEvent) {
    switch event {
    case .readable(let id):
      guard let error = streams[id]?.read() else { return }
      ended(error)
    case .closed(let id): streams[id] = nil
    case .streamOpened(let id, _): if let accept { add(id, accept(), handler) }
    case .writable(let id):
      guard let stream = streams[id] else { return }
      stream.user.writable(stream)
    case .established: established(self)
    case .stopped(let id, let code): ended(PeerError("stream \(id) was stopped: \(code)"))
    case .streamLimitRaised: openWaiting(handler)
    case .ended(let error):
      ended(error ?? PeerError("the session ended early"))
      self.handler = nil
    case .pong, .goingAway, .codecChosen, .sendCodecsChanged, .objectStands: break
    }
  }

  private func openWaiting(_ handler: SessionHandler) {
    while !waiting.isEmpty, handler.perform({ $0.canOpenStream }) { open(waiting.removeFirst()) }
  }
}

/// One stream; released when both directions have ended.
private final class SessionByteStream: ByteStream {
  let user: any StreamUser
  private let id: StreamID
  private let handler: SessionHandler
  private var hasFinished = false
  private var hasEnded = false

  init(id: StreamID, user: any StreamUser, handler: SessionHandler) {
    self.id = id
    self.user = user
    self.handler = handler
  }

  /// Hands over what there is; what was wrong with the stream, if anything.
  func read() -> SessionError? {
    while true {
      switch handler.perform({ $0.read(id) }) {
      case .bytes(let bytes, endsMessage: _):
        user.received(bytes, self)
      case .notReady:
        return nil
      case .end:
        hasEnded = true
        if hasFinished { handler.perform { $0.release(id) } }
        user.ended(self)
        return nil
      case .failed(let error):
        handler.perform { $0.release(id) }
        return error
      }
    }
  }

  func write(_ bytes: ByteBuffer, ends: Bool) -> Bool {
    if ends { hasFinished = true }
    return handler.perform { session in
      do {
        let hasRoom = try bytes.readableBytes == 0 || session.write(bytes, to: id)
        if ends { try session.finish(id) }
        if ends, hasEnded { session.release(id) }
        return hasRoom && !ends
      } catch {
        // The session's end tells why.
        return false
      }
    }
  }

  /// What one turn of the event loop writes leaves together.
  func flush() {}
}
