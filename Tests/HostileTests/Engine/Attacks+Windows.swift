import DWCPCore
import HostileSimulation
import NIOCore

extension Attack {
  private static func id(_ number: UInt64) -> UInt64 { 2 * number + 1 }

  private static let tinyBlocks: @Sendable (UInt64, inout HostileWire) -> Void = { number, wire in
    for step in number * 1_024..<number * 1_024 + 1_024 { wire.stored(offset: step, byteCount: 1) }
  }

  private static let tinyMessages: @Sendable (UInt64, inout HostileWire) -> Void = { number, wire in
    for step in number * 1_024..<number * 1_024 + 1_024 { wire.stored(flags: 0x02, offset: 2 * step, byteCount: 1) }
  }

  private static let tinyBombs: @Sendable (UInt64, inout HostileWire) -> Void = { number, wire in
    for step in number * 1_024..<number * 1_024 + 1_024 { wire.bomb(offset: 11 * step, rawByteCount: 11) }
  }

  private static let largeMarkTables: @Sendable (UInt64, inout HostileWire) -> Void = { number, wire in
    wire.stored(offset: number * 65_535, byteCount: 0, markCount: 65_535)
  }

  /// What takes the most memory for each unit of credit, and the units in each salvo.
  static let dearUnits: [(Attack, unitCount: Int)] = [
    (Attack(name: "blocks of one byte", configuration: .oneLargeStream, salvo: tinyBlocks), 1_024),
    (Attack(name: "messages of one byte", configuration: .oneLargeStream, salvo: tinyMessages), 2_048),
    (Attack(name: "bombs of eleven bytes", configuration: .oneLargeStream, salvo: tinyBombs), 11_264),
    (Attack(name: "marks", configuration: .oneLargeStream, salvo: largeMarkTables), 65_535),
    (
      Attack(name: "blocks that are a quarter of their read buffer", configuration: .oneLargeStream) {
        $1.stored(offset: $0 * 16_384, byteCount: 16_384)
      }, 16_384
    ),
  ]

  /// Read by nobody.
  private init(
    name: String, configuration: SessionConfiguration, salvo: @escaping @Sendable (UInt64, inout HostileWire) -> Void
  ) {
    self.init(
      name: name, ending: .bounded, owner: .ignores, configuration: configuration, readBufferByteCount: 65_536,
      salvoCount: 10, salvo: salvo)
  }

  /// The windows are filled, in the dearest way there is, by a peer whose streams nobody reads; one unit more is too much.
  static let onWindows: [Attack] = [
    Attack(name: "windows filled with stored blocks", ending: .refused(.flowControl), owner: .ignores) {
      $1.stored(stream: id($0 / 2 % 16), offset: $0 % 2 * 32_768 + $0 / 32 * 65_536, byteCount: 32_768)
    },
    Attack(
      name: "windows filled in pieces that pin the most", ending: .refused(.flowControl), owner: .ignores,
      salvoCount: 10_000
    ) {
      // A quarter of the read buffer, or just less: the former is kept as a slice, the latter copied.
      $1.stored(stream: id($0 / 4 % 16), offset: $0 % 4 * 16_384 + $0 / 64 * 65_536, byteCount: 16_384)
    },
    Attack(name: "a window filled byte by byte", ending: .refused(.flowControl), owner: .ignores, salvo: tinyBlocks),
    Attack(
      name: "a window filled with messages of one byte", ending: .refused(.flowControl), owner: .ignores,
      salvo: tinyMessages),
    Attack(
      name: "windows filled with marks", ending: .refused(.flowControl), owner: .ignores, readBufferByteCount: 262_144
    ) {
      $1.stored(stream: id($0 % 16), offset: $0 / 16 * 65_535, byteCount: 0, markCount: 65_535)
    },
    Attack(name: "windows filled with bombs", ending: .refused(.flowControl), owner: .ignores) {
      $1.bomb(stream: id($0 % 16), offset: $0 / 16 * 65_536, rawByteCount: 65_536)
    },
    Attack(
      name: "a window filled with bombs of eleven bytes", ending: .refused(.flowControl), owner: .ignores,
      salvo: tinyBombs),
    Attack(name: "a burst of tiny blocks that no codec can decode", ending: .bounded, owner: .ignores, salvoCount: 16) {
      number, wire in
      for step in 0..<1_900 {
        wire.data(stream: id(number), offset: UInt64(step) * 2, codec: 1, rawByteCount: 2) { $0.writeInteger(UInt8(1)) }
      }
    },
    Attack(name: "zstd frames that ask for giant windows", ending: .refused(.excessiveLoad, naming: "resets")) {
      $1.data(stream: id($0), flags: 0x01, offset: 0, codec: 2, rawByteCount: 65_536) {
        $0.writeBytes([0x28, 0xB5, 0x2F, 0xFD, 0x00, 0xF8, 0x03, 0x00, 0x08, 7])
      }
    },
    Attack(
      name: "blocks in crumbs, each in a read buffer of its own", ending: .bounded, owner: .ignores,
      isDribbled: true, salvoCount: 12
    ) {
      $1.stored(stream: id($0 % 16), offset: $0 / 16 * 8_192, byteCount: 8_192)
    },
    Attack(name: "a block above the largest announced", ending: .refused(.frameSize, naming: "DAT-5")) {
      $1.bomb(offset: $0, rawByteCount: 65_537)
    },
    Attack(name: "a codec never announced", ending: .refused(.codec, naming: "DAT-5")) {
      $1.data(offset: $0, codec: 4, rawByteCount: 100) { $0.writeInteger(UInt8(1)) }
    },
  ]

