public import NIOCore

/// What the benchmark executable measures of frame headers by themselves, in loops within this module like those of the engine.
@_spi(Measuring) public enum FrameHeaders {
  /// Appends the headers of `count` DATA frames on different streams.
  public static func encode(count: Int, into buffer: inout ByteBuffer) {
    for number in 0..<count {
      let id = StreamID(rawValue: UInt64(truncatingIfNeeded: number) << 2)
      FrameHeader(type: .data, flags: FrameFlags.check, streamID: id, bodyByteCount: 1_024 &+ number & 0xFFFF)
        .write(to: &buffer)
    }
  }

  /// Reads headers while there are 16 bytes; returns the sum of the body lengths they name.
  public static func decode(_ buffer: inout ByteBuffer) throws(SessionError) -> Int {
    var sum = 0
    while buffer.readableBytes >= FrameHeader.byteCount {
      sum = sum &+ (try FrameHeader(reading: &buffer).bodyByteCount)
    }
    return sum
  }
}
