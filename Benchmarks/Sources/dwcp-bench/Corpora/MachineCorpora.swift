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
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-c", program]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    defer {
      // Not SIGTERM, which a child of a thread that blocks it never gets.
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }
    // Its first line says that its tables are filled.
    _ = output.fileHandleForReading.availableData
    let first = try snapshot(process.processIdentifier)
    Thread.sleep(forTimeInterval: 0.5)
    let second = try snapshot(process.processIdentifier)
    let source = "writable memory of a Python process"
    return [corpus("process", source, first), corpus("process-later", "\(source), half a second later", second)]
  }

  private static let program = """
    import json, os, random
    parent = os.getppid()
    random.seed(1)
    rows = {n: {"id": n, "name": "vm-%d" % n, "load": random.random()} for n in range(20000)}
    text = [json.dumps(row) for row in rows.values()]
    print("ready", flush=True)
    while os.getppid() == parent:
        n = random.randrange(20000)
        rows[n]["load"] = random.random()
        text[n] = json.dumps(rows[n])
    """

  private static func snapshot(_ identifier: Int32) throws -> Data {
    let maps = try String(contentsOfFile: "/proc/\(identifier)/maps", encoding: .utf8)
    let memory = try FileHandle(forReadingFrom: URL(fileURLWithPath: "/proc/\(identifier)/mem"))
    defer { try? memory.close() }
    var data = Data()
    for line in maps.split(separator: "\n") where line.contains(" rw-p ") && !line.contains("[v") {
      let bounds = line.prefix { $0 != " " }.split(separator: "-").compactMap { UInt64($0, radix: 16) }
      guard bounds.count == 2, data.count < maximumByteCount else { continue }
      try memory.seek(toOffset: bounds[0])
      let wanted = min(Int(bounds[1] - bounds[0]), maximumByteCount - data.count)
      data += (try? memory.read(upToCount: wanted)) ?? Data()
    }
    guard !data.isEmpty else { throw BenchmarkError("the memory of process \(identifier) cannot be read") }
    return data
  }

  private static func corpus(_ name: String, _ source: String, _ data: Data) -> Corpus {
    let blocks = stride(from: 0, to: data.count, by: Corpus.blockByteCount).map { start in
      let from = data.startIndex + start
      return ByteBuffer(bytes: data[from..<min(from + Corpus.blockByteCount, data.endIndex)])
    }
    return Corpus(name: name, source: source, blocks: blocks)
  }
}
