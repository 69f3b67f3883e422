public import NIOCore

/// Bytes for one gathered write, in order: headers and short things in one buffer of the batch's own, and between them the payloads
/// of blocks, which are not copied.
///
/// Fill it with ``Session/transmit(maximumByteCount:now:into:)``, write its buffers, and use it again after ``removeAll()``.
public struct TransmitBatch: Sendable {
  /// Shorter payloads are cheaper to copy than to write from a place of their own.
  private static let leastUncopiedByteCount = 2_048

  private struct Payload: Sendable {
    /// How much of `scratch` goes in front.
    var scratchEnd: Int
    var bytes: ByteBuffer
  }

  private var scratch = ByteBuffer()
  private var payloads: [Payload] = []
  /// Bytes to be written, over all buffers.
  public private(set) var byteCount = 0

  /// An empty batch.
  public init() {}

  /// Empties the batch and keeps its memory.
  public mutating func removeAll() {
    // While its bytes wait to be written the storage is shared, and the next one is made to measure: a reply of 28 bytes must not hold
    // what a large batch once needed (SPEC MEM-1).
    scratch.clear(minimumCapacity: scratch.writerIndex)
    payloads.removeAll(keepingCapacity: true)
    byteCount = 0
  }

  /// The buffers to be written, in order; none is empty.
  public func forEachBuffer(_ body: (ByteBuffer) throws -> Void) rethrows {
    var start = 0
    for payload in payloads {
      try visitScratch(from: start, to: payload.scratchEnd, body)
      try body(payload.bytes)
      start = payload.scratchEnd
    }
    try visitScratch(from: start, to: scratch.writerIndex, body)
  }

  private func visitScratch(from start: Int, to end: Int, _ body: (ByteBuffer) throws -> Void) rethrows {
    guard end > start, let slice = scratch.getSlice(at: start, length: end - start) else { return }
    try body(slice)
  }

  /// Appends bytes that are frames already.
  mutating func append(_ bytes: ByteBuffer) {
    byteCount += scratch.writeImmutableBuffer(bytes)
  }

  /// Appends a frame of a session or a stream that is not DATA.
  mutating func writeFrame(
    _ type: FrameType, streamID: StreamID = .session, isChecked: Bool, _ writeBody: (inout ByteBuffer) -> Void
  ) {
    let start = scratch.writerIndex
    scratch.writeFrame(type, streamID: streamID, isChecked: isChecked, writeBody)
    byteCount += scratch.writerIndex - start
  }

  /// Appends a DATA frame (SPEC section 8).
  mutating func writeData(
    _ frame: DataFrame, flags: UInt8, streamID: StreamID, payload: ByteBuffer, isChecked: Bool
  ) {
    let start = scratch.writerIndex
    let header = FrameHeader(
      type: .data, flags: isChecked ? flags | FrameFlags.check : flags, streamID: streamID,
      bodyByteCount: DataFrame.extensionByteCount + payload.readableBytes)
    header.write(to: &scratch)
    frame.write(to: &scratch)
    var check = CRC32C()
    if isChecked {
      check.update(scratch.readableBytesSpan.extracting(last: DataFrame.extensionByteCount))
      check.update(payload.readableBytesSpan)
    }
    byteCount += payload.readableBytes
    if payload.readableBytes >= Self.leastUncopiedByteCount {
      payloads.append(Payload(scratchEnd: scratch.writerIndex, bytes: payload))
    } else {
      byteCount -= scratch.writeImmutableBuffer(payload)
    }
    if isChecked { scratch.writeInteger(check.value) }
    byteCount += scratch.writerIndex - start
  }
}

extension ByteBuffer {
  /// Appends a whole frame; the header is written when the body's length is known (SPEC section 4).
  mutating func writeFrame(
    _ type: FrameType, streamID: StreamID = .session, isChecked: Bool, _ writeBody: (inout ByteBuffer) -> Void
  ) {
    let start = writerIndex
    writeRepeatingByte(0, count: FrameHeader.byteCount)
    let bodyStart = writerIndex
    writeBody(&self)
    let header = FrameHeader(
      type: type, flags: isChecked ? FrameFlags.check : 0, streamID: streamID, bodyByteCount: writerIndex - bodyStart)
    header.set(at: start, in: &self)
    guard isChecked else { return }
    writeInteger(CRC32C.checksum(readableBytesSpan.extracting(last: header.bodyByteCount)))
  }
}
