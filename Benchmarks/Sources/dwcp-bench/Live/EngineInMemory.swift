import DWCPCore
import NIOCore

/// What an owner of an engine does that has no threads and no socket.
extension Session {
  /// Runs all jobs at once.
  mutating func runJobs(in codecs: CodecContext, now: Instant) {
    while let job = nextJob() { complete(job.run(in: codecs), now: now) }
  }

  /// About 1 MiB of what there is to send, in one piece.
  mutating func takeBytes(now: Instant) -> ByteBuffer {
    var batch = TransmitBatch()
    transmit(maximumByteCount: 1 << 20, now: now, into: &batch)
    var bytes = ByteBuffer()
    batch.forEachBuffer { bytes.writeImmutableBuffer($0) }
    return bytes
  }
}
