import DWCPCore
import HostileSimulation
import NIOCore

extension Attack {
  private static let second: UInt64 = 1_000_000_000

  /// Lengths that are declared and never come (SPEC HDR-2, MEM-2).
  static let onLengths: [Attack] = [
    Attack(
      name: "a DATA frame of 16 MiB that never comes", ending: .refused(.idleTimeout), salvoCount: 100,
      nanosecondsPerSalvo: second
    ) {
      if $0 == 0 { $1.header(0x41, stream: 1, length: 0xFF_FFFF) }
    },
    Attack(name: "a DATA frame of 16 MiB that comes", ending: .refused(.frameSize), salvoCount: 1_000) { number, wire in
      if number == 0 {
        wire.header(0x41, stream: 1, length: 0xFF_FFFF)
        wire.number(UInt64(0))
        wire.number(UInt32(0xFF_FFFF - 12))
      }
      wire.raw(.init(repeating: 1, count: 4_096))
    },
    Attack(
      name: "a mark table of 65,535 entries that never comes", ending: .refused(.idleTimeout), salvoCount: 100,
      nanosecondsPerSalvo: second
    ) {
      guard $0 == 0 else { return }
      $1.header(0x41, flags: 0x84, stream: 1, length: 12 + 2 + 131_070)
      $1.number(UInt64(0))
      $1.number(UInt32(0))
      $1.number(UInt16(65_535))
    },
    Attack(name: "a frame longer than any may be", ending: .refused(.frameSize, naming: "HDR-2")) {
      $1.header(0x41, stream: 1, length: 1 << 24 + Int($0))
    },
    Attack(name: "an unknown frame too long to skip", ending: .refused(.frameSize, naming: "HDR-6")) {
      $1.header(0xBC, length: 16_385 + Int($0))
    },
    Attack(name: "a PING of 16 MiB", ending: .refused(.frameSize, naming: "HDR-2")) {
      $1.header(0x04, length: 0xFF_FFFF - Int($0))
    },
    Attack(name: "an OPEN of 16 MiB", ending: .refused(.frameSize, naming: "HDR-2")) {
      $1.header(0x40, stream: 1, length: 0xFF_FFFF - Int($0))
    },
    Attack(name: "a CLOSE of 16 MiB", ending: .refused(.frameSize, naming: "HDR-2")) {
      $1.header(0x09, length: 0xFF_FFFF - Int($0))
    },
    Attack(
      name: "a frame that arrives a byte every ten seconds", ending: .bounded, salvoCount: 5_000,
      nanosecondsPerSalvo: 10 * second
    ) {
      if $0 == 0 { $1.header(0x41, stream: 1, length: 12 + 60_000) }
      if $0 == 1 { $1.raw([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xEA, 0x60]) }
      if $0 > 1 { $1.raw([1]) }
    },
  ]

  /// An announcement that fills a HELLO of 8,192 bytes.
  private static let manyTags: @Sendable (inout ByteBuffer) -> Void = { body in
    for tag in 0..<2_000 as Range<UInt16> { body.writeMultipleIntegers(0x9000 + tag, UInt16(0)) }
    body.writeMultipleIntegers(UInt16(0x8F00), UInt16(148))
    body.writeRepeatingByte(0, count: 148)
  }

