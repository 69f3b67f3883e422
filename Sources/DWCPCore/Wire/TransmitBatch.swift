public import NIOCore

/// Bytes for one gathered write, in order: headers and short things in one buffer of the batch's own, and between them the payloads
/// of blocks, which are not copied.
///
/// Fill it with ``Session/transmit(maximumByteCount:now:into:)``, write its buffers, and use it again after ``removeAll()``.
public struct TransmitBatch: Sendable, StoredFrameWriter {
  /// Shorter payloads are cheaper to copy than to write from a place of their own.
  static let leastUncopiedByteCount = 2_048
  /// So much memory may wait with however few bytes.
  private static let leastMeasuredByteCount = 512

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
    guard byteCount > 0 else { return }
    // While its bytes wait to be written the storage is shared, and the next one is made to measure: a reply of 28 bytes must not hold
    // what a large batch once needed (SPEC MEM-1). What is not large is copied when it is written to and is shared.
    if scratch.capacity <= max(Self.leastMeasuredByteCount, 2 &* scratch.writerIndex) {
      scratch.moveReaderIndex(to: 0)
      scratch.moveWriterIndex(to: 0)
    } else {
      scratch.clear(minimumCapacity: scratch.writerIndex)
    }
    if !payloads.isEmpty { payloads.removeAll(keepingCapacity: true) }
    byteCount = 0
  }

  /// The buffers to be written, in order; none is empty.
  public func forEachBuffer(_ body: (ByteBuffer) throws -> Void) rethrows {
    if payloads.isEmpty {
      if byteCount > 0 { try body(scratch) }
      return
    }
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

  /// The same with an integer in it.
  mutating func writeFrame(_ type: FrameType, streamID: StreamID = .session, isChecked: Bool, number: UInt64) {
    let header = FrameHeader(
      type: type, flags: isChecked ? FrameFlags.check : 0, streamID: streamID, bodyByteCount: UInt64.bitWidth / 8)
    let frameByteCount = FrameHeader.byteCount + header.remainderByteCount
    byteCount += unsafe scratch.writeWithUnsafeMutableBytes(minimumWritableBytes: frameByteCount) { target in
      unsafe header.store(in: target)
      unsafe target.storeBytes(of: number.bigEndian, toByteOffset: FrameHeader.byteCount, as: UInt64.self)
      guard isChecked else { return frameByteCount }
      let check = unsafe CRC32C.checksum(UnsafeRawBufferPointer(target), FrameHeader.byteCount, header.bodyByteCount)
      unsafe target.storeBytes(
        of: check.bigEndian, toByteOffset: FrameHeader.byteCount + header.bodyByteCount, as: UInt32.self)
      return frameByteCount
    }
  }

  @inline(__always)
  var maximumPayloadByteCount: Int { .max }

  mutating func writeStored(
    _ frame: DataFrame, flags: UInt8, streamID: StreamID, _ chunk: consuming SendQueue.Chunk, isChecked: Bool
  ) {
    writeData(
      frame, flags: flags, streamID: streamID, markTable: nil, dictionaryID: nil, decodedCheck: nil,
      payload: chunk.bytes, isCopied: chunk.mayPinMuch, isChecked: isChecked)
  }

  /// Appends a DATA frame (SPEC section 8). In line, so that what a frame cannot have costs it nothing.
  ///
  /// - Parameter markTable: the lengths in it, without their number; nil when `flags` has no MARKS.
  /// - Parameter dictionaryID: nil when `flags` has no DICTIONARY.
  /// - Parameter pageHead: which pages of an object they are; nil when `flags` has no BASELINE.
  /// - Parameter decodedCheck: CRC32C of the raw bytes; nil when `flags` has neither CHAINED nor BASELINE.
  /// - Parameter isCopied: the payload is copied however long it is.
  @inline(__always)
  mutating func writeData(
    _ frame: DataFrame, flags: UInt8, streamID: StreamID, markTable: ByteBuffer?, dictionaryID: UInt32?,
    pageHead: ByteBuffer? = nil, decodedCheck: UInt32?, payload: ByteBuffer, isCopied: Bool, isChecked: Bool
  ) {
    let more = Extensions(
      markTable: markTable, dictionaryID: dictionaryID, pageHead: pageHead, decodedCheck: decodedCheck)
    let header = FrameHeader(
      type: .data, flags: isChecked ? flags | FrameFlags.check : flags, streamID: streamID,
      bodyByteCount: DataFrame.extensionByteCount + more.byteCount + payload.readableBytes)
    byteCount += FrameHeader.byteCount + header.remainderByteCount
    guard payload.readableBytes >= Self.leastUncopiedByteCount, !isCopied else {
      return unsafe payload.withUnsafeReadableBytes { unsafe writeHead(header, frame, more, copying: $0) }
    }
    unsafe writeHead(header, frame, more, copying: nil)
    payloads.append(Payload(scratchEnd: scratch.writerIndex, bytes: payload))
    guard isChecked else { return }
    var check = CRC32C()
    check.update(scratch.readableBytesSpan.extracting(last: DataFrame.extensionByteCount + more.byteCount))
    check.update(payload.readableBytesSpan)
    scratch.writeInteger(check.value)
  }

  /// Header and extensions and, in a frame whose payload is copied, all the rest.
  @inline(__always)
  private mutating func writeHead(
    _ header: FrameHeader, _ frame: DataFrame, _ more: Extensions, copying payload: UnsafeRawBufferPointer?
  ) {
    let room =
      unsafe FrameHeader.byteCount + DataFrame.extensionByteCount + more.byteCount + (payload?.count ?? 0)
      + FrameHeader.checkByteCount
    unsafe scratch.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { target in
      unsafe target.store(header, frame, more, copying: payload)
    }
  }

  /// Appends DATA frames with nothing but a short stored payload, which are copied one behind the other to the room that there is, found once.
  ///
  /// - Parameter write: appends them, as long as they fit.
  @inline(__always)
  mutating func writeRun(_ write: (inout Run) -> Void) {
    byteCount += unsafe scratch.writeWithUnsafeMutableBytes(minimumWritableBytes: 0) { target in
      var run = unsafe Run(target: target)
      write(&run)
      return run.byteCount
    }
  }

  /// Where the frames of a run go.
  @safe struct Run: StoredFrameWriter {
    fileprivate let target: UnsafeMutableRawBufferPointer
    fileprivate(set) var byteCount = 0

    /// As much as there is room for, but nothing that would not be copied elsewhere.
    @inline(__always)
    var maximumPayloadByteCount: Int {
      let rest = unsafe target.count - byteCount - FrameHeader.checkByteCount
      return min(rest - FrameHeader.byteCount - DataFrame.extensionByteCount, leastUncopiedByteCount - 1)
    }

    @inline(__always)
    mutating func writeStored(
      _ frame: DataFrame, flags: UInt8, streamID: StreamID, _ chunk: consuming SendQueue.Chunk, isChecked: Bool
    ) {
      write(frame, flags: flags, streamID: streamID, payload: chunk.bytes, isChecked: isChecked)
    }

    /// Apart, so that the payload is lent and not copied.
    private mutating func write(
      _ frame: DataFrame, flags: UInt8, streamID: StreamID, payload: ByteBuffer, isChecked: Bool
    ) {
      let header = FrameHeader(
        type: .data, flags: isChecked ? flags | FrameFlags.check : flags, streamID: streamID,
        bodyByteCount: DataFrame.extensionByteCount + payload.readableBytes)
      byteCount += unsafe payload.withUnsafeReadableBytes { bytes in
        unsafe UnsafeMutableRawBufferPointer(rebasing: target[byteCount...]).store(
          header, frame, .none, copying: bytes)
      }
    }
  }
}

