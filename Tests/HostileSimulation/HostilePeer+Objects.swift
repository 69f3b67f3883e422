internal import DWCPCore
internal import NIOCore
internal import Simulation

/// What a hostile peer knows of its own objects: each is all zeros, or all sevens.
struct HostileObjects {
  struct Block {
    let pages: Range<Int>
    let offset: UInt64
    let byte: UInt8
  }

  struct UnderWay {
    let version: HostileVersion
    let stream: UInt64
    let byte: UInt8
    var end: UInt64 = 0
    var nextPage = 0
    var isFinished = false
    /// Blocks that need the base, and have not been replaced.
    var based: [Block] = []
    /// A mismatch has come: no more of those go.
    var isMismatched = false
  }

  struct Standing {
    var version: UInt64
    var byteCount: Int
    var byte: UInt8
  }

  var underWay: [UnderWay] = []
  var standing: [ObjectName: Standing] = [:]
  var lastVersion: UInt64 = 0

  /// What counts against the budget (SPEC BAS-1).
  var countedByteCount: Int {
    let names = Set(standing.keys).union(underWay.map(\.version.name))
    return names.reduce(0) { sum, name in
      let longest = max(
        standing[name]?.byteCount ?? 0, underWay.first { $0.version.name == name }?.version.byteCount ?? 0)
      return sum + (longest + 65_535) / 65_536 * 65_536
    }
  }

  /// BASELINE_ANSWER of the engine.
  mutating func take(_ answer: UInt8, _ name: ObjectName, version: UInt64, value: UInt64) {
    let index = underWay.firstIndex { $0.version.name == name && $0.version.version == version }
    guard answer == 1 else {
      guard let index else { return }
      underWay[index].isMismatched = true
      underWay[index].based.removeAll { $0.offset < value }
      return
    }
    guard let index else {
      if value == 0 { standing[name] = nil }
      return
    }
    let ended = underWay.remove(at: index)
    if value == 0 { standing[name] = nil }
    guard value == version else { return }
    standing[name] = Standing(version: value, byteCount: ended.version.byteCount, byte: ended.byte)
  }
}

extension HostilePeer {
  private var budget: Int { Int(configuration.receiveObjectByteCount) }

  /// Whether the engine holds objects at all; blocks of this peer are of zstd.
  private var sendsObjects: Bool { budget > 0 && configuration.decodableCodecs.contains(.zstd) }

  /// Begins a version, goes on with one, makes a mismatch good or lets an object go, as the rules have it.
  mutating func useObject() {
    guard sendsObjects else { return sendData() }
    guard !objects.underWay.isEmpty, !random.isOneIn(4) else { return beginVersion() }
    let index = random.next(below: objects.underWay.count)
    if objects.underWay[index].isMismatched, let block = objects.underWay[index].based.first {
      objects.underWay[index].based.removeFirst()
      let current = objects.underWay[index]
      wire.pages(
        block.pages, of: current.version.byteCount, stream: current.stream, offset: block.offset, byte: block.byte)
    } else if !objects.underWay[index].isFinished {
      goOn(index)
    }
  }

  private mutating func beginVersion() {
    let name = ObjectName(domain: random.isOneIn(4) ? 9 : 0, number: UInt64(random.next(below: 4)))
    guard !objects.underWay.contains(where: { $0.version.name == name }) else { return }
    let standing = objects.standing[name]
    if let standing, random.isOneIn(8) {
      objects.standing[name] = nil
      return wire.objectAnswer(name.number, domain: name.domain, version: standing.version, answer: 2)
    }
    let longest = min(budget - objects.countedByteCount, 40 * 4_096)
    guard longest >= 65_536, let stream = nextID() else { return }
    objects.lastVersion += 1
    let pageCount = 1 + random.next(below: longest / 4_096)
    let byteCount = pageCount * 4_096 - (random.isOneIn(3) ? random.next(below: 4_096) : 0)
    var version = HostileVersion(
      name.number, domain: name.domain, version: objects.lastVersion, byteCount: byteCount)
    if let standing, !random.isOneIn(6) {
      version.base = standing.version
      version.baseDigest = HostileVersion.digest(of: standing.byte, byteCount: standing.byteCount)
      // A base that the engine turns out not to have: it asks for replacements.
      if random.isOneIn(4) { version.baseDigest &+= 1 }
    } else if standing == nil, random.isOneIn(4) {
      version.base = objects.lastVersion
      objects.lastVersion += 1
      version.version = objects.lastVersion
    }
    let byte: UInt8 = version.base == 0 ? (random.isOneIn(2) ? 7 : 0) : standing?.byte ?? 7
    wire.version(version, stream: stream)
    objects.underWay.append(HostileObjects.UnderWay(version: version, stream: stream, byte: byte))
    if random.isOneIn(2) { goOn(objects.underWay.count - 1) }
  }

