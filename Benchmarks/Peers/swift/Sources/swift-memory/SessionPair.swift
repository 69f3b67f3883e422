import DWCPCore
import Glibc
import NIOCore

/// Both ends of one session in one thread, joined by memory: what the engine itself costs.
///
/// What one end sends is gathered in the other's read buffer, in place of the kernel, and taken in one piece.
struct SessionPair {
  /// A batch may end one block above it, and still fit the read buffer.
  private static let batchByteCount = 192 << 10
  private static let readByteCount = 256 << 10
  /// The engine's clock is not read but goes on by so much with each flush, about what a loopback connection takes.
  private static let flushNanoseconds: UInt64 = 10_000
  /// More streams than are open at once, as a power of two.
  private static let slotCount = 512

  var client: Session
  private(set) var receivedByteCount = 0
  private(set) var receivedMessageCount = 0
  private(set) var exchangeCount = 0
  private var server: Session
  private var batch = TransmitBatch()
  private var wire = ByteBuffer()
  private var now = Instant(nanoseconds: 1_000_000_000)
  private let workload: MemoryOptions.Workload
  private let answer: [UInt8]
  /// Bytes of each answer that have arrived, by the low bits of the stream's id.
  private var answeredByteCounts = [Int](repeating: 0, count: slotCount)

  init(_ options: MemoryOptions, answer: ByteBuffer) {
    workload = options.workload
    self.answer = Array(answer.readableBytesView)
    var configuration = SessionConfiguration()
    configuration.compression = .fixed(.none)
    configuration.requiresIntegrity = options.isIntegrityRequired
    // So that a unit of an open stream has a frame of its own, however many are written before a flush.
    if workload == .frames || workload == .bulk { configuration.blockByteCount = workload.unitByteCount }
    // The defaults bear 350,000 frames of 64 bytes a second (SPEC LIM-1).
    configuration.abuseBudgets.shortDataBytes = AbuseBudgets.Budget(capacity: 1_000_000_000, perSecond: 1 << 40)
    var random = SystemRandomNumberGenerator()
    client = Session(
      role: .initiator, configuration: configuration, secrets: SessionSecrets(using: &random), now: now)
    server = Session(
      role: .acceptor, configuration: configuration, secrets: SessionSecrets(using: &random), now: now)
    wire.reserveCapacity(Self.readByteCount)
  }

  /// DATA frames and others that the client has sent.
  var sentFrameCount: UInt64 { client.counters.framesSent }
  var wireByteCount: UInt64 { client.counters.wireBytesSent + server.counters.wireBytesSent }

  /// Carries bytes to and fro until one end has nothing to say to what it heard.
  mutating func converse() throws {
    while try clientSends(), try serverSends() {}
  }

  /// What a timer would do.
  mutating func handleDeadlines() {
    if let deadline = client.nextDeadline, deadline <= now { client.handleDeadline(now: now) }
    if let deadline = server.nextDeadline, deadline <= now { server.handleDeadline(now: now) }
  }

  private mutating func clientSends() throws -> Bool {
    var hasSent = false
    repeat {
      batch.removeAll()
      client.transmit(maximumByteCount: Self.batchByteCount, now: now, into: &batch)
      guard batch.byteCount > 0 else { break }
      hasSent = true
      fillWire()
      try serverTakes()
    } while batch.byteCount >= Self.batchByteCount
    return hasSent
  }

  private mutating func serverSends() throws -> Bool {
    var hasSent = false
    repeat {
      batch.removeAll()
      server.transmit(maximumByteCount: Self.batchByteCount, now: now, into: &batch)
      guard batch.byteCount > 0 else { break }
      hasSent = true
      fillWire()
      try clientTakes()
    } while batch.byteCount >= Self.batchByteCount
    return hasSent
  }

  private mutating func fillWire() {
    now = Instant(nanoseconds: now.nanoseconds + Self.flushNanoseconds)
    Self.fill(&wire, from: batch)
  }

  /// The batch and the buffer apart, so that neither is copied.
  private static func fill(_ wire: inout ByteBuffer, from batch: borrowing TransmitBatch) {
    wire.clear()
    wire.writeWithUnsafeMutableBytes(minimumWritableBytes: batch.byteCount) { target in
      var end = 0
      batch.forEachBuffer { buffer in
        buffer.withUnsafeReadableBytes { bytes in
          UnsafeMutableRawBufferPointer(rebasing: target[end...]).copyMemory(from: bytes)
          end += bytes.count
        }
      }
      return end
    }
  }

  private mutating func serverTakes() throws {
    server.receive(wire, now: now)
    while let event = server.nextEvent() {
      switch event {
      case .readable(let id): try serverReads(id)
      case .ended(let error): throw error ?? MemoryError("the session ended early")
      default: break
      }
    }
  }

  private mutating func serverReads(_ id: StreamID) throws {
    while true {
      switch server.read(id) {
      case .bytes(let bytes, let endsMessage):
        receivedByteCount += bytes.readableBytes
        if endsMessage { receivedMessageCount += 1 }
        if workload == .streams { _ = try server.write(bytes, to: id) }
      case .notReady:
        return
      case .end:
        try server.finish(id)
        return server.release(id)
      case .failed(let error):
        throw error
      }
    }
  }

  private mutating func clientTakes() throws {
    client.receive(wire, now: now)
    while let event = client.nextEvent() {
      switch event {
      case .readable(let id): try clientReads(id)
      case .ended(let error): throw error ?? MemoryError("the session ended early")
      default: break
      }
    }
  }

  /// Compares an answer with what was sent.
  private mutating func clientReads(_ id: StreamID) throws {
    let slot = Int(truncatingIfNeeded: id.rawValue) & (Self.slotCount - 1)
    while true {
      switch client.read(id) {
      case .bytes(let bytes, endsMessage: _):
        let have = answeredByteCounts[slot]
        guard bytes.isPart(of: answer, at: have) else { throw MemoryError("an answer differs from what was sent") }
        answeredByteCounts[slot] = have + bytes.readableBytes
      case .notReady:
        return
      case .end:
        guard answeredByteCounts[slot] == answer.count else {
          throw MemoryError("an answer ended after \(answeredByteCounts[slot]) bytes of \(answer.count)")
        }
        answeredByteCounts[slot] = 0
        exchangeCount += 1
        return client.release(id)
      case .failed(let error):
        throw error
      }
    }
  }
}

extension ByteBuffer {
  fileprivate func isPart(of whole: [UInt8], at offset: Int) -> Bool {
    guard offset + readableBytes <= whole.count else { return false }
    return withUnsafeReadableBytes { mine in
      whole.withUnsafeBytes { theirs in
        guard let here = mine.baseAddress, let there = theirs.baseAddress else { return mine.isEmpty }
        return memcmp(here, there + offset, mine.count) == 0
      }
    }
  }
}

/// Something is not as it must be.
struct MemoryError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}
