import DWCPCore
import Foundation
import Testing

/// `dwcp dictionary`: dictionaries for small messages (SPEC DIC-3).
@Suite struct ToolSuiteDictionaries {
  private struct Report: Decodable {
    var bytes: Int
    var form: String
    var zstdID: UInt32?
    var sha256: String
    var samples: Int?
  }

  private static func message(_ number: Int) -> String {
    #"{"number":\#(number),"host":"host-\#(number % 17).example.net","state":"\#(number % 3 == 0 ? "started" : "finished")"}"#
  }

  @Test("a dictionary is trained on lines or files, and shown")
  func trains() async throws {
    let directory = try TemporaryDirectory()
    let lines = (0..<2_000).map(Self.message).joined(separator: "\n")
    let log = try directory.write(Data(lines.utf8), to: "log")
    let output = directory.path + "/messages.dict"
    let trained = try await run("dictionary", "train", "--size", "2048", "--lines", "--json", "-o", output, log)
    #expect(trained.code == 0, "\(trained.errors)")
    let report = try JSONDecoder().decode(Report.self, from: Data(trained.output.utf8))
    let content = try #require(directory.content(of: "messages.dict"))
    #expect(report.samples == 2_000 && report.form == "zstd")
    #expect(report.bytes == content.count && report.bytes <= 2_048)
    #expect(
      try CompressionDictionary(Array(content)).sha256.map { String(format: "%02x", $0) }.joined() == report.sha256)
    let shown = try await run("dictionary", "show", output)
    #expect(shown.code == 0 && shown.output.contains(report.sha256) && shown.output.contains("a dictionary of zstd"))
    let raw = try await run(
      "dictionary", "show", "--json", try directory.write(Data(lines.utf8.prefix(900)), to: "raw"))
    #expect(raw.code == 0 && raw.output.contains(#""form":"raw""#))

    var files: [String] = []
    for number in 0..<500 {
      files.append(try directory.write(Data(Self.message(number).utf8), to: "samples/\(number)"))
    }
    let byFile = try ToolProcess(
      ["dictionary", "train", "--size", "1024", "-o", directory.path + "/files.dict"] + files)
    #expect(try await byFile.waitForExit() == 0)
    #expect(byFile.output.contains("trained on 500 samples"))
  }

  @Test("what cannot be done is said in a sentence, with the exit code for it")
  func failures() async throws {
    let directory = try TemporaryDirectory()
    let one = try directory.write(Data("one".utf8), to: "one")
    let few = try await run("dictionary", "train", "-o", directory.path + "/out", one)
    #expect(few.code == 1 && few.errors.contains("give more"))
    #expect(directory.files == ["one"])
    let missing = try await run("dictionary", "show", directory.path + "/none")
    #expect(missing.code == 1 && missing.errors.contains("check the path"))
    let short = try await run("dictionary", "show", one)
    #expect(short.code == 1 && short.errors.contains("8 to 114688 bytes"))
    for arguments in [["train", "--size", "100", "-o", "x", one], ["train", one], ["show"], ["sell"]] {
      let wrong = try ToolProcess(["dictionary"] + arguments)
      #expect(try await wrong.waitForExit() == 64, "\(arguments)")
    }
    let place = try await run(
      "dictionary", "train", "--size", "256", "--lines", "-o", "/nowhere/at/all", try lines(directory))
    #expect(place.code == 1 && place.errors.contains("cannot write /nowhere/at/all"))
  }

  private func lines(_ directory: TemporaryDirectory) throws -> String {
    try directory.write(Data((0..<900).map(Self.message).joined(separator: "\n").utf8), to: "lines")
  }
}
