import DWCPCore
import NIOCore

/// One engine, the work that it has handed out, and what it has sent and has not arrived.
struct ObjectsEnd {
  var session: Session
  private var jobs: [CodecJob] = []
  private var wire = ByteBuffer()

  init(session: Session) {
    self.session = session
  }

  /// Some of what is on the way arrives.
  mutating func send(using random: inout SeededGenerator, now: Instant) -> ByteBuffer {
    transmit(now: now)
    return wire.readSlice(length: Int.random(in: 0...wire.readableBytes, using: &random)) ?? ByteBuffer()
  }

  mutating func sendAll(now: Instant) -> ByteBuffer {
    transmit(now: now)
    return wire.readSlice(length: wire.readableBytes) ?? ByteBuffer()
  }

  private mutating func transmit(now: Instant) {
    var batch = TransmitBatch()
    session.transmit(maximumByteCount: 1 << 18, now: now, into: &batch)
    wire.discardReadBytes()
    batch.forEachBuffer { wire.writeImmutableBuffer($0) }
  }

  mutating func receive(_ bytes: ByteBuffer, now: Instant) {
    if bytes.readableBytes > 0 { session.receive(bytes, now: now) }
  }

  mutating func runJob(in codecs: CodecContext, using random: inout SeededGenerator, now: Instant) {
    while let job = session.nextJob() { jobs.append(job) }
    guard !jobs.isEmpty else { return }
    session.complete(jobs.remove(at: Int.random(in: 0..<jobs.count, using: &random)).run(in: codecs), now: now)
  }

  mutating func runAllJobs(in codecs: CodecContext, now: Instant) {
    while let job = jobs.popLast() ?? session.nextJob() { session.complete(job.run(in: codecs), now: now) }
  }
}