  /// The next pages, or the end: all of them in turn, so that the object is one byte throughout.
  private mutating func goOn(_ index: Int) {
    var current = objects.underWay[index]
    defer { objects.underWay[index] = current }
    if random.isOneIn(12) {
      current.isFinished = true
      return wire.reset(stream: current.stream, finalOffset: current.end)
    }
    let pageCount = (current.version.byteCount + 4_095) / 4_096
    guard current.nextPage < pageCount else {
      current.isFinished = true
      return wire.stored(stream: current.stream, flags: 0x01, offset: current.end, byteCount: 0)
    }
    let pages = current.nextPage..<min(pageCount, current.nextPage + 1 + random.next(below: 8))
    let length = min(current.version.byteCount, pages.upperBound * 4_096) - pages.lowerBound * 4_096
    let limit = min(configuration.streamWindowByteCount, 65_536)
    guard sessionLimit >= sessionCharge + UInt64(length), current.end + UInt64(length) <= limit else { return }
    let method = method(for: current, pages)
    wire.pages(
      pages, of: current.version.byteCount, stream: current.stream, offset: current.end, method: method,
      byte: current.byte)
    if method.isBased {
      current.based.append(HostileObjects.Block(pages: pages, offset: current.end, byte: current.byte))
    }
    current.end += UInt64(length)
    current.nextPage = pages.upperBound
    sessionCharge += UInt64(length)
  }

  private mutating func method(for current: HostileObjects.UnderWay, _ pages: Range<Int>) -> HostileMethod {
    if current.byte == 0, random.isOneIn(2) { return .zero }
    guard current.version.base > 0, !current.isMismatched else { return .full }
    let chosen: [HostileMethod] = [.full, .prefix, .mask, .moved]
    let method = chosen[random.next(below: chosen.count)]
    let isWhole = pages.upperBound * 4_096 <= current.version.byteCount
    return method == .mask && !isWhole ? .prefix : method
  }

  /// Versions that come to nothing, and answers that change nothing.
  mutating func burstOfVersions() {
    guard sendsObjects else { return keepRules(.data) }
    for _ in 0..<1 + random.next(below: 6) {
      if random.isOneIn(3) {
        wire.objectAnswer(UInt64(50 + random.next(below: 9)), version: 1, answer: UInt8(1 + random.next(below: 2)))
      } else {
        beginVersion()
        guard let last = objects.underWay.indices.last, !objects.underWay[last].isFinished else { continue }
        objects.underWay[last].isFinished = true
        wire.reset(stream: objects.underWay[last].stream, finalOffset: objects.underWay[last].end)
      }
    }
  }

  mutating func misuseObjects() {
    guard let stream = nextID() else { return }
    var version = HostileVersion(77, version: 2, byteCount: 65_536)
    if random.isOneIn(6) { version.byteCount = random.isOneIn(2) ? 0 : Int(truncatingIfNeeded: extremeNumber()) }
    if random.isOneIn(6) { version.epoch = extremeNumber() }
    if random.isOneIn(2) { version.base = random.isOneIn(4) ? extremeNumber() : 1 }
    wire.version(version, stream: stream)
    let method = HostileMethod.allCases[random.next(below: 5)]
    switch random.next(below: 7) {
    case 0:
      let length = random.next(below: 65_536)
      let table = (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      wire.pages(0..<1, of: 65_536, stream: stream, offset: 0, method: method, table: table)
    case 1: for _ in 0..<2 { wire.pages(0..<1, of: 65_536, stream: stream, offset: 0, method: method) }
    case 2: wire.pages(15..<17, of: 1 << 20, stream: stream, offset: 0, method: method)
    case 3: wire.stored(stream: stream, offset: 0, byteCount: 5)
    case 4: wire.objectAnswer(77, version: 2, value: extremeNumber(), answer: UInt8(random.next(below: 5)))
    case 5: wire.pages(0..<3, of: 65_536, stream: stream, offset: 0, method: method, isDamaged: true)
    default: wire.version(version, stream: stream + 2)
    }
  }
}