/// Where DATA frames with nothing but a stored payload go.
protocol StoredFrameWriter {
  /// Bytes written.
  var byteCount: Int { get }
  /// The longest payload that it takes.
  var maximumPayloadByteCount: Int { get }

  /// Appends such a frame.
  mutating func writeStored(
    _ frame: DataFrame, flags: UInt8, streamID: StreamID, _ chunk: consuming SendQueue.Chunk, isChecked: Bool)
}

/// What may stand between the 12 bytes that each DATA frame has and its payload.
private struct Extensions {
  static let none = Self(markTable: nil, dictionaryID: nil, pageHead: nil, decodedCheck: nil)

  let markTable: ByteBuffer?
  let dictionaryID: UInt32?
  let pageHead: ByteBuffer?
  let decodedCheck: UInt32?

  @inline(__always)
  private var tableByteCount: Int { markTable.map { DataFrame.markCountByteCount + $0.readableBytes } ?? 0 }

  @inline(__always)
  private var idByteCount: Int { dictionaryID == nil ? 0 : DataFrame.dictionaryIDByteCount }

  @inline(__always)
  private var pageHeadByteCount: Int { pageHead?.readableBytes ?? 0 }

  @inline(__always)
  var byteCount: Int {
    tableByteCount + idByteCount + pageHeadByteCount + (decodedCheck == nil ? 0 : DataFrame.decodedCheckByteCount)
  }

