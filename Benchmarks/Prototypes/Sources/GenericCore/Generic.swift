public import DWCPCore
public import Framing

/// Bytes that the core only passes on.
public protocol OpaquePayload {
  var count: Int { get }
  func slice(from start: Int, count: Int) -> Self
  func withSpan<Output, Failure: Error>(_ body: (RawSpan) throws(Failure) -> Output) throws(Failure) -> Output
}

/// Opaque payload in, slices of it out. Compiled twice: as it stands, and with everything that must be inlinable for a user's module
/// to specialize it.
public struct GenericReceiver<Payload: OpaquePayload> {
  #if INLINABLE
    @usableFromInline
  #endif
  enum Phase { case head, payload, check }

  #if INLINABLE
    @usableFromInline
  #endif
  var streams: [[Payload]]
  #if INLINABLE
    @usableFromInline
  #endif
  var phase = Phase.head
  #if INLINABLE
    @usableFromInline
  #endif
  var head = FrameHead(stream: 0, payloadByteCount: 0)
  #if INLINABLE
    @usableFromInline
  #endif
  var remaining = 0
  #if INLINABLE
    @usableFromInline
  #endif
  var carry = Carry()
  #if INLINABLE
    @usableFromInline
  #endif
  var pieces: [Payload] = []

  #if INLINABLE
    @inlinable
  #endif
  public init(streamCount: Int) {
    streams = Array(repeating: [], count: streamCount)
  }

  #if INLINABLE
    @inlinable
  #endif
  public mutating func receive(_ input: Payload) throws(FramingError) {
    var position = 0
    while true {
      switch phase {
      case .head:
        guard let head = try readHead(input, at: &position) else { return }
        self.head = head
        remaining = head.payloadByteCount
        phase = .payload
      case .payload:
        takePiece(from: input, at: &position)
        guard remaining == 0 else { return }
        phase = .check
      case .check:
        guard let check = input.withSpan({ carry.readCheck($0, at: &position) }) else { return }
        guard check == head.check.value else { throw .payloadCheck }
        streams[head.stream].append(contentsOf: pieces)
        pieces.removeAll(keepingCapacity: true)
        phase = .head
      }
    }
  }

  /// Hands over everything that has arrived on a stream.
  #if INLINABLE
    @inlinable
  #endif
  public mutating func read(_ stream: Int, _ body: (Payload) -> Void) {
    for piece in streams[stream] { body(piece) }
    streams[stream].removeAll(keepingCapacity: true)
  }

  #if INLINABLE
    @inlinable
  #endif
  mutating func readHead(_ input: Payload, at position: inout Int) throws(FramingError) -> FrameHead? {
    try input.withSpan { span throws(FramingError) in try carry.readHead(span, at: &position) }
  }

  #if INLINABLE
    @inlinable
  #endif
  mutating func takePiece(from input: Payload, at position: inout Int) {
    let count = min(remaining, input.count - position)
    guard count > 0 else { return }
    let piece = input.slice(from: position, count: count)
    position += count
    remaining -= count
    piece.withSpan { head.check.update($0) }
    pieces.append(piece)
  }
}

/// Opaque payload in; for the socket, runs of the core's own bytes and payloads in turn.
public struct GenericSender<Payload: OpaquePayload> {
  #if INLINABLE
    @usableFromInline
  #endif
  static var leastUncopiedByteCount: Int { 2_048 }

  #if INLINABLE
    @usableFromInline
  #endif
  var queue: [(stream: Int, payload: Payload)] = []
  #if INLINABLE
    @usableFromInline
  #endif
  var scratch: [UInt8] = []
  #if INLINABLE
    @usableFromInline
  #endif
  var payloads: [(scratchEnd: Int, payload: Payload)] = []

  #if INLINABLE
    @inlinable
  #endif
  public init() {}

  #if INLINABLE
    @inlinable
  #endif
  public mutating func write(_ payload: Payload, to stream: Int) {
    queue.append((stream, payload))
  }

  /// Cuts everything that waits into frames and shows, in order, what goes in one gathered write.
  #if INLINABLE
    @inlinable
  #endif
  public mutating func transmit(own: (RawSpan) -> Void, payload: (Payload) -> Void) {
    scratch.removeAll(keepingCapacity: true)
    for entry in queue { writeFrame(entry.stream, entry.payload) }
    queue.removeAll(keepingCapacity: true)
    var start = 0
    for entry in payloads {
      own(scratch.span.bytes.extracting(start..<entry.scratchEnd))
      payload(entry.payload)
      start = entry.scratchEnd
    }
    if start < scratch.count { own(scratch.span.bytes.extracting(start..<scratch.count)) }
    payloads.removeAll(keepingCapacity: true)
  }

  #if INLINABLE
    @inlinable
  #endif
  mutating func writeFrame(_ stream: Int, _ payload: Payload) {
    var head = FrameHead(stream: stream, payloadByteCount: payload.count)
    withUnsafeTemporaryAllocation(byteCount: FrameHead.byteCount, alignment: 8) { buffer in
      var output = OutputRawSpan(buffer: buffer, initializedCount: 0)
      head.write(to: &output)
      _ = output.finalize(for: buffer)
      scratch.append(contentsOf: buffer)
    }
    payload.withSpan { head.check.update($0) }
    if payload.count >= Self.leastUncopiedByteCount {
      payloads.append((scratch.count, payload))
    } else {
      payload.withSpan { span in span.withUnsafeBytes { scratch.append(contentsOf: $0) } }
    }
    withUnsafeBytes(of: head.check.value.bigEndian) { scratch.append(contentsOf: $0) }
  }
}
