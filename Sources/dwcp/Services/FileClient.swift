import DWCPCore
import DWCPNIO
import Foundation
import NIOCore

/// The asking side of `put` and `get` (SPEC appendix B).
struct FileClient: Sendable {
  /// Longer blocks are not compressed against a dictionary (SPEC DIC-3).
  private static let smallFileByteCount: UInt64 = 16_384

  let session: LiveSession
  let progress: Progress
  /// Small files are to be compressed against the session's dictionary.
  var hasDictionary = false

  /// Sends one file; returns its SHA-256 after the other end has confirmed that it stands under its name.
  func put(_ source: SourceFile) async throws -> [UInt8] {
    try await withTaskExecutorPreference(FileExecutor.shared) {
      let file = try OutgoingFile(path: source.path, name: source.name)
      let opening = StreamOpening(
        metadata: [
          "service": "put", "name": source.name, "size": String(file.byteCount), "mode": String(file.mode, radix: 8),
        ], expectedByteCount: file.byteCount)
      return try await session.withStream(opening, compression: compression(of: file)) { stream in
        let digest = try await send(file, on: stream)
        try await confirm(stream, name: source.name, digest: digest)
        progress.fileDone()
        return digest
      }
    }
  }

  /// Automatic compression learns from a stream's blocks, of which a small file has one: where there is a dictionary, zstd is what uses it.
  private func compression(of file: OutgoingFile) async throws -> CompressionChoice? {
    guard hasDictionary, file.byteCount <= Self.smallFileByteCount,
      try await session.agreement().sendCodecs.contains(.zstd)
    else { return nil }
    return .fixed(.zstdDefault)
  }

  /// A receiver that gives up stops the stream; its answer, not the stop, says why.
  private func send(_ file: OutgoingFile, on stream: SessionStream) async throws -> [UInt8] {
    do {
      let digest = try await stream.sendContent(of: file) { progress.add(byteCount: $0) }
      try await stream.finish()
      return digest
    } catch let error as SessionError where error.isReportedByPeer {
      guard let answer = try? await answer(on: stream) else { throw error }
      throw refusal(Text.printable(String(buffer: answer)), name: file.name)
    }
  }

  func confirm(_ stream: SessionStream, name: String, digest: [UInt8]) async throws {
    guard let answer = try await answer(on: stream) else {
      throw ToolError("the receiver ended the stream of \(name) without an answer; look at its log")
    }
    let text = Text.printable(String(buffer: answer))
    guard text == "ok \(hex(digest))" else { throw refusal(text, name: name) }
  }

  func answer(on stream: SessionStream) async throws -> ByteBuffer? {
    try await withDeadline(.seconds(60), waitingFor: "an answer about a file") {
      try await stream.readMessage(maximumByteCount: ServiceRouter.maximumAnswerByteCount)
    }
  }

  private func refusal(_ answer: String, name: String) -> ToolError {
    guard answer.hasPrefix("error ") else {
      return ToolError("the receiver's digest of \(name) differs from ours; send it again")
    }
    return ToolError("the receiver could not take \(name): \(answer.dropFirst(6))")
  }

  /// Fetches one file into a directory; returns its SHA-256 when it stands under its name.
  func get(_ name: String, as localName: String, into root: RootDirectory) async throws -> (
    sha256: String, byteCount: UInt64
  ) {
    try await withTaskExecutorPreference(FileExecutor.shared) {
      try await session.withStream(StreamOpening(metadata: ["service": "get", "name": name])) { stream in
        try await stream.finish()
        let size = try await announcedSize(stream, name: name)
        progress.begin(byteCount: size)
        let file = try root.create(localName, mode: 0o644)
        while let chunk = try await stream.read() {
          guard file.byteCount + UInt64(chunk.bytes.readableBytes) <= size else {
            throw ToolError("\(name) is longer than the \(size) bytes the other end announced; fetch it again")
          }
          try file.write(chunk.bytes)
          progress.add(byteCount: chunk.bytes.readableBytes)
          if chunk.endsMessage { break }
        }
        guard file.byteCount == size, let digest = try await stream.readMessage(maximumByteCount: 32) else {
          throw ToolError("\(name) did not arrive in full; fetch it again")
        }
        progress.fileDone()
        return (try file.commit(expectedDigest: Array(digest.readableBytesView)), size)
      }
    }
  }

  private func announcedSize(_ stream: SessionStream, name: String) async throws -> UInt64 {
    guard let answer = try await answer(on: stream) else {
      throw ToolError("the other end sent no answer for \(name); look at its log")
    }
    let text = Text.printable(String(buffer: answer))
    guard text.hasPrefix("ok "), let size = UInt64(text.dropFirst(3)) else {
      throw ToolError(
        "the other end cannot give \(name): \(text.hasPrefix("error ") ? String(text.dropFirst(6)) : text)")
    }
    return size
  }
}