  @inline(__always)
  func store(behindExtensionIn target: UnsafeMutableRawBufferPointer) {
    let start = FrameHeader.byteCount + DataFrame.extensionByteCount
    if let markTable {
      let count = UInt16(truncatingIfNeeded: markTable.readableBytes / 2)
      unsafe target.storeBytes(of: count.bigEndian, toByteOffset: start, as: UInt16.self)
      unsafe target.copy(markTable, to: start + DataFrame.markCountByteCount)
    }
    if let dictionaryID {
      unsafe target.storeBytes(of: dictionaryID.bigEndian, toByteOffset: start + tableByteCount, as: UInt32.self)
    }
    if let pageHead { unsafe target.copy(pageHead, to: start + tableByteCount + idByteCount) }
    if let decodedCheck {
      unsafe target.storeBytes(
        of: decodedCheck.bigEndian, toByteOffset: start + tableByteCount + idByteCount + pageHeadByteCount,
        as: UInt32.self)
    }
  }
}

extension UnsafeMutableRawBufferPointer {
  /// Writes a DATA frame, without what stands behind its head when no payload is copied; returns how long that is. There is room for it and for a check.
  @inline(__always)
  fileprivate func store(
    _ header: FrameHeader, _ frame: DataFrame, _ more: Extensions, copying payload: UnsafeRawBufferPointer?
  ) -> Int {
    let bodyStart = FrameHeader.byteCount
    let payloadStart = bodyStart + DataFrame.extensionByteCount + more.byteCount
    let frameByteCount = unsafe payloadStart + (payload?.count ?? 0)
    unsafe header.store(in: self)
    unsafe frame.store(behindHeaderIn: self)
    unsafe more.store(behindExtensionIn: self)
    guard let payload = unsafe payload else { return frameByteCount }
    unsafe UnsafeMutableRawBufferPointer(rebasing: self[payloadStart...]).copyMemory(from: payload)
    guard header.isChecked else { return frameByteCount }
    var check = CRC32C()
    unsafe check.update(UnsafeRawBufferPointer(rebasing: self[bodyStart..<payloadStart]))
    // Where they lie, since what has just been written has to be waited for.
    unsafe check.update(payload)
    unsafe storeBytes(of: check.value.bigEndian, toByteOffset: frameByteCount, as: UInt32.self)
    return frameByteCount + FrameHeader.checkByteCount
  }

  /// Copies a buffer's bytes to a place that has room for them.
  @inline(__always)
  fileprivate func copy(_ buffer: ByteBuffer, to offset: Int) {
    unsafe buffer.withUnsafeReadableBytes { bytes in
      unsafe UnsafeMutableRawBufferPointer(rebasing: self[offset...]).copyMemory(from: bytes)
    }
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
