import DWCPCore
import DWCPNIO
import Logging
import NIOCore
import NIOPosix
import Testing

extension TransportConfiguration {
  static func silent() -> TransportConfiguration {
    var configuration = TransportConfiguration()
    configuration.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    configuration.drainTimeout = .seconds(5)
    // Hundreds of tests begin at once.
    configuration.session.handshakeTimeoutNanoseconds = 60_000_000_000
    return configuration
  }
}

/// A server on any free port of loopback, for as long as the body runs.
func withTestServer<Result: Sendable>(
  _ configuration: TransportConfiguration = .silent(),
  onStream: @escaping @Sendable (SessionStream) async throws -> Void,
  body: @Sendable (Int) async throws -> Result
) async throws -> Result {
  try await withServer(host: "127.0.0.1", port: 0, configuration: configuration, onStream: onStream) { server in
    try await body(try #require(server.localAddress?.port))
  }
}

@Sendable func echo(_ stream: SessionStream) async throws {
  while let chunk = try await stream.read() {
    try await stream.write(chunk.bytes, endsMessage: chunk.endsMessage)
  }
}

/// Sends bytes over plain TCP and returns what came back until the other end closed.
func talkPlainTCP(port: Int, sending bytes: [UInt8]) async throws -> [UInt8] {
  let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
    .connect(host: "127.0.0.1", port: port) { channel in
      channel.eventLoop.makeCompletedFuture {
        try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
      }
    }
  return try await channel.executeThenClose { inbound, outbound in
    // On a busy machine the server may have given up before a byte is written, which gives the same answer as after it: none.
    if !bytes.isEmpty { try? await outbound.write(ByteBuffer(bytes: bytes)) }
    var answer: [UInt8] = []
    for try await part in inbound { answer += Array(part.readableBytesView) }
    return answer
  }
}

extension SessionStream {
  /// Everything up to the other end's FIN.
  func readToEnd() async throws -> [UInt8] {
    var bytes: [UInt8] = []
    while let chunk = try await read() { bytes += Array(chunk.bytes.readableBytesView) }
    return bytes
  }
}

/// Waits until a condition holds, for 20 s at most.
func eventually(_ what: Comment, _ condition: () async throws -> Bool) async throws {
  for _ in 0..<2_000 {
    if try await condition() { return }
    try await Task.sleep(for: .milliseconds(10))
  }
  Issue.record(what)
}
