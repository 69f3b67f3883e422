internal import DWCPCore
internal import NIOCore
internal import Simulation

/// What the rules allow.
extension HostilePeer {
  mutating func keepRules(_ move: HostileMove) {
    switch move {
    case .open: open { _ in }
    case .openMetadata: openWithMetadata()
    case .data: sendData()
    case .marks: sendMarks()
    case .codecBlock: sendCodecBlock()
    case .chain: sendChain()
    case .dictionary: useDictionary()
    case .object: useObject()
    case .finish: sendFin()
    case .reset: sendReset()
    case .stop: if let index = anyStream() { wire.stop(stream: streams[index].id) }
    case .credit: sendCredit()
    case .streams:
      streamsGiven += UInt64(1 + random.next(below: 40))
      wire.frame(0x08, number: streamsGiven)
    case .ping: wire.frame(0x04, number: random.next())
    case .pong: sendPong()
    case .acknowledge: wire.frame(0x06, number: receivedNumberedCount)
    case .goAway:
      lastGoAway = random.isOneIn(2) ? lastGoAway : min(lastGoAway, UInt64(random.next(below: 200)))
      wire.goAway(last: lastGoAway)
    default:
      let byteCount = random.next(below: random.isOneIn(8) ? 16_384 : 64)
      wire.frame(random.isOneIn(2) ? 0xB3 : 0xF7) { $0.writeRepeatingByte(1, count: byteCount) }
    }
  }

  mutating func open(_ body: (inout ByteBuffer) -> Void) {
    guard let id = nextID() else { return }
    wire.open(stream: id, body)
    remember(id)
  }

  private mutating func openWithMetadata() {
    let count = random.next(below: 33)
    let length = random.next(below: 120)
    let byte: UInt8 = random.isOneIn(2) ? 0x61 : 0xFF
    let urgency = UInt8(random.next(below: 8))
    let expected = random.isOneIn(2) ? extremeNumber() : UInt64(random.next(below: 1 << 20))
    open { body in
      for key in 0..<UInt8(count) {
        body.writeMultipleIntegers(UInt16(1), UInt16(2 + length), UInt8(1), key)
        body.writeRepeatingByte(byte, count: length)
      }
      body.writeMultipleIntegers(UInt16(2), UInt16(8), expected, UInt16(3), UInt16(1), urgency)
      body.writeMultipleIntegers(UInt16(0xFA12), UInt16(0))
    }
  }

  mutating func sendData() {
    guard let index = anyStream() else { return }
    let room = room(index)
    let endsMessage = random.isOneIn(3)
    let byteCount = size(upTo: max(0, room - 1))
    guard byteCount > 0 else { return }
    wire.stored(
      stream: streams[index].id, flags: endsMessage ? 0x02 : 0, offset: streams[index].end, byteCount: byteCount)
    charge(index, byteCount + (endsMessage ? 1 : 0))
  }

  private mutating func sendMarks() {
    guard let index = anyStream() else { return }
    let room = room(index)
    let markCount = size(upTo: min(room, 65_535))
    guard markCount > 0 else { return }
    let length = random.isOneIn(2) ? 0 : random.next(below: 40)
    let byteCount = min(markCount * length, 65_536)
    let fits = length == 0 || (byteCount == markCount * length && byteCount + markCount <= room)
    wire.stored(
      stream: streams[index].id, offset: streams[index].end, byteCount: fits ? byteCount : 0, markCount: markCount,
      markLength: fits ? UInt16(length) : 0)
    charge(index, markCount + (fits ? byteCount : 0))
  }

  /// A codec that this engine announced, or nil.
  mutating func announcedCodec() -> UInt8? {
    let codecs = configuration.decodableCodecs.filter { $0 != .none }
    return codecs.isEmpty ? nil : codecs[random.next(below: codecs.count)].rawValue
  }

  /// Whether the engine takes chains at all.
  var takesChains: Bool { configuration.receiveChains.count > 0 && configuration.decodableCodecs.contains(.zstd) }

  /// A chain from its beginning to a stored byte that ends it, perhaps with a block in it that does not decode.
  private mutating func sendChain() {
    guard takesChains, let index = anyStream() else { return sendData() }
    let window = UInt8(random.next(below: 8) == 0 ? 27 : configuration.receiveChains.windowLog)
    let blockCount = 1 + random.next(below: 6)
    guard room(index) > 700 * blockCount else { return }
    for number in 0..<blockCount {
      let byteCount = 100 + random.next(below: 500)
      wire.chained(
        stream: streams[index].id, windowLog: number == 0 ? window : nil, offset: streams[index].end,
        rawByteCount: byteCount, isDamaged: random.isOneIn(20))
      charge(index, byteCount)
    }
    wire.stored(stream: streams[index].id, offset: streams[index].end, byteCount: 1)
    charge(index, 1)
  }

  mutating func sendCodecBlock() {
    guard let codec = announcedCodec(), let index = anyStream() else { return sendData() }
    let room = room(index)
    guard room > 40 else { return }
    let byteCount = 40 + random.next(below: random.isOneIn(3) ? room - 40 : min(room - 40, 600))
    sendRun(index, codec: codec, byteCount: byteCount)
  }

  /// A block of one run, of at least 30 raw bytes.
  mutating func sendRun(_ index: Int, codec: UInt8, byteCount: Int) {
    let stream = streams[index]
    if codec == 2 {
      wire.bomb(stream: stream.id, offset: stream.end, rawByteCount: byteCount)
    } else {
      wire.lz4Run(stream: stream.id, offset: stream.end, rawByteCount: byteCount)
    }
    charge(index, byteCount)
  }

