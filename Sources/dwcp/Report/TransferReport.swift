import DWCPCore
import Foundation

/// What a transfer came to; the fields of `--json`, which scripts read.
struct TransferReport: Codable {
  var rawBytes: UInt64
  var wireBytes: UInt64
  var ratio: Double
  var seconds: Double
  var goodputBytesPerSecond: Double
  var links: Int
  var streams: UInt64
  /// Of the file; of several files, of the lines `SHA-256, two spaces, name` in the order of names.
  var sha256: String
  /// Codec name to raw bytes.
  var codecs: [String: UInt64]
  /// Raw bytes in blocks that were compressed against a dictionary, and the bytes on the wire of the frames that carried them.
  var dictionaryRawBytes: UInt64
  var dictionaryWireBytes: UInt64
  var retransmittedBytes: UInt64
  var linkFailures: Int
  var files: Int

  init(
    sent: Bool, counters: SessionCounters, rawByteCount: UInt64, seconds: Double, sha256: String, fileCount: Int
  ) {
    rawBytes = rawByteCount
    wireBytes = sent ? counters.wireBytesSent : counters.wireBytesReceived
    ratio = wireBytes == 0 ? 1 : Double(rawByteCount) / Double(wireBytes)
    self.seconds = seconds
    goodputBytesPerSecond = Double(rawByteCount) / max(seconds, 1e-9)
    links = 1
    streams = counters.streamsOpened
    self.sha256 = sha256
    codecs = [:]
    let byCodec = sent ? counters.sentByCodec : counters.receivedByCodec
    for codec in Codec.allCases { codecs[codec.name] = byCodec[codec].rawBytes }
    let dictionaries = sent ? counters.dictionaries.sent : counters.dictionaries.received
    dictionaryRawBytes = dictionaries.rawBytes
    dictionaryWireBytes = dictionaries.wireBytes
    retransmittedBytes = 0
    linkFailures = 0
    files = fileCount
  }

  /// One JSON object on one line.
  func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
  }

  /// One line for a person.
  var line: String {
    "\(Text.bytes(rawBytes)) raw, \(Text.bytes(wireBytes)) on the wire, ratio \(String(format: "%.2f", ratio)), "
      + "\(Text.bytes(UInt64(goodputBytesPerSecond)))/s, \(codecShares)\(dictionaryUse)"
  }

  private var dictionaryUse: String {
    guard dictionaryWireBytes > 0 else { return "" }
    return "; with the dictionary \(Text.bytes(dictionaryRawBytes)) as \(Text.bytes(dictionaryWireBytes))"
  }

  /// Each codec's share of the raw bytes.
  var codecShares: String {
    let total = max(1, codecs.values.reduce(0, +))
    let shares = codecs.filter { $0.value > 0 }.sorted { ($0.value, $0.key) > ($1.value, $1.key) }
    let text = shares.map { "\($0.key) \(String(format: "%.0f", 100 * Double($0.value) / Double(total))) %" }
    return text.isEmpty ? "no data" : text.joined(separator: ", ")
  }
}
