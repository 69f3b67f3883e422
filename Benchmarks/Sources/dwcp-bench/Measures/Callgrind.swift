import Foundation

/// Counts instructions in the marked region, by running this executable under callgrind.
enum Callgrind {
  /// Where valgrind is on the caller's PATH; nil where it is not installed.
  static let path = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { "\($0)/valgrind" }
    .first { FileManager.default.isExecutableFile(atPath: $0) }

  /// The version, or nil where valgrind is not installed.
  static let version = path.flatMap { try? ChildProcess.text($0, ["--version"]) }

  /// Instructions in the region of `measure NAME --as instructions`, and for how many units.
  static func count(
    _ path: String, _ name: String, size: Int, injection: String
  ) throws -> (instructionCount: Double, unitCount: Int) {
    guard let valgrind = Self.path else { throw BenchmarkError("valgrind is not installed") }
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("dwcp-bench-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: file) }
    let output = try ChildProcess.run(
      valgrind,
      [
        "--tool=callgrind", "--callgrind-out-file=\(file.path)", "--toggle-collect=bench_region", path,
        "measure", name, "--as", "instructions", "--size", "\(size)", "--inject", injection,
      ])
    guard output.status == 0 else {
      throw BenchmarkError("callgrind on \(name) ended with \(output.status): \(output.standardError.suffix(400))")
    }
    let text = try String(contentsOf: file, encoding: .utf8)
    guard let line = text.split(separator: "\n").last(where: { $0.hasPrefix("totals: ") }),
      let count = UInt64(line.dropFirst(8)), count > 0
    else { throw BenchmarkError("callgrind counted nothing in the region of \(name)") }
    return (Double(count), try JSONDecoder().decode(RegionTime.self, from: output.standardOutput).unitCount)
  }
}
