import DWCPCore
import DWCPLinkEmulation
import DWCPNIO
import NIOCore
import NIOPosix

/// Event loops of the two ends: one thread each, the same for every contender.
enum Transport {
  static let client = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  static let server = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  private static let relay = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  static let host = "127.0.0.1"

  static func configuration(
    _ group: any EventLoopGroup, _ compression: CompressionChoice = .fixed(.none)
  ) -> TransportConfiguration {
    var configuration = TransportConfiguration()
    configuration.logger.logLevel = .critical
    configuration.group = group
    configuration.session.compression = compression
    return configuration
  }

  /// Serves, runs one client with this delegate, and waits for what it promises; then all is closed.
  static func run<Result: Sendable>(
    _ compression: CompressionChoice = .fixed(.none), over link: LinkEmulation? = nil,
    explainsCodecs: Bool = false, _ makeDriver: @escaping @Sendable (EventLoopPromise<Result>) -> any SessionDelegate
  ) async throws -> Result {
    let listener = try await SessionChannels.listen(host: host, port: 0, configuration: configuration(server)) { _ in
      Services()
    }.get()
    var clientConfiguration = configuration(client, compression)
    clientConfiguration.session.explainsCodecs = explainsCodecs
    let result = try await through(link, to: listener) { [clientConfiguration] port in
      let done = client.next().makePromise(of: Result.self)
      let channel = try await SessionChannels.connect(
        host: host, port: port, configuration: clientConfiguration
      ) { _ in
        makeDriver(done)
      }.get()
      channel.closeFuture.whenComplete { _ in
        done.fail(BenchmarkError("the session ended before the work did"))
      }
      let result = try await done.futureResult.get()
      try await channel.closeFuture.get()
      return result
    }
    try await listener.close()
    return result
  }

  /// Gives the port to connect to: the listener's own, or that of an emulated link to it.
  static func through<Result: Sendable>(
    _ link: LinkEmulation?, to listener: any Channel, _ body: (Int) async throws -> Result
  ) async throws -> Result {
    let port = listener.localAddress?.port ?? 0
    guard let link else { return try await body(port) }
    return try await withLinkRelay(toHost: host, port: port, emulation: link, group: relay) {
      try await body($0.localAddress.port ?? 0)
    }
  }
}

/// What the other end does with a stream, by its metadata.
enum Service: String {
  /// Discards, and answers the end with the count.
  case sink
  /// Answers the end with as many bytes.
  case exchange
  /// Returns every byte at once.
  case echo

  var opening: StreamOpening { StreamOpening(metadata: ["service": rawValue]) }
}

/// The serving end on the channel-level API: no task, only an event loop.
final class Services: SessionDelegate {
  private struct Stream {
    let service: Service
    var byteCount = 0
  }

  private static let answer = ByteBuffer(repeating: 0x2A, count: Exchange.byteCount)

  private var streams: [StreamID: Stream] = [:]

  func attached(to handler: SessionHandler) {}

  func session(_ handler: SessionHandler, received event: SessionEvent) {
    switch event {
    case .streamOpened(let id, let opening):
      streams[id] = Stream(service: opening["service"].flatMap(Service.init) ?? .sink)
    case .readable(let id):
      guard let stream = streams[id] else { return }
      handler.perform { serve(id, stream, &$0) }
    default: break
    }
  }

  private func serve(_ id: StreamID, _ stream: Stream, _ session: inout Session) {
    var byteCount = stream.byteCount
    while true {
      switch session.read(id) {
      case .bytes(let bytes, endsMessage: _):
        byteCount += bytes.readableBytes
        if stream.service == .echo { _ = try? session.write(bytes, to: id) }
      case .notReady:
        streams[id]?.byteCount = byteCount
        return
      case .end:
        answer(stream.service, byteCount: byteCount, on: id, &session)
        return
      case .failed:
        streams[id] = nil
        return session.release(id)
      }
    }
  }

  private func answer(_ service: Service, byteCount: Int, on id: StreamID, _ session: inout Session) {
    switch service {
    case .sink: _ = try? session.write(ByteBuffer(integer: byteCount), to: id)
    case .exchange: _ = try? session.write(Self.answer, to: id)
    case .echo: break
    }
    try? session.finish(id)
    session.release(id)
    streams[id] = nil
  }
}
