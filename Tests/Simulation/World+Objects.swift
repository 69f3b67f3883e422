internal import DWCPCore
internal import NIOCore

/// What objects should look like, known without any engine: what was written of each version, and nothing of how it travels.
struct ObjectFlows {
  struct Key: Hashable {
    let sender: End
    let name: ObjectName
    let version: UInt64
  }

  /// A stream that carries a version, and the whole object in it as far as it was written.
  struct Carrier {
    let key: Key
    var content: [UInt8]
    var writtenPages: Set<Int> = []
  }

  var carriers: [StreamID: Carrier] = [:]
  /// The last stream of each object.
  var current: [ObjectName: [End: StreamID]] = [:]
  /// Versions that either end may stand at.
  var contents: [Key: [UInt8]] = [:]
  /// An end counts its versions over all of its objects (SPEC BAS-1).
  var lastVersion: [End: UInt64] = [:]

  static func name(_ object: Int) -> ObjectName {
    ObjectName(domain: UInt64(object & 1), number: UInt64(object >> 1 & 1))
  }
}

/// Objects of the simulated applications (SPEC BAS-1 to BAS-6).
extension World {
  static let pageByteCount = 4_096

  mutating func perform(_ operation: ObjectOperation, at end: End) {
    switch operation {
    case .open(let object, let count, let forgetsBase): openVersion(end, object, count, forgetsBase: forgetsBase)
    case .write(let object, let pages, let fill, let base): writePages(end, object, pages, fill, base: base)
    case .drop(let object): update(end) { $0.session.dropObject(ObjectFlows.name(object)) }
    case .release(let object): update(end) { _ = $0.session.releaseObject(ObjectFlows.name(object)) }
    case .adopt(let object, let isWrong): adopt(end, object, isWrong: isWrong)
    }
  }

  private mutating func openVersion(_ end: End, _ object: Int, _ byteCount: Int, forgetsBase: Bool) {
    let name = ObjectFlows.name(object)
    let base = update(end) { $0.session.standingVersion(of: name) } ?? 0
    let id = update(end) { peer in
      try? peer.session.openVersion(of: name, byteCount: byteCount, forgetsBase: forgetsBase)
    }
    guard let id else { return }
    let version = objects.lastVersion[end, default: 0] + 1
    objects.lastVersion[end] = version
    let old = objects.contents[ObjectFlows.Key(sender: end, name: name, version: base)] ?? []
    var content = forgetsBase ? [] : Array(old.prefix(byteCount))
    content += repeatElement(0, count: byteCount - content.count)
    objects.carriers[id] = ObjectFlows.Carrier(
      key: ObjectFlows.Key(sender: end, name: name, version: version), content: content)
    objects.current[name, default: [:]][end] = id
    noteOwn(id, at: end)
  }

  /// Takes a stream down that an end has opened, with a version or without.
  mutating func noteOwn(_ id: StreamID, at end: End) {
    ids.append(id)
    update(end) { peer in
      peer.opened.insert(id)
      peer.ownCount += 1
    }
  }

  /// The first of some pages that were not written yet.
  private mutating func writePages(_ end: End, _ object: Int, _ pages: Range<Int>, _ fill: UInt8, base: Int?) {
    guard let id = objects.current[ObjectFlows.name(object)]?[end], var carrier = objects.carriers[id] else { return }
    let byteCount = carrier.content.count
    let run = pages.prefix { !carrier.writtenPages.contains($0) && $0 * Self.pageByteCount < byteCount }
    guard let first = run.first, let last = run.last else { return }
    let range = first * Self.pageByteCount..<min((last + 1) * Self.pageByteCount, byteCount)
    change(&carrier.content, range, fill)
    carrier.writtenPages.formUnion(run)
    let bytes = ByteBuffer(bytes: carrier.content[range])
    let baseRange = base.map { UInt64($0)..<UInt64($0 + range.count) }
    let isTaken = update(end) { peer in
      (try? peer.session.writePages(bytes, at: range.lowerBound, to: id, base: baseRange)) != nil
    }
    if isTaken { objects.carriers[id] = carrier }
  }

