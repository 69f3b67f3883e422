import Foundation

/// Counts instructions in the marked region, by running this executable under callgrind.
enum Callgrind {
  /// The version, or nil where valgrind is not installed.
  static let version = try? ChildProcess.text("/usr/bin/env", ["valgrind", "--version"])

  /// Instructions in the region of `measure NAME --as instructions`, and for how many units.
  static func count(
    _ path: String, _ name: String, size: Int, injection: String
  ) throws -> (instructionCount: Double, unitCount: Int) {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("dwcp-bench-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: file) }
    let output = try ChildProcess.run(
      "/usr/bin/env",
      [
        "valgrind", "--tool=callgrind", "--callgrind-out-file=\(file.path)", "--toggle-collect=bench_region", path,
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
