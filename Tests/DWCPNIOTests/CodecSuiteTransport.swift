import DWCPCore
import DWCPNIO
import NIOCore
import Testing

/// Compression as a program over sockets asks for it.
@Suite(.timeLimit(.minutes(2))) struct CodecSuiteTransport {
  private static func message(_ number: Int) -> [UInt8] {
    shared + Array("\(number)".utf8)
  }

  /// What nothing but a dictionary makes shorter.
  private static let shared: [UInt8] = (0..<300).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 13) }

  @Test(
    "a dictionary offered on a live session is used when it was accepted, and replaced by the next (SPEC DIC-1, DIC-2)")
  func offer() async throws {
    try await withTestServer(onStream: echo) { port in
      var configuration = TransportConfiguration.silent()
      configuration.session.compression = .fixed(.zstdDefault)
      try await withSession(host: "127.0.0.1", port: port, configuration: configuration) { session in
        _ = try await session.agreement()
        try await session.withStream { stream in
          try await Self.exchange(0, on: stream)
          #expect(try await session.counters().dictionaries.sent == DictionaryCounters.Use())
          for generation in 1...2 {
            let dictionary = try CompressionDictionary(Self.shared + [UInt8(generation)])
            try await session.offer(dictionary)
            while try await session.dictionaryInUse() != dictionary { try await Task.sleep(for: .milliseconds(2)) }
            try await Self.exchange(generation, on: stream)
          }
        }
        let sent = try await session.counters().dictionaries.sent
        #expect(sent.offered == 2 && sent.accepted == 2 && sent.rejected == 0)
        #expect(sent.blocks == 2 && sent.rawBytes == 602 && sent.wireBytes < 200)
      }
    }
  }

  private static func exchange(_ number: Int, on stream: SessionStream) async throws {
    try await stream.write(ByteBuffer(bytes: message(number)), endsMessage: true)
    #expect(try await stream.readMessage() == ByteBuffer(bytes: message(number)))
  }
}
