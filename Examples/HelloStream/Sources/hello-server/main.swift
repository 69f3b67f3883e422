import DWCPNIO
import NIOCore

let port = CommandLine.arguments.count > 1 ? Int(CommandLine.arguments[1]) ?? 0 : 0

// snippet:server
try await withServer(host: "127.0.0.1", port: port) { stream in
  while let name = try await stream.readMessage() {
    let greeting = ByteBuffer(string: "Hello, \(String(buffer: name))!")
    try await stream.write(greeting, endsMessage: true)
  }
} body: { server in
  print("listening on 127.0.0.1:\(server.localAddress?.port ?? 0)")
  try await Task.sleep(for: .seconds(3_600))
}
// snippet-end
