import DWCPCore
import HostileSimulation
import NIOCore

extension SessionConfiguration {
  /// The least that is worth it: the bound counts it six times.
  fileprivate static var holdingObjects: SessionConfiguration {
    var configuration = SessionConfiguration.tight
    configuration.receiveObjectByteCount = 1 << 20
    return configuration
  }
}

extension Attack {
  private static let largest = 1 << 20
  private static let finish: UInt8 = 0x01
  private static let digest = HostileVersion.digest(of: 7, byteCount: 65_536)

  private static func id(_ number: UInt64) -> UInt64 { 2 * number + 1 }

  private init(
    _ name: String, _ ending: Ending, owner: Owner = .serves, readsReplies: Bool = true, salvoCount: Int = 2_000,
    nanosecondsPerSalvo: UInt64 = 0, salvo: @escaping @Sendable (UInt64, inout HostileWire) -> Void
  ) {
    self.init(
      name: name, ending: ending, owner: owner, readsReplies: readsReplies, configuration: .holdingObjects,
      readBufferByteCount: 65_536, salvoCount: salvoCount, nanosecondsPerSalvo: nanosecondsPerSalvo, salvo: salvo)
  }

  /// FIN, behind so many bytes.
  private static func end(_ wire: inout HostileWire, _ number: UInt64, at offset: Int = 0) {
    wire.stored(stream: id(number), flags: finish, offset: UInt64(offset), byteCount: 0)
  }

