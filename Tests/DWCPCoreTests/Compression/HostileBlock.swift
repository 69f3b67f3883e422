import NIOCore

@testable import DWCPCore

/// A block of one kind as this end makes it, to be damaged in every way, and what it takes to decode it.
struct HostileBlock: Sendable, CustomStringConvertible {
  enum Kind: String, Sendable, CaseIterable {
    case independent, withDictionary, withTrainedDictionary, beginsChain, continuesChain

    var isChained: Bool { self == .beginsChain || self == .continuesChain }
  }

  static let all: [HostileBlock] = {
    let settings: [(Kind, [String])] = [
      (.independent, ["lz4", "lz4:9", "zstd:-5", "zstd", "zstd:9"]), (.withDictionary, ["zstd:-5", "zstd", "zstd:9"]),
      (.withTrainedDictionary, ["zstd", "zstd:9"]), (.beginsChain, ["zstd:-5", "zstd", "zstd:9"]),
      (.continuesChain, ["zstd:-5", "zstd", "zstd:9"]),
    ]
    let pairs = settings.flatMap { kind, texts in texts.map { (kind, CompressionSetting($0) ?? .none) } }
    return pairs.compactMap { HostileBlock($0, $1, raw: smallRaw) }
  }()

  static let chainWindowLog = 18
  private static let smallRaw =
    SampleKind.text.bytes(400) + Array(trainingSample(7)) + SampleKind.zero.bytes(100) + SampleKind.random.bytes(50)
  private static let history = SampleKind.text.bytes(900, seed: 4) + trainingSample(7)

  private static func trainingSample(_ number: Int) -> [UInt8] {
    Array("{\"page\": \(number), \"guest\": \"vm-\(number % 13).example\", \"state\": \"dirty\"}".utf8)
  }

  private static let dictionaries = [
    try? CompressionDictionary(history), try? .trained(on: (0..<800).map(trainingSample), byteCount: 1_024),
  ]

  let kind: Kind
  let setting: CompressionSetting
  let raw: [UInt8]
  let encoded: [UInt8]
  private let historyPayload: [UInt8]

  var description: String { "\(kind.rawValue) \(setting)" }
  var isZstd: Bool { setting.codec == .zstd }

  init?(_ kind: Kind, _ setting: CompressionSetting, raw: [UInt8]) {
    self.kind = kind
    self.setting = setting
    self.raw = raw
    guard kind.isChained else {
      historyPayload = []
      guard let made = try? DWCPCoreTests.encode(raw, setting, dictionary: Self.dictionary(kind)) else { return nil }
      encoded = made
      return
    }
    let chain = CodecChain()
    var payloads: [[UInt8]] = []
    for block in kind == .beginsChain ? [raw] : [Self.history, raw] {
      let outcome = withOutput(capacity: block.count + 600) { output throws(CodecError) in
        try chain.encode(
          block.span.bytes, at: UInt32(payloads.count), level: setting.level, windowLog: Self.chainWindowLog,
          into: &output)
        return true
      }
      guard outcome.failure == nil else { return nil }
      payloads.append(outcome.bytes)
    }
    historyPayload = payloads[0]
    encoded = payloads[payloads.count - 1]
  }

  private static func dictionary(_ kind: Kind) -> CompressionDictionary? {
    switch kind {
    case .withDictionary: dictionaries[0]
    case .withTrainedDictionary: dictionaries[1]
    case .independent, .beginsChain, .continuesChain: nil
    }
  }

  /// A chain that has come to this block.
  private func place() -> ChainPlace? {
    guard kind.isChained else { return nil }
    let chain = CodecChain()
    guard kind == .continuesChain else { return ChainPlace(chain: chain, position: 0) }
    _ = withOutput(capacity: Self.history.count) { output throws(CodecError) in
      try chain.decode(
        historyPayload.span.bytes, at: 0, rawByteCount: Self.history.count, windowLog: Self.chainWindowLog,
        into: &output)
      return true
    }
    return ChainPlace(chain: chain, position: 1)
  }

  /// Decodes in place of this block, over two kinds of stale bytes; see ``decode(rawByteCount:over:)``.
  ///
  /// - Parameter rawByteCount: what is declared; nil for what is right.
  func decode(
    _ payload: [UInt8], rawByteCount: Int? = nil, maximumWindowLog: Int = chainWindowLog, in context: CodecContext
  ) throws(CodecError) -> [UInt8] {
    let declared = rawByteCount ?? raw.count
    return try DWCPCoreTests.decode(rawByteCount: declared) { output throws(CodecError) in
      if let place = place() {
        try place.chain.decode(
          payload.span.bytes, at: place.position, rawByteCount: declared, windowLog: maximumWindowLog, into: &output)
      } else {
        try context.decompress(
          payload.span.bytes, codec: setting.codec, rawByteCount: declared, maximumWindowLog: maximumWindowLog,
          dictionary: Self.dictionary(kind), into: &output)
      }
    }
  }

  /// The reason for which such a block is turned down, or nil.
  func failure(
    _ payload: [UInt8], rawByteCount: Int? = nil, maximumWindowLog: Int = chainWindowLog, in context: CodecContext
  ) -> CodecError.Reason? {
    do throws(CodecError) {
      _ = try decode(payload, rawByteCount: rawByteCount, maximumWindowLog: maximumWindowLog, in: context)
      return nil
    } catch {
      return error.reason
    }
  }

  /// The same as a job, with the check of the decoded bytes that chained blocks have (SPEC CHN-3).
  func job(_ payload: [UInt8]) -> DecodeJob {
    DecodeJob(
      number: 0, streamID: StreamID(rawValue: 1), encoded: ByteBuffer(bytes: payload), codec: setting.codec,
      rawByteCount: raw.count, maximumWindowLog: Self.chainWindowLog, place: place(),
      decodedCheck: CRC32C.checksum(raw.span.bytes), dictionary: Self.dictionary(kind))
  }
}
