import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// What is answered to a GET or HEAD.
struct OperatorAnswer: Sendable {
  var status: HTTPResponseStatus
  var contentType = "text/plain; charset=utf-8"
  var text: String
}

/// A small HTTP/1.1 server for the tools of operators: GET and HEAD, one request for each connection, and a bound on everything a client
/// could use up.
enum OperatorServer {
  static let maximumConnectionCount = 64
  static let maximumRequestByteCount = 16 << 10
  /// From the first byte of the connection to the last one of the answer.
  static let timeout = TimeAmount.seconds(10)

  /// - Parameter answer: called for each path that is asked for, without its query.
  static func listen(
    on endpoint: Endpoint, group: any EventLoopGroup, timeout: TimeAmount = timeout,
    answer: @escaping @Sendable (String) async -> OperatorAnswer
  ) async throws -> any Channel {
    let connections = ConnectionCount()
    do {
      return try await ServerBootstrap(group: group)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try connections.enter(channel)
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(RequestBound(timeout: timeout))
            try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: false, withErrorHandling: true)
            try pipeline.addHandler(OperatorHandler(answer: answer))
          }
        }
        .bind(host: endpoint.host, port: endpoint.port).get()
    } catch let error as IOError {
      throw ToolError(
        "cannot answer for metrics on \(endpoint): \(reason(of: error)); choose another address or port with --metrics")
    }
  }
}

/// Connections that are open; one too many is closed at once.
private final class ConnectionCount: Sendable {
  private struct TooMany: Error {}

  private let count = Mutex(0)

  func enter(_ channel: any Channel) throws {
    try count.withLock { count in
      guard count < OperatorServer.maximumConnectionCount else { throw TooMany() }
      count += 1
    }
    channel.closeFuture.whenComplete { _ in self.count.withLock { $0 -= 1 } }
  }
}

/// Ends a connection that sends more than any request needs, or takes longer.
private final class RequestBound: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let timeout: TimeAmount
  private var byteCount = 0
  private var deadline: Scheduled<Void>?

  init(timeout: TimeAmount) {
    self.timeout = timeout
  }

  func handlerAdded(context: ChannelHandlerContext) {
    let channel = context.channel
    deadline = context.eventLoop.scheduleTask(in: timeout) { channel.close(promise: nil) }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    deadline?.cancel()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    byteCount += unwrapInboundIn(data).readableBytes
    guard byteCount <= OperatorServer.maximumRequestByteCount else { return context.close(promise: nil) }
    context.fireChannelRead(data)
  }
}

/// Answers the one request of a connection and closes it.
private final class OperatorHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private let answer: @Sendable (String) async -> OperatorAnswer
  private var head: HTTPRequestHead?
  private var isAnswered = false

  init(answer: @escaping @Sendable (String) async -> OperatorAnswer) {
    self.answer = answer
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      if self.head == nil { self.head = head }
    case .body:
      break
    case .end:
      guard let head, !isAnswered else { return }
      isAnswered = true
      respond(to: head, context)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  private func respond(to head: HTTPRequestHead, _ context: ChannelHandlerContext) {
    guard head.method == .GET || head.method == .HEAD else {
      let answer = OperatorAnswer(status: .methodNotAllowed, text: "ask with GET or HEAD\n")
      return write(answer, to: head, context, headers: [("Allow", "GET, HEAD")])
    }
    let path = String(head.uri.prefix { $0 != "?" })
    let answer = answer
    context.eventLoop.makeFutureWithTask { await answer(path) }.assumeIsolated().whenSuccess { answer in
      self.write(answer, to: head, context)
    }
  }

  private func write(
    _ answer: OperatorAnswer, to head: HTTPRequestHead, _ context: ChannelHandlerContext,
    headers extra: [(String, String)] = []
  ) {
    guard context.channel.isActive else { return }
    let body = ByteBuffer(string: answer.text)
    let headers = HTTPHeaders(
      [
        ("Content-Type", answer.contentType), ("Content-Length", "\(body.readableBytes)"),
        ("Cache-Control", "no-store"),
        ("Connection", "close"),
      ] + extra)
    context.write(
      wrapOutboundOut(.head(HTTPResponseHead(version: head.version, status: answer.status, headers: headers))),
      promise: nil)
    if head.method != .HEAD { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
    context.writeAndFlush(wrapOutboundOut(.end(nil))).assumeIsolated().whenComplete { _ in
      context.close(promise: nil)
    }
  }
}
