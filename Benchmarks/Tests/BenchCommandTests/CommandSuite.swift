import Foundation
import Testing

/// The command itself, as CI runs it.
@Suite struct CommandSuite {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  private struct Output {
    let status: Int32
    let text: String
    let errorText: String

    func json() throws -> [String: Any] {
      try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }
  }

  private func bench(_ arguments: [String], environment: [String: String] = [:]) throws -> Output {
    let process = Process()
    process.executableURL = Self.root.appendingPathComponent("Benchmarks/.build/release/dwcp-bench")
    process.currentDirectoryURL = Self.root
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let errors = try file("errors", "")
    process.standardError = try FileHandle(forWritingTo: errors)
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let text = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Output(
      status: process.terminationStatus, text: String(decoding: text, as: UTF8.self),
      errorText: try String(contentsOf: errors, encoding: .utf8))
  }

  private func file(_ name: String, _ text: String) throws -> URL {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString)-\(name)")
    try text.write(to: file, atomically: true, encoding: .utf8)
    return file
  }

  @Test func withoutValgrindInstructionsAreUnavailableAndNoPass() throws {
    let arguments = ["check", "--filter", "header/encode", "--json"]
    let output = try bench(arguments, environment: ["PATH": "/nonexistent"])
    let verdicts = try #require(try output.json()["verdicts"] as? [[String: Any]])
    let instructions = try #require(verdicts.first { $0["metric"] as? String == "instructions" })
    #expect(instructions["outcome"] as? String == "unavailable")
    #expect(instructions["new"] == nil)
    #expect(verdicts.contains { $0["outcome"] as? String == "pass" })
    #expect(output.status == 0)
    #expect(try bench(arguments + ["--strict"], environment: ["PATH": "/nonexistent"]).status == 3)
  }

  /// A library that says it is another libzstd stands in front of the real one.
  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/usr/bin/cc"), "needs a C compiler"))
  func sizesOfAnotherLibzstdAreIncomparable() throws {
    let source = try file("other.c", "unsigned ZSTD_versionNumber(void) { return 10599; }")
    let library = source.deletingPathExtension().appendingPathExtension("so")
    let compiler = try Process.run(
      URL(fileURLWithPath: "/usr/bin/cc"), arguments: ["-shared", "-fPIC", "-o", library.path, source.path])
    compiler.waitUntilExit()
    let environment = ["LD_PRELOAD": library.path]
    let sizes = try bench(["check", "--filter", "codec/sizes-json"], environment: environment)
    #expect(sizes.status == 5)
    #expect(sizes.text.contains("1.5.99"))
    // What depends on no codec is compared as before.
    #expect(try bench(["check", "--filter", "header/encode", "--class", "E"], environment: environment).status == 0)
  }

  @Test func theSameRecordedFiguresGiveTheSamePage() throws {
    func rung(_ fraction: Double, _ megabytes: Int) -> String {
      #"{"wireFraction":\#(fraction),"compressBytesPerSecond":\#(megabytes)000000,"decompressBytesPerSecond":2000000000}"#
    }
    let entries = [
      #""none":{"wireFraction":1}"#, #""lz4:1":\#(rung(0.5, 700))"#, #""zstd:1":\#(rung(0.35, 400))"#,
      #""zstd:9":\#(rung(0.3, 50))"#,
    ].joined(separator: ",")
    // Where nothing shrinks, several come to the same.
    let equal = ["none", "lz4:1", "zstd:1", "zstd:9"].map { "\"\($0)\":\(rung(1, 90_000))" }.joined(separator: ",")
    let settings = #"["none","lz4:1","zstd:1","zstd:9"]"#
    let figures = try file(
      "selector.json",
      #"{"table":{"entries":{"made up":{\#(entries)},"random":{\#(equal)}},"settings":\#(settings)},"cells":[],"traces":[]}"#
    )
    let run = try file("run.json", try bench(["run", "--filter", "header/encode", "--json"]).text)
    let pages = try (0..<2).map { number in
      let page = try file("page-\(number).html", "")
      let output = try bench(["report", "--html", page.path, "--selector", figures.path, run.path])
      #expect(output.status == 0, "\(output.errorText)")
      return try String(contentsOf: page, encoding: .utf8)
    }
    #expect(pages[0] == pages[1])
    #expect(pages[0].contains("made up") && pages[0].contains("4 cores") && pages[0].contains("25 Gb/s"))
    // Two numbers of cores and nine rates.
    #expect(pages[0].components(separatedBy: "height=\"32\" rx=").count == 1 + 2 * 18)
    #expect(pages[0].components(separatedBy: "fill=\"#333\">none<").count > 18)
    let none = try bench(["report", "--html", "/nonexistent/page", "--selector", "/nonexistent/figures", run.path])
    #expect(none.status == 1 && !none.errorText.isEmpty)
  }

  @Test func aFilterThatMatchesNothingIsWrongUsage() throws {
    #expect(try bench(["run", "--filter", "no such scenario"]).status == 64)
  }

  @Test(arguments: [
    (0, 10, "false", Int32(0)), (1, 9, "false", 2), (19, 1, "true", 0), (18, 2, "true", 2), (5, 5, "null", 0),
  ])
  func selftestFailsWhereTheGateIsNotToBeBelieved(
    flagged: Int, unflagged: Int, isFault: String, status: Int32
  ) throws {
    let lines = [(true, flagged), (false, unflagged)].flatMap { isFlagged, count in
      Array(
        repeating: #"{"condition":"c","detail":"","isFault":\#(isFault),"isFlagged":\#(isFlagged),"seconds":1}"#,
        count: count)
    }
    let log = try file("trials.jsonl", lines.joined(separator: "\n"))
    let output = try bench(["selftest", "--table", "--log", log.path])
    #expect(output.status == status)
    #expect(output.errorText.isEmpty == (status == 0))
  }
}