  /// A peer that never gets as far as a session (SPEC HS-1, HS-6, PRE-2).
  static let onHandshake: [Attack] = [
    Attack(
      name: "silence", ending: .closed(.handshakeTimeout), isEstablished: false, salvoCount: 100,
      nanosecondsPerSalvo: second
    ) { _, _ in },
    Attack(
      name: "a preface and silence", ending: .refused(.handshakeTimeout), isEstablished: false, salvoCount: 100,
      nanosecondsPerSalvo: second
    ) {
      if $0 == 0 { $1.number(HostileWire.preface) }
    },
    Attack(
      name: "a HELLO that arrives a byte a second", ending: .refused(.handshakeTimeout), isEstablished: false,
      salvoCount: 100, nanosecondsPerSalvo: second
    ) {
      var whole = HostileWire(readBufferByteCount: 256)
      whole.hello()
      // The preface at once, so that there is somebody to answer.
      if $0 == 0 { $1.number(HostileWire.preface) } else { $1.raw([whole.bytes.getInteger(at: 7 + Int($0)) ?? 0]) }
    },
    Attack(name: "HTTP", ending: .closed(.protocol), isEstablished: false) { $1.text("GET /\($0) HTTP/1.1\r\n\r\n") },
    Attack(name: "TLS", ending: .closed(.protocol), isEstablished: false) {
      $1.raw([0x16, 3, 1, 2, 0, UInt8($0 & 0xFF)])
    },
    Attack(name: "DATA before HELLO", ending: .refused(.protocol, naming: "HS-1"), isEstablished: false) {
      if $0 == 0 { $1.number(HostileWire.preface) }
      $1.stored(offset: $0, byteCount: 60_000)
    },
    Attack(name: "unknown frames before HELLO", ending: .refused(.protocol, naming: "HS-1"), isEstablished: false) {
      if $0 == 0 { $1.number(HostileWire.preface) }
      $1.frame(0xB1) { _ in }
    },
    Attack(name: "a HELLO of 16 MiB", ending: .refused(.frameSize), isEstablished: false) {
      if $0 == 0 { $1.number(HostileWire.preface) }
      $1.header(0x01, length: 0xFF_FFFF)
    },
    Attack(name: "another version", ending: .refused(.version), isEstablished: false) {
      if $0 == 0 { $1.number(HostileWire.preface | 9 << 24) }
    },
    Attack(
      name: "a HELLO of 8,192 bytes with 2,000 tags to be ignored, then silence", ending: .refused(.idleTimeout),
      salvoCount: 100,
      nanosecondsPerSalvo: second,
      announcement: manyTags
    ) { _, _ in },
  ]

  /// The hostile end is the acceptor.
  static let onInitiators: [Attack] = [
    Attack(
      name: "an acceptor that is silent", ending: .closed(.handshakeTimeout), victim: .initiator, isEstablished: false,
      salvoCount: 100,
      nanosecondsPerSalvo: second
    ) { _, _ in },
    Attack(
      name: "an acceptor that sends its preface and is silent", ending: .refused(.handshakeTimeout), victim: .initiator,
      isEstablished: false, salvoCount: 100, nanosecondsPerSalvo: second
    ) { if $0 == 0 { $1.number(HostileWire.preface) } },
    Attack(
      name: "unknown frames before WELCOME", ending: .refused(.protocol, naming: "HS-1"), victim: .initiator,
      isEstablished: false
    ) {
      if $0 == 0 { $1.number(HostileWire.preface) }
      $1.frame(0xB1) { _ in }
    },
    Attack(name: "a WELCOME of 16 MiB", ending: .refused(.frameSize), victim: .initiator, isEstablished: false) {
      if $0 == 0 { $1.number(HostileWire.preface) }
      $1.header(0x02, length: 0xFF_FFFF)
    },
    Attack(name: "PING flood by an acceptor", ending: .refused(.excessiveLoad, naming: "PINGs"), victim: .initiator) {
      $1.frame(0x04, number: $0)
    },
    Attack(name: "rapid reset by an acceptor", ending: .refused(.excessiveLoad, naming: "resets"), victim: .initiator) {
      $1.open(stream: 2 * $0 + 2)
      $1.reset(stream: 2 * $0 + 2)
    },
    Attack(
      name: "streams above the limit by an acceptor", ending: .refused(.streamLimit), victim: .initiator,
      owner: .ignores
    ) {
      $1.open(stream: 2 * $0 + 2)
    },
    Attack(name: "windows filled by an acceptor", ending: .refused(.flowControl), victim: .initiator, owner: .ignores) {
      $1.stored(stream: 2 * ($0 % 16) + 2, offset: $0 / 16 * 16_384, byteCount: 16_384)
    },
  ]
}
