import Foundation
import Testing

@testable import DWCPCore

/// Deterministic bytes of the kinds that codecs treat differently.
enum SampleKind: CaseIterable, Sendable {
  case random, zero, text, mixed

  func bytes(_ byteCount: Int, seed: UInt64 = 1) -> [UInt8] {
    var generator = SampleGenerator(state: seed)
    switch self {
    case .random: return (0..<byteCount).map { _ in generator.nextByte() }
    case .zero: return [UInt8](repeating: 0, count: byteCount)
    case .text: return Self.text(byteCount, &generator)
    case .mixed:
      var bytes: [UInt8] = []
      while bytes.count < byteCount {
        let kind: SampleKind = [.random, .zero, .text][Int(generator.nextByte()) % 3]
        bytes += kind.bytes(1 + 16 * Int(generator.nextByte()), seed: generator.state)
      }
      return Array(bytes.prefix(byteCount))
    }
  }

  private static func text(_ byteCount: Int, _ generator: inout SampleGenerator) -> [UInt8] {
    let words = ["page", "dirty", "guest", "memory", "vcpu", "state", "device", "0x7f", "\n"].map { Array($0.utf8) }
    var bytes: [UInt8] = []
    while bytes.count < byteCount {
      bytes += words[Int(generator.nextByte()) % words.count]
      bytes.append(0x20)
    }
    return Array(bytes.prefix(byteCount))
  }
}

/// The top byte of a linear congruential generator is random enough for no codec to find anything in it.
struct SampleGenerator {
  var state: UInt64

  mutating func nextByte() -> UInt8 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return UInt8(truncatingIfNeeded: state >> 56)
  }
}

/// What was left behind by a call that appends to an output.
struct OutputOutcome: Equatable {
  /// What was in the output before, and what the call appended.
  var bytes: [UInt8]
  var failure: CodecError?
  var isAppended = false
}

/// Runs a call on an output with room for `capacity` bytes, all of them `stale`, of which `used` are in use.
func withOutput(
  capacity: Int, used: Int = 0, stale: UInt8 = 0xAA, _ call: (inout OutputRawSpan) throws(CodecError) -> Bool
) -> OutputOutcome {
  var outcome = OutputOutcome(bytes: [])
  let storage = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
  defer { storage.deallocate() }
  storage.initializeMemory(as: UInt8.self, repeating: stale)
  var output = OutputRawSpan(buffer: storage, initializedCount: used)
  do throws(CodecError) {
    outcome.isAppended = try call(&output)
  } catch {
    outcome.failure = error
  }
  outcome.bytes = Array(storage.prefix(output.byteCount))
  return outcome
}

func encode(
  _ raw: [UInt8], _ setting: CompressionSetting, maximumByteCount: Int? = nil, maximumWindowLog: Int = 18,
  dictionary: CompressionDictionary? = nil, in context: CodecContext = CodecContext()
) throws -> [UInt8]? {
  let limit = maximumByteCount ?? raw.count + raw.count / 100 + 600
  let outcome = withOutput(capacity: limit + 16) { output throws(CodecError) in
    try context.compress(
      raw.span.bytes, setting: setting, maximumByteCount: limit, maximumWindowLog: maximumWindowLog,
      dictionary: dictionary, into: &output)
  }
  if let failure = outcome.failure { throw failure }
  #expect(outcome.bytes.count <= limit)
  #expect(outcome.isAppended || outcome.bytes.isEmpty)
  return outcome.isAppended ? outcome.bytes : nil
}

/// Decodes behind 3 bytes that are in use already and with bytes to spare. Checks that a failure appends nothing,
/// and, by doing it over other stale bytes too, that none of them is passed off as decoded.
///
/// - Parameter attempt: appends the decoded bytes, from the beginning each time.
func decode(
  rawByteCount: Int, spareByteCount: Int = 100, over attempt: (inout OutputRawSpan) throws(CodecError) -> Void
) throws(CodecError) -> [UInt8] {
  func result(over stale: UInt8) -> OutputOutcome {
    withOutput(capacity: 3 + max(rawByteCount, 0) + spareByteCount, used: 3, stale: stale) {
      output throws(CodecError) in
      try attempt(&output)
      return true
    }
  }
  let outcome = result(over: 0xAA)
  let other = result(over: 0x55)
  #expect(outcome.bytes.prefix(3) == [0xAA, 0xAA, 0xAA])
  #expect(outcome.bytes.dropFirst(3) == other.bytes.dropFirst(3))
  #expect(outcome.failure == other.failure)
  if let failure = outcome.failure {
    #expect(outcome.bytes.count == 3)
    throw failure
  }
  #expect(outcome.bytes.count == 3 + rawByteCount)
  return Array(outcome.bytes.dropFirst(3))
}

/// The same for an independent block.
func decode(
  _ encoded: [UInt8], _ codec: Codec, rawByteCount: Int, spareByteCount: Int = 100, slackByteCount: Int = 0,
  maximumWindowLog: Int = 18,
  in context: CodecContext = CodecContext()
) throws(CodecError) -> [UInt8] {
  try decode(rawByteCount: rawByteCount, spareByteCount: spareByteCount) { output throws(CodecError) in
    guard slackByteCount > 0 else {
      return try context.decompress(
        encoded.span.bytes, codec: codec, rawByteCount: rawByteCount, maximumWindowLog: maximumWindowLog, into: &output)
    }
    try context.decompress(
      encoded.span.bytes, codec: codec, rawByteCount: rawByteCount, slackByteCount: slackByteCount,
      maximumWindowLog: maximumWindowLog, into: &output)
  }
}

/// The reason a block is turned down, or nil if it decodes.
func decodeFailure(
  _ encoded: [UInt8], _ codec: Codec, rawByteCount: Int, spareByteCount: Int = 100, slackByteCount: Int = 0,
  maximumWindowLog: Int = 18,
  in context: CodecContext = CodecContext()
) -> CodecError.Reason? {
  do throws(CodecError) {
    _ = try decode(
      encoded, codec, rawByteCount: rawByteCount, spareByteCount: spareByteCount, slackByteCount: slackByteCount,
      maximumWindowLog: maximumWindowLog, in: context)
    return nil
  } catch {
    return error.reason
  }
}

func setting(_ text: String) throws -> CompressionSetting {
  try #require(CompressionSetting(text))
}
