internal import DWCPCore
internal import NIOCore
internal import Simulation

/// What ends a session.
extension HostilePeer {
  mutating func breakRule(_ move: HostileMove) {
    switch move {
    case .unknownCritical: wire.frame(0x3F) { _ in }
    case .oversized: sendOversized()
    case .headerCheck: wire.raw(.init(repeating: 0x55, count: 16))
    case .payloadCheck:
      wire.header(0x04, length: 8)
      wire.number(UInt64(1))
      wire.number(UInt32(0xDEAD_BEEF))
    case .unchecked:
      wire.frame(0x04, flags: 0) { $0.writeInteger(UInt64(1)) }
    case .reservedFlag:
      if random.isOneIn(2) { return wire.frame(0x04, flags: 0x81) { $0.writeInteger(UInt64(99)) } }
      wire.frame(0x41, flags: 0xA0, stream: id(max(1, openedCount))) { $0.writeMultipleIntegers(UInt64(0), UInt32(0)) }
    case .strayID:
      random.isOneIn(2) ? wire.frame(0x04, stream: 3, number: 1) : wire.frame(0x43) { $0.writeInteger(UInt32(1)) }
    case .creditAbove: wire.frame(0x07, number: 1 << 62 + 1 + random.next() >> 2)
    case .streamsAbove: wire.frame(0x08, number: 1 << 46 + 1 + random.next() >> 2)
    case .acknowledgeAbove: wire.frame(0x06, number: receivedNumberedCount + 1_000_000)
    case .pongUnasked: wire.frame(0x05, number: random.next() | 1 << 40)
    case .secondHello: wire.frame(random.isOneIn(2) ? 0x01 : 0x02) { $0.writeRepeatingByte(0, count: 120) }
    case .refuse: wire.frame(0x03) { $0.writeRepeatingByte(0, count: 30) }
    case .close:
      let code = random.isOneIn(2) ? UInt32(0) : UInt32(random.next(below: 30))
      wire.frame(0x09) { $0.writeMultipleIntegers(code, UInt16(3), UInt16(0xFFFF), UInt8(0)) }
    case .noise:
      let noise = (0..<1 + random.next(below: 600)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      wire.raw(noise)
    case .goAwayUp:
      wire.goAway(last: 3)
      wire.goAway(last: 5)
    case .flood: flood()
    case .dictionaryAstray: misuseDictionaries()
    case .objectAstray: misuseObjects()
    case .truncated: sendTruncated()
    case .extremeField: sendExtremeField()
    case .strangeStream: wire.reset(stream: role == .initiator ? 1 << 40 : 1 << 40 + 1)
    case .aboveStreamLimit: wire.open(stream: random.isOneIn(2) ? id(1 << 47) : id(streamLimit + 100_000))
    default: breakRuleOfData(move)
    }
  }

  private mutating func breakRuleOfData(_ move: HostileMove) {
    guard let index = anyStream() else { return wire.frame(0x3E) { _ in } }
    let stream = streams[index]
    switch move {
    case .gap: wire.stored(stream: stream.id, offset: stream.end + 1, byteCount: 5)
    case .overlap:
      sendData()
      wire.stored(stream: stream.id, offset: max(1, stream.end) - 1, byteCount: 70_000)
    case .movedFin:
      wire.stored(stream: stream.id, flags: 0x01, offset: stream.end, byteCount: 0)
      wire.stored(stream: stream.id, offset: stream.end, byteCount: 9)
    case .beyondStreamCredit: sendUntil(index, beyond: stream.limit)
    case .beyondSessionCredit:
      for place in streams.indices { sendUntil(place, beyond: streams[place].limit - min(streams[place].limit, 1)) }
    case .namedTooEarly:
      wire.open(stream: id(openedCount + 2))
      wire.reset(stream: id(openedCount + 1))
    case .resetHuge:
      wire.reset(stream: stream.id, finalOffset: random.isOneIn(2) ? stream.limit + 10 : extremeNumber() | 1 << 61)
    case .unknownCodec:
      wire.data(stream: stream.id, offset: stream.end, codec: 3 + UInt8(random.next(below: 250)), rawByteCount: 50) {
        $0.writeInteger(UInt8(1))
      }
    case .longBlock:
      wire.stored(
        stream: stream.id, offset: stream.end, byteCount: configuration.maximumRawBlockByteCount + 1)
    case .emptyData: wire.stored(stream: stream.id, offset: stream.end, byteCount: 0)
    case .chainAstray:
      wire.chained(stream: stream.id, windowLog: nil, offset: stream.end, rawByteCount: 100, isDamaged: false)
    case .chainsBeyond:
      for stream in streams.prefix(configuration.receiveChains.count + 1) {
        wire.chained(stream: stream.id, windowLog: 10, offset: stream.end, rawByteCount: 100, isDamaged: false)
      }
    default:
      wire.stored(stream: stream.id, offset: stream.end, byteCount: 10, markCount: 2, markLength: 6)
    }
  }

  private mutating func sendUntil(_ index: Int, beyond limit: UInt64) {
    for _ in 0..<40 where streams[index].end <= limit {
      wire.stored(stream: streams[index].id, offset: streams[index].end, byteCount: 60_000)
      charge(index, 60_000)
    }
  }

  private static let types: [UInt8] = [
    0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x40, 0x41, 0x42, 0x43, 0x44, 0xB1, 0xF1, 0x45, 0x7F,
  ]

  private mutating func sendOversized() {
    let type = Self.types[random.next(below: Self.types.count)]
    let lengths = [8_193, 16_385, 1 << 24 - 1, 1 << 24, 1 << 31, 1 << 32 - 1]
    wire.header(type, stream: type & 0x40 == 0 ? 0 : 1, length: lengths[random.next(below: lengths.count)])
    wire.raw(.init(repeating: 1, count: random.next(below: 400)))
  }

  /// Until a budget says that it is enough.
  private mutating func flood() {
    switch random.next(below: 4) {
    case 0: for number in 0..<300 as Range<UInt64> { wire.frame(0x04, number: number) }
    case 1: for _ in 0..<1_500 { wire.frame(0xB1) { _ in } }
    case 2: for _ in 0..<1_500 { wire.frame(0x06, number: receivedNumberedCount) }
    default:
      for _ in 0..<400 {
        openedCount += 1
        wire.open(stream: id(openedCount))
        wire.reset(stream: id(openedCount))
      }
    }
  }

  /// A body of a length at which its fields are cut off.
  private mutating func sendTruncated() {
    let type = Self.types[random.next(below: Self.types.count)]
    let byteCount = random.next(below: 40)
    let byte: UInt8 = random.isOneIn(2) ? 0 : 0xFF
    wire.frame(type, stream: type & 0x40 == 0 || type == 0x44 ? 0 : id(max(1, openedCount))) {
      $0.writeRepeatingByte(byte, count: byteCount)
    }
  }

  /// Numbers from the edges, in every field that has one.
  private mutating func sendExtremeField() {
    let number = extremeNumber()
    let stream = random.isOneIn(4) ? extremeNumber() & 0xFFFF_FFFF_FFFF : id(max(1, openedCount))
    switch random.next(below: 8) {
    case 0: wire.frame(UInt8(4 + random.next(below: 5)), stream: 0, number: number)
    case 1: wire.frame(0x07, stream: max(1, stream), number: number)
    case 2: wire.reset(stream: max(1, stream), finalOffset: number)
    case 3: wire.goAway(last: number)
    case 4: wire.stored(stream: max(1, stream), flags: 0x03, offset: number, byteCount: random.next(below: 20))
    case 5: wire.stored(stream: max(1, stream), offset: number, byteCount: 0, markCount: 65_535)
    case 6: wire.bomb(stream: max(1, stream), offset: number, rawByteCount: 0xFF_FFFF)
    default: wire.open(stream: max(1, stream)) { $0.writeMultipleIntegers(UInt16(2), UInt16(8), number) }
    }
  }
}
