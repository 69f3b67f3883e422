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

  /// As long as a record of some service, and with little that repeats within it.
  private static func record(_ number: Int) -> String {
    let fields = ["owner", "region", "image", "kernel", "network", "snapshot", "policy", "placement"].map {
      #""\#($0)":"\#($0)-\#((number &* 7_919 &+ $0.count) % 9_973)""#
    }
    return #"{"number":\#(number),"host":"host-\#(number % 17).example.net",\#(fields.joined(separator: ","))}"#
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

  @Test("small files sent with a dictionary arrive as they are, in fewer bytes on the wire (SPEC DIC-3)")
  func sends() async throws {
    let source = try TemporaryDirectory()
    let dictionary = source.path + "/messages.dict"
    let trained = try await run(
      "dictionary", "train", "--size", "4096", "--lines", "-o", dictionary,
      try source.write(Data((0..<2_000).map(Self.record).joined(separator: "\n").utf8), to: "samples"))
    #expect(trained.code == 0, "\(trained.errors)")
    // Messages that are not among the samples, and a file that is too long for a dictionary.
    for number in 5_000..<5_400 { try source.write(Data(Self.record(number).utf8), to: "messages/\(number)") }
    var random = SystemRandomNumberGenerator()
    try source.write(
      Data((0..<100_000).map { _ in UInt8.random(in: .min ... .max, using: &random) }), to: "messages/long")
    let rawByteCount = (5_000..<5_400).reduce(0) { $0 + Self.record($1).utf8.count }
    var wireByteCounts: [Int] = []
    for options in [
      ["--codec", "zstd"], ["--codec", "zstd", "--dictionary", dictionary], ["--dictionary", dictionary],
    ] {
      let root = try TemporaryDirectory()
      let server = try await ToolServer("--root", root.path)
      let sent = try ToolProcess(["send", "--json"] + options + [source.path + "/messages", server.endpoint])
      #expect(try await sent.waitForExit() == 0, "\(sent.errors)")
      let report = try #require(JSONSerialization.jsonObject(with: Data(sent.output.utf8)) as? [String: Any])
      #expect(root.files.count == 401)
      for file in root.files { #expect(root.content(of: file) == source.content(of: file)) }
      let withDictionary = try #require(report["dictionaryRawBytes"] as? Int)
      let asWire = try #require(report["dictionaryWireBytes"] as? Int)
      if options.contains("--dictionary") {
        // Some have left before the receiver has accepted it. A block has the digest of its file, too, which does not shrink.
        #expect(withDictionary > rawByteCount / 2 && asWire < withDictionary * 3 / 2, "\(withDictionary), \(asWire)")
      } else {
        #expect(withDictionary == 0 && asWire == 0)
      }
      wireByteCounts.append(try #require(report["wireBytes"] as? Int))
    }
    print("400 messages of \(rawByteCount) bytes: \(wireByteCounts) bytes on the wire")
    #expect(wireByteCounts[1] < wireByteCounts[0] - rawByteCount / 4)
    #expect(wireByteCounts[2] < wireByteCounts[0] - rawByteCount / 4)
  }

  @Test("a receiver that holds no dictionary takes the files without, and codecs that use none are refused")
  func sendsWithout() async throws {
    let source = try TemporaryDirectory()
    let root = try TemporaryDirectory()
    let dictionary = try source.write(Data(Self.message(1).utf8), to: "raw.dict")
    let path = try source.write(Data(Self.message(2).utf8), to: "message")
    let server = try await ToolServer("--root", root.path, "--codecs", "lz4,none")
    let sent = try await run("send", "--dictionary", dictionary, path, server.endpoint)
    #expect(sent.code == 0, "\(sent.errors)")
    #expect(root.content(of: "message") == Data(Self.message(2).utf8))
    for codec in ["lz4", "none", "zstd:3:chained"] {
      let refused = try await run("send", "--codec", codec, "--dictionary", dictionary, path, server.endpoint)
      #expect(refused.code == 64 && refused.errors.contains("--dictionary goes with"), "\(codec)")
    }
    let missing = try await run("send", "--dictionary", source.path + "/none", path, server.endpoint)
    #expect(missing.code == 1 && missing.errors.contains("check the path"))
  }

  private func lines(_ directory: TemporaryDirectory) throws -> String {
    try directory.write(Data((0..<900).map(Self.message).joined(separator: "\n").utf8), to: "lines")
  }
}
