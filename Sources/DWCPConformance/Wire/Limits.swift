/// What an announcement says (SPEC section 6), with its values if absent.
struct Limits {
  var codecs: [UInt8] = [0]
  var rawBlockByteCount: UInt64 = 65_536
  var zstdWindowLog: UInt64 = 18
  var sessionCredit: UInt64 = 1_048_576
  var streamCredit: UInt64 = 65_536
  var streamLimit: UInt64 = 16
  var idleTimeoutMilliseconds: UInt64 = 0
  var requiresIntegrity = false
  var metadataByteCount: UInt64 = 4_096
  var acknowledgementDelayMilliseconds: UInt64 = 25
  var takesUpdates = false
  var chainCount: UInt64 = 0
  var chainWindowLog: UInt64 = 10
  var dictionaryByteCount: UInt64 = 0
  var objectByteCount: UInt64 = 0
  var implementation = "an unnamed peer"
  /// The first rule of CAP-1 and CAP-2 that the entries break.
  private(set) var flaw: String?

  init(_ entries: [UInt8]) {
    var reader = ByteReader(entries)
    var seen: Set<UInt64> = []
    while !reader.isAtEnd {
      guard let tag = reader.integer(byteCount: 2), let length = reader.integer(byteCount: 2),
        let value = reader.bytes(length)
      else {
        flaw = flaw ?? "an entry reaches past the end"
        return
      }
      if !seen.insert(tag).inserted { note("tag \(tag) stands twice") }
      take(tag, value)
    }
  }

  init(_ entries: [Entry]) { self.init(entries.flatMap(\.encoded)) }

  private mutating func note(_ text: String) { flaw = flaw ?? text }

  private mutating func take(_ tag: UInt64, _ value: [UInt8]) {
    switch tag {
    case 0x0001:
      codecs = value
      if !value.contains(0) || value.count > 32 || Set(value).count != value.count { note("CODECS is out of bounds") }
    case 0x0002: rawBlockByteCount = number(value, 4, 65_536...16_711_680, "MAX_RAW_BLOCK")
    case 0x0003: zstdWindowLog = number(value, 1, 10...31, "ZSTD_WINDOW_LOG")
    case 0x0004: sessionCredit = number(value, 8, 1_048_576...1 << 62, "SESSION_CREDIT")
    case 0x0005: streamCredit = number(value, 8, 65_536...1 << 62, "STREAM_CREDIT")
    case 0x0006: streamLimit = number(value, 8, 16...1 << 46, "STREAM_LIMIT")
    case 0x0007:
      idleTimeoutMilliseconds = number(value, 4, 0...86_400_000, "IDLE_TIMEOUT")
      if (1..<1_000).contains(idleTimeoutMilliseconds) { note("IDLE_TIMEOUT is out of bounds") }
    case 0x0008: requiresIntegrity = number(value, 1, 0...1, "INTEGRITY") == 1
    case 0x0009: metadataByteCount = number(value, 2, 4_096...8_192, "METADATA_LIMIT")
    case 0x000A: acknowledgementDelayMilliseconds = number(value, 2, 1...1_000, "ACK_DELAY")
    case 0x000B: if value.count % 4 != 0 || value.count > 128 { note("DECODE_SPEED has a wrong length") }
    case 0x000C: takeChains(value)
    case 0x000D: dictionaryByteCount = number(value, 4, 256...229_376, "DICTIONARIES")
    case 0x000E: objectByteCount = number(value, 8, 65_536...1 << 40, "BASELINES")
    case 0x000F: takesUpdates = number(value, 4, 0...0xFFFF_FFFF, "FEATURES") & 2 != 0
    case 0x0010: _ = number(value, 1, 1...255, "MAX_LINKS")
    case 0x8001:
      implementation = printable(value)
      if value.count > 64 { note("IMPLEMENTATION is longer than 64 bytes") }
    default: if tag & 0x8000 == 0 { note("tag \(tag) is unknown and not ignorable") }
    }
  }

  private mutating func takeChains(_ value: [UInt8]) {
    guard value.count == 4 else { return note("CHAINS has a wrong length") }
    chainCount = number(Array(value[..<2]), 2, 1...65_535, "CHAINS")
    chainWindowLog = number([value[2]], 1, 10...27, "CHAINS")
    _ = number([value[3]], 1, 0...0, "CHAINS")
  }

  private mutating func number(
    _ value: [UInt8], _ byteCount: Int, _ bounds: ClosedRange<UInt64>, _ name: String
  ) -> UInt64 {
    let number = value.reduce(0) { $0 << 8 | UInt64($1) }
    if value.count != byteCount || !bounds.contains(number) { note("\(name) is out of bounds") }
    return min(max(number, bounds.lowerBound), bounds.upperBound)
  }
}

/// The body of WELCOME (SPEC section 5).
struct Welcome {
  var initiatorEcho: [UInt8] = []
  var acceptorEcho: [UInt8] = []
  var minor: UInt64 = 0
  var flags: UInt64 = 0
  var reserved: UInt64 = 0
  var sessionID: [UInt8] = []
  var token: [UInt8] = []
  var nonce: [UInt8] = []
  var limits = Limits([Entry]())

  init() {}

  init?(_ body: [UInt8]) {
    var reader = ByteReader(body)
    guard let initiatorEcho = reader.bytes(8), let acceptorEcho = reader.bytes(8),
      let minor = reader.integer(byteCount: 1), let flags = reader.integer(byteCount: 1),
      let reserved = reader.integer(byteCount: 2), let sessionID = reader.bytes(16), let token = reader.bytes(32),
      let nonce = reader.bytes(32)
    else { return nil }
    self.initiatorEcho = initiatorEcho
    self.acceptorEcho = acceptorEcho
    self.minor = minor
    self.flags = flags
    self.reserved = reserved
    self.sessionID = sessionID
    self.token = token
    self.nonce = nonce
    limits = Limits(Array(reader.rest))
  }
}

/// The body of REFUSE (SPEC section 5).
struct Refusal {
  var code: Code
  var versions: [UInt8]
  var echo: [UInt8]
  var refuserCodecs: [UInt8]
  var refusedCodecs: [UInt8]
  var requiredCodecs: [UInt8]
  var text: String

  init?(_ body: [UInt8]) {
    var reader = ByteReader(body)
    guard let code = reader.integer(byteCount: 4), let versions = reader.bytes(3),
      reader.integer(byteCount: 1) != nil, let echo = reader.bytes(8), let refuser = reader.list(),
      let refused = reader.list(), let required = reader.list(), let text = reader.text()
    else { return nil }
    self.code = Code(UInt32(truncatingIfNeeded: code))
    self.versions = versions
    self.echo = echo
    refuserCodecs = refuser
    refusedCodecs = refused
    requiredCodecs = required
    self.text = text
  }
}
