import DWCPCore
import HostileSimulation
import NIOCore

extension Attack {
  private static let second: UInt64 = 1_000_000_000

  private static func id(_ number: UInt64) -> UInt64 { 2 * number + 1 }

  /// An OPEN body at the limit of 4,096 bytes with 32 entries.
  private static func largestMetadata(_ character: UInt8) -> @Sendable (inout ByteBuffer) -> Void {
    { body in
      for entry in 0..<32 as Range<UInt8> {
        body.writeMultipleIntegers(UInt16(1), UInt16(124), UInt8(60), entry)
        body.writeRepeatingByte(character, count: 122)
      }
    }
  }

  static let onStreams: [Attack] = [
    Attack(name: "streams above the limit", ending: .refused(.streamLimit), owner: .ignores) {
      $1.open(stream: id($0))
    },
    Attack(name: "the highest stream id there is", ending: .refused(.streamLimit)) { $1.open(stream: 1 << 48 - 1) },
    Attack(
      name: "the last stream allowed, which opens all others, again and again", ending: .refused(.streamState),
      owner: .ignores
    ) {
      $1.open(stream: id(15 - $0 % 2))
    },
    Attack(name: "all streams with the largest OPEN, then one more", ending: .refused(.streamLimit), owner: .ignores) {
      $1.open(stream: id($0), largestMetadata(0x61))
    },
    Attack(
      name: "all of 128 streams with the largest OPEN, in bytes that are no text", ending: .refused(.streamLimit),
      owner: .ignores,
      configuration: .manyStreams
    ) { $1.open(stream: id($0), largestMetadata(0xFF)) },
    Attack(name: "OPEN with 33 METADATA entries", ending: .refused(.protocol, naming: "STR-7")) {
      $1.open(stream: id($0)) { body in
        for entry in 0..<33 as Range<UInt8> { body.writeMultipleIntegers(UInt16(1), UInt16(2), UInt8(1), entry) }
      }
    },
    Attack(name: "OPEN longer than announced", ending: .refused(.protocol, naming: "STR-7")) {
      $1.open(stream: id($0)) { $0.writeRepeatingByte(0, count: 4_097) }
    },
    Attack(name: "rapid reset: OPEN and RESET in turn", ending: .refused(.excessiveLoad, naming: "resets")) {
      $1.open(stream: id($0))
      $1.reset(stream: id($0))
    },
    Attack(name: "rapid reset, nothing read", ending: .refused(.streamLimit), readsReplies: false) {
      $1.open(stream: id($0))
      $1.reset(stream: id($0))
    },
    Attack(name: "resets provoked by unknown critical tags", ending: .refused(.excessiveLoad, naming: "resets")) {
      $1.open(stream: id($0)) { $0.writeMultipleIntegers(UInt16(0x1234), UInt16(0)) }
      $1.reset(stream: id($0))
    },
    Attack(name: "resets provoked by STOP", ending: .refused(.excessiveLoad, naming: "resets"), owner: .uploads) {
      $1.open(stream: id($0))
      $1.stop(stream: id($0))
      $1.stored(stream: id($0), flags: 0x01, offset: 0, byteCount: 0)
    },
    Attack(name: "resets provoked by broken blocks", ending: .refused(.excessiveLoad, naming: "resets")) {
      $1.data(stream: id($0), flags: 0x01, offset: 0, codec: 1, rawByteCount: 9) { $0.writeInteger(UInt8(0xFF)) }
    },
    Attack(name: "STOP repeated", ending: .refused(.excessiveLoad, naming: "without progress"), owner: .ignores) {
      if $0 == 0 { $1.open(stream: 1) }
      $1.stop(stream: 1)
    },
    Attack(name: "frames for a closed stream", ending: .refused(.excessiveLoad, naming: "without progress")) {
      number, wire in
      if number == 0 { wire.stored(flags: 0x01, offset: 0, byteCount: 5) }
      if number % 2 == 1 { wire.stored(offset: 0, byteCount: 5) } else { wire.frame(0x07, stream: 1, number: 1 << 20) }
    },
    Attack(name: "frames for streams of ours that are not", ending: .refused(.streamState)) {
      $1.reset(stream: 2 + 2 * $0)
    },
    Attack(name: "FIN alone, repeated", ending: .refused(.excessiveLoad, naming: "without progress"), owner: .ignores) {
      $1.stored(flags: $0 == 0 ? 0x01 : 0x01, offset: 0, byteCount: 0)
    },
    Attack(name: "DATA without anything", ending: .refused(.protocol, naming: "DAT-2")) {
      $1.stored(offset: 0, byteCount: 0)
    },
    Attack(name: "a gap", ending: .refused(.protocol, naming: "DAT-6")) { $1.stored(offset: 10 * $0, byteCount: 5) },
    Attack(name: "an overlap", ending: .refused(.protocol, naming: "DAT-6")) { $1.stored(offset: $0, byteCount: 5) },
    Attack(name: "a block repeated", ending: .refused(.excessiveLoad, naming: "without progress")) {
      $1.stored(offset: 0, byteCount: 5)
    },
    Attack(name: "RESET with a final offset beyond the credit", ending: .refused(.flowControl)) {
      $1.open(stream: id($0))
      $1.reset(stream: id($0), finalOffset: 1 << 61)
    },
  ]

  /// One short stream after the other, as the rules allow, without an end.
  static let onStreamsInTurn: [Attack] = [
    Attack(
      name: "DATA frames of one byte, which windows hardly feel",
      ending: .refused(.excessiveLoad, naming: "short DATA frames"), configuration: .littlePatience, salvoCount: 10_000
    ) {
      $1.stored(offset: $0, byteCount: 1)
    },
    Attack(
      name: "streams opened faster than the budget", ending: .refused(.excessiveLoad, naming: "streams opened"),
      configuration: .littlePatience, salvoCount: 10_000
    ) {
      if $0 > 0 { $1.frame(0x06, number: $0) }
      $1.stored(stream: id($0), flags: 0x03, offset: 0, byteCount: 3)
    },
    Attack(name: "short streams for ever", ending: .bounded, salvoCount: 10_000) {
      // Each stream before was answered with FIN.
      if $0 > 0 { $1.frame(0x06, number: $0) }
      $1.stored(stream: id($0), flags: 0x03, offset: 0, byteCount: 3)
    },
    Attack(
      name: "rapid reset at the rate that is allowed", ending: .bounded, salvoCount: 10_000,
      nanosecondsPerSalvo: second / 10
    ) {
      $1.open(stream: id($0))
      $1.reset(stream: id($0))
    },
    Attack(
      name: "streams stopped while they wait for session credit that never comes", ending: .bounded, owner: .uploads,
      salvoCount: 20_000,
      nanosecondsPerSalvo: second / 20
    ) {
      // In a salvo of its own, so that the upload has begun.
      if $0 % 2 == 0 { return $1.open(stream: id($0 / 2)) }
      $1.stop(stream: id($0 / 2))
      $1.stored(stream: id($0 / 2), flags: 0x01, offset: 0, byteCount: 0)
    },
  ]
}
