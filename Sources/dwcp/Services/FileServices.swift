import DWCPCore
import DWCPNIO
import Foundation
import Logging
import NIOCore

/// The serving side of `put` and `get` (SPEC appendix B).
extension ServiceRouter {
  static let maximumAnswerByteCount = 4_096

  /// SPEC FIL-1, FIL-4.
  func receiveFile(_ stream: SessionStream, into root: RootDirectory) async throws {
    let name = stream.opening["name"] ?? ""
    let shownName = Text.printable(name)
    do {
      let digest = try await withTaskExecutorPreference(FileExecutor.shared) {
        try await receiveContent(stream, name: name, into: root)
      }
      logger.debug("received \(shownName), SHA-256 \(digest)")
      try await stream.answer("ok \(digest)")
    } catch let error as SystemError {
      logger.warning("cannot take \(shownName): \(error.name): \(Text.printable(error.message))")
      try await stream.answer("error \(error.name) \(error.message)")
      stream.stop(.noError)
    } catch {
      logger.warning("\(shownName) did not arrive in full and was removed: \(error)")
      throw error
    }
  }

  private func receiveContent(
    _ stream: SessionStream, name: String, into root: RootDirectory
  ) async throws -> String {
    guard let size = stream.opening["size"].flatMap({ UInt64(digits: $0, radix: 10) }) else {
      throw SystemError(name: "EINVAL", message: "put needs the metadata key size, a decimal number")
    }
    guard let mode = UInt32(digits: stream.opening["mode"] ?? "644", radix: 8) else {
      throw SystemError(name: "EINVAL", message: "the metadata key mode is not an octal number")
    }
    let file = try root.create(name, mode: mode)
    while let chunk = try await stream.read() {
      guard file.byteCount + UInt64(chunk.bytes.readableBytes) <= size else {
        throw SystemError(name: "EFBIG", message: "\(name) is longer than the \(size) bytes announced")
      }
      try file.write(chunk.bytes)
      if chunk.endsMessage { break }
    }
    guard file.byteCount == size, let digest = try await stream.readMessage(maximumByteCount: 32) else {
      throw SystemError(
        name: "EINVAL", message: "\(name) came with \(file.byteCount) of \(size) bytes, or without its digest")
    }
    return try file.commit(expectedDigest: Array(digest.readableBytesView))
  }

  /// SPEC FIL-2.
  func sendFile(_ stream: SessionStream, from root: RootDirectory) async throws {
    let file: OutgoingFile
    do {
      file = try root.open(stream.opening["name"] ?? "")
    } catch let error as SystemError {
      return try await stream.answer("error \(error.name) \(error.message)")
    }
    try await stream.answer("ok \(file.byteCount)")
    try await withTaskExecutorPreference(FileExecutor.shared) {
      _ = try await stream.sendContent(of: file)
    }
  }
}

extension SessionStream {
  /// One message of text.
  func answer(_ text: String) async throws {
    try await write(ByteBuffer(string: String(text.prefix(1_000))), endsMessage: true)
  }

  /// A file's content as one message and its SHA-256 as another; returns the digest.
  func sendContent(of file: OutgoingFile, progress: (Int) -> Void = { _ in }) async throws -> [UInt8] {
    while let bytes = try file.read() {
      try await write(bytes)
      progress(bytes.readableBytes)
    }
    try await write(ByteBuffer(), endsMessage: true)
    let digest = file.digest()
    try await write(ByteBuffer(bytes: digest), endsMessage: true)
    return digest
  }
}
