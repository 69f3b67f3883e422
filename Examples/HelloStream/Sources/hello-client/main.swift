import DWCPNIO
import NIOCore

let port = CommandLine.arguments.count > 1 ? Int(CommandLine.arguments[1]) ?? 0 : 0

// snippet:client
let greeting = try await withSession(host: "127.0.0.1", port: port) { session in
  try await session.withStream { stream in
    try await stream.write(ByteBuffer(string: "DWCP"), endsMessage: true)
    return try await stream.readMessage()
  }
}
print(greeting.map { String(buffer: $0) } ?? "no answer")
// snippet-end
