import DWCPCore
import DWCPNIO
import Foundation
import NIOCore
import NIOPosix

/// Bulk over loopback with blocks of several sizes: rate, and raw over wire bytes. The data is this program's own file.
enum BlockExperiment {
  private static let blockByteCounts = [128 << 10, 32 << 10, 64 << 10, 256 << 10]
  private static let writeByteCount = 1 << 20
  private static let roundByteCounts = ["none": 256 << 20, "zstd:1": 96 << 20]

  private static let clientGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  private static let serverGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)

  static func run(roundCount: Int) async throws {
    let chunks = try ownFile()
    for (name, byteCount) in roundByteCounts.sorted(by: { $0.key < $1.key }) {
      guard let setting = CompressionSetting(name) else { continue }
      print("\n\(name), \(roundCount) rounds of \(byteCount >> 20) MiB; blocks, rate over that with 128 KiB, ratio")
      try await withSessions(blockByteCounts[...], setting) { sessions in
        try await compare(sessions, chunks, byteCount, roundCount)
      }
    }
  }

  private static func ownFile() throws -> [ByteBuffer] {
    var rest = ByteBuffer(bytes: try Data(contentsOf: URL(filePath: "/proc/self/exe")))
    var pieces: [ByteBuffer] = []
    while let piece = rest.readSlice(length: writeByteCount) { pieces.append(piece) }
    return pieces
  }

  /// One session for each size, all open at once.
  private static func withSessions(
    _ sizes: ArraySlice<Int>, _ setting: CompressionSetting, _ opened: [LiveSession] = [],
    _ body: ([LiveSession]) async throws -> Void
  ) async throws {
    guard let size = sizes.first else { return try await body(opened) }
    try await withServer(
      host: "127.0.0.1", port: 0, configuration: .quiet(on: serverGroup),
      onStream: { stream in while try await stream.read() != nil {} },
      body: { server in
        guard let port = server.localAddress?.port else { throw ExecutorExperiment.Failure.noPort }
        var configuration = TransportConfiguration.quiet(on: clientGroup)
        configuration.session.blockByteCount = size
        configuration.session.compression = .fixed(setting)
        try await withSession(host: "127.0.0.1", port: port, configuration: configuration) { session in
          _ = try await session.agreement()
          try await withSessions(sizes.dropFirst(), setting, opened + [session], body)
        }
      })
  }

  private static func compare(
    _ sessions: [LiveSession], _ chunks: [ByteBuffer], _ byteCount: Int, _ roundCount: Int
  ) async throws {
    var rates = sessions.map { _ in [Double]() }
    let clock = ContinuousClock()
    for round in 0...roundCount {
      for index in rotatedOrder(count: sessions.count, round: round) {
        let start = clock.now
        try await send(byteCount, of: chunks, on: sessions[index])
        if round > 0 { rates[index].append(Double(byteCount) / ((clock.now - start) / .seconds(1))) }
      }
    }
    for (index, spread) in ratiosToFirst(rates).enumerated() {
      let counters = try await sessions[index].counters()
      let ratio = Double(counters.rawBytesSent) / Double(counters.wireBytesSent)
      print("| \(blockByteCounts[index] >> 10) KiB | \(spread) | \(ratio.rounded3) |")
    }
  }

  /// Ends when the other end has read everything.
  private static func send(_ byteCount: Int, of chunks: [ByteBuffer], on session: LiveSession) async throws {
    try await session.withStream { stream in
      for index in 0..<byteCount / writeByteCount { try await stream.write(chunks[index % chunks.count]) }
      try await stream.finish()
      while try await stream.read() != nil {}
    }
  }
}

extension Double {
  fileprivate var rounded3: String {
    let thousandths = Int((self * 1_000).rounded())
    return "\(thousandths / 1_000).\(String(thousandths % 1_000 + 1_000).dropFirst())"
  }
}
