import ArgumentParser
import DWCPCore
import Foundation

struct DictionaryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dictionary",
    abstract: "Makes dictionaries for small messages that resemble one another, and shows what they are.",
    discussion: """
      EXAMPLES
        dwcp dictionary train -o messages.dict samples/*.json
        dwcp dictionary train --size 32768 --lines -o log.dict service.log
        dwcp dictionary show messages.dict
      """,
    subcommands: [Train.self, Show.self])

  struct Train: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "train",
      abstract: "Trains a dictionary on samples of the messages to come.",
      discussion: """
        The more samples the better: a hundred times as many bytes as the dictionary is to have. `zstd --train` makes files of the same form.

        EXAMPLES
          dwcp dictionary train -o messages.dict samples/*.json
          dwcp dictionary train --size 32768 --lines -o log.dict service.log
        """)

    @Option(help: "How many bytes the dictionary may have, 256 to 114688.")
    var size = 16_384

    @Flag(help: "Each line of a file is a sample, instead of the whole file.")
    var lines = false

    @Option(name: [.customShort("o"), .long], help: ArgumentHelp("Where the dictionary goes.", valueName: "file"))
    var output: String

    @Flag(help: "Print the result as one JSON object.")
    var json = false

    @Argument(help: ArgumentHelp("Files with samples.", valueName: "sample"))
    var samples: [String]

    func validate() throws {
      guard (256...CompressionDictionary.byteCounts.upperBound).contains(size) else {
        throw ValidationError("--size takes 256 to \(CompressionDictionary.byteCounts.upperBound) bytes")
      }
    }

    func run() async throws {
      try await reportingFailures {
        let messages = try samples.flatMap { try self.messages(in: $0) }
        let dictionary: CompressionDictionary
        do throws(CodecError) {
          dictionary = try CompressionDictionary.trained(on: messages, byteCount: size)
        } catch {
          throw ToolError(
            "\(messages.count) samples are too few, or too short, for a dictionary; give more, or a smaller --size")
        }
        do {
          try Data(dictionary.bytes).write(to: URL(fileURLWithPath: output), options: .atomic)
        } catch {
          throw ToolError("cannot write \(output): \(reason(of: error))")
        }
        try DictionaryReport(dictionary, sampleCount: messages.count).show(asJSON: json)
      }
    }

    private func messages(in path: String) throws -> [[UInt8]] {
      let content = try readBytes(path)
      guard lines else { return [content] }
      return content.split(separator: UInt8(ascii: "\n")).map { Array($0) }
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "show",
      abstract: "Shows the length, the form and the SHA-256 of a dictionary.",
      discussion: """
        EXAMPLES
          dwcp dictionary show messages.dict
          dwcp dictionary show --json messages.dict
        """)

    @Flag(help: "Print the result as one JSON object.")
    var json = false

    @Argument(help: ArgumentHelp("A dictionary.", valueName: "file"))
    var file: String

    func run() async throws {
      try await reportingFailures {
        try DictionaryReport(CompressionDictionary(contentsOf: file), sampleCount: nil).show(asJSON: json)
      }
    }
  }
}

extension CompressionDictionary {
  /// Reads a file that somebody named.
  init(contentsOf path: String) throws {
    let content = try readBytes(path)
    do throws(CodecError) {
      try self.init(content)
    } catch {
      let bounds = Self.byteCounts
      throw ToolError(
        "\(path) cannot be used as a dictionary: \(error.message); it takes \(bounds.lowerBound) to \(bounds.upperBound) bytes, such as `dwcp dictionary train` makes"
      )
    }
  }
}

private func readBytes(_ path: String) throws -> [UInt8] {
  guard let data = FileManager.default.contents(atPath: path) else {
    throw ToolError("cannot read \(path); check the path")
  }
  return Array(data)
}

private struct DictionaryReport: Codable {
  var bytes: Int
  /// `zstd` or `raw`.
  var form: String
  /// Zstandard's own number for the dictionary, which is not used on the wire.
  var zstdID: UInt32?
  var sha256: String
  var samples: Int?

  init(_ dictionary: CompressionDictionary, sampleCount: Int?) {
    let content = dictionary.bytes
    let isZstd = content.starts(with: [0x37, 0xA4, 0x30, 0xEC]) && content.count >= 8
    bytes = content.count
    form = isZstd ? "zstd" : "raw"
    zstdID = isZstd ? content[4..<8].reversed().reduce(0) { $0 << 8 | UInt32($1) } : nil
    sha256 = dictionary.sha256.map { String(format: "%02x", $0) }.joined()
    samples = sampleCount
  }

  func show(asJSON: Bool) throws {
    guard !asJSON else {
      return standardOutput(String(decoding: try JSONEncoder().encode(self), as: UTF8.self) + "\n")
    }
    let form = zstdID.map { "a dictionary of zstd, number \($0)" } ?? "raw content"
    let origin = samples.map { ", trained on \($0) samples" } ?? ""
    standardOutput("\(bytes) bytes, \(form)\(origin)\nSHA-256 \(sha256)\n")
  }
}
