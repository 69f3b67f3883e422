import NIOCore
import Testing

@testable import DWCPCore

/// What waits to be written while its batch is used again (SPEC MEM-1).
@Suite struct FramingSuiteBatch {
  @Test("buffers that are still held keep their bytes while the batch is used again", arguments: 0..<50)
  func held(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var batch = TransmitBatch()
    var held: [(buffer: ByteBuffer, bytes: [UInt8])] = []
    for _ in 0..<200 {
      batch.removeAll()
      #expect(batch.byteCount == 0)
      for _ in 0..<1 + random.next() % 3 { Self.write(random.next(), to: &batch) }
      var byteCount = 0
      batch.forEachBuffer {
        byteCount += $0.readableBytes
        if random.next() % 2 == 0 { held.append(($0, Array($0.readableBytesView))) }
      }
      #expect(byteCount == batch.byteCount)
      if random.next() % 5 == 0 { held.removeAll() }
      for (buffer, bytes) in held { #expect(Array(buffer.readableBytesView) == bytes) }
    }
  }

  @Test("a short batch does not wait in the memory of a long one")
  func madeToMeasure() {
    var batch = TransmitBatch()
    for _ in 0..<100 { batch.writeFrame(.ping, isChecked: true, number: 7) }
    var waiting: [ByteBuffer] = []
    for _ in 0..<1_000 {
      batch.removeAll()
      batch.writeFrame(.pong, isChecked: true, number: 7)
      batch.forEachBuffer { waiting.append($0) }
    }
    // The first of them was written to what the long one had left.
    #expect(waiting.dropFirst().allSatisfy { $0.storageCapacity <= 512 })
  }

  @Test("a frame with an integer is what the general way writes", arguments: [true, false])
  func number(isChecked: Bool) {
    var (short, long) = (TransmitBatch(), TransmitBatch())
    for number: UInt64 in [0, 1, 0x0123_4567_89AB_CDEF, .max] {
      short.writeFrame(.credit, streamID: StreamID(rawValue: 5), isChecked: isChecked, number: number)
      long.writeFrame(.credit, streamID: StreamID(rawValue: 5), isChecked: isChecked) { $0.writeInteger(number) }
    }
    #expect(short.byteCount == long.byteCount)
    var bytes: [[UInt8]] = [[], []]
    short.forEachBuffer { bytes[0] += $0.readableBytesView }
    long.forEachBuffer { bytes[1] += $0.readableBytesView }
    #expect(bytes[0].count == (isChecked ? 112 : 96) && bytes[0] == bytes[1])
  }

  private static func write(_ choice: UInt64, to batch: inout TransmitBatch) {
    let value = UInt8(truncatingIfNeeded: choice >> 8)
    guard choice % 4 > 0 else { return batch.writeFrame(.ack, isChecked: true, number: choice) }
    // Some payloads are copied, and some lie between the batch's own bytes.
    let byteCount = [64, 1_000, 5_000][Int(choice % 3)]
    batch.writeStored(
      DataFrame(offset: 0, codecID: Codec.none.rawValue, rawByteCount: byteCount), flags: 0,
      streamID: StreamID(rawValue: 1),
      SendQueue.Chunk(bytes: ByteBuffer(repeating: value, count: byteCount), endsMessage: false, mayPinMuch: false),
      isChecked: true)
  }
}
