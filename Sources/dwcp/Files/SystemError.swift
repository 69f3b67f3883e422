import Foundation

/// A call of the operating system that failed, by the name that operators search for.
struct SystemError: Error {
  let name: String
  let message: String

  init(name: String, message: String) {
    self.name = name
    self.message = message
  }

  /// From `errno`, right after the call.
  init(_ what: String) {
    let code = errno
    name = Self.names[code] ?? "E\(code)"
    message = "\(what): \(String(cString: strerror(code)))"
  }

  private static let names: [Int32: String] = [
    EPERM: "EPERM", ENOENT: "ENOENT", EIO: "EIO", EACCES: "EACCES", EEXIST: "EEXIST", ENOTDIR: "ENOTDIR",
    EISDIR: "EISDIR", EINVAL: "EINVAL", ENFILE: "ENFILE", EMFILE: "EMFILE", EFBIG: "EFBIG", ENOSPC: "ENOSPC",
    EROFS: "EROFS", ENAMETOOLONG: "ENAMETOOLONG", ELOOP: "ELOOP", EDQUOT: "EDQUOT", ENOTEMPTY: "ENOTEMPTY",
  ]
}

/// Calls again when a signal interrupted the call; throws when it fails.
func checked(_ what: @autoclosure () -> String, _ call: () -> Int) throws -> Int {
  while true {
    let result = call()
    if result >= 0 { return result }
    if errno != EINTR { throw SystemError(what()) }
  }
}

/// A file descriptor that is closed when nobody holds it any more.
final class Descriptor: Sendable {
  let number: Int32

  init(_ what: @autoclosure () -> String, _ open: () -> Int32) throws {
    number = Int32(truncatingIfNeeded: try checked(what(), { Int(open()) }))
  }

  deinit {
    close(number)
  }
}
