internal import DWCPCore
internal import Framing

/// RawSpan in, OutputRawSpan out: what is written has to be kept, since a span cannot be.
public struct SpanSender {
  private var queue: [(stream: Int, byteCount: Int)] = []
  private var bytes: [UInt8] = []

  public init() {}

  public mutating func write(_ span: RawSpan, to stream: Int) {
    span.withUnsafeBytes { bytes.append(contentsOf: $0) }
    queue.append((stream, span.byteCount))
  }

  /// Cuts everything that waits into frames; there must be room for them.
  public mutating func transmit(into output: inout OutputRawSpan) {
    var start = 0
    for entry in queue {
      let payload = bytes.span.bytes.extracting(start..<start + entry.byteCount)
      start += entry.byteCount
      var head = FrameHead(stream: entry.stream, payloadByteCount: entry.byteCount)
      head.write(to: &output)
      head.check.update(payload)
      output.withUnsafeMutableBytes { target, initializedCount in
        payload.withUnsafeBytes {
          UnsafeMutableRawBufferPointer(rebasing: target[initializedCount...]).copyMemory(from: $0)
        }
        initializedCount += payload.byteCount
      }
      output.append(head.check.value.bigEndian, as: UInt32.self)
    }
    queue.removeAll(keepingCapacity: true)
    bytes.removeAll(keepingCapacity: true)
  }
}
