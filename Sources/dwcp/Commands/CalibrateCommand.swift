import ArgumentParser
import DWCPCore
import DWCPNIO
import Foundation

struct CalibrateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "calibrate",
    abstract: "Measures what each codec and level comes to on this machine.",
    discussion: """
      Compresses and decompresses a mixture of memory-like pages, text and program-like bytes with one core, for about a second. What is shown is the \
      ladder between which automatic compression chooses: rungs that another one beats in both speed and ratio are left out. With --json one object is \
      printed; speeds are null for `none`, which takes no time.

      EXAMPLES
        dwcp calibrate
        dwcp calibrate --json
      """)

  @Flag(help: "Print the result as one JSON object.")
  var json = false

  func run() async throws {
    try await reportingFailures {
      let start = ContinuousClock.now
      let ladder = await CodecLadder.ofThisMachine()
      let seconds = (ContinuousClock.now - start).inSeconds
      standardOutput(json ? try Self.json(ladder, seconds: seconds) : Self.table(ladder))
    }
  }

  private struct Rung: Encodable {
    var codec: String
    var level: Int
    var ratio: Double
    var compressBytesPerSecond: Double?
    var decompressBytesPerSecond: Double?

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(codec, forKey: .codec)
      try container.encode(level, forKey: .level)
      try container.encode(ratio, forKey: .ratio)
      try container.encode(compressBytesPerSecond, forKey: .compressBytesPerSecond)
      try container.encode(decompressBytesPerSecond, forKey: .decompressBytesPerSecond)
    }

    private enum CodingKeys: String, CodingKey {
      case codec, level, ratio, compressBytesPerSecond, decompressBytesPerSecond
    }
  }

  private struct Result: Encodable {
    var rungs: [Rung]
    var seconds: Double
  }

  private static func json(_ ladder: CodecLadder, seconds: Double) throws -> String {
    func finite(_ speed: Double) -> Double? { speed.isFinite ? speed : nil }
    let rungs = ladder.rungs.map {
      Rung(
        codec: $0.setting.codec.name, level: $0.setting.level, ratio: $0.ratio,
        compressBytesPerSecond: finite($0.compressBytesPerSecond),
        decompressBytesPerSecond: finite($0.decompressBytesPerSecond))
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    return String(decoding: try encoder.encode(Result(rungs: rungs, seconds: seconds)), as: UTF8.self) + "\n"
  }

  private static func table(_ ladder: CodecLadder) -> String {
    func cell(_ text: String, _ width: Int) -> String {
      String(repeating: " ", count: max(0, width - text.count)) + text
    }
    func speed(_ bytesPerSecond: Double) -> String {
      bytesPerSecond.isFinite ? String(format: "%.0f", bytesPerSecond / 1e6) : "-"
    }
    let lines = ladder.rungs.map { rung in
      rung.setting.description.padding(toLength: 8, withPad: " ", startingAt: 0)
        + cell(String(format: "%.2f", rung.ratio), 7) + cell(speed(rung.compressBytesPerSecond), 16)
        + cell(speed(rung.decompressBytesPerSecond), 18)
    }
    return "codec     ratio   compress MB/s   decompress MB/s\n" + lines.map { $0 + "\n" }.joined()
  }
}
