internal import DWCPCore
internal import NIOCore
internal import Simulation

/// What costs the engine more than the peer, and what must be borne up to a budget.
extension HostilePeer {
  mutating func abuse(_ move: HostileMove) {
    switch move {
    case .duplicate: repeatBlock()
    case .creditDown: wire.frame(0x07, number: random.next() % max(1, creditGiven))
    case .streamsDown: wire.frame(0x08, number: UInt64(random.next(below: 17)))
    case .acknowledgeAgain: for _ in 0..<2 { wire.frame(0x06, number: receivedNumberedCount) }
    case .stopAgain: if let index = anyStream() { for _ in 0..<3 { wire.stop(stream: streams[index].id) } }
    case .lateFrame: sendLateFrame()
    case .emptyFin: if let stream = finished.last { emptyFin(stream) } else { keepRules(.finish) }
    case .brokenBlock, .giantWindow, .staleOffset: sendBrokenBlock(move)
    case .criticalTag: open { $0.writeMultipleIntegers(UInt16(0x1234), UInt16(0)) }
    case .hugeExpectation:
      let expected = extremeNumber()
      open { $0.writeMultipleIntegers(UInt16(2), UInt16(8), expected) }
    case .skippedIDs: skipIDs()
    case .pingBurst: for number in 0..<UInt64(1 + random.next(below: 25)) { wire.frame(0x04, number: number) }
    case .idleBurst: for _ in 0..<1 + random.next(below: 120) { wire.frame(0xB7) { _ in } }
    case .tinyBurst: burst { $0.burstOfBytes($1) }
    case .tinyBombBurst: burst { $0.burstOfBombs($1) }
    case .dictionaryBurst: burstOfDictionaries()
    case .versionBurst: burstOfVersions()
    case .markBurst: for _ in 0..<1 + random.next(below: 8) { keepRules(.marks) }
    case .bombBurst: for _ in 0..<1 + random.next(below: 8) { sendBomb() }
    case .openResetBurst: for _ in 0..<1 + random.next(below: 12) { openAndEnd { $0.wire.reset(stream: $1) } }
    case .openStopBurst: for _ in 0..<1 + random.next(below: 12) { openAndEnd { $0.wire.stop(stream: $1) } }
    case .fillWindow: fillWindow()
    default: fillPinned()
    }
  }

  private mutating func repeatBlock() {
    guard let index = anyStream(), streams[index].end > 0 else { return keepRules(.data) }
    wire.stored(
      stream: streams[index].id, offset: random.isOneIn(2) ? 0 : streams[index].end - 1, byteCount: 1)
  }

  private mutating func sendLateFrame() {
    guard let stream = finished.first else { return keepRules(.finish) }
    switch random.next(below: 3) {
    case 0: wire.frame(0x07, stream: stream.id, number: 1 << 20)
    case 1: wire.stop(stream: stream.id)
    default: wire.reset(stream: stream.id, finalOffset: stream.end)
    }
  }

  private mutating func emptyFin(_ stream: Stream) {
    wire.stored(stream: stream.id, flags: 0x01, offset: stream.end, byteCount: 0)
  }

