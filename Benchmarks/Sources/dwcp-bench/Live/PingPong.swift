import Dispatch
import NIOCore
import NIOPosix

/// SwiftNIO alone: messages of fixed length there and back, one at a time on each connection.
enum PingPong {
  /// The round trips of all connections, in microseconds.
  static func run(message: ByteBuffer, connectionCount: Int, count: Int) async throws -> [Double] {
    let listener = try await ServerBootstrap(group: Transport.server)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Returner()) }
      }
      .bind(host: Transport.host, port: 0).get()
    let bootstrap = ClientBootstrap(group: Transport.client).channelOption(.tcpOption(.tcp_nodelay), value: 1)
    var results: [EventLoopFuture<[Double]>] = []
    for _ in 0..<connectionCount {
      let done = Transport.client.next().makePromise(of: [Double].self)
      results.append(done.futureResult)
      _ = try await bootstrap.channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            Sender(message: message, count: count / connectionCount, done: done))
        }
      }
      .connect(host: Transport.host, port: listener.localAddress?.port ?? 0).get()
    }
    var roundTrips: [Double] = []
    for result in results { roundTrips += try await result.get() }
    try await listener.close()
    return roundTrips
  }
}

private final class Returner: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    context.writeAndFlush(wrapOutboundOut(unwrapInboundIn(data)), promise: nil)
  }
}

private final class Sender: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let message: ByteBuffer
  private let count: Int
  private let done: EventLoopPromise<[Double]>
  private var microseconds: [Double] = []
  private var sentNanoseconds: UInt64 = 0
  private var awaitedByteCount = 0

  init(message: ByteBuffer, count: Int, done: EventLoopPromise<[Double]>) {
    self.message = message
    self.count = count
    self.done = done
  }

  func channelActive(context: ChannelHandlerContext) {
    send(context)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    awaitedByteCount -= unwrapInboundIn(data).readableBytes
    guard awaitedByteCount <= 0 else { return }
    microseconds.append(Double(DispatchTime.now().uptimeNanoseconds - sentNanoseconds) / 1_000)
    guard microseconds.count < count else {
      done.succeed(microseconds)
      return context.close(promise: nil)
    }
    send(context)
  }

  func channelInactive(context: ChannelHandlerContext) {
    done.fail(BenchmarkError("a connection ended before its work did"))
  }

  private func send(_ context: ChannelHandlerContext) {
    sentNanoseconds = DispatchTime.now().uptimeNanoseconds
    awaitedByteCount = message.readableBytes
    context.writeAndFlush(wrapOutboundOut(message), promise: nil)
  }
}
