import CAllocations
import ConcreteCore
import NIOCore

/// What is moved in one pass.
struct PayloadWorkload {
  static let streamCount = 16
  static let readBufferByteCount = 256 << 10
  /// Room for the frames of one gathered write.
  static let maximumBatchByteCount = 1 << 20
  private static let batchPayloadByteCount = 512 << 10

  let payload: ByteBuffer
  let frameCount: Int
  /// All frames, back to back.
  let wire: [UInt8]
  let framesPerBatch: Int

  var payloadByteCount: Int { frameCount * payload.readableBytes }

  init(frameByteCount: Int) {
    frameCount = min(65_536, max(64, (16 << 20) / frameByteCount))
    framesPerBatch = min(4_096, max(1, Self.batchPayloadByteCount / frameByteCount))
    payload = ByteBuffer(bytes: (0..<frameByteCount).map { UInt8(truncatingIfNeeded: $0 &* 31) })
    var sender = SliceSender()
    for frame in 0..<frameCount { sender.write(payload, to: frame % Self.streamCount) }
    var wire: [UInt8] = []
    sender.transmit { wire += Array($0.readableBytesView) }
    self.wire = wire
  }

  /// Fills read buffers as a channel would, one buffer again and again unless somebody keeps a slice of it.
  func receive(with receiving: any Receiving) throws {
    var buffer = ByteBufferAllocator().buffer(capacity: Self.readBufferByteCount)
    var readByteCount = 0
    for start in stride(from: 0, to: wire.count, by: Self.readBufferByteCount) {
      buffer.clear()
      buffer.writeBytes(wire.span.bytes.extracting(start..<min(wire.count, start + Self.readBufferByteCount)))
      try receiving.receive(buffer)
      readByteCount += receiving.readAll(streamCount: Self.streamCount)
    }
    readByteCount += receiving.readAll(streamCount: Self.streamCount)
    guard readByteCount == payloadByteCount else { throw PayloadExperiment.Failure.bytesLost(readByteCount) }
  }

  func send(with sending: any Sending) throws {
    var sentByteCount = 0
    for start in stride(from: 0, to: frameCount, by: framesPerBatch) {
      for frame in start..<min(frameCount, start + framesPerBatch) {
        sending.write(payload, to: frame % Self.streamCount)
      }
      sending.transmit { sentByteCount += $0.readableBytes }
    }
    guard sentByteCount == wire.count else { throw PayloadExperiment.Failure.bytesLost(sentByteCount) }
  }
}

/// Which currency payload has in the core: time, copies and allocations of each.
enum PayloadExperiment {
  enum Failure: Error { case bytesLost(Int) }

  private struct Contender {
    let name: String
    /// Bytes copied per pass that stand for the kernel's work.
    let foreignCopyByteCount: Int
    let run: () throws -> Void
  }

  static func run(roundCount: Int) throws {
    for frameByteCount in [64, 1 << 10, 64 << 10, 256 << 10] {
      let workload = PayloadWorkload(frameByteCount: frameByteCount)
      print("\n\(frameByteCount) B frames, \(workload.frameCount) per pass, \(roundCount) rounds")
      try compare(receivers(workload), workload, roundCount)
      try compare(senders(workload), workload, roundCount)
    }
  }

  private static func receivers(_ workload: PayloadWorkload) -> [Contender] {
    let count = PayloadWorkload.streamCount
    let all: [(String, any Receiving)] = [
      ("receive: ByteBuffer, slices always", ConcreteReceiving(streamCount: count, boundsPinnedMemory: false)),
      ("receive: ByteBuffer, MEM-1", ConcreteReceiving(streamCount: count, boundsPinnedMemory: true)),
      ("receive: ByteBuffer, MEM-1, walked by span", WalkingReceiving(streamCount: count)),
      ("receive: span in, OutputRawSpan out", OutputSpanReceiving(streamCount: count)),
      ("receive: span in, storage out", StorageReceiving(streamCount: count)),
      ("receive: generic", GenericReceiving(streamCount: count)),
      ("receive: generic, inlinable", InlinableGenericReceiving(streamCount: count)),
    ]
    return all.map { name, receiving in
      Contender(name: name, foreignCopyByteCount: workload.wire.count) { try workload.receive(with: receiving) }
    }
  }

  private static func senders(_ workload: PayloadWorkload) -> [Contender] {
    let all: [(String, any Sending)] = [
      ("send: ByteBuffer", ConcreteSending()), ("send: span in, OutputRawSpan out", SpanSending()),
      ("send: generic", GenericSending()), ("send: generic, inlinable", InlinableGenericSending()),
    ]
    return all.map { name, sending in
      Contender(name: name, foreignCopyByteCount: 0) { try workload.send(with: sending) }
    }
  }

  private static func compare(_ contenders: [Contender], _ workload: PayloadWorkload, _ roundCount: Int) throws {
    var times = contenders.map { _ in [Double]() }
    let clock = ContinuousClock()
    for contender in contenders { try contender.run() }
    for round in 0..<roundCount {
      for index in rotatedOrder(count: contenders.count, round: round) {
        let elapsed = try clock.measure {
          for _ in 0..<4 { try contenders[index].run() }
        }
        times[index].append(elapsed / .seconds(1))
      }
    }
    for (contender, ratio) in zip(contenders, ratiosToFirst(times)) {
      memory_counts_begin()
      try contender.run()
      let counts = memory_counts_end()
      let copied = Double(counts.copied_byte_count) - Double(contender.foreignCopyByteCount)
      let payload = Double(workload.payloadByteCount)
      print(
        "| \(contender.name) | time \(ratio) | copied \((copied / payload).rounded2) B/B",
        "| allocations \((Double(counts.allocation_count) / Double(workload.frameCount)).rounded2)/frame",
        "| requested \((Double(counts.allocated_byte_count) / payload).rounded2) B/B |")
    }
  }
}
