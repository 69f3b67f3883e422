import Crypto
import DWCPCore
import DWCPNIO
import Foundation
import Logging
import NIOCore

/// The serving side of `base` and `update` (SPEC FIL-5, FIL-6): a file that the receiver has in another version.
extension ServiceRouter {
  /// SPEC FIL-5: nothing of the file is touched, and nothing is told of it but whether it is the one that was named.
  func receiveBase(_ stream: SessionStream, in root: RootDirectory) async throws {
    do {
      try await withTaskExecutorPreference(FileExecutor.shared) { try await adoptBase(stream, in: root) }
      try await stream.answer("ok")
    } catch let error as SystemError {
      try await stream.answer("error \(error.name) \(error.message)")
    }
  }

  private func adoptBase(_ stream: SessionStream, in root: RootDirectory) async throws {
    guard let size = stream.opening["size"].flatMap({ UInt64(digits: $0, radix: 10) }), size > 0,
      let number = stream.opening["object"].flatMap({ UInt64(digits: $0, radix: 10) }),
      let version = stream.opening["version"].flatMap({ UInt64(digits: $0, radix: 10) }),
      let digest = stream.opening["sha256"]
    else {
      throw SystemError(name: "EINVAL", message: "base needs the metadata keys size, sha256, object and version")
    }
    let differs = SystemError(name: "EBASE", message: "the file of that name is another one here")
    guard let file = try? root.open(stream.opening["name"] ?? ""), file.byteCount == size else { throw differs }
    guard size <= objectByteCount else {
      throw SystemError(name: "EFBIG", message: "files up to \(objectByteCount) bytes can be updated here")
    }
    let content = try file.readAll()
    guard hex(file.digest()) == digest else { throw differs }
    let isTaken = try await stream.session.adoptIncoming(
      ObjectImage(content), of: ObjectName(number: number), version: version)
    guard isTaken else { throw SystemError(name: "ENOMEM", message: "there is no room for another file to be updated") }
  }

  /// SPEC FIL-6.
  func receiveUpdate(_ stream: SessionStream, into root: RootDirectory) async throws {
    let shownName = Text.printable(stream.opening["name"] ?? "")
    do {
      let digest = try await withTaskExecutorPreference(FileExecutor.shared) { try await applyUpdate(stream, to: root) }
      logger.debug("updated \(shownName), SHA-256 \(digest)")
      try await stream.answer("ok \(digest)")
    } catch let error as SystemError {
      logger.warning("cannot update \(shownName): \(error.name): \(Text.printable(error.message))")
      try await stream.answer("error \(error.name) \(error.message)")
      stream.stop(.noError)
    }
  }

  private func applyUpdate(_ stream: SessionStream, to root: RootDirectory) async throws -> String {
    guard let version = stream.opening.version, let digest = stream.opening["sha256"].flatMap(bytes(hexadecimal:)),
      let mode = UInt32(digits: stream.opening["mode"] ?? "644", radix: 8)
    else {
      throw SystemError(name: "EINVAL", message: "update needs a version of an object and the metadata key sha256")
    }
    let file = try root.create(stream.opening["name"] ?? "", mode: mode)
    // The session keeps the pages; reading makes room for more.
    while try await stream.read() != nil {}
    // Before the answer, so that its receiver finds room for the next file.
    do {
      try await copy(version, of: stream.session, to: file)
    } catch {
      try await stream.session.dropObject(version.name)
      throw error
    }
    try await stream.session.dropObject(version.name)
    return try file.commit(expectedDigest: digest)
  }

  private func copy(_ version: ObjectVersion, of session: LiveSession, to file: IncomingFile) async throws {
    var offset = 0
    while offset < version.byteCount {
      let part = try await session.object(version.name, range: offset..<offset + OutgoingFile.chunkByteCount)
      guard let part, part.version == version.version, part.bytes.readableBytes > 0 else {
        throw SystemError(name: "EBASE", message: "the version that was sent goes on from a file that is not here")
      }
      try file.write(part.bytes)
      offset += part.bytes.readableBytes
    }
  }
}

/// The asking side.
extension FileClient {
  /// The object that a file is in its session, and the version that both ends have.
  private static let object = ObjectName(number: 1)
  private static let baseVersion: UInt64 = 1
  /// What was moved goes in blocks as long as this, where the receiver takes them (decision 0012).
  static let blockByteCount = 2 << 20
  /// Of this length a part is looked at for whether it is where it was: when half of its pages are.
  private static let partByteCount = 65_536
  private static let leastShareInPlace = 2

