import Foundation

/// Runs programs with a fixed environment, so that what is counted does not depend on the caller's.
enum ChildProcess {
  struct Output {
    let status: Int32
    let standardOutput: Data
    let standardError: String
  }

  /// This executable.
  static let ownPath =
    (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]

  static func run(_ path: String, _ arguments: [String]) throws -> Output {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.environment = environment
    let output = Pipe()
    process.standardOutput = output
    // Not a second pipe, which would stop the child when it is full.
    let errorFile = FileManager.default.temporaryDirectory.appendingPathComponent("dwcp-bench-\(UUID().uuidString)")
    guard FileManager.default.createFile(atPath: errorFile.path, contents: nil) else {
      throw BenchmarkError("\(errorFile.path) cannot be made: mend the folder for temporary files, or set TMPDIR")
    }
    defer { try? FileManager.default.removeItem(at: errorFile) }
    process.standardError = try FileHandle(forWritingTo: errorFile)
    try process.run()
    let standardOutput = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Output(
      status: process.terminationStatus, standardOutput: standardOutput,
      standardError: (try? String(contentsOf: errorFile, encoding: .utf8)) ?? "")
  }

  /// The output of a program that ends well; otherwise an error that says what it said.
  static func text(_ path: String, _ arguments: [String]) throws -> String {
    let output = try run(path, arguments)
    guard output.status == 0 else {
      throw BenchmarkError("\(path) ended with \(output.status): \(output.standardError.suffix(400))")
    }
    return String(decoding: output.standardOutput, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }

  private static let environment: [String: String] = {
    var environment = ["PATH": "/usr/local/bin:/usr/bin:/bin", "SWIFT_DETERMINISTIC_HASHING": "1"]
    environment["LD_LIBRARY_PATH"] = ProcessInfo.processInfo.environment["LD_LIBRARY_PATH"]
    return environment
  }()
}
