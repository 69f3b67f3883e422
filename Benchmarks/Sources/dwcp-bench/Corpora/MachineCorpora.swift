import Foundation
import NIOCore

/// What this machine happens to have: real files and the memory of a real process. Never part of a stored baseline.
enum MachineCorpora {
  /// Files that most Debian machines have, with the package that brings each.
  private static let files = [
    ("libc", "libc6", "/lib/x86_64-linux-gnu/libc.so.6"), ("perl", "perl-base", "/usr/bin/perl"),
    ("licence", "base-files", "/usr/share/common-licenses/GPL-3"),
    ("pci-ids", "pci.ids", "/usr/share/misc/pci.ids"),
  ]
  private static let maximumByteCount = 8 << 20

  /// The files that are there, cut into blocks; each names its package.
  static func realFiles() -> [Corpus] {
    files.compactMap { name, package, path in
      guard let data = FileManager.default.contents(atPath: path), !data.isEmpty else { return nil }
      return corpus(name, "\(path) of package \(package)", data.prefix(maximumByteCount))
    }
  }

  /// Programs, libraries and documents as they come, one behind another.
  static func ordinaryFiles(maximumByteCount: Int = 48 << 20) -> Corpus {
    var data = Data()
    for directory in ["/usr/bin", "/usr/lib/x86_64-linux-gnu", "/usr/share/doc", "/usr/share/perl"] {
      let share = data.count + maximumByteCount / 4
      for name in (try? FileManager.default.subpathsOfDirectory(atPath: directory).sorted()) ?? [] {
        guard data.count < share else { break }
        data.append((FileManager.default.contents(atPath: "\(directory)/\(name)") ?? Data()).prefix(4 << 20))
      }
    }
    return corpus("ordinary-files", "files of /usr", data.prefix(maximumByteCount))
  }

  /// The writable memory of a Python process that works, at two instants half a second apart.
  static func processMemory() throws -> [Corpus] {
    let memory = try ProcessMemory(
      program: ProcessMemory.busyTables, apart: 0.5, maximumByteCount: maximumByteCount)
    let source = "writable memory of a Python process"
    return [
      corpus("process", source, joined(memory.first)),
      corpus("process-later", "\(source), half a second later", joined(memory.second)),
    ]
  }

  private static func joined(_ regions: ProcessMemory.Regions) -> Data {
    regions.sorted { $0.key < $1.key }.reduce(into: Data()) { $0.append($1.value) }
  }

  private static func corpus(_ name: String, _ source: String, _ data: Data) -> Corpus {
    let blocks = stride(from: 0, to: data.count, by: Corpus.blockByteCount).map { start in
      let from = data.startIndex + start
      return ByteBuffer(bytes: data[from..<min(from + Corpus.blockByteCount, data.endIndex)])
    }
    return Corpus(name: name, source: source, blocks: blocks)
  }
}
