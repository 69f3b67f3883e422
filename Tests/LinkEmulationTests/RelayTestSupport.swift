import DWCPLinkEmulation
import NIOCore
import NIOPosix
import Testing

private typealias Connection = NIOAsyncChannel<ByteBuffer, ByteBuffer>

extension LinkRelay {
  var port: Int { localAddress.port ?? 0 }
}

/// What a connection brings, until it ends; a connection that breaks throws.
final class Inbound {
  private var iterator: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
  private var unread = ByteBuffer()

  init(_ stream: NIOAsyncChannelInboundStream<ByteBuffer>) {
    iterator = stream.makeAsyncIterator()
  }

  func next(_ byteCount: Int) async throws -> ByteBuffer {
    while unread.readableBytes < byteCount, let bytes = try await iterator.next() { unread.writeImmutableBuffer(bytes) }
    let bytes = unread.readSlice(length: byteCount)
    return try #require(bytes, "the connection ended early")
  }

  func rest() async throws -> ByteBuffer {
    while let bytes = try await iterator.next() { unread.writeImmutableBuffer(bytes) }
    return unread
  }
}

func withConnection<Result>(
  to relay: LinkRelay, _ body: (Inbound, NIOAsyncChannelOutboundWriter<ByteBuffer>) async throws -> Result
) async throws -> Result {
  let connection = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
    .channelOption(.allowRemoteHalfClosure, value: true)
    .connect(host: "127.0.0.1", port: relay.port, channelInitializer: wrap)
  return try await connection.executeThenClose { inbound, outbound in try await body(Inbound(inbound), outbound) }
}

private let wrap: @Sendable (any Channel) -> EventLoopFuture<Connection> = { channel in
  channel.eventLoop.makeCompletedFuture {
    try NIOAsyncChannel(
      wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
  }
}

/// Serves each connection in turn for as long as the body runs.
private func withListener<Result: Sendable>(
  serve: @escaping @Sendable (Connection) async -> Void, _ body: (Int) async throws -> Result
) async throws -> Result {
  let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
    .childChannelOption(.allowRemoteHalfClosure, value: true)
    .bind(host: "127.0.0.1", port: 0, childChannelInitializer: wrap)
  return try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask {
      try? await listener.executeThenClose { connections in
        for try await connection in connections { await serve(connection) }
      }
    }
    defer { group.cancelAll() }
    return try await body(listener.channel.localAddress?.port ?? 0)
  }
}

func withEchoServer<Result: Sendable>(_ body: (Int) async throws -> Result) async throws -> Result {
  try await withListener { connection in
    try? await connection.executeThenClose { inbound, outbound in
      for try await bytes in inbound { try await outbound.write(bytes) }
      outbound.finish()
    }
  } _: {
    try await body($0)
  }
}

/// Keeps what connections bring.
struct Sink: Sendable {
  fileprivate let connections: AsyncStream<Swift.Result<ByteBuffer, any Error>>

  /// All bytes of the next connection that has ended; throws when it broke.
  func wholeConnection() async throws -> ByteBuffer {
    for await result in connections { return try result.get() }
    throw CancellationError()
  }
}

func withSink<Result: Sendable>(
  pause: Duration = .zero, _ body: (Int, Sink) async throws -> Result
) async throws -> Result {
  let (stream, continuation) = AsyncStream<Swift.Result<ByteBuffer, any Error>>.makeStream()
  return try await withListener { connection in
    do {
      let bytes = try await connection.executeThenClose { inbound, _ in
        try await Task.sleep(for: pause)
        return try await Inbound(inbound).rest()
      }
      continuation.yield(.success(bytes))
    } catch {
      continuation.yield(.failure(error))
    }
  } _: {
    try await body($0, Sink(connections: stream))
  }
}

func waitUntil(_ condition: () async throws -> Bool) async throws {
  for _ in 0..<3_000 {
    if try await condition() { return }
    try await Task.sleep(for: .milliseconds(10))
  }
  Issue.record("what was waited for did not happen within 30 seconds")
}

/// A connection that is killed breaks, instead of ending in good order.
func expectBreak(_ body: () async throws -> ByteBuffer) async {
  do {
    let bytes = try await body()
    Issue.record("the connection ended in good order behind \(bytes.readableBytes) bytes")
  } catch {}
}
