import DWCPCore
import HostileSimulation
import NIOCore
import NIOPosix

/// A peer over plain TCP that sends what it likes and looks only for CLOSE and REFUSE in what comes back.
struct RawPeer: Sendable {
  private let channel: any Channel
  private let ending: EventLoopFuture<ErrorCode?>

  /// - Parameter reads: false to leave everything that comes in the kernel.
  static func connect(port: Int, reads: Bool = true) async throws -> RawPeer {
    let group = MultiThreadedEventLoopGroup.singleton
    let promise = group.any().makePromise(of: ErrorCode?.self)
    do {
      let channel = try await ClientBootstrap(group: group)
        .channelOption(.autoRead, value: reads)
        .channelOption(.allowRemoteHalfClosure, value: true)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(LastWordsListener(promise))
          }
        }
        .connect(host: "127.0.0.1", port: port).get()
      return RawPeer(channel: channel, ending: promise.futureResult)
    } catch {
      promise.succeed(nil)
      throw error
    }
  }

  /// False when the connection has gone.
  func send(_ bytes: ByteBuffer) async -> Bool {
    do {
      try await channel.writeAndFlush(bytes)
      return true
    } catch {
      return false
    }
  }

  func send(_ write: (inout HostileWire) -> Void) async -> Bool {
    var wire = HostileWire(readBufferByteCount: 65_536)
    write(&wire)
    return await send(wire.bytes)
  }

  func send(salvo number: UInt64, of attack: Attack) async -> Bool {
    await send { attack.salvo(number, &$0) }
  }

  /// The code that the server gave when it ended the session; nil when it gave none. Waits for the end.
  func lastWords() async throws -> ErrorCode? {
    try await ending.get()
  }

  /// The end of what this peer sends, and nothing else.
  func closeOutput() async {
    try? await channel.close(mode: .output)
  }

  func close() async {
    try? await channel.close()
  }
}

private final class LastWordsListener: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let promise: EventLoopPromise<ErrorCode?>
  private var bytes = ByteBuffer()
  private var hasSeenPreface = false
  private var code: ErrorCode?

  init(_ promise: EventLoopPromise<ErrorCode?>) {
    self.promise = promise
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    bytes.writeImmutableBuffer(unwrapInboundIn(data))
    if !hasSeenPreface {
      guard bytes.readInteger(as: UInt64.self) != nil else { return }
      hasSeenPreface = true
    }
    while let first = bytes.getInteger(at: bytes.readerIndex, as: UInt64.self),
      let length = bytes.getInteger(at: bytes.readerIndex + 8, as: UInt32.self)
    {
      let byteCount = 16 + Int(length) + (first >> 55 & 1 == 1 ? 4 : 0)
      guard var frame = bytes.readSlice(length: byteCount) else { break }
      frame.moveReaderIndex(forwardBy: 16)
      if [0x03, 0x09].contains(first >> 56) { code = frame.readInteger(as: UInt32.self).map(ErrorCode.init) }
    }
    bytes.discardReadBytes()
    // Who goes on sending makes the server's kernel reset the connection in the end, and that takes CLOSE with it (SPEC END-4).
    if code != nil { context.close(promise: nil) }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case ChannelEvent.inputClosed = event { context.close(promise: nil) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    promise.succeed(code)
  }
}
