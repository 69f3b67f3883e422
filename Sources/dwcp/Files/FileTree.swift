import Foundation

/// A file to be sent, and the name it gets at the other end.
struct SourceFile: Sendable {
  let path: String
  let name: String
  let byteCount: UInt64
}

/// Finds the regular files behind the paths that a user gave. A directory's files are named below the directory's own name. Symbolic
/// links inside directories, and what is neither file nor directory, are left out and listed in `skipped`.
struct FileTree {
  private(set) var files: [SourceFile] = []
  private(set) var skipped: [String] = []

  init(paths: [String]) throws {
    for path in paths {
      let name = URL(fileURLWithPath: path).standardizedFileURL.lastPathComponent
      try add(path: path, name: name, isGiven: true)
    }
    try checkNames()
  }

  /// Two files of one name would overwrite each other at the receiver.
  private func checkNames() throws {
    var paths: [String: String] = [:]
    for file in files {
      if let other = paths.updateValue(file.path, forKey: file.name) {
        throw SystemError(
          name: "EEXIST",
          message: "\(other) and \(file.path) would both arrive as \(file.name); send them one after the other")
      }
    }
  }

  private mutating func add(path: String, name: String, isGiven: Bool) throws {
    var status = stat()
    guard (isGiven ? stat(path, &status) : lstat(path, &status)) == 0 else { throw SystemError("look at \(path)") }
    switch status.st_mode & S_IFMT {
    case S_IFREG:
      files.append(SourceFile(path: path, name: name, byteCount: UInt64(clamping: status.st_size)))
    case S_IFDIR:
      for entry in try FileManager.default.contentsOfDirectory(atPath: path).sorted() {
        try add(path: path + "/" + entry, name: name + "/" + entry, isGiven: false)
      }
    default:
      skipped.append(path)
    }
  }
}