  private func change(_ content: inout [UInt8], _ range: Range<Int>, _ fill: UInt8) {
    var random = SeededGenerator(seed: UInt64(fill))
    switch fill & 3 {
    case 0: content.replaceSubrange(range, with: repeatElement(fill == 0 ? 0 : fill, count: range.count))
    case 1: for _ in 0..<3 { content[range.lowerBound + random.next(below: range.count)] ^= fill }
    case 2: break
    default: for place in range { content[place] = UInt8(truncatingIfNeeded: random.next()) }
    }
  }

  /// Both ends are given an object, or the other one something else. What was begun and released before has to be known at the other end, or it would count
  /// other objects than this one does.
  private mutating func adopt(_ end: End, _ object: Int, isWrong: Bool) {
    send(end, maximumByteCount: 1 << 20)
    arrive(end.other, byteCount: .max, pieceByteCount: 4_096)
    let name = ObjectFlows.name(object)
    let version = objects.lastVersion[end, default: 0] + 1
    var content = (0..<3 * Self.pageByteCount - object).map { UInt8(truncatingIfNeeded: $0 / 5 + object) }
    let isTaken = update(end) { peer in
      peer.session.adoptOutgoing(ObjectImage(ByteBuffer(bytes: content)), of: name, epoch: 1 << 40, version: version)
    }
    guard isTaken else { return }
    objects.lastVersion[end] = version
    objects.contents[ObjectFlows.Key(sender: end, name: name, version: version)] = content
    if isWrong { content[5_000] ^= 1 }
    update(end.other) { peer in
      _ = peer.session.adoptIncoming(
        ObjectImage(ByteBuffer(bytes: content)), of: name, epoch: 1 << 40, version: version)
    }
  }

  /// False when there was nothing to be read.
  mutating func readPages(_ end: End, _ id: StreamID, maximumByteCount: Int) -> Bool {
    var rest = maximumByteCount
    while rest > 0, problem == nil {
      guard case .bytes(let bytes, let offset) = update(end, { $0.session.readPages(id, maximumByteCount: rest) })
      else {
        return rest < maximumByteCount
      }
      rest -= max(1, bytes.readableBytes)
      let range = Int(clamping: offset)..<Int(clamping: offset) + bytes.readableBytes
      guard let content = objects.carriers[id]?.content, !isHostile else { continue }
      if range.upperBound > content.count || ByteBuffer(bytes: content[range]) != bytes {
        problem = "stream \(id) delivered other pages at \(offset) than were written"
      }
    }
    return true
  }

  /// An end was told where an object stands.
  mutating func noteStands(_ name: ObjectName, _ version: UInt64, isOwn: Bool, at end: End) {
    guard version > 0, !isHostile else { return }
    let key = ObjectFlows.Key(sender: isOwn ? end : end.other, name: name, version: version)
    if let id = objects.current[name]?[key.sender], let carrier = objects.carriers[id], carrier.key == key {
      objects.contents[key] = carrier.content
    }
    guard let content = objects.contents[key] else {
      problem = "object \(name) stands at version \(version), which was never sent"
      return
    }
    guard !isOwn else { return }
    // It may have been dropped, or another version have come, since the event was made.
    guard let held = update(end, { $0.session.object(name, range: 0..<Int.max) }), held.version == version else {
      return
    }
    if held.bytes != ByteBuffer(bytes: content) {
      problem = "version \(version) of object \(name) is held with other bytes"
    }
  }

  /// Everything has come to rest: no version is under way any more.
  mutating func checkObjects() {
    for (id, carrier) in objects.carriers where problem == nil {
      let name = carrier.key.name
      if update(carrier.key.sender, { $0.session.standingVersion(of: name) }) == nil {
        problem = "stream \(id) carries a version of object \(name) for ever"
      }
    }
  }
}
