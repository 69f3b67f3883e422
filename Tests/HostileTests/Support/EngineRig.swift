import DWCPCore
import HostileSimulation
import NIOCore

/// An engine, a peer that writes frames by hand, and an application.
struct EngineRig {
  var session: Session
  var now = Instant(nanoseconds: 1_000_000_000)
  var batch = TransmitBatch()
  let codecs: CodecContext
  var acknowledged: UInt64 = 0
  var error: SessionError?
  var hasEnded = false
  /// Raw bytes sent by stream.
  var sent: [UInt64: Int] = [:]
  var onEvent: (inout Session, SessionEvent) -> Void = { _, _ in }

  init(
    role: Role = .acceptor, _ configuration: SessionConfiguration, codecs: CodecContext = CodecContext(),
    announcement: (inout ByteBuffer) -> Void = { _ in }
  ) {
    var random = SystemRandomNumberGenerator()
    self.codecs = codecs
    session = Session(role: role, configuration: configuration, secrets: SessionSecrets(using: &random), now: now)
    var wire = HostileWire(readBufferByteCount: 65_536)
    role == .acceptor ? wire.hello(announcement) : wire.welcome(announcement)
    receive(wire.bytes)
    transmit()
  }

  mutating func send(_ write: (inout HostileWire) -> Void) {
    var wire = HostileWire(readBufferByteCount: 65_536)
    write(&wire)
    receive(wire.bytes)
  }

  mutating func receive(_ bytes: ByteBuffer, settles: Bool = true) {
    session.receive(bytes, now: now)
    if settles { settle() }
    session.detachFromInput()
  }

  mutating func settle() {
    while true {
      if let event = session.nextEvent() {
        if case .ended(let error) = event {
          hasEnded = true
          self.error = error
        }
        onEvent(&session, event)
      } else if let job = session.nextJob() {
        session.complete(job.run(in: codecs), now: now)
      } else {
        return
      }
    }
  }

  /// - Parameter settles: jobs are run, and events told, behind it.
  mutating func transmit(maximumByteCount: Int = 65_536, isOnce: Bool = false, settles: Bool = true) {
    repeat {
      batch.removeAll()
      session.transmit(maximumByteCount: maximumByteCount, now: now, into: &batch)
      note()
      if settles { settle() }
    } while batch.byteCount > 0 && !isOnce
  }

  mutating func acknowledge(settles: Bool = true) {
    let count = session.unacknowledgedFrameCount
    guard count > 0 else { return }
    acknowledged += count
    var wire = HostileWire(readBufferByteCount: 65_536)
    wire.frame(0x06, number: acknowledged)
    receive(wire.bytes, settles: settles)
  }

  mutating func tick(_ nanoseconds: UInt64 = 1_000_000) {
    now = Instant(nanoseconds: now.nanoseconds + nanoseconds)
  }

  private mutating func note() {
    batch.forEachFrame { first, body in
      guard first >> 56 == 0x41 else { return }
      let packed = body.getInteger(at: body.readerIndex + 8, as: UInt32.self) ?? 0
      sent[first & 0xFFFF_FFFF_FFFF, default: 0] += Int(packed & 0xFF_FFFF)
    }
  }
}

extension TransmitBatch {
  /// Walks over the frames: type, flags and stream in the first eight bytes, and what stands behind the header.
  func forEachFrame(_ visit: (_ first: UInt64, _ body: ByteBuffer) -> Void) {
    var bytes = ByteBuffer()
    forEachBuffer { bytes.writeImmutableBuffer($0) }
    if bytes.getInteger(at: bytes.readerIndex, as: UInt64.self) == HostileWire.preface {
      bytes.moveReaderIndex(forwardBy: 8)
    }
    while let (first, length) = bytes.readMultipleIntegers(as: (UInt64, UInt32).self) {
      bytes.moveReaderIndex(forwardBy: 4)
      guard let body = bytes.readSlice(length: Int(length) + (first >> 55 & 1 == 1 ? 4 : 0)) else { return }
      visit(first, body)
    }
  }
}

/// A number in an announcement.
func entry(_ tag: UInt16, _ value: UInt64, _ body: inout ByteBuffer) {
  body.writeMultipleIntegers(tag, UInt16(8), value)
}

/// An end that decodes zstd in blocks of 256 KiB, and bounds nothing but the credit of the session.
func announceZstd(sessionCredit: UInt64, _ body: inout ByteBuffer) {
  body.writeMultipleIntegers(UInt16(1), UInt16(2), UInt8(2), UInt8(0))
  body.writeMultipleIntegers(UInt16(2), UInt16(4), UInt32(262_144))
  entry(0x0004, sessionCredit, &body)
  entry(0x0005, 1 << 60, &body)
  entry(0x0006, 1_000, &body)
}

/// Bytes that a codec makes shorter the fewer values there are; the same each time.
func chatter(byteCount: Int, valueCount: UInt8) -> ByteBuffer {
  var state: UInt64 = 88_172_645_463_325_252
  return ByteBuffer(
    bytes: (0..<byteCount).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt8(state >> 33 & 0xFF) % valueCount
    })
}
