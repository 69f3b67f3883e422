import Foundation
import NIOCore
import NIOPosix

guard let options = Options(Array(CommandLine.arguments.dropFirst())) else {
  FileHandle.standardError.write(Data((Options.usage + "\n").utf8))
  exit(64)
}
// One thread at each end, for every library.
let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

do {
  if options.workload == nil {
    try await serve()
  } else {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    print(String(decoding: try encoder.encode(try await figures()), as: UTF8.self))
  }
} catch {
  FileHandle.standardError.write(Data("\(error)\n".utf8))
  exit(1)
}

func serve() async throws {
  let listener: any Channel
  switch options.library {
  case .nio: listener = try await ChannelTransport.serve(options, group: group)
  case .http2: listener = try await HTTP2Transport.serve(options, group: group)
  case .dwcp: listener = try await SessionTransport.serve(options, group: group)
  case .dwcpAsync: return try await AsyncPeer.serve(options, group: group)
  }
  sayReady()
  try await listener.closeFuture.get()
}

func figures() async throws -> [String: Double] {
  switch options.library {
  case .nio: try await ChannelTransport.run(options, group: group)
  case .http2: try await HTTP2Transport.run(options, group: group)
  case .dwcp: try await SessionTransport.run(options, group: group)
  case .dwcpAsync: try await AsyncPeer.run(options, group: group)
  }
}

/// At once, also where standard output is a pipe.
nonisolated func sayReady() {
  FileHandle.standardOutput.write(Data("ready\n".utf8))
}
