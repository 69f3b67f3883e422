import DWCPCore
import DWCPLinkEmulation
import NIOCore

let milliseconds: UInt64 = 1_000_000
let start = Instant(nanoseconds: 1_000_000_000)

extension Instant {
  static func + (left: Instant, nanoseconds: UInt64) -> Instant {
    Instant(nanoseconds: left.nanoseconds + nanoseconds)
  }

  static func - (left: Instant, right: Instant) -> UInt64 { left.nanoseconds - right.nanoseconds }
}

/// SplitMix64, apart from the library's own.
struct TestGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}

/// Bytes that do not compress; of each 256 KiB the first eight number it, so that none equals another one.
func noise(_ byteCount: Int, seed: UInt64 = 1) -> ByteBuffer {
  var generator = TestGenerator(state: seed)
  var part = ByteBuffer()
  for _ in 0..<min(byteCount / 8 + 1, 32 << 10) { part.writeInteger(generator.next()) }
  var buffer = ByteBuffer()
  buffer.reserveCapacity(byteCount + part.readableBytes)
  while buffer.readableBytes < byteCount {
    part.setInteger(seed &+ UInt64(buffer.readableBytes), at: 0)
    buffer.writeImmutableBuffer(part)
  }
  buffer.moveWriterIndex(to: byteCount)
  return buffer
}

/// What came out of a link, and when.
struct Arrivals: Equatable {
  struct Piece: Equatable {
    var instant: Instant
    var byteCount: Int
  }

  var pieces: [Piece] = []
  var bytes = ByteBuffer()
  var last: LinkDirection.Output?

  mutating func note(_ output: LinkDirection.Output, at instant: Instant) {
    guard case .bytes(let piece) = output else {
      last = output
      return
    }
    pieces.append(Piece(instant: instant, byteCount: piece.readableBytes))
    bytes.writeImmutableBuffer(piece)
  }
}

extension LinkDirection {
  /// Takes out all that will come until an instant, each piece when it is due.
  mutating func drain(until end: Instant = Instant(nanoseconds: .max), into arrivals: inout Arrivals) {
    while let deadline = nextDeadline, deadline <= end {
      while let output = poll(now: deadline) { arrivals.note(output, at: deadline) }
    }
  }

  mutating func drained() -> Arrivals {
    var arrivals = Arrivals()
    drain(into: &arrivals)
    return arrivals
  }
}