  /// The application reads, so that credit flows, and the peer goes on for ever.
  static let onReaders: [Attack] = [
    Attack(name: "bombs for a reader", ending: .bounded, salvoCount: 1_000) {
      $1.bomb(offset: $0 * 65_536, rawByteCount: 65_536)
    },
    Attack(
      name: "stream after stream filled with marks that are read", ending: .bounded, configuration: .manyStreams,
      readBufferByteCount: 262_144, salvoCount: 8
    ) { $1.stored(stream: id($0), offset: 0, byteCount: 0, markCount: 65_535) },
    Attack(
      name: "stream after stream with a tail that nobody reads, in a large buffer", ending: .refused(.streamLimit),
      owner: .readsOnce, configuration: .manyStreams, readBufferByteCount: 262_144
    ) { $1.stored(stream: id($0), offset: 0, byteCount: 65_536, markCount: 1, markLength: 65_535) },
    Attack(
      name: "an echo whose answers are not read", ending: .bounded, owner: .echoes, readsReplies: false,
      salvoCount: 2_000
    ) {
      if $0 < 64 { $1.stored(stream: id($0 / 4), offset: $0 % 4 * 16_384, byteCount: 16_384) }
    },
    Attack(
      name: "an echo of empty messages whose answers are not read", ending: .bounded, owner: .echoes,
      readsReplies: false,
      readBufferByteCount: 262_144, salvoCount: 2_000
    ) { if $0 < 4 { $1.stored(stream: id($0), offset: 0, byteCount: 0, markCount: 65_535) } },
    Attack(
      name: "short answers cut from long requests, beyond the credit of the asker", ending: .refused(.flowControl),
      owner: .answersHeads
    ) { $1.stored(offset: $0 * 65_000, byteCount: 65_000) },
    Attack(name: "replies of all kinds that are never read", ending: .bounded, readsReplies: false, salvoCount: 1_000) {
      if $0 < 16 { $1.stored(stream: id($0), offset: 0, byteCount: 65_000) }
      if $0 < 99 { $1.frame(0x04, number: $0) }
      if $0 > 16, $0 < 30 { $1.stop(stream: id($0 - 15)) }
      $1.frame(0x08, number: $0 + 17)
    },
  ]
}

extension SessionConfiguration {
  /// One stream may fill the session's window.
  static var oneLargeStream: SessionConfiguration {
    var configuration = SessionConfiguration.tight
    configuration.sessionWindowByteCount = 4 << 20
    configuration.streamWindowByteCount = 4 << 20
    return configuration
  }
}
