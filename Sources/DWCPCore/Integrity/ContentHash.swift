internal import Crypto

/// SHA-256, by which content is known whatever name it has (SPEC DIC-1).
enum ContentHash {
  static let byteCount = 32

  static func sha256(of bytes: RawSpan) -> [UInt8] {
    var hash = SHA256()
    unsafe bytes.withUnsafeBytes { unsafe hash.update(bufferPointer: $0) }
    return Array(hash.finalize())
  }
}