  /// Sends a file as what differs from one that the receiver has under the same name; nil when it has another one, or none, and nothing was sent.
  func update(_ source: SourceFile, from basePath: String) async throws -> [UInt8]? {
    try await withTaskExecutorPreference(FileExecutor.shared) {
      let base = try OutgoingFile(path: basePath, name: basePath)
      let old = try base.readAll()
      guard old.readableBytes > 0, try await agreeOnBase(source.name, old.readableBytes, base.digest()) else {
        return nil
      }
      let isTaken = try await session.adoptOutgoing(
        ObjectImage(old), of: Self.object, version: Self.baseVersion)
      let file = try OutgoingFile(path: source.path, name: source.name)
      guard isTaken, file.byteCount > 0 else { return nil }
      let digest = try OutgoingFile(path: source.path, name: source.name).digestOfAll()
      let opening = StreamOpening(metadata: [
        "service": "update", "name": source.name, "size": String(file.byteCount), "mode": String(file.mode, radix: 8),
        "sha256": hex(digest),
      ])
      _ = try await session.withVersion(of: Self.object, byteCount: Int(file.byteCount), opening: opening) { stream in
        try await send(file, old, on: stream)
        try await confirm(stream, name: source.name, digest: digest)
      }
      progress.fileDone()
      return digest
    }
  }

  /// SPEC FIL-5.
  private func agreeOnBase(_ name: String, _ byteCount: Int, _ digest: [UInt8]) async throws -> Bool {
    let opening = StreamOpening(metadata: [
      "service": "base", "name": name, "size": String(byteCount), "sha256": hex(digest),
      "object": String(Self.object.number), "version": String(Self.baseVersion),
    ])
    return try await session.withStream(opening) { stream in
      try await stream.finish()
      return try await answer(on: stream).map { String(buffer: $0) == "ok" } ?? false
    }
  }

  private func send(_ file: OutgoingFile, _ old: ByteBuffer, on stream: SessionStream) async throws {
    var finder = BaseFinder(byteCount: old.readableBytes)
    finder.enter(old.readableBytesSpan)
    var offset = 0
    while var block = try file.read(byteCount: Self.blockByteCount) {
      while block.readableBytes > 0 {
        let (byteCount, isInPlace) = leadingPart(of: block, offset, old)
        guard let part = block.readSlice(length: byteCount) else { break }
        let base = isInPlace ? nil : finder.base(for: part.readableBytesSpan, maximumByteCount: 2 * byteCount)
        try await stream.writePages(part, at: offset, base: base.map { UInt64($0.lowerBound)..<UInt64($0.upperBound) })
        offset += byteCount
        progress.add(byteCount: byteCount)
      }
    }
    try await stream.finish()
  }

  /// As much of a block as is of one kind: mostly as the old file has it at the same place, or not.
  private func leadingPart(of block: ByteBuffer, _ offset: Int, _ old: ByteBuffer) -> (byteCount: Int, isInPlace: Bool)
  {
    var byteCount = 0
    var kind: Bool?
    while byteCount < block.readableBytes {
      let length = min(Self.partByteCount, block.readableBytes - byteCount)
      guard let part = block.getSlice(at: block.readerIndex + byteCount, length: length) else { break }
      let isInPlace = isMostlyInPlace(part, offset + byteCount, old)
      guard kind ?? isInPlace == isInPlace else { break }
      kind = isInPlace
      byteCount += length
    }
    return (byteCount, kind ?? false)
  }

  private func isMostlyInPlace(_ block: ByteBuffer, _ offset: Int, _ old: ByteBuffer) -> Bool {
    var sameCount = 0
    var pageCount = 0
    for start in stride(from: 0, to: block.readableBytes, by: 4_096) {
      let length = min(4_096, block.readableBytes - start)
      pageCount += 1
      if let there = old.getSlice(at: offset + start, length: length),
        there == block.getSlice(at: block.readerIndex + start, length: length)
      {
        sameCount += 1
      }
    }
    return sameCount * Self.leastShareInPlace >= pageCount
  }
}

/// Of an even number of digits; nil for anything else.
private func bytes(hexadecimal text: String) -> [UInt8]? {
  let digits = Array(text.utf8)
  guard digits.count.isMultiple(of: 2) else { return nil }
  var bytes: [UInt8] = []
  for index in stride(from: 0, to: digits.count, by: 2) {
    guard let byte = UInt8(digits: String(decoding: digits[index..<index + 2], as: UTF8.self), radix: 16) else {
      return nil
    }
    bytes.append(byte)
  }
  return bytes
}
