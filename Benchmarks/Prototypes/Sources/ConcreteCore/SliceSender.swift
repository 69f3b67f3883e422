internal import DWCPCore
internal import Framing
public import NIOCore

/// ByteBuffer in; for the socket, buffers of which the long ones are the application's own.
public struct SliceSender {
  private static let leastUncopiedByteCount = 2_048

  private struct Payload {
    var scratchEnd: Int
    var bytes: ByteBuffer
  }

  private var queue: [(stream: Int, bytes: ByteBuffer)] = []
  private var scratch = ByteBuffer()
  private var payloads: [Payload] = []

  public init() {}

  public mutating func write(_ bytes: ByteBuffer, to stream: Int) {
    queue.append((stream, bytes))
  }

  /// Cuts everything that waits into frames and shows the buffers of one gathered write.
  public mutating func transmit(_ body: (ByteBuffer) -> Void) {
    scratch.clear()
    for entry in queue { writeFrame(entry.stream, entry.bytes) }
    queue.removeAll(keepingCapacity: true)
    var start = 0
    for payload in payloads {
      if let slice = scratch.getSlice(at: start, length: payload.scratchEnd - start) { body(slice) }
      body(payload.bytes)
      start = payload.scratchEnd
    }
    if let slice = scratch.getSlice(at: start, length: scratch.writerIndex - start) { body(slice) }
    payloads.removeAll(keepingCapacity: true)
  }

  private mutating func writeFrame(_ stream: Int, _ bytes: ByteBuffer) {
    var head = FrameHead(stream: stream, payloadByteCount: bytes.readableBytes)
    scratch.writeWithOutputRawSpan(minimumWritableBytes: FrameHead.byteCount) { head.write(to: &$0) }
    head.check.update(bytes.readableBytesSpan)
    if bytes.readableBytes >= Self.leastUncopiedByteCount {
      payloads.append(Payload(scratchEnd: scratch.writerIndex, bytes: bytes))
    } else {
      scratch.writeImmutableBuffer(bytes)
    }
    scratch.writeInteger(head.check.value)
  }
}
