internal import DWCPCore
internal import NIOCore

/// What was sent at once, and arrives at once.
struct InterleavingParcel {
  private static let frameHeaderByteCount = 16
  private static let acknowledgementType: UInt8 = 0x06
  /// Of each frame; all that stands behind so much is payload.
  private static let mostHashedByteCount = 2_048

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
      // Of a payload that lies in a buffer of its own.
      var owedByteCount = 0
      for bytes in buffers {
        var rest = bytes
        let owed = rest.readSlice(length: min(owedByteCount, rest.readableBytes))?.readableBytes ?? 0
        hasher.combine(owed)
        owedByteCount -= owed
        while let frame = nextFrame(&rest, &owedByteCount) {
          let isLeftOut = !isExact && frame.getInteger(at: frame.readerIndex, as: UInt8.self) == acknowledgementType
          hasher.combine(isLeftOut)
          if !isLeftOut {
            hasher.combine(frame.getSlice(at: frame.readerIndex, length: min(frame.readableBytes, mostHashedByteCount)))
          }
        }
      }
    }
  }

  /// A whole frame without a payload check, or the beginning of one whose payload is in another buffer.
  private static func nextFrame(_ rest: inout ByteBuffer, _ owedByteCount: inout Int) -> ByteBuffer? {
    guard rest.readableBytes > 0 else { return nil }
    let length = rest.getInteger(at: rest.readerIndex + 8, as: UInt32.self).map { frameHeaderByteCount + Int($0) }
    let frame = rest.readSlice(length: min(length ?? rest.readableBytes, rest.readableBytes))
    owedByteCount = (length ?? 0) - (frame?.readableBytes ?? 0)
    return frame
  }
}
