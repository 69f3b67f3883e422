import Crypto
import Foundation
import NIOCore

/// A regular file that is being sent, hashed on the way.
final class OutgoingFile {
  static let chunkByteCount = 512 << 10

  let name: String
  let byteCount: UInt64
  /// Permission bits.
  let mode: UInt32
  private let file: Descriptor
  private var hash = SHA256()
  private var readByteCount: UInt64 = 0

  convenience init(path: String, name: String) throws {
    try self.init(Descriptor("open \(path)") { open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC) }, name: name)
  }

  init(_ file: Descriptor, name: String) throws {
    var status = stat()
    guard fstat(file.number, &status) == 0 else { throw SystemError("look at \(name)") }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw SystemError(name: "EINVAL", message: "\(name) is not a regular file")
    }
    self.file = file
    self.name = name
    byteCount = UInt64(clamping: status.st_size)
    mode = UInt32(status.st_mode) & 0o777
  }

  /// The next bytes, or nil when as many have been read as the file had when it was opened.
  ///
  /// - Parameter byteCount: so many, unless the file ends before.
  func read(byteCount: Int) throws -> ByteBuffer? {
    var whole: ByteBuffer?
    while (whole?.readableBytes ?? 0) < byteCount, var part = try read(atMost: byteCount - (whole?.readableBytes ?? 0))
    {
      if whole?.writeBuffer(&part) == nil { whole = part }
    }
    return whole
  }

  /// The whole of it.
  func readAll() throws -> ByteBuffer { try read(byteCount: Int(clamping: byteCount)) ?? ByteBuffer() }

  func digestOfAll() throws -> [UInt8] {
    while try read() != nil {}
    return digest()
  }

  func read() throws -> ByteBuffer? { try read(atMost: Self.chunkByteCount) }

  private func read(atMost limit: Int) throws -> ByteBuffer? {
    let wanted = Int(min(UInt64(min(limit, 16 << 20)), byteCount - readByteCount))
    guard wanted > 0 else { return nil }
    var buffer = ByteBuffer()
    try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: wanted) { space in
      try checked("read \(name)") { Foundation.read(file.number, space.baseAddress, wanted) }
    }
    guard buffer.readableBytes > 0 else {
      throw SystemError(name: "EIO", message: "\(name) became shorter while it was read; send it again")
    }
    readByteCount += UInt64(buffer.readableBytes)
    buffer.withUnsafeReadableBytes { hash.update(bufferPointer: $0) }
    return buffer
  }

  /// SHA-256 of everything read.
  func digest() -> [UInt8] {
    Array(hash.finalize())
  }
}
