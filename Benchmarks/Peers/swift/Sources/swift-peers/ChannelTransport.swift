import NIOCore
import NIOPosix

/// SwiftNIO alone, with tuned reads: a connection for each stream.
enum ChannelTransport {
  static let tunedReads = FixedSizeRecvByteBufferAllocator(capacity: 256 << 10)
  static let tunedWatermark = ChannelOptions.Types.WriteBufferWaterMark(low: 256 << 10, high: 1 << 20)

  static func serve(_ options: Options, group: any EventLoopGroup) async throws -> any Channel {
    let state = NIOLoopBoundBox.makeBoxSendingValue(ServerState(), eventLoop: group.next())
    return try await ServerBootstrap(group: group)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.recvAllocator, value: tunedReads)
      .childChannelOption(.writeBufferWaterMark, value: tunedWatermark)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let user = ServerStream(state: state.value)
          try channel.pipeline.syncOperations.addHandler(ChannelStream(user: user) { _ in })
        }
      }
      .bind(host: options.host, port: options.port).get()
  }

  static func run(_ options: Options, group: any EventLoopGroup) async throws -> [String: Double] {
    let finished = group.next().makePromise(of: [String: Double].self)
    group.next().execute {
      let opener = ChannelOpener(options: options, eventLoop: group.next(), failed: { finished.fail($0) })
      Client(opener: opener, options: options, finished: finished).begin()
    }
    return try await finished.futureResult.get()
  }
}

private final class ChannelOpener: StreamOpener {
  private let options: Options
  private let eventLoop: any EventLoop
  private let failed: @Sendable (any Error) -> Void

  init(options: Options, eventLoop: any EventLoop, failed: @escaping @Sendable (any Error) -> Void) {
    self.options = options
    self.eventLoop = eventLoop
    self.failed = failed
  }

  func open(_ user: any StreamUser) {
    let failed = failed
    let user = NIOLoopBound(user, eventLoop: eventLoop)
    ClientBootstrap(group: eventLoop)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelOption(.recvAllocator, value: ChannelTransport.tunedReads)
      .channelOption(.writeBufferWaterMark, value: ChannelTransport.tunedWatermark)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(ChannelStream(user: user.value, failed))
        }
      }
      .connect(host: options.host, port: options.port)
      .whenFailure(failed)
  }
}

/// One connection as a stream.
private final class ChannelStream: ChannelInboundHandler, ByteStream {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let user: any StreamUser
  private let failed: (any Error) -> Void
  private var context: ChannelHandlerContext?
  private var hasEnded = false

  init(user: any StreamUser, _ failed: @escaping (any Error) -> Void) {
    self.user = user
    self.failed = failed
  }

  func write(_ bytes: ByteBuffer, ends: Bool) -> Bool {
    guard let context else { return false }
    if bytes.readableBytes > 0 { context.write(wrapOutboundOut(bytes), promise: nil) }
    guard ends else { return context.channel.isWritable }
    context.flush()
    context.close(mode: .output, promise: nil)
    return false
  }

  func flush() {
    context?.flush()
  }

  func channelActive(context: ChannelHandlerContext) {
    self.context = context
    user.opened(self)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    user.received(unwrapInboundIn(data), self)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { user.writable(self) }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case ChannelEvent.inputClosed = event { end() }
  }

  /// Without an `inputClosed` before it, when this end was the first to close.
  func channelInactive(context: ChannelHandlerContext) {
    self.context = nil
    end()
  }

  private func end() {
    guard !hasEnded else { return }
    hasEnded = true
    user.ended(self)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    failed(error)
    context.close(promise: nil)
  }
}
