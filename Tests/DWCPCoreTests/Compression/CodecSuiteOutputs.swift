import NIOCore
import Testing

@testable import DWCPCore

/// Buffers that jobs write again.
struct CodecSuiteOutputs {
  private let context = CodecContext()

  private func make() -> ByteBuffer {
    context.makeBuffer(.decoded, byteCount: 65_536) { output in
      for _ in 0..<65_536 { output.append(7, as: UInt8.self) }
    }
  }

  private func place(of buffer: ByteBuffer) -> UInt {
    unsafe buffer.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
  }

  @Test func whatIsHeldIsNotWrittenAgain() {
    var held: [ByteBuffer] = []
    for _ in 0..<100 {
      held.append(make())
      #expect(Set(held.map(place)).count == held.count)
      if held.count > 5 { held.removeFirst() }
    }
  }

  @Test func afterABurstOneIsEnough() {
    var held = (0..<6).map { _ in make() }
    for _ in 0..<20 {
      held.append(make())
      held.removeFirst()
    }
    held = []
    for _ in 0..<500 { _ = make() }
    #expect(Set((0..<20).map { _ in place(of: make()) }).count == 1)
  }

  /// A reader who holds three needs four places.
  @Test func inTheSteadyStateNoneIsMissed() {
    var ring = OutputBuffers(isShrinking: true)
    var missCount = 0
    for _ in 0..<100_000 {
      let place = ring.take().place
      let isMissing = ring.buffers.count < 4
      if isMissing { missCount += 1 }
      ring.keep(ByteBuffer(), at: place, wasHeld: isMissing)
    }
    #expect(missCount > 4 && missCount < 20, "\(missCount)")
  }
}
