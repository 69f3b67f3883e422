import DWCPCore
import NIOCore

/// Chained blocks (SPEC CHN-1): a payload of any bytes at the beginning of a chain or behind a block that is right, or blocks of a recipe that
/// are encoded, decoded, damaged and decoded again.
enum ChainTarget {
  /// Windows of which none takes long to make.
  private static func bounded(_ windowLog: Int) -> Int { min(windowLog, 18) }

  /// zstd cuts its own blocks no longer than the window, and three bytes for each are above the bound of SPEC DAT-3 where the window is much smaller and
  /// nothing shrinks: such a block goes stored (`EncodeJob`).
  private static let roundTripWindowLog = 14

  private static let history = (0..<500).flatMap { Array("state \($0 % 31) ".utf8) }
  private static let historyPayload = encoded([history], level: 3, windowLog: 16)?.first ?? []

  /// - Parameter options: 2: a recipe; 4: behind a block that is right.
  static func problem(
    _ input: inout FuzzInput, options: UInt8, declared: Int, level: UInt8, windowLog: Int
  ) -> String? {
    let windowLog = bounded(windowLog)
    guard options & 2 == 0 else {
      let raw = CodecTarget.recipe(&input)
      return roundTrip(raw, level: Int(level % 20) - 7, windowLog: roundTripWindowLog, damage: options)
    }
    let payload = input.remainder()
    let isBehind = options & 4 != 0
    let chains = [CodecChain(), CodecChain()]
    if isBehind {
      let (raw, problem) = decode(historyPayload, at: 0, history.count, windowLog: 18, chains)
      guard CodecTarget.isSame(raw, history) else { return problem ?? "a right block of a chain does not decode" }
    }
    let (raw, problem) = decode(payload, at: isBehind ? 1 : 0, declared, windowLog: isBehind ? 18 : windowLog, chains)
    if let problem { return problem }
    guard raw == nil else { return nil }
    // Nothing follows what is broken.
    let next = decode(historyPayload, at: isBehind ? 2 : 1, history.count, windowLog: 18, chains)
    return next.raw == nil ? next.problem : "a broken chain goes on (CHN-1)"
  }

  /// The same block for two chains that have the same history.
  private static func decode(
    _ payload: [UInt8], at position: UInt32, _ declared: Int, windowLog: Int, _ chains: [CodecChain]
  ) -> (raw: [UInt8]?, problem: String?) {
    CodecTarget.attempts(declared) { output, number throws(CodecError) in
      try chains[number].decode(
        payload.span.bytes, at: position, rawByteCount: declared, windowLog: windowLog, into: &output)
    }
  }

  private static func encoded(_ blocks: [[UInt8]], level: Int, windowLog: Int) -> [[UInt8]]? {
    let chain = CodecChain()
    var payloads: [[UInt8]] = []
    for (position, block) in blocks.enumerated() {
      var payload = ByteBuffer()
      var failure: CodecError?
      payload.writeWithOutputRawSpan(minimumWritableBytes: block.count + block.count / 32_768 + 64) { output in
        do throws(CodecError) {
          try chain.encode(
            block.span.bytes, at: UInt32(position), level: level, windowLog: windowLog, into: &output)
        } catch {
          failure = error
        }
      }
      guard failure == nil else { return nil }
      payloads.append(Array(payload.readableBytesView))
    }
    return payloads
  }

  private static func roundTrip(_ raw: [UInt8], level: Int, windowLog: Int, damage: UInt8) -> String? {
    guard !raw.isEmpty else { return nil }
    let byteCount = max(1, raw.count / (1 + Int(damage >> 3 & 3)))
    let blocks = stride(from: 0, to: raw.count, by: byteCount).map { Array(raw[$0..<min($0 + byteCount, raw.count)]) }
    guard let payloads = encoded(blocks, level: level, windowLog: windowLog) else {
      return "a chain of \(blocks.count) blocks of \(byteCount) bytes does not encode within DAT-3"
    }
    let chains = [CodecChain(), CodecChain()]
    for (position, payload) in payloads.enumerated() {
      let isLast = position + 1 == payloads.count
      let count = blocks[position].count
      guard !isLast || damage & 4 == 0 else {
        let declared = damage >> 6 == 3 ? count + 1 : count
        let payload = damage >> 6 == 3 ? payload : CodecTarget.damaged(payload, by: damage)
        let (raw, problem) = decode(payload, at: UInt32(position), declared, windowLog: windowLog, chains)
        return problem ?? (raw != nil && declared != count ? "a block decodes to a longer length than it has" : nil)
      }
      let (raw, problem) = decode(payload, at: UInt32(position), count, windowLog: windowLog, chains)
      if let problem { return problem }
      guard CodecTarget.isSame(raw, blocks[position]) else {
        return "block \(position) of a chain does not survive the round trip"
      }
    }
    return nil
  }

  static func seeds(_ texts: [[UInt8]]) -> [[UInt8]] {
    let place = UInt8(22 * CodecTarget.Kind.chained.rawValue + 8)
    var seeds: [[UInt8]] = []
    for text in texts where !text.isEmpty {
      guard let alone = encoded([text], level: 3, windowLog: 16)?.last,
        let behind = encoded([history, text], level: 3, windowLog: 16)?.last
      else { continue }
      seeds.append([0, place] + CodecTarget.size(text.count) + [0] + alone)
      seeds.append([4, place] + CodecTarget.size(text.count) + [0] + behind)
    }
    // What does not shrink, at length.
    seeds.append([2, place, 0, 0, 0, 8, 0xE3, 255, 5, 0xE3, 255, 6])
    for level in [0, 6, 8, 10, 16, 19] as [UInt8] {
      for damage in [0, 4, 0x0C, 0x1C, 0x44, 0x54, 0x84, 0xC4] as [UInt8] {
        let recipe: [UInt8] = [1, 4, 1, 2, 3, 4, 0x20, 9, 7, 2, 30, 0, 3, 0x43, 20, 5, 0x42, 100, 0, 60]
        seeds.append([2 | damage, place, 0, 0, 0, level] + recipe)
      }
    }
    return seeds
  }
}
