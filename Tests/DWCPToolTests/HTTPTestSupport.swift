import Foundation
import NIOCore
import NIOPosix
import Testing

/// An HTTP answer, as it came.
struct HTTPAnswer {
  let status: Int
  /// The head, in lower case.
  let head: String
  let body: String

  init?(_ bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    guard let end = text.range(of: "\r\n\r\n"), text.hasPrefix("HTTP/1."),
      let status = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { return nil }
    self.status = status
    head = text[..<end.lowerBound].lowercased()
    body = String(text[end.upperBound...])
  }
}

/// Sends bytes over plain TCP and returns what came back until the other end closed.
func talkPlainTCP(port: Int, _ text: String) async throws -> [UInt8] {
  let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
    .connect(host: "127.0.0.1", port: port) { channel in
      channel.eventLoop.makeCompletedFuture {
        try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
      }
    }
  return try await channel.executeThenClose { inbound, outbound in
    var answer: [UInt8] = []
    do {
      if !text.isEmpty { try await outbound.write(ByteBuffer(string: text)) }
      for try await part in inbound { answer += Array(part.readableBytesView) }
    } catch let error where error is IOError || error is ChannelError {
      // The other end closed without reading all of it.
    }
    return answer
  }
}

func ask(_ path: String, method: String = "GET", port: Int) async throws -> HTTPAnswer {
  let bytes = try await talkPlainTCP(port: port, "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n")
  return try #require(HTTPAnswer(bytes), "no HTTP: \(String(decoding: bytes, as: UTF8.self))")
}

extension ToolServer {
  /// Where `--metrics` answers, from the log.
  func metricsPort() async throws -> Int {
    try await process.waitForErrors(containing: "/ready")
    let match = try #require(process.errors.firstMatch(of: /metrics at http:\/\/127\.0\.0\.1:(\d+)\/metrics/))
    return try #require(Int(match.1))
  }
}

/// What `promtool check metrics` has to say about an exposition; it must be installed.
func promtoolVerdict(_ exposition: String) async throws -> (code: Int32, output: String) {
  let directory = try TemporaryDirectory()
  let input = try directory.write(Data(exposition.utf8), to: "metrics")
  try directory.write(Data(), to: "out")
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = ["promtool", "check", "metrics"]
  process.standardInput = try FileHandle(forReadingFrom: URL(fileURLWithPath: input))
  let output = try FileHandle(forWritingTo: URL(fileURLWithPath: directory.path + "/out"))
  process.standardOutput = output
  process.standardError = output
  try process.run()
  while process.isRunning { try await Task.sleep(for: .milliseconds(5)) }
  return (process.terminationStatus, String(decoding: directory.content(of: "out") ?? Data(), as: UTF8.self))
}
