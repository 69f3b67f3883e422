internal import DWCPCore
public import Framing
public import NIOCore

/// ByteBuffer in, slices of it out.
public struct SliceReceiver {
  private enum Phase { case head, payload, check }

  private static let leastUncopiedByteCount = 2_048
  private static let maximumJoinedByteCount = 65_536

  private struct Piece {
    var bytes: ByteBuffer
    var isOwned: Bool
  }

  private let boundsPinnedMemory: Bool
  private var streams: [[Piece]]
  private var phase = Phase.head
  private var head = FrameHead(stream: 0, payloadByteCount: 0)
  private var remaining = 0
  private var carry = ByteBuffer()
  private var pieces: [ByteBuffer] = []

  /// - Parameter boundsPinnedMemory: copies what is shorter than a quarter of its buffer, as the library does (SPEC MEM-1).
  public init(streamCount: Int, boundsPinnedMemory: Bool) {
    streams = Array(repeating: [], count: streamCount)
    self.boundsPinnedMemory = boundsPinnedMemory
  }

  public mutating func receive(_ buffer: ByteBuffer) throws(FramingError) {
    var input = buffer
    while true {
      switch phase {
      case .head:
        guard let bytes = gather(FrameHead.byteCount, from: &input) else { return }
        head = try FrameHead(reading: bytes.readableBytesSpan)
        remaining = head.payloadByteCount
        phase = .payload
      case .payload:
        takePiece(from: &input)
        guard remaining == 0 else { return }
        phase = .check
      case .check:
        guard let bytes = gather(FrameHead.checkByteCount, from: &input) else { return }
        guard bytes.getInteger(at: bytes.readerIndex, as: UInt32.self) == head.check.value else { throw .payloadCheck }
        deliver()
        phase = .head
      }
    }
  }

  /// Hands over everything that has arrived on a stream.
  public mutating func read(_ stream: Int, _ body: (ByteBuffer) -> Void) {
    for piece in streams[stream] { body(piece.bytes) }
    streams[stream].removeAll(keepingCapacity: true)
  }

  private mutating func gather(_ byteCount: Int, from input: inout ByteBuffer) -> ByteBuffer? {
    if carry.readableBytes == 0, let bytes = input.readSlice(length: byteCount) { return bytes }
    if var part = input.readSlice(length: min(byteCount - carry.readableBytes, input.readableBytes)) {
      carry.writeBuffer(&part)
    }
    guard carry.readableBytes == byteCount else { return nil }
    let bytes = carry
    carry = ByteBuffer()
    return bytes
  }

  private mutating func takePiece(from input: inout ByteBuffer) {
    guard let piece = input.readSlice(length: min(remaining, input.readableBytes)), piece.readableBytes > 0 else {
      return
    }
    remaining -= piece.readableBytes
    head.check.update(piece.readableBytesSpan)
    pieces.append(piece)
  }

  private mutating func deliver() {
    for piece in pieces {
      let isWorthItsBuffer =
        piece.readableBytes >= Self.leastUncopiedByteCount && piece.readableBytes >= piece.storageCapacity / 4
      if isWorthItsBuffer || !boundsPinnedMemory {
        streams[head.stream].append(Piece(bytes: piece, isOwned: false))
      } else {
        appendCopy(of: piece)
      }
    }
    pieces.removeAll(keepingCapacity: true)
  }

  private mutating func appendCopy(of piece: ByteBuffer) {
    let stream = head.stream
    if let last = streams[stream].indices.last, streams[stream][last].isOwned,
      streams[stream][last].bytes.readableBytes + piece.readableBytes <= Self.maximumJoinedByteCount
    {
      streams[stream][last].bytes.writeImmutableBuffer(piece)
      return
    }
    streams[stream].append(Piece(bytes: ByteBuffer(bytes: piece.readableBytesView), isOwned: true))
  }
}