  private mutating func sendFin() {
    guard let index = anyStream() else { return }
    let byteCount = random.isOneIn(2) ? 0 : size(upTo: room(index))
    wire.stored(stream: streams[index].id, flags: 0x01, offset: streams[index].end, byteCount: byteCount)
    charge(index, byteCount)
    noteFinished(at: index)
  }

  /// The final offset may lie beyond what was sent, as far as credit goes.
  private mutating func sendReset() {
    guard let index = anyStream() else { return }
    let more = random.isOneIn(3) ? size(upTo: room(index)) : 0
    charge(index, more)
    wire.reset(stream: streams[index].id, finalOffset: streams[index].end)
    noteFinished(at: index)
  }

  private mutating func sendCredit() {
    if random.isOneIn(2) {
      creditGiven = min(1 << 62, creditGiven + (random.isOneIn(8) ? 1 << 61 : UInt64(random.next(below: 1 << 18))))
      wire.frame(0x07, number: creditGiven)
    } else if let index = anyStream() {
      let limit = random.isOneIn(8) ? 1 << 62 : 65_536 + UInt64(random.next(below: 1 << 20))
      wire.frame(0x07, stream: streams[index].id, number: limit)
    }
  }

  private mutating func sendPong() {
    guard !unansweredPings.isEmpty else { return wire.frame(0x04, number: 1) }
    let index = random.next(below: unansweredPings.count)
    wire.frame(0x05, number: unansweredPings[index])
    // It settles the older ones too.
    unansweredPings.removeFirst(index + 1)
  }
}

/// The handshake.
extension HostilePeer {
  /// Preface and announcement, as the rules have it.
  mutating func greet() {
    var generator = random
    let announcement: (inout ByteBuffer) -> Void = { Self.announce(&generator, &$0) }
    role == .initiator ? wire.hello(announcement) : wire.welcome(announcement)
    random = generator
  }

  /// Each tag with one chance in two, and values from all over their bounds.
  private static func announce(_ random: inout SeededGenerator, _ body: inout ByteBuffer) {
    let codecs: [[UInt8]] = [[2, 1, 0], [0], [1, 0], [0, 2], [4, 3, 200, 1, 2, 0]]
    let chosen = codecs[random.next(below: codecs.count)]
    if random.isOneIn(2) {
      body.writeMultipleIntegers(UInt16(1), UInt16(chosen.count))
      body.writeBytes(chosen)
    }
    if random.isOneIn(2) {
      body.writeMultipleIntegers(UInt16(2), UInt16(4), UInt32(65_536 + random.next(below: 16_000_000)))
    }
    if random.isOneIn(2) { body.writeMultipleIntegers(UInt16(3), UInt16(1), UInt8(10 + random.next(below: 22))) }
    for tag in [4, 5, 6] as [UInt16] where random.isOneIn(2) {
      let least: UInt64 = tag == 4 ? 1 << 20 : tag == 5 ? 65_536 : 16
      body.writeMultipleIntegers(tag, UInt16(8), random.isOneIn(4) ? 1 << 46 : least + random.next() % 100_000)
    }
    if random.isOneIn(2) {
      let timeout = UInt32(random.isOneIn(2) ? 0 : 1_000 + random.next(below: 86_000_000))
      body.writeMultipleIntegers(UInt16(7), UInt16(4), timeout)
    }
    if random.isOneIn(2) { body.writeMultipleIntegers(UInt16(8), UInt16(1), UInt8(random.next(below: 2))) }
    if random.isOneIn(2) { body.writeMultipleIntegers(UInt16(9), UInt16(2), UInt16(4_096 + random.next(below: 4_097))) }
    if random.isOneIn(2) { body.writeMultipleIntegers(UInt16(10), UInt16(2), UInt16(1 + random.next(below: 1_000))) }
    if random.isOneIn(4) { body.writeMultipleIntegers(UInt16(11), UInt16(4), UInt32(0x0200_0100)) }
    let length = random.next(below: 65)
    body.writeMultipleIntegers(UInt16(0x8001), UInt16(length))
    body.writeRepeatingByte(0xFE, count: length)
  }

  /// A handshake that is none.
  mutating func greetBadly() {
    switch random.next(below: 10) {
    case 0: wire.text("GET / HTTP/1.1\r\n\r\n")
    case 1: wire.number(HostileWire.preface | 9 << 24)
    case 2: wire.number(HostileWire.preface | 1)
    case 3:
      wire.number(HostileWire.preface)
      wire.stored(offset: 0, byteCount: 100)
    case 4:
      wire.number(HostileWire.preface)
      wire.header(role == .initiator ? 0x01 : 0x02, length: 8_193)
    case 5: role == .initiator ? wire.welcome() : wire.hello()
    case 6:
      // A tag that reaches past the end, or one out of its bounds.
      let length: UInt16 = random.isOneIn(2) ? 99 : 8
      let broken: (inout ByteBuffer) -> Void = { $0.writeMultipleIntegers(UInt16(4), length, UInt64(7)) }
      role == .initiator ? wire.hello(broken) : wire.welcome(broken)
    case 7:
      wire.number(HostileWire.preface)
      wire.frame(0x03) { $0.writeRepeatingByte(0, count: 30) }
    case 8:
      // An echo of another preface.
      wire.number(HostileWire.preface)
      wire.frame(role == .initiator ? 0x01 : 0x02) {
        $0.writeMultipleIntegers(HostileWire.preface | 1, HostileWire.preface)
        $0.writeRepeatingByte(0, count: role == .initiator ? 24 : 84)
      }
    default:
      wire.number(HostileWire.preface)
      wire.frame(role == .initiator ? 0x01 : 0x02) { $0.writeRepeatingByte(0x44, count: 130) }
    }
  }
}
