import Foundation
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix

/// swift-nio-http2, with its defaults or with a window and a frame size of one's own.
enum HTTP2Transport {
  static func serve(_ options: Options, group: any EventLoopGroup) async throws -> any Channel {
    let state = NIOLoopBoundBox.makeBoxSendingValue(ServerState(), eventLoop: group.next())
    return try await ServerBootstrap(group: group)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try addHandler(to: channel, .server, options) { stream in
            stream.eventLoop.makeCompletedFuture {
              let user = ServerStream(state: state.value)
              try stream.pipeline.syncOperations.addHandler(HTTP2Stream(user: user, .server) { _ in })
            }
          }
        }
      }
      .bind(host: options.host, port: options.port).get()
  }

  static func run(_ options: Options, group: any EventLoopGroup) async throws -> [String: Double] {
    let finished = group.next().makePromise(of: [String: Double].self)
    let channel = try await ClientBootstrap(group: group)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try addHandler(to: channel, .client, options) { $0.close() }
        }
      }
      .connect(host: options.host, port: options.port).get()
    channel.closeFuture.whenComplete { _ in finished.fail(PeerError("the server ended the connection")) }
    try await channel.eventLoop.submit {
      let handler = try channel.pipeline.syncOperations.handler(type: NIOHTTP2Handler.self)
      let opener = HTTP2Opener(
        multiplexer: try handler.syncMultiplexer(), eventLoop: channel.eventLoop, failed: { finished.fail($0) })
      Client(opener: opener, options: options, finished: finished).begin()
    }.get()
    return try await finished.futureResult.get()
  }

  /// In the channel's initialiser; later, the other end's settings might have come and gone.
  private static func addHandler(
    to channel: any Channel, _ mode: NIOHTTP2Handler.ParserMode, _ options: Options,
    accept: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
  ) throws {
    var connection = NIOHTTP2Handler.ConnectionConfiguration()
    var stream = NIOHTTP2Handler.StreamConfiguration()
    if options.streamLimit > 0 {
      connection.initialSettings.removeAll { $0.parameter == .maxConcurrentStreams }
      connection.initialSettings.append(HTTP2Setting(parameter: .maxConcurrentStreams, value: options.streamLimit))
    }
    if options.windowByteCount > 0 {
      connection.initialSettings.append(HTTP2Setting(parameter: .initialWindowSize, value: options.windowByteCount))
      connection.targetWindowSize = options.windowByteCount
      stream.targetWindowSize = options.windowByteCount
      // With large windows, everything else is tuned too, as in the limit beside it.
      stream.outboundBufferSizeLowWatermark = ChannelTransport.tunedWatermark.low
      stream.outboundBufferSizeHighWatermark = ChannelTransport.tunedWatermark.high
      let synchronous = channel.syncOptions
      try synchronous?.setOption(.recvAllocator, value: ChannelTransport.tunedReads)
      try synchronous?.setOption(.writeBufferWaterMark, value: ChannelTransport.tunedWatermark)
    }
    if options.frameByteCount > 0 {
      connection.initialSettings.append(HTTP2Setting(parameter: .maxFrameSize, value: options.frameByteCount))
    }
    let handler = NIOHTTP2Handler(
      mode: mode, eventLoop: channel.eventLoop, connectionConfiguration: connection, streamConfiguration: stream,
      inboundStreamInitializer: accept)
    try channel.pipeline.syncOperations.addHandler(handler)
    try channel.pipeline.syncOperations.addHandler(ConnectionErrors())
  }
}

/// Says what is wrong with a connection, and ends it.
private final class ConnectionErrors: ChannelInboundHandler {
  typealias InboundIn = HTTP2Frame

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    FileHandle.standardError.write(Data("the HTTP/2 connection failed: \(error)\n".utf8))
    context.close(promise: nil)
  }
}

private final class HTTP2Opener: StreamOpener {
  private let multiplexer: NIOHTTP2Handler.StreamMultiplexer
  private let eventLoop: any EventLoop
  private let failed: @Sendable (any Error) -> Void

  init(
    multiplexer: NIOHTTP2Handler.StreamMultiplexer, eventLoop: any EventLoop,
    failed: @escaping @Sendable (any Error) -> Void
  ) {
    self.multiplexer = multiplexer
    self.eventLoop = eventLoop
    self.failed = failed
  }

  func open(_ user: any StreamUser) {
    let failed = failed
    let user = NIOLoopBound(user, eventLoop: eventLoop)
    let opened = eventLoop.makePromise(of: (any Channel).self)
    opened.futureResult.whenFailure(failed)
    multiplexer.createStreamChannel(promise: opened) { channel in
      channel.eventLoop.makeCompletedFuture {
        try channel.pipeline.syncOperations.addHandler(HTTP2Stream(user: user.value, .client, failed))
      }
    }
  }
}

/// One HTTP/2 stream.
private final class HTTP2Stream: ChannelInboundHandler, ByteStream {
  typealias InboundIn = HTTP2Frame.FramePayload
  typealias OutboundOut = HTTP2Frame.FramePayload

  private static let request = HPACKHeaders([
    (":method", "POST"), (":scheme", "http"), (":authority", "peer"), (":path", "/"),
  ])
  private static let response = HPACKHeaders([(":status", "200")])

  private let user: any StreamUser
  private let isServer: Bool
  private let failed: (any Error) -> Void
  private var hasSentHeaders = false
  private var isWaitingForHeaders = false
  private var context: ChannelHandlerContext?

  init(user: any StreamUser, _ mode: NIOHTTP2Handler.ParserMode, _ failed: @escaping (any Error) -> Void) {
    self.user = user
    isServer = mode == .server
    self.failed = failed
  }

  func write(_ bytes: ByteBuffer, ends: Bool) -> Bool {
    guard let context else { return false }
    if !hasSentHeaders {
      hasSentHeaders = true
      let headers = HTTP2Frame.FramePayload.Headers(headers: isServer ? Self.response : Self.request)
      context.write(wrapOutboundOut(.headers(headers)), promise: ends || isServer ? nil : waitForHeaders(context))
    }
    let data = HTTP2Frame.FramePayload.Data(data: .byteBuffer(bytes), endStream: ends)
    context.write(wrapOutboundOut(.data(data)), promise: nil)
    return !ends && !isWaitingForHeaders && context.channel.isWritable
  }

  /// Until its headers have left, a new stream says that it is writable, whatever waits in it: a writer that trusted that would
  /// buffer without bound where the connection is busy.
  private func waitForHeaders(_ context: ChannelHandlerContext) -> EventLoopPromise<Void> {
    isWaitingForHeaders = true
    let sent = context.eventLoop.makePromise(of: Void.self)
    sent.futureResult.assumeIsolated().whenSuccess { [self] in
      isWaitingForHeaders = false
      if self.context?.channel.isWritable == true { user.writable(self) }
    }
    return sent
  }

  func flush() {
    context?.flush()
  }

  func channelActive(context: ChannelHandlerContext) {
    self.context = context
    user.opened(self)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .data(let data):
      guard case .byteBuffer(let bytes) = data.data else { return }
      if bytes.readableBytes > 0 { user.received(bytes, self) }
      if data.endStream { user.ended(self) }
    case .headers(let headers):
      if headers.endStream { user.ended(self) }
    case .rstStream(let code):
      failed(PeerError("a stream was reset: \(code)"))
    default:
      break
    }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable, !isWaitingForHeaders { user.writable(self) }
  }

  func channelInactive(context: ChannelHandlerContext) {
    self.context = nil
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    failed(error)
    context.close(promise: nil)
  }
}
