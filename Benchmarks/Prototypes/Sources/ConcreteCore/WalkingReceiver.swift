internal import DWCPCore
public import Framing
public import NIOCore

/// ByteBuffer in and out as in ``SliceReceiver`` with bounded pinning, but heads are read through a span in place, a slice is made
/// only for payload that is kept as one, and a short payload that came whole is copied straight from the read buffer.
public struct WalkingReceiver {
  private enum Phase { case head, payload, check }

  private static let leastUncopiedByteCount = 2_048
  private static let maximumJoinedByteCount = 65_536

  private struct Piece {
    var bytes: ByteBuffer
    var isOwned: Bool
  }

  private var streams: [[Piece]]
  private var phase = Phase.head
  private var head = FrameHead(stream: 0, payloadByteCount: 0)
  private var remaining = 0
  private var carry = Carry()
  private var pieces: [ByteBuffer] = []

  public init(streamCount: Int) {
    streams = Array(repeating: [], count: streamCount)
  }

  public mutating func receive(_ input: ByteBuffer) throws(FramingError) {
    let span = input.readableBytesSpan
    let leastSlicedByteCount = max(Self.leastUncopiedByteCount, input.storageCapacity / 4)
    var position = 0
    while true {
      switch phase {
      case .head:
        guard let head = try carry.readHead(span, at: &position) else { return }
        self.head = head
        remaining = head.payloadByteCount
        phase = .payload
      case .payload:
        let count = min(remaining, span.byteCount - position)
        let payload = span.extracting(position..<position + count)
        head.check.update(payload)
        remaining -= count
        if count == head.payloadByteCount, count < leastSlicedByteCount,
          span.byteCount - position - count >= FrameHead.checkByteCount
        {
          try finishShortFrame(payload, span, at: &position)
          continue
        }
        keep(payload, of: input, at: position, leastSlicedByteCount: leastSlicedByteCount)
        position += count
        guard remaining == 0 else { return }
        phase = .check
      case .check:
        guard let check = carry.readCheck(span, at: &position) else { return }
        guard check == head.check.value else { throw .payloadCheck }
        for piece in pieces { streams[head.stream].append(Piece(bytes: piece, isOwned: false)) }
        pieces.removeAll(keepingCapacity: true)
        phase = .head
      }
    }
  }

  /// Hands over everything that has arrived on a stream.
  public mutating func read(_ stream: Int, _ body: (ByteBuffer) -> Void) {
    for piece in streams[stream] { body(piece.bytes) }
    streams[stream].removeAll(keepingCapacity: true)
  }

  private mutating func finishShortFrame(
    _ payload: RawSpan, _ span: RawSpan, at position: inout Int
  ) throws(FramingError) {
    position += payload.byteCount
    let check = span.unsafeLoadUnaligned(fromByteOffset: position, as: UInt32.self)
    guard UInt32(bigEndian: check) == head.check.value else { throw .payloadCheck }
    position += FrameHead.checkByteCount
    appendCopy(of: payload)
    phase = .head
  }

  private mutating func keep(_ payload: RawSpan, of input: ByteBuffer, at position: Int, leastSlicedByteCount: Int) {
    guard payload.byteCount > 0 else { return }
    if payload.byteCount >= leastSlicedByteCount,
      let slice = input.getSlice(at: input.readerIndex + position, length: payload.byteCount)
    {
      pieces.append(slice)
    } else {
      var copy = ByteBuffer()
      copy.writeBytes(payload)
      pieces.append(copy)
    }
  }

  private mutating func appendCopy(of payload: RawSpan) {
    let stream = head.stream
    if let last = streams[stream].indices.last, streams[stream][last].isOwned,
      streams[stream][last].bytes.readableBytes + payload.byteCount <= Self.maximumJoinedByteCount
    {
      streams[stream][last].bytes.writeBytes(payload)
      return
    }
    var copy = ByteBuffer()
    copy.writeBytes(payload)
    streams[stream].append(Piece(bytes: copy, isOwned: true))
  }
}
