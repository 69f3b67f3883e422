import Foundation
import NIOCore

/// 256 MiB of random bytes, walked through block by block, so that they come from memory and not from a cache.
final class Source {
  /// A slice whose start is above 16 MiB would be copied by ByteBuffer, so the source is not one buffer.
  private static let chunkByteCount = 8 << 20
  private static let blocksPerChunk = chunkByteCount / Service.blockByteCount

  private let chunks: [ByteBuffer]
  private var blockNumber = 0

  init() {
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    chunks = (0..<(256 << 20) / Self.chunkByteCount).map { _ in
      var chunk = ByteBuffer()
      chunk.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.chunkByteCount) { room in
        for offset in stride(from: 0, to: Self.chunkByteCount, by: 8) {
          state ^= state << 13
          state ^= state >> 7
          state ^= state << 17
          room.storeBytes(of: state, toByteOffset: offset, as: UInt64.self)
        }
        return Self.chunkByteCount
      }
      return chunk
    }
  }

  /// A block, shared and not copied.
  func nextBlock() -> ByteBuffer {
    let (chunk, place) = (blockNumber % (chunks.count * Self.blocksPerChunk)).quotientAndRemainder(
      dividingBy: Self.blocksPerChunk)
    blockNumber += 1
    return chunks[chunk].getSlice(at: place * Service.blockByteCount, length: Service.blockByteCount) ?? ByteBuffer()
  }
}

/// The span that is measured: begun after the connection was tried with one exchange.
struct Span {
  private let options: Options
  private let begin = DispatchTime.now().uptimeNanoseconds
  private let processorBegin = Span.processorSeconds

  init(_ options: Options) {
    self.options = options
  }

  var seconds: Double { Double(DispatchTime.now().uptimeNanoseconds - begin) / 1e9 }

  func isOver(_ done: Int) -> Bool {
    options.count > 0 ? done >= options.count : seconds >= options.seconds
  }

  /// The figures of a span that ends now.
  func finish(_ figures: [String: Double]) -> [String: Double] {
    figures.merging(["seconds": seconds, "clientCPUSeconds": Self.processorSeconds - processorBegin]) { _, new in new }
  }

  private static var processorSeconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}

/// Percentiles of round trips, by nearest rank, in microseconds.
func latencyFigures(_ latenciesNanoseconds: [UInt64]) throws -> [String: Double] {
  guard !latenciesNanoseconds.isEmpty else {
    throw PeerError("not one echo came back in the time given; allow more of it")
  }
  let sorted = latenciesNanoseconds.sorted()
  func percentile(_ share: Double) -> Double {
    Double(sorted[max(0, Int((share * Double(sorted.count)).rounded(.up)) - 1)]) / 1e3
  }
  return [
    "p50Microseconds": percentile(0.5), "p99Microseconds": percentile(0.99), "p999Microseconds": percentile(0.999),
    "roundTripCount": Double(sorted.count),
  ]
}