  /// Objects, which this end holds on its peer's behalf (SPEC BAS-1 to BAS-5, MEM-1).
  static let onObjects: [Attack] = [
    Attack(name: "object where none was announced", ending: .refused(.protocol, naming: "BAS-1")) { _, wire in
      wire.version(HostileVersion(1, byteCount: 1), stream: 1)
    },
    Attack("an object of 2^40 bytes", .refused(.protocol, naming: "BAS-1")) { _, wire in
      wire.version(HostileVersion(1, byteCount: 1 << 40), stream: 1)
    },
    Attack("objects of one byte, and one too many", .refused(.protocol, naming: "BAS-1")) { number, wire in
      wire.version(HostileVersion(number, byteCount: 1), stream: id(number))
      end(&wire, number)
    },
    Attack("objects of one byte, released in turn", .bounded) { number, wire in
      if number > 0 { wire.objectAnswer(number - 1, version: 1, answer: 2) }
      wire.version(HostileVersion(number, byteCount: 1), stream: id(number))
      wire.pages(0..<1, of: 1, stream: id(number), flags: finish, offset: 0, method: .zero)
    },
    Attack("versions that never end", .refused(.protocol, naming: "BAS-1"), owner: .ignores) { number, wire in
      wire.version(HostileVersion(number, byteCount: 131_072), stream: id(number))
      wire.pages(0..<16, of: 131_072, stream: id(number), offset: 0)
    },
    Attack("versions that are reset", .refused(.excessiveLoad, naming: "resets")) { number, wire in
      wire.version(HostileVersion(1, version: number + 1, byteCount: largest), stream: id(number))
      wire.pages(0..<16, of: largest, stream: id(number), offset: 0)
      wire.reset(stream: id(number), finalOffset: 65_536)
    },
    Attack("versions that are reset at the rate that is allowed", .bounded, nanosecondsPerSalvo: 120_000_000) {
      number, wire in
      wire.version(HostileVersion(1, version: number + 1, byteCount: largest), stream: id(number))
      wire.pages(0..<16, of: largest, stream: id(number), offset: 0)
      wire.reset(stream: id(number), finalOffset: 65_536)
    },
    Attack("versions of the largest object, of which a part comes and goes", .bounded, salvoCount: 400) {
      number, wire in
      var version = HostileVersion(1, base: number, version: number + 1, byteCount: largest)
      if number % 2 == 1 { version.baseDigest = digest }
      wire.version(version, stream: id(number))
      wire.pages(
        0..<16, of: largest, stream: id(number), flags: finish, offset: 0, method: number % 2 == 1 ? .zero : .full)
    },
    Attack("versions that tear their object into single pages", .bounded, salvoCount: 400) { number, wire in
      wire.version(HostileVersion(1, version: number + 1, byteCount: largest), stream: id(number))
      for page in 0..<16 {
        wire.pages(
          page * 16..<page * 16 + 1, of: largest, stream: id(number), flags: page == 15 ? finish : 0,
          offset: UInt64(page * 4_096))
      }
    },
    Attack("mismatches by bases that never were, each made good", .bounded) { number, wire in
      wire.version(HostileVersion(1, base: 1, version: number + 2, byteCount: 65_536), stream: id(number))
      wire.pages(0..<16, of: 65_536, stream: id(number), flags: finish, offset: 0, method: .mask)
      wire.pages(0..<16, of: 65_536, stream: id(number), offset: 0)
    },
    Attack("mismatches whose answers are never read", .refused(.streamLimit, naming: "STR-3"), readsReplies: false) {
      number, wire in
      wire.version(HostileVersion(1, base: 1, version: number + 2, byteCount: 65_536), stream: id(number))
      wire.pages(0..<16, of: 65_536, stream: id(number), flags: finish, offset: 0, method: .mask)
      wire.pages(0..<16, of: 65_536, stream: id(number), offset: 0)
    },
    Attack("a mismatch, and everything but its replacement", .refused(.flowControl)) { number, wire in
      if number == 0 { wire.version(HostileVersion(1, base: 1, version: 2, byteCount: largest), stream: 1) }
      let first = Int(number)
      wire.pages(first..<first + 1, of: largest, offset: number * 4_096, method: number == 0 ? .mask : .full)
    },
    Attack("mismatches that are never made good", .refused(.streamLimit, naming: "STR-3"), owner: .ignores) {
      number, wire in
      wire.version(HostileVersion(number, base: 1, version: 2, byteCount: 65_536), stream: id(number))
      wire.pages(0..<16, of: 65_536, stream: id(number), flags: finish, offset: 0, method: .prefix)
    },
    Attack("a replacement that nobody asked for", .refused(.protocol, naming: "BAS-4")) { number, wire in
      if number == 0 { wire.version(HostileVersion(1, byteCount: 65_536), stream: 1) }
      wire.pages(0..<16, of: 65_536, offset: 0)
    },
    Attack("a replacement a second time", .refused(.protocol, naming: "BAS-4")) { number, wire in
      if number == 0 {
        wire.version(HostileVersion(1, base: 1, version: 2, byteCount: 65_536), stream: 1)
        wire.pages(0..<1, of: 65_536, offset: 0, method: .mask)
      }
      wire.pages(0..<1, of: 65_536, offset: 0)
    },
    Attack("a page table of 65,535 bytes", .refused(.protocol, naming: "BAS-2")) { _, wire in
      wire.version(HostileVersion(1, byteCount: largest), stream: 1)
      wire.pages(0..<16, of: largest, offset: 0, table: .init(repeating: 0, count: 65_535))
    },
    Attack("a page that comes again and again", .refused(.protocol, naming: "BAS-2")) { number, wire in
      if number == 0 { wire.version(HostileVersion(1, byteCount: largest), stream: 1) }
      wire.pages(0..<1, of: largest, offset: number * 4_096)
    },
    Attack("an answer about a version that was never begun", .refused(.protocol, naming: "BAS-5")) {
      $1.objectAnswer($0, version: 1, answer: 1)
    },
    Attack("releases of objects that never were", .refused(.excessiveLoad, naming: "without progress")) {
      $1.objectAnswer($0, version: 1, answer: 2)
    },
    Attack("a mismatch of nothing", .refused(.protocol, naming: "BAS-5")) {
      $1.objectAnswer($0, version: 1, answer: 0)
    },
  ]
}
