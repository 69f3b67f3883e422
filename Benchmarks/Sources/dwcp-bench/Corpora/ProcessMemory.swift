import Foundation
import NIOCore

/// The writable memory of a Python process that works, at two instants.
struct ProcessMemory {
  /// What was read, by where it stands.
  typealias Regions = [UInt64: Data]

  /// Tables of small objects, all of them replaced as fast as it goes.
  static let busyTables = """
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

  /// The same tables in a service that has some thousand requests a second.
  static let servingTables = """
    import json, os, random, time
    parent = os.getppid()
    random.seed(1)
    rows = {n: {"id": n, "name": "vm-%d" % n, "load": random.random(), "tags": ["t%d" % (n % 17)], "hits": 0} for n in range(60000)}
    text = [json.dumps(row) for row in rows.values()]
    log = []
    print("ready", flush=True)
    while os.getppid() == parent:
        for _ in range(10):
            n = random.randrange(60000)
            row = rows[n]
            row["hits"] += 1
            row["load"] = 0.9 * row["load"] + 0.1 * random.random()
        log.append((time.time(), n, row["load"]))
        if len(log) % 16 == 0: text[n] = json.dumps(row)
        time.sleep(0.001)
    """

  /// A database in memory, some thousand rows of which are updated a second.
  static let database = """
    import os, random, sqlite3, time
    parent = os.getppid()
    random.seed(1)
    db = sqlite3.connect(":memory:")
    db.execute("create table t(id integer primary key, name text, state text, load real, hits integer)")
    states = ["run", "stop", "migrate"]
    rows = ((n, "vm-%d" % n, random.choice(states), random.random(), 0) for n in range(200000))
    db.executemany("insert into t values(?, ?, ?, ?, ?)", rows)
    db.commit()
    print("ready", flush=True)
    while os.getppid() == parent:
        for _ in range(5):
            n = random.randrange(200000)
            db.execute("update t set hits = hits + 1, load = ? where id = ?", (random.random(), n))
        db.commit()
        time.sleep(0.001)
    """

  let first: Regions
  let second: Regions

  /// - Parameters:
  ///   - program: says with its first line that its tables are filled.
  ///   - maximumByteCount: of each instant.
  init(program: String, apart seconds: TimeInterval, maximumByteCount: Int) throws {
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
    _ = output.fileHandleForReading.availableData
    first = try Self.regions(of: process.processIdentifier, maximumByteCount)
    Thread.sleep(forTimeInterval: seconds)
    second = try Self.regions(of: process.processIdentifier, maximumByteCount)
  }

  private static func regions(of identifier: Int32, _ maximumByteCount: Int) throws -> Regions {
    let maps = try String(contentsOfFile: "/proc/\(identifier)/maps", encoding: .utf8)
    let memory = try FileHandle(forReadingFrom: URL(fileURLWithPath: "/proc/\(identifier)/mem"))
    defer { try? memory.close() }
    var regions: Regions = [:]
    var byteCount = 0
    for line in maps.split(separator: "\n") where line.contains(" rw-p ") && !line.contains("[v") {
      let bounds = line.prefix { $0 != " " }.split(separator: "-").compactMap { UInt64($0, radix: 16) }
      guard bounds.count == 2, byteCount < maximumByteCount else { continue }
      try memory.seek(toOffset: bounds[0])
      let wanted = min(Int(bounds[1] - bounds[0]), maximumByteCount - byteCount)
      guard let data = try? memory.read(upToCount: wanted) else { continue }
      regions[bounds[0]] = data
      byteCount += data.count
    }
    guard byteCount > 0 else { throw BenchmarkError("the memory of process \(identifier) cannot be read") }
    return regions
  }

  /// The pages that were there at both instants and have changed, in the order of their addresses.
  var dirtyPages: PagePairs {
    var (old, new) = (ByteBuffer(), ByteBuffer())
    for (start, later) in second.sorted(by: { $0.key < $1.key }) {
      guard let earlier = first[start] else { continue }
      let length = min(earlier.count, later.count) / PagePairs.pageByteCount * PagePairs.pageByteCount
      for offset in stride(from: 0, to: length, by: PagePairs.pageByteCount) {
        let range = offset..<offset + PagePairs.pageByteCount
        let (before, after) = (earlier[range], later[range])
        guard before != after else { continue }
        old.writeBytes(before)
        new.writeBytes(after)
      }
    }
    return PagePairs(old: old, new: new)
  }
}
