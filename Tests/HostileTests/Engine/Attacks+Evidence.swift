import DWCPCore
import HostileSimulation
import NIOCore

/// What has worked on other protocols and libraries, where no attack beside this file is the same already (README.md beside this folder has the whole list).
extension Attack {
  private static let second: UInt64 = 1_000_000_000

  static let onEvidence: [Attack] = onUpdates + onCredit + onBlocks + onProvocation

  /// Settings floods: frames that change what was announced, empty frames, messages that carry nothing.
  private static let onUpdates: [Attack] = [
    // Each behind the answer to the one before, which a peer that does not wait for it cannot do.
    Attack(
      name: "UPDATE again and again", ending: .refused(.excessiveLoad, naming: "without progress"),
      nanosecondsPerSalvo: 1
    ) { number, wire in
      wire.frame(0x45) { $0.writeInteger(UInt32(truncatingIfNeeded: number + 1)) }
    },
    Attack(name: "two UPDATEs, the first not answered", ending: .refused(.protocol, naming: "UPD-1")) { _, wire in
      wire.frame(0x45) { $0.writeInteger(UInt32(1)) }
      wire.frame(0x45) { $0.writeInteger(UInt32(2)) }
    },
    Attack(name: "UPDATE_ACK to no UPDATE", ending: .refused(.protocol, naming: "UPD-1")) { _, wire in
      wire.frame(0x0D) { $0.writeMultipleIntegers(UInt32(1), UInt16(1), UInt32(0), UInt64(0)) }
    },
    Attack(name: "PRIORITY flood", ending: .refused(.excessiveLoad, naming: "without progress")) { number, wire in
      wire.frame(0xC0, stream: 1) { $0.writeInteger(UInt32(truncatingIfNeeded: number % 8) << 24) }
    },
    Attack(
      name: "empty messages, a frame for each, which are read",
      ending: .refused(.excessiveLoad, naming: "short DATA frames"), configuration: .littlePatience, salvoCount: 10_000
    ) { $1.stored(flags: 0x02, offset: $0, byteCount: 0) },
    Attack(name: "messages of one byte with a mark table each", ending: .bounded, salvoCount: 4_000) {
      $1.stored(offset: 2 * $0, byteCount: 1, markCount: 1, markLength: 1)
    },
    Attack(
      name: "GREASE of all types in turn", ending: .refused(.excessiveLoad, naming: "without progress")
    ) { number, wire in
      wire.frame(UInt8(number / 16 % 2 == 0 ? 0xB0 : 0xF0) + UInt8(number % 16)) { $0.writeInteger(number) }
    },
  ]

  /// Credit that overflows, and data that does not ask for it.
  private static let onCredit: [Attack] = [
    Attack(name: "stream CREDIT above all bounds", ending: .refused(.protocol, naming: "CRD-4"), owner: .ignores) {
      if $0 == 0 { $1.open(stream: 1) }
      $1.frame(0x07, stream: 1, number: .max - $0)
    },
    Attack(
      name: "all the credit there is, for an end that uploads and is not read", ending: .bounded, owner: .uploads,
      readsReplies: false
    ) {
      if $0 < 16 { $1.open(stream: id($0)) }
      if $0 == 0 { $1.frame(0x07, number: 1 << 62) }
      if $0 < 16 { $1.frame(0x07, stream: id($0), number: 1 << 62) }
    },
    Attack(
      name: "data above the window in the frame that opens the stream", ending: .refused(.flowControl, naming: "CRD-1"),
      configuration: .longBlocks
    ) { $1.stored(stream: id($0), offset: 0, byteCount: 65_537) },
    Attack(
      name: "a bomb above the window in the frame that opens the stream",
      ending: .refused(.flowControl, naming: "CRD-1"), configuration: .longBlocks
    ) { $1.bomb(stream: id($0), offset: 0, rawByteCount: 131_072) },
    Attack(
      name: "data above the window behind OPEN in the same read", ending: .refused(.flowControl, naming: "CRD-1"),
      configuration: .longBlocks
    ) {
      $1.open(stream: id($0))
      $1.stored(stream: id($0), offset: 0, byteCount: 65_000)
      $1.stored(stream: id($0), offset: 65_000, byteCount: 65_000)
    },
    Attack(
      name: "an EXPECTED_SIZE without end, for all streams", ending: .refused(.flowControl), owner: .ignores
    ) {
      if $0 < 16 { $1.open(stream: id($0)) { $0.writeMultipleIntegers(UInt16(2), UInt16(8), UInt64.max) } }
      $1.stored(stream: id($0 % 16), offset: $0 / 16 * 65_536, byteCount: 65_536)
    },
  ]

