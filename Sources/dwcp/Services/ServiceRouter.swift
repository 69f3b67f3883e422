import Crypto
import DWCPCore
import DWCPNIO
import Logging
import NIOCore

/// Serves a stream by the service that its opener names (SPEC appendices A and B).
struct ServiceRouter: Sendable {
  /// Nil where no files are served.
  let root: RootDirectory?
  let logger: Logger
  /// What each session holds of files that are to be updated.
  var objectByteCount: UInt64 = 0

  private static let numbersPerWrite: UInt64 = 8_192

  func serve(_ stream: SessionStream) async throws {
    switch (stream.opening["service"], root) {
    case ("echo", _): try await echo(stream)
    case ("sink", _): try await sink(stream)
    case ("source", _): try await source(stream)
    case ("put", let root?): try await receiveFile(stream, into: root)
    case ("get", let root?): try await sendFile(stream, from: root)
    case ("base", let root?): try await receiveBase(stream, in: root)
    case ("update", let root?): try await receiveUpdate(stream, into: root)
    default: throw unknownService("there is no service \(stream.opening["service"] ?? "without a name") here")
    }
  }

  private func unknownService(_ message: String) -> SessionError {
    SessionError(code: .unknownService, blame: .peer, rule: "SVC-4", message: message)
  }

  /// SPEC SVC-1.
  private func echo(_ stream: SessionStream) async throws {
    while let chunk = try await stream.read() {
      try await stream.write(chunk.bytes, endsMessage: chunk.endsMessage)
    }
  }

  /// SPEC SVC-2.
  private func sink(_ stream: SessionStream) async throws {
    var hash = SHA256()
    var byteCount: UInt64 = 0
    while let chunk = try await stream.read() {
      chunk.bytes.withUnsafeReadableBytes { hash.update(bufferPointer: $0) }
      byteCount += UInt64(chunk.bytes.readableBytes)
    }
    var answer = ByteBuffer(integer: byteCount)
    answer.writeBytes(hash.finalize())
    try await stream.write(answer, endsMessage: true)
  }

  /// SPEC SVC-3: the numbers 0, 1, 2, ... as u64, cut off at the count asked for.
  private func source(_ stream: SessionStream) async throws {
    guard let text = stream.opening["bytes"], text.utf8.count <= 18, var remaining = UInt64(digits: text, radix: 10)
    else { throw unknownService("source needs the metadata key bytes, a decimal number") }
    var nextNumber: UInt64 = 0
    while remaining > 0 {
      let numbers = (nextNumber..<nextNumber + Self.numbersPerWrite).map(\.bigEndian)
      nextNumber += Self.numbersPerWrite
      var bytes = numbers.withUnsafeBytes { ByteBuffer(bytes: $0) }
      if let part = bytes.readSlice(length: Int(min(remaining, UInt64(bytes.readableBytes)))) {
        remaining -= UInt64(part.readableBytes)
        try await stream.write(part)
        // Making bytes is work, and a write need not wait: without this a few sources keep every other stream from being served.
        await Task.yield()
      }
    }
  }
}
