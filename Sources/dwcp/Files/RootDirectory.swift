import Foundation

/// The one directory in which a server reads and writes. Names come from a peer: each component is opened by itself, from the
/// directory in front of it and never through a symbolic link, so that no name leads out (SPEC FIL-3).
struct RootDirectory: Sendable {
  private let root: Descriptor
  let path: String

  init(path: String) throws {
    self.path = path
    root = try Descriptor("open \(path)") { Foundation.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
  }

  /// A name that has been checked: the directories and the last component.
  struct Name {
    let directories: [String]
    let last: String

    /// Works on bytes, as the operating system does: to Swift a slash with an accent is another character than a slash.
    init(_ text: String) throws {
      let components = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map(Array.init)
      let isLegal = components.allSatisfy { component in
        !component.isEmpty && component != Array(".".utf8) && component != Array("..".utf8) && !component.contains(0)
          && component.count <= 255
      }
      let names = components.map { String(decoding: $0, as: UTF8.self) }
      guard isLegal, !text.unicodeScalars.contains("\u{FFFD}"), let last = names.last else {
        throw SystemError(name: "EINVAL", message: "the name is not a relative path of plain components in UTF-8")
      }
      guard !last.utf8.starts(with: IncomingFile.temporaryPrefix.utf8) else {
        throw SystemError(
          name: "EINVAL", message: "names that begin with \(IncomingFile.temporaryPrefix) are kept for unfinished files"
        )
      }
      directories = Array(names.dropLast())
      self.last = last
    }
  }

  /// The directory in which a name's last component lives; made, with those in front of it, if `creating`.
  func openDirectory(of name: Name, creating: Bool) throws -> Descriptor {
    var directory = root
    for component in name.directories {
      if creating, mkdirat(directory.number, component, 0o755) != 0, errno != EEXIST {
        throw SystemError("make directory \(component)")
      }
      let parent = directory
      directory = try Descriptor("open directory \(component)") {
        openat(parent.number, component, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      }
    }
    return directory
  }

  /// Begins a file that appears under its name only when it is complete.
  func create(_ text: String, mode: UInt32) throws -> IncomingFile {
    let name = try Name(text)
    return try IncomingFile(directory: openDirectory(of: name, creating: true), name: name.last, mode: mode)
  }

  /// Opens a regular file for reading.
  func open(_ text: String) throws -> OutgoingFile {
    let name = try Name(text)
    let directory = try openDirectory(of: name, creating: false)
    let file = try Descriptor("open \(text)") {
      openat(directory.number, name.last, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    }
    return try OutgoingFile(file, name: text)
  }
}