  /// What makes an end ask for less, or turn streams away: it earns the peer nothing, since a stream counts until the application has left it (SPEC LIM-2).
  private static let onProvocation: [Attack] = [
    Attack(
      name: "STOP provoked by data for an application that leaves early", ending: .bounded, owner: .leavesEarly,
      salvoCount: 4_000
    ) {
      // Data behind the answer, and its end, once the application has left; each stream was answered with DATA, and all but the last with STOP.
      if $0 > 0 {
        $1.frame(0x06, number: 2 * $0 - 1)
        $1.stored(stream: id($0 - 1), offset: 10, byteCount: 50_000)
        $1.stored(stream: id($0 - 1), flags: 0x01, offset: 50_010, byteCount: 0)
      }
      $1.stored(stream: id($0), offset: 0, byteCount: 10)
    },
    Attack(
      name: "STOP provoked, and answered with RESET", ending: .refused(.excessiveLoad, naming: "resets"),
      owner: .leavesEarly
    ) {
      $1.stored(stream: id($0), offset: 0, byteCount: 10)
      $1.stored(stream: id($0), offset: 10, byteCount: 50_000)
      $1.reset(stream: id($0), finalOffset: 50_010)
    },
    Attack(
      name: "STOP provoked, and never heeded", ending: .refused(.streamLimit), owner: .leavesEarly
    ) {
      $1.stored(stream: id($0), offset: 0, byteCount: 10)
      $1.stored(stream: id($0), offset: 10, byteCount: 50_000)
    },
  ]

  /// Blocks that want more memory, or other memory, than they may have.
  private static let onBlocks: [Attack] = [
    Attack(
      name: "a zstd frame of nine bytes that asks for a window of 512 MiB",
      ending: .refused(.excessiveLoad, naming: "resets")
    ) {
      $1.data(stream: id($0), flags: 0x01, offset: 0, codec: 2, rawByteCount: 65_536) {
        $0.writeBytes([0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x98, 0x01, 0x00, 0x00])
      }
    },
    Attack(
      name: "25 KB that inflate to 800 MB, said to be 65,536 bytes", ending: .refused(.excessiveLoad, naming: "resets")
    ) { number, wire in
      wire.data(stream: id(number), flags: 0x01, offset: 0, codec: 2, rawByteCount: 65_536) { inflating(&$0) }
    },
    Attack(
      name: "25 KB that inflate to 800 MB, and say so", ending: .refused(.frameSize, naming: "DAT-5")
    ) { number, wire in
      wire.data(stream: id(number), offset: 0, codec: 2, rawByteCount: 16_711_680) { inflating(&$0) }
    },
    Attack(
      name: "LZ4 matches in front of the block", ending: .refused(.excessiveLoad, naming: "resets")
    ) { $1.lz4Run(stream: id($0), flags: 0x01, offset: 0, rawByteCount: 600, distance: 0xFFFF) },
    Attack(
      name: "a block that says it is longer than what it becomes", ending: .refused(.excessiveLoad, naming: "resets")
    ) {
      $1.data(stream: id($0), flags: 0x01, offset: 0, codec: 1, rawByteCount: 600) {
        $0.writeBytes([0x50, 1, 2, 3, 4, 5])
      }
    },
  ]

  private static func id(_ number: UInt64) -> UInt64 { 2 * number + 1 }

  /// 6,250 runs of 128 KiB in 25 KB, with a window of 2^18.
  private static func inflating(_ body: inout ByteBuffer) {
    body.writeBytes([0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x40])
    for number in 0..<6_250 {
      let block = UInt32(131_072) << 3 | 0b010 | (number == 6_249 ? 1 : 0)
      body.writeBytes([UInt8(block & 0xFF), UInt8(block >> 8 & 0xFF), UInt8(block >> 16 & 0xFF), 7])
    }
  }
}

extension SessionConfiguration {
  /// A block may be longer than a stream's window.
  static var longBlocks: SessionConfiguration {
    var configuration = SessionConfiguration.tight
    configuration.maximumRawBlockByteCount = 131_072
    return configuration
  }
}
