internal import DWCPCore
public import Framing

/// RawSpan in; payload lies in storage of the core and leaves it through an OutputRawSpan, or with the storage itself.
public struct SpanReceiver {
  private enum Phase { case head, payload, check }

  private struct Storage {
    var bytes: [UInt8] = []
    var readIndex = 0
    /// Bytes behind this have not been checked yet.
    var checkedEnd = 0
  }

  private var streams: [Storage]
  private var phase = Phase.head
  private var head = FrameHead(stream: 0, payloadByteCount: 0)
  private var remaining = 0
  private var carry = Carry()

  public init(streamCount: Int) {
    streams = Array(repeating: Storage(), count: streamCount)
  }

  public mutating func receive(_ input: RawSpan) throws(FramingError) {
    var position = 0
    while true {
      switch phase {
      case .head:
        guard let head = try carry.readHead(input, at: &position) else { return }
        begin(head)
      case .payload:
        let count = min(remaining, input.byteCount - position)
        append(input.extracting(position..<position + count))
        position += count
        guard remaining == 0 else { return }
        phase = .check
      case .check:
        guard let check = carry.readCheck(input, at: &position) else { return }
        guard check == head.check.value else { throw .payloadCheck }
        streams[head.stream].checkedEnd = streams[head.stream].bytes.count
        phase = .head
      }
    }
  }

  /// Moves as many bytes as there is room for; they are copied.
  public mutating func read(_ stream: Int, into output: inout OutputRawSpan) {
    let start = streams[stream].readIndex
    let end = min(streams[stream].checkedEnd, start + output.freeCapacity)
    output.withUnsafeMutableBytes { target, initializedCount in
      streams[stream].bytes.withUnsafeBytes { bytes in
        let part = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
        UnsafeMutableRawBufferPointer(rebasing: target[initializedCount...]).copyMemory(from: part)
      }
      initializedCount += end - start
    }
    streams[stream].readIndex = end
    guard end == streams[stream].bytes.count else { return }
    streams[stream].bytes.removeAll(keepingCapacity: true)
    streams[stream].readIndex = 0
    streams[stream].checkedEnd = 0
  }

  /// Hands over the storage, without a copy, unless a frame of the stream is under way.
  public mutating func take(_ stream: Int) -> [UInt8] {
    guard streams[stream].checkedEnd == streams[stream].bytes.count else { return [] }
    let bytes = streams[stream].bytes
    streams[stream] = Storage()
    return bytes
  }

  private mutating func begin(_ head: FrameHead) {
    self.head = head
    remaining = head.payloadByteCount
    if streams[head.stream].bytes.isEmpty { streams[head.stream].bytes.reserveCapacity(head.payloadByteCount) }
    phase = .payload
  }

  private mutating func append(_ bytes: RawSpan) {
    remaining -= bytes.byteCount
    head.check.update(bytes)
    bytes.withUnsafeBytes { streams[head.stream].bytes.append(contentsOf: $0) }
  }
}
