import DWCPLinkEmulation
import NIOCore
import NIOPosix

/// SwiftNIO alone: a client that writes while its channel is writable, and a server that discards what it reads.
enum SinkBulk {
  private static let readByteCount = 256 << 10
  /// What a sender may have waiting in its channel; DWCPNIO has the same.
  private static let writeWatermark = ChannelOptions.Types.WriteBufferWaterMark(low: 256 << 10, high: 1 << 20)

  static func run(_ load: BulkLoad, over link: LinkEmulation? = nil) async throws -> [Figure] {
    let received = Transport.server.next().makePromise(of: Int.self)
    let listener = try await ServerBootstrap(group: Transport.server)
      .childChannelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: readByteCount))
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(SinkReader(received: received))
        }
      }
      .bind(host: Transport.host, port: 0).get()
    let figures = try await Transport.through(link, to: listener) { port in
      let stopwatch = Stopwatch()
      let client = try await ClientBootstrap(group: Transport.client)
        .channelOption(.tcpOption(.tcp_nodelay), value: 1)
        .channelOption(.writeBufferWaterMark, value: writeWatermark)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(SinkWriter(load: load))
          }
        }
        .connect(host: Transport.host, port: port).get()
      let receivedByteCount = try await received.futureResult.get()
      let figures = stopwatch.bulkFigures(rawByteCount: receivedByteCount)
      try await client.closeFuture.get()
      try load.check(receivedByteCount)
      return figures
    }
    try await listener.close()
    return figures
  }
}

private final class SinkWriter: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let load: BulkLoad
  private var nextBlock = 0

  init(load: BulkLoad) {
    self.load = load
  }

  func channelActive(context: ChannelHandlerContext) {
    write(context)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { write(context) }
  }

  private func write(_ context: ChannelHandlerContext) {
    while context.channel.isWritable, nextBlock < load.blockCount {
      context.write(wrapOutboundOut(load.corpus.block(nextBlock)), promise: nil)
      nextBlock += 1
    }
    context.flush()
    if nextBlock == load.blockCount { context.close(mode: .output, promise: nil) }
  }
}

private final class SinkReader: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let received: EventLoopPromise<Int>
  private var byteCount = 0

  init(received: EventLoopPromise<Int>) {
    self.received = received
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    byteCount += unwrapInboundIn(data).readableBytes
  }

  func channelInactive(context: ChannelHandlerContext) {
    received.succeed(byteCount)
  }
}
