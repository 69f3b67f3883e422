import DWCPCore
import HostileSimulation
import NIOCore

extension Attack {
  private static let shortest = HostileDictionary.all[0].dictionary
  private static let longest = HostileDictionary.all[5].dictionary

  /// Dictionaries, which this end holds on its peer's behalf (SPEC DIC-1, DIC-2, MEM-1).
  static let onDictionaries: [Attack] = [
    Attack(name: "dictionary where none was announced", ending: .refused(.protocol, naming: "DIC-1")) { _, wire in
      wire.wholeDictionary(longest, id: 1)
    },
    Attack(
      name: "dictionary after dictionary", ending: .refused(.protocol, naming: "DIC-1"),
      configuration: .holdingDictionaries
    ) { number, wire in wire.wholeDictionary(longest, id: UInt32(number + 1)) },
    Attack(
      name: "longest dictionaries, offered and retired", ending: .bounded, configuration: .holdingDictionaries,
      salvoCount: 200
    ) { number, wire in
      if number > 1 { wire.dictionaryAnswer(UInt32(number - 1), 3) }
      wire.wholeDictionary(longest, id: UInt32(number + 1))
    },
    Attack(
      name: "shortest dictionaries, offered and retired", ending: .refused(.excessiveLoad, naming: "dictionaries"),
      configuration: .holdingDictionaries, salvoCount: 10_000
    ) { number, wire in
      if number > 1 { wire.dictionaryAnswer(UInt32(number - 1), 3) }
      wire.dictionary(shortest, id: UInt32(number + 1))
    },
    Attack(
      name: "dictionaries of other domains, whose rejections are never read",
      ending: .refused(.protocol, naming: "DIC-1"), readsReplies: false, configuration: .holdingDictionaries
    ) { number, wire in wire.dictionary(shortest, id: UInt32(number + 1), domain: 1) },
    Attack(
      name: "dictionary with another hash", ending: .refused(.protocol, naming: "SHA-256"),
      configuration: .holdingDictionaries
    ) { _, wire in wire.dictionary(shortest, id: 1, sha256: longest.sha256) },
    Attack(
      name: "dictionary of 4 GiB", ending: .refused(.protocol, naming: "DIC-1"), configuration: .holdingDictionaries
    ) { _, wire in wire.dictionary(longest, id: 1, total: Int(UInt32.max)) },
    Attack(
      name: "block that names no dictionary", ending: .refused(.protocol, naming: "DIC-2"),
      configuration: .holdingDictionaries
    ) { _, wire in
      wire.data(flags: 0x40, offset: 0, codec: 2, rawByteCount: 100) {
        $0.writeMultipleIntegers(UInt32(1), UInt8(0x28))
      }
    },
  ]
}
