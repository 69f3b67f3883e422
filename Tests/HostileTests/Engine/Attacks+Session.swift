import DWCPCore
import HostileSimulation
import NIOCore

extension Attack {
  private static let second: UInt64 = 1_000_000_000

  /// Frames that concern the session and cost their sender nothing (SPEC LIM-1).
  static let onSession: [Attack] = [
    Attack(name: "PING flood", ending: .refused(.excessiveLoad, naming: "PINGs")) { $1.frame(0x04, number: $0) },
    Attack(
      name: "PING flood whose PONGs are never read", ending: .refused(.excessiveLoad, naming: "PINGs"),
      readsReplies: false
    ) {
      $1.frame(0x04, number: $0)
    },
    Attack(name: "PONG to no PING", ending: .refused(.protocol, naming: "LIV-1")) { $1.frame(0x05, number: $0) },
    Attack(name: "flood of unknown frames to be ignored", ending: .refused(.excessiveLoad, naming: "without progress"))
    {
      $1.frame(0xB7) { _ in }
    },
    Attack(
      name: "flood of unknown frames of 16,384 bytes",
      ending: .refused(.excessiveLoad, naming: "without progress")
    ) { _, wire in wire.frame(0xF3) { $0.writeRepeatingByte(1, count: 16_384) } },
    Attack(name: "unknown frame that must not be ignored", ending: .refused(.protocol, naming: "HDR-6")) {
      $1.frame(0x3F) { _ in }
    },
    Attack(name: "STREAMS repeated", ending: .refused(.excessiveLoad, naming: "without progress")) {
      $1.frame(0x08, number: 16)
    },
    Attack(name: "STREAMS going down", ending: .refused(.excessiveLoad, naming: "without progress")) {
      $1.frame(0x08, number: 10_000 - $0)
    },
    Attack(name: "STREAMS above all bounds", ending: .refused(.protocol, naming: "STR-3")) {
      $1.frame(0x08, number: 1 << 46 + 1)
    },
    Attack(name: "ACK repeated", ending: .refused(.excessiveLoad, naming: "without progress")) {
      $1.frame(0x06, number: 0)
    },
    Attack(name: "ACK of what was never sent", ending: .refused(.protocol, naming: "ACK-1")) {
      $1.frame(0x06, number: 1)
    },
    Attack(name: "ACK going down", ending: .refused(.protocol, naming: "ACK-1"), owner: .echoes) { number, wire in
      if number == 0 { wire.stored(offset: 0, byteCount: 10) }
      if number == 1 { wire.frame(0x06, number: 1) }
      if number == 2 { wire.frame(0x06, number: 0) }
    },
    Attack(name: "session CREDIT repeated", ending: .refused(.excessiveLoad, naming: "without progress")) {
      $1.frame(0x07, number: 1 << 20)
    },
    Attack(name: "session CREDIT going down", ending: .refused(.excessiveLoad, naming: "without progress")) {
      $1.frame(0x07, number: 2 << 20 - $0)
    },
    Attack(name: "session CREDIT above all bounds", ending: .refused(.protocol, naming: "CRD-4")) {
      $1.frame(0x07, number: .max - $0)
    },
    Attack(
      name: "stream CREDIT going down", ending: .refused(.excessiveLoad, naming: "without progress"), owner: .ignores
    ) {
      if $0 == 0 { $1.open(stream: 1) }
      $1.frame(0x07, stream: 1, number: 1_000_000 - $0)
    },
    Attack(name: "GOAWAY repeated", ending: .refused(.excessiveLoad, naming: "without progress")) {
      $1.goAway(last: 7)
    },
    Attack(name: "GOAWAY going up", ending: .refused(.protocol, naming: "END-1")) { $1.goAway(last: $0) },
    Attack(name: "second HELLO", ending: .refused(.protocol, naming: "HS-1")) {
      $1.frame(0x01) { $0.writeRepeatingByte(0, count: 40) }
    },
    Attack(name: "REFUSE in mid-session", ending: .refused(.protocol, naming: "HS-1")) { number, wire in
      wire.frame(0x06, number: 0)
      if number == 3 { wire.frame(0x03) { $0.writeRepeatingByte(0, count: 21) } }
    },
    Attack(name: "damaged header", ending: .refused(.headerCheck)) { $1.raw(.init(repeating: 0x55, count: 16)) },
    Attack(name: "frames without a payload check", ending: .refused(.protocol, naming: "HDR-4")) { number, wire in
      wire.header(0x04, flags: 0, length: 8)
      wire.number(number)
    },
  ]

  /// What the rules allow, without an end.
  static let onSessionOverTime: [Attack] = [
    Attack(
      name: "PINGs at the rate that is allowed, nothing read", ending: .bounded, readsReplies: false,
      nanosecondsPerSalvo: second / 10
    ) {
      $1.frame(0x04, number: $0)
    },
    Attack(name: "unknown frames at the rate that is allowed", ending: .bounded, nanosecondsPerSalvo: second / 100) {
      _, wire in
      wire.frame(0xBF) { $0.writeRepeatingByte(1, count: 16_384) }
    },
    Attack(name: "STREAMS going up by one", ending: .bounded, salvoCount: 20) { number, wire in
      for step in 0..<2_000 { wire.frame(0x08, number: 17 + number * 2_000 + UInt64(step)) }
    },
    Attack(name: "session CREDIT going up by one", ending: .bounded, salvoCount: 20) { number, wire in
      for step in 0..<1_000 { wire.frame(0x07, number: 1 << 20 + 1 + number * 1_000 + UInt64(step)) }
    },
    Attack(name: "GOAWAY going down by one", ending: .bounded, salvoCount: 20) { number, wire in
      for step in 0..<1_000 { wire.goAway(last: 1 << 48 - 1 - number * 1_000 - UInt64(step)) }
    },
    Attack(name: "our PINGs are never answered", ending: .bounded, nanosecondsPerSalvo: 12 * second) { number, wire in
      wire.frame(0x08, number: 17 + number)
    },
    Attack(
      name: "silence after the handshake", ending: .refused(.idleTimeout), salvoCount: 100, nanosecondsPerSalvo: second
    ) { _, _ in },
  ]
}
