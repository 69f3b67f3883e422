import Crypto
import Foundation
import NIOCore

/// A file that is being received: under a temporary name in its final directory until its digest has been verified. Whatever becomes of
/// the transfer, the temporary file is gone when this object is.
final class IncomingFile {
  static let temporaryPrefix = ".dwcp-partial-"

  private let directory: Descriptor
  private let file: Descriptor
  private let name: String
  private let temporaryName: String
  private var hash = SHA256()
  private var isInPlace = false
  private(set) var byteCount: UInt64 = 0

  init(directory: Descriptor, name: String, mode: UInt32) throws {
    let temporaryName = Self.temporaryPrefix + String(UInt64.random(in: .min ... .max), radix: 36)
    self.directory = directory
    self.name = name
    self.temporaryName = temporaryName
    try Self.checkReplaceable(name, in: directory)
    file = try Descriptor("create \(name)") {
      openat(directory.number, temporaryName, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode & 0o777)
    }
  }

  deinit {
    if !isInPlace { unlinkat(directory.number, temporaryName, 0) }
  }

  /// Files and links may be replaced; a directory or a device may not.
  private static func checkReplaceable(_ name: String, in directory: Descriptor) throws {
    var status = stat()
    guard fstatat(directory.number, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return }
    let kind = status.st_mode & S_IFMT
    guard kind == S_IFREG || kind == S_IFLNK else {
      throw SystemError(
        name: kind == S_IFDIR ? "EISDIR" : "EEXIST", message: "\(name) exists and is not a regular file")
    }
  }

  func write(_ bytes: ByteBuffer) throws {
    try bytes.withUnsafeReadableBytes { bytes in
      hash.update(bufferPointer: bytes)
      var rest = bytes[...]
      while !rest.isEmpty {
        let part = UnsafeRawBufferPointer(rebasing: rest)
        let written = try checked("write \(name)") { Foundation.write(file.number, part.baseAddress, part.count) }
        rest = rest.dropFirst(written)
      }
    }
    byteCount += UInt64(bytes.readableBytes)
  }

  /// Gives the file its name if the digest of what was written is the expected one; replaces a file that has the name already.
  func commit(expectedDigest: [UInt8]) throws -> String {
    let digest = Array(hash.finalize())
    guard digest == expectedDigest else {
      throw SystemError(
        name: "EDIGEST", message: "the SHA-256 of \(name) is \(hex(digest)), not \(hex(expectedDigest)); send it again")
    }
    try Self.checkReplaceable(name, in: directory)
    guard renameat(directory.number, temporaryName, directory.number, name) == 0 else {
      throw SystemError("rename to \(name)")
    }
    isInPlace = true
    return hex(digest)
  }
}

/// Bytes in lower-case hexadecimal.
func hex(_ bytes: some Sequence<UInt8>) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
