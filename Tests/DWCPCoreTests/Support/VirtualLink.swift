import NIOCore

@testable import DWCPCore

/// Two engines, a link with a rate and a delay between them, and cores that take for each job what a ladder says: all in virtual time, so that the same
/// run has the same choices everywhere.
struct VirtualLink {
  /// What one choice of the automatic mode was, and when it was made.
  struct Change {
    var milliseconds: Double
    var setting: CompressionSetting
    var explanation: String
  }

  static let start = Instant(nanoseconds: 1_000_000_000)
  private static let batchByteCount = 16_384

  var bytesPerSecond: Double
  /// What is sent next, over and over.
  var data: ByteBuffer
  private(set) var changes: [Change] = []
  private(set) var receivedByteCount = 0
  /// Raw bytes of the last block that was cut for a codec.
  private(set) var lastJobByteCount = 0
  private(set) var now = Self.start

  private var client: Session
  private var server: Session
  private let ladder: CodecLadder
  private let delayNanoseconds: UInt64
  private let codecs = CodecContext()
  private var stream: StreamID?
  private var isWritable = false
  private var cores: [Instant]
  private var jobs: [(done: Instant, result: CodecJobResult, nanoseconds: UInt64)] = []
  /// What is on its way, in the order in which it arrives.
  private var toServer = CircularBuffer<(arrival: Instant, bytes: ByteBuffer)>()
  private var toClient = CircularBuffer<(arrival: Instant, bytes: ByteBuffer)>()
  private var linkFree = Self.start

  init(
    bytesPerSecond: Double, delayNanoseconds: UInt64 = 1_000_000, coreCount: Int = 1, ladder: CodecLadder,
    compression: CompressionChoice = .automatic, data: ByteBuffer
  ) {
    self.bytesPerSecond = bytesPerSecond
    self.data = data
    self.ladder = ladder
    self.delayNanoseconds = delayNanoseconds
    cores = Array(repeating: Self.start, count: coreCount)
    var configuration = SessionConfiguration()
    configuration.compression = compression
    configuration.codecLadder = ladder
    configuration.codecCoreCount = coreCount
    configuration.explainsCodecs = true
    var random = SeededGenerator(seed: 1)
    client = Session(
      role: .initiator, configuration: configuration, secrets: SessionSecrets(using: &random), now: Self.start)
    server = Session(
      role: .acceptor, configuration: SessionConfiguration(), secrets: SessionSecrets(using: &random), now: Self.start)
  }

  /// What the client counted.
  var counters: SessionCounters { client.counters }

  /// The setting in use.
  var setting: CompressionSetting? { changes.last?.setting }

  /// All choices, for messages of tests that fail.
  var history: String { changes.map { "\($0.milliseconds) ms: \($0.explanation)" }.joined(separator: "\n") }

  var elapsedMilliseconds: Double { Double(now.nanoseconds - Self.start.nanoseconds) / 1e6 }

  /// Opens a stream, in place of the one before; everything that is sent from now on goes there.
  mutating func open(_ opening: StreamOpening = StreamOpening()) throws {
    if let stream { try client.finish(stream) }
    stream = try client.open(opening)
    isWritable = true
  }

  /// Lets time pass, in which the stream sends all that it can.
  mutating func run(milliseconds: UInt64) throws {
    let end = now.advanced(byMilliseconds: milliseconds)
    while true {
      try settle()
      guard let next = nextInstant, next <= end else { break }
      now = max(now, next)
      deliver()
    }
    now = end
  }

  private var nextInstant: Instant? {
    let deadlines = [client.nextDeadline, server.nextDeadline].compactMap(\.self)
    let arrivals = [toServer.first?.arrival, toClient.first?.arrival].compactMap(\.self)
    return (deadlines + arrivals + jobs.map(\.done)).min()
  }

  private mutating func deliver() {
    for job in jobs.filter({ $0.done <= now }).sorted(by: { $0.done < $1.done }) {
      client.complete(job.result, durationNanoseconds: job.nanoseconds, now: now)
    }
    jobs.removeAll { $0.done <= now }
    while let first = toServer.first, first.arrival <= now {
      server.receive(toServer.removeFirst().bytes, now: now)
    }
    while let first = toClient.first, first.arrival <= now {
      client.receive(toClient.removeFirst().bytes, now: now)
    }
    client.handleDeadline(now: now)
    server.handleDeadline(now: now)
  }

  private mutating func settle() throws {
    var isBusy = true
    while isBusy {
      isBusy = false
      while let event = client.nextEvent() { note(event) }
      while let stream, isWritable { isWritable = try client.write(data, to: stream) }
      while let job = client.nextJob() { begin(job) }
      // The connection takes whatever it is given, as kernels do up to megabytes.
      while case let bytes = client.takeBatch(maximumByteCount: Self.batchByteCount, now: now),
        bytes.readableBytes > 0
      {
        isBusy = true
        carry(bytes)
      }
      serve()
    }
  }

  /// What a link carries arrives piece by piece.
  private mutating func carry(_ bytes: ByteBuffer) {
    let pieceByteCount = max(1_460, Int(bytesPerSecond * 100e-6))
    var rest = bytes
    while let piece = rest.readSlice(length: min(rest.readableBytes, pieceByteCount)), piece.readableBytes > 0 {
      let nanoseconds = UInt64(Double(piece.readableBytes) / bytesPerSecond * 1e9)
      linkFree = max(now, linkFree).advanced(byNanoseconds: nanoseconds)
      toServer.append((linkFree.advanced(byNanoseconds: delayNanoseconds), piece))
    }
  }

  private mutating func note(_ event: SessionEvent) {
    if case .writable(let id) = event, id == stream { isWritable = true }
    guard case .codecChosen(let decision) = event else { return }
    changes.append(
      Change(milliseconds: elapsedMilliseconds, setting: decision.choice.setting, explanation: decision.description))
  }

  /// The job is done when a core has had the time for it.
  private mutating func begin(_ job: CodecJob) {
    if case .encode(let encode) = job { lastJobByteCount = encode.raw.readableBytes }
    guard case .encode(let encode) = job, let core = cores.indices.min(by: { cores[$0] < cores[$1] }) else {
      return client.complete(job.run(in: codecs), now: now)
    }
    let rung = ladder.rungs.first { $0.setting == encode.setting } ?? .none
    let nanoseconds = UInt64(Double(job.rawByteCount) / rung.compressBytesPerSecond * 1e9)
    cores[core] = max(now, cores[core]).advanced(byNanoseconds: nanoseconds)
    jobs.append((cores[core], job.run(in: codecs), nanoseconds))
  }

  /// The other end decodes and reads at once.
  private mutating func serve() {
    while let job = server.nextJob() { server.complete(job.run(in: codecs), now: now) }
    while let event = server.nextEvent() {
      guard case .readable(let id) = event else { continue }
      while case .bytes(let bytes, endsMessage: _) = server.read(id) { receivedByteCount += bytes.readableBytes }
    }
    let bytes = server.takeBatch(maximumByteCount: Self.batchByteCount, now: now)
    if bytes.readableBytes > 0 { toClient.append((now.advanced(byNanoseconds: delayNanoseconds), bytes)) }
  }
}

extension Session {
  fileprivate mutating func takeBatch(maximumByteCount: Int, now: Instant) -> ByteBuffer {
    var batch = TransmitBatch()
    transmit(maximumByteCount: maximumByteCount, now: now, into: &batch)
    var bytes = ByteBuffer()
    batch.forEachBuffer { bytes.writeImmutableBuffer($0) }
    return bytes
  }
}