  /// Blocks that a codec has to refuse: the stream ends, the session does not.
  private mutating func sendBrokenBlock(_ move: HostileMove) {
    guard let codec = announcedCodec(), let index = anyStream() else { return sendData() }
    let room = room(index)
    guard room >= 600 else { return }
    let byteCount = 300 + random.next(below: room - 300)
    let stream = streams[index]
    if move == .staleOffset, codec == 1 {
      // A distance of nothing, or far in front of the block.
      wire.lz4Run(
        stream: stream.id, offset: stream.end, rawByteCount: byteCount, distance: random.isOneIn(2) ? 0 : 0xFFFF)
    } else {
      let noise = (0..<2 + random.next(below: 200)).map { _ in
        Self.alphabet[random.next(below: Self.alphabet.count)]
      }
      let giant: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0x00, 0xF8, 0x03, 0x00, 0x08, 7]
      let magic: [UInt8] = codec == 2 && random.isOneIn(2) ? [0x28, 0xB5, 0x2F, 0xFD] : []
      let payload = move == .giantWindow ? giant : magic + noise
      wire.data(stream: stream.id, offset: stream.end, codec: codec, rawByteCount: byteCount) {
        $0.writeBytes(payload)
      }
    }
    charge(index, byteCount)
  }

  /// Opens lower ids by the way; they are opened later, one by one, or never.
  private mutating func skipIDs() {
    let gap = UInt64(1 + random.next(below: 4))
    guard openedCount + gap < streamLimit, lastGoAway > 0 else { return }
    let skipped = openedCount + 1...openedCount + gap
    openedCount += gap + 1
    wire.open(stream: id(openedCount))
    remember(id(openedCount))
    if random.isOneIn(2) {
      for ordinal in skipped {
        wire.open(stream: id(ordinal))
        remember(id(ordinal))
      }
    }
  }

  private mutating func burst(_ body: (inout Self, Int) -> Void) {
    guard let index = anyStream() else { return }
    body(&self, index)
  }

  private mutating func burstOfBytes(_ index: Int) {
    let endsMessages = random.isOneIn(2)
    let count = min(1 + random.next(below: random.isOneIn(4) ? 4_000 : 300), room(index) / 2)
    for _ in 0..<count {
      wire.stored(
        stream: streams[index].id, flags: endsMessages ? 0x02 : 0, offset: streams[index].end, byteCount: 1)
      charge(index, endsMessages ? 2 : 1)
    }
  }

  private mutating func burstOfBombs(_ index: Int) {
    let count = min(1 + random.next(below: random.isOneIn(4) ? 1_500 : 200), room(index) / 11)
    guard configuration.decodableCodecs.contains(.zstd) else { return burstOfBytes(index) }
    for _ in 0..<count {
      wire.bomb(stream: streams[index].id, offset: streams[index].end, rawByteCount: 11)
      charge(index, 11)
    }
  }

  private mutating func sendBomb() {
    if let index = anyStream() { sendBomb(index) }
  }

  private mutating func sendBomb(_ index: Int) {
    guard let codec = announcedCodec() else { return sendData() }
    let room = room(index)
    if room > 40 { sendRun(index, codec: codec, byteCount: room) }
  }

  private mutating func openAndEnd(_ end: (inout Self, UInt64) -> Void) {
    guard let id = nextID() else { return }
    wire.open(stream: id)
    end(&self, id)
    finished.append(Stream(id: id, limit: 0, isFinished: true))
    if finished.count > 48 { finished.removeFirst() }
  }

  /// All credit there is, in the way that costs the most.
  private mutating func fillWindow() {
    let way = random.next(below: 4)
    if random.isOneIn(2) { for _ in 0..<64 { open { _ in } } }
    for index in streams.indices {
      let room = room(index)
      guard room > 64 else { continue }
      let stream = streams[index]
      switch way {
      case 0:
        let markCount = min(room, 65_535)
        wire.stored(stream: stream.id, offset: stream.end, byteCount: 0, markCount: markCount)
        charge(index, markCount)
      case 1: sendBomb(index)
      case 2:
        wire.stored(stream: stream.id, offset: stream.end, byteCount: room)
        charge(index, room)
      default:
        // Each byte a message.
        wire.stored(stream: stream.id, offset: stream.end, byteCount: room / 2, markCount: room / 2, markLength: 1)
        charge(index, room / 2 * 2)
      }
    }
  }

  /// Slices that are just worth the buffer they lie in, or just not, each in a buffer of its own.
  private mutating func fillPinned() {
    let quarter = readBufferByteCount / 4
    let length = min([2_047, 2_048, quarter, quarter, quarter, quarter - 1, 100][random.next(below: 7)], 65_536)
    for _ in 0..<1 + random.next(below: 64) {
      guard let index = anyStream(), room(index) >= length else { continue }
      wire.stored(stream: streams[index].id, offset: streams[index].end, byteCount: length)
      charge(index, length)
      endRead()
    }
  }
}
