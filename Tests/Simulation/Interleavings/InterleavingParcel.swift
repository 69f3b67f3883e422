internal import DWCPCore
internal import NIOCore

/// What was sent at once, and arrives at once.
struct InterleavingParcel {
  private static let frameHeaderByteCount = 16
  private static let acknowledgementType: UInt8 = 0x06
  /// Longer buffers are the payload of the frame whose header stands in front of it.
  private static let leastPayloadByteCount = 2_048

  let buffers: [ByteBuffer]
  let byteCount: Int
  let fingerprint: InterleavingFingerprint
  /// With the counts of ACK frames.
  let exactFingerprint: InterleavingFingerprint

  /// It makes the other end owe an acknowledgement (SPEC ACK-2).
  var hasBlock: Bool { byteCount >= 4_096 }

  /// - Parameters:
  ///   - sender: decides the payload, which is not looked at, beside what the frames say.
  ///   - isExact: counts in ACK frames matter.
  init(_ batch: TransmitBatch, from sender: End, isExact: Bool) {
    var buffers: [ByteBuffer] = []
    batch.forEachBuffer { buffers.append($0) }
    self.buffers = buffers
    byteCount = batch.byteCount
    exactFingerprint = Self.fingerprint(of: buffers, from: sender, isExact: true)
    fingerprint = isExact ? exactFingerprint : Self.fingerprint(of: buffers, from: sender, isExact: false)
  }

  private static func fingerprint(
    of buffers: [ByteBuffer], from sender: End, isExact: Bool
  ) -> InterleavingFingerprint {
    InterleavingFingerprint { hasher in
      hasher.combine(sender)
      hasher.combine(buffers.count)
      for bytes in buffers { combine(bytes, isExact: isExact, into: &hasher) }
    }
  }

  private static func combine(_ bytes: ByteBuffer, isExact: Bool, into hasher: inout Hasher) {
    guard bytes.readableBytes < leastPayloadByteCount else { return hasher.combine(bytes.readableBytes) }
    guard !isExact else { return hasher.combine(bytes) }
    var rest = bytes
    while let frame = nextFrame(&rest) {
      let isAcknowledgement = frame.getInteger(at: frame.readerIndex, as: UInt8.self) == acknowledgementType
      hasher.combine(isAcknowledgement)
      if !isAcknowledgement { hasher.combine(frame) }
    }
  }

  /// A whole frame without a payload check, or the beginning of one whose payload is another buffer.
  private static func nextFrame(_ rest: inout ByteBuffer) -> ByteBuffer? {
    guard rest.readableBytes > 0 else { return nil }
    let length = rest.getInteger(at: rest.readerIndex + 8, as: UInt32.self).map { frameHeaderByteCount + Int($0) }
    return rest.readSlice(length: min(length ?? rest.readableBytes, rest.readableBytes))
  }
}
