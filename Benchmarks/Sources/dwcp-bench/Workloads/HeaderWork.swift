import BenchGate
@_spi(Measuring) import DWCPCore
import NIOCore

/// Frame headers by themselves: written one after another, or read back.
final class HeaderWork: Work {
  private static let headersPerTurn = 1_000

  private let isDecoding: Bool
  private let measuring: Measuring
  private var encoded = ByteBuffer()
  private var scratch = ByteBuffer()
  private let expectedSum: Int

  init(isDecoding: Bool, _ measuring: Measuring) throws {
    self.isDecoding = isDecoding
    self.measuring = measuring
    FrameHeaders.encode(count: Self.headersPerTurn, into: &encoded)
    var copy = encoded
    expectedSum = try FrameHeaders.decode(&copy)
    scratch.reserveCapacity(encoded.readableBytes)
  }

  func turn() throws -> Int {
    if isDecoding {
      scratch = encoded
      let sum = try measuring.meter.measure(.receiver) { () throws(SessionError) in
        try FrameHeaders.decode(&scratch)
      }
      guard sum == expectedSum else { throw BenchmarkError("the headers read are not those written") }
    } else {
      scratch.clear()
      measuring.meter.measure(.sender) { FrameHeaders.encode(count: Self.headersPerTurn, into: &scratch) }
      guard scratch == encoded else { throw BenchmarkError("equal headers were written differently") }
    }
    return Self.headersPerTurn
  }

  func beginCounting() {
    measuring.meter.reset()
  }

  func metrics(unitCount: Int) -> [Metric] {
    [Metric("wire-bytes", .exact, unit: "bytes/header", .number(Double(encoded.readableBytes) / 1_000))]
      + measuring.meter.metrics(unitCount: unitCount, unit: "header")
  }
}
