import NIOCore
import Testing

@testable import DWCPCore

/// Objects of which both ends hold a version (SPEC BAS-1 to BAS-5).
@Suite struct CodecSuiteObjects {
  @Test("a version is kept at both ends, and the next one goes as what changed (SPEC BAS-1, BAS-2, BAS-5)")
  func life() throws {
    var pair = ObjectPair()
    let first = ObjectPair.content(pageCount: 40, seed: 1)
    let id = try pair.send(first)
    #expect(pair.read(id) == first)
    #expect(pair.client.stands == [ObjectPair.Stand(version: 1, isOwn: true)])
    #expect(pair.server.stands == [ObjectPair.Stand(version: 1, isOwn: false)])
    let second = ObjectPair.changed(first, pages: [3, 4, 17, 39])
    let before = pair.client.session.counters
    let next = try pair.send(second)
    #expect(pair.reads(next).map(\.offset) == [3 * 4_096, 17 * 4_096, 39 * 4_096])
    #expect(pair.client.session.counters.rawBytesSent - before.rawBytesSent == 4 * 4_096)
    #expect(pair.client.session.counters.wireBytesSent - before.wireBytesSent < 2_000)
    #expect(pair.held == second)
    #expect(pair.client.stands.last?.version == 2)
    #expect(pair.server.failure == nil)
  }

  @Test("zeros are named, and what begins as zeros is not sent (SPEC BAS-2, BAS-3)")
  func zeros() throws {
    var pair = ObjectPair()
    var content = ObjectPair.content(pageCount: 20, seed: 2)
    content.replaceSubrange(4_096..<12 * 4_096, with: repeatElement(0, count: 11 * 4_096))
    let id = try pair.send(content)
    #expect(pair.reads(id).reduce(0) { $0 + $1.bytes.count } == 9 * 4_096)
    #expect(pair.held == content)
    let before = pair.client.session.counters.wireBytesSent
    let zeros = [UInt8](repeating: 0, count: content.count)
    _ = pair.read(try pair.send(zeros))
    #expect(pair.held == zeros)
    #expect(pair.client.session.counters.wireBytesSent - before < 400)
  }

  @Test("an object may become longer and shorter, and its last page may be short (SPEC BAS-1, BAS-2)")
  func lengths() throws {
    var pair = ObjectPair()
    var content = ObjectPair.content(pageCount: 5, seed: 3) + [1, 2, 3]
    for change in [100, 4_096, 70_000, -80_000, -4_000, 1, 200_000, -90_001] {
      content =
        change > 0
        ? content + ObjectPair.content(pageCount: change / 4_096 + 1, seed: UInt64(change)).prefix(change)
        : Array(content.dropLast(-change))
      _ = pair.read(try pair.send(content))
      #expect(pair.held == content, "\(change)")
    }
    #expect(pair.server.failure == nil)
  }

  @Test(
    "what is cut off an object is gone, and what it grows by is zeros (SPEC BAS-1)",
    arguments: [5_000, 65_536, 100_000])
  func resizing(byteCount: Int) {
    let content = ObjectPair.content(pageCount: 40, seed: 9)
    var image = ObjectImage(ByteBuffer(bytes: content))
    image.resize(to: byteCount)
    image.resize(to: content.count)
    let expected = ByteBuffer(
      bytes: content.prefix(byteCount) + [UInt8](repeating: 0, count: content.count - byteCount))
    #expect(image.read(0..<content.count) == expected)
    #expect(image.digest == ObjectImage(expected).digest)
  }

  @Test("what is found like elsewhere goes as moved (SPEC BAS-3)")
  func moved() throws {
    var pair = ObjectPair()
    let first = ObjectPair.content(pageCount: 32, seed: 4)
    _ = pair.read(try pair.send(first))
    let second = Array(first[..<5_000]) + [9, 8, 7] + Array(first[5_000...])
    let before = pair.client.session.counters.wireBytesSent
    let id = try pair.begin(second.count)
    _ = try pair.client.session.writePages(ByteBuffer(bytes: second), at: 0, to: id, base: 0..<UInt64(first.count))
    try pair.client.session.finish(id)
    pair.exchange()
    _ = pair.read(id)
    #expect(pair.held == second)
    #expect(pair.client.session.counters.wireBytesSent - before < 4_096)
  }

  @Test(
    "a base that was dropped is a mismatch: every block comes again in full, and the object is dropped (SPEC BAS-4, BAS-5)"
  )
  func dropped() throws {
    var pair = ObjectPair()
    let first = ObjectPair.content(pageCount: 80, seed: 5)
    _ = pair.read(try pair.send(first))
    pair.server.session.dropObject(ObjectPair.name)
    let second = ObjectPair.changed(first, pages: Array(0..<80))
    let id = try pair.begin(second.count)
    try pair.write(second, to: id)
    // The answer of the server has not come when the blocks are made.
    let wire = pair.client.transmit(now: pair.now)
    pair.server.receive(wire, now: pair.now)
    pair.exchange()
    #expect(pair.read(id) == second)
    #expect(pair.held == nil)
    #expect(pair.client.stands.map(\.version) == [1, 0])
    _ = pair.read(try pair.send(second))
    #expect(pair.held == second)
    #expect(pair.server.failure == nil)
    #expect(pair.client.failure == nil)
  }

  @Test("a base with other bytes is found out before a byte is delivered, and replaced (SPEC BAS-4, CHN-3)")
  func corrupted() throws {
    var pair = ObjectPair()
    let first = ObjectPair.content(pageCount: 64, seed: 6)
    var wrong = first
    wrong[10 * 4_096 + 7] ^= 1
    let isAdopted = [
      pair.client.session.adoptOutgoing(ObjectImage(ByteBuffer(bytes: first)), of: ObjectPair.name, version: 1),
      pair.server.session.adoptIncoming(ObjectImage(ByteBuffer(bytes: wrong)), of: ObjectPair.name, version: 1),
    ]
    #expect(isAdopted == [true, true])
    let second = ObjectPair.changed(first, pages: Array(8..<64))
    let id = try pair.send(second)
    let reads = pair.reads(id)
    #expect(Array(reads.flatMap(\.bytes)) == Array(second[(8 * 4_096)...]))
    #expect(pair.held == nil)
    #expect(pair.client.stands.map(\.version) == [0])
    #expect(pair.server.failure == nil)
  }

  @Test("after RESET the object stands at its base, after STOP it is dropped (SPEC BAS-5)", arguments: [true, false])
  func cutShort(byReset: Bool) throws {
    var pair = ObjectPair()
    let first = ObjectPair.content(pageCount: 40, seed: 7)
    _ = pair.read(try pair.send(first))
    let id = try pair.begin(first.count)
    _ = try pair.client.session.writePages(
      ByteBuffer(bytes: ObjectPair.content(pageCount: 20, seed: 8)), at: 0, to: id)
    pair.exchange()
    #expect(pair.refuses(first.count) == true)
    if byReset {
      pair.client.session.reset(id, code: .cancelled)
    } else {
      pair.server.session.stop(id, code: .cancelled)
    }
    pair.exchange()
    #expect(pair.held == (byReset ? first : nil))
    #expect(pair.client.stands.last == ObjectPair.Stand(version: byReset ? 1 : 0, isOwn: true))
    _ = pair.read(try pair.send(ObjectPair.changed(first, pages: [1])))
    #expect(pair.held == ObjectPair.changed(first, pages: [1]))
    #expect(pair.client.failure == nil)
    #expect(pair.server.failure == nil)
  }

  @Test("pages that had come when the session ended are read as those that they are (SPEC BAS-2, END-5)")
  func endOfSession() throws {
    var pair = ObjectPair()
    let content = ObjectPair.content(pageCount: 20, seed: 11)
    let id = try pair.begin(content.count)
    for page in [17, 3] {
      let range = page * 4_096..<(page + 1) * 4_096
      _ = try pair.client.session.writePages(ByteBuffer(bytes: content[range]), at: range.lowerBound, to: id)
    }
    pair.exchange()
    pair.server.session.endOfInput()
    let reads = pair.reads(id)
    #expect(reads.map(\.offset) == [17 * 4_096, 3 * 4_096])
    for read in reads { #expect(read.bytes == Array(content[Int(read.offset)..<Int(read.offset) + 4_096])) }
  }

  @Test("objects count until they are released, and no more are begun than the other end holds (SPEC BAS-1)")
  func budgets() throws {
    var pair = ObjectPair(byteCount: 3 * 65_536)
    let content = ObjectPair.content(pageCount: 17, seed: 9)
    _ = pair.read(try pair.send(content))
    #expect(pair.refuses(70_000, number: 2) == true)
    let small = try pair.begin(65_536, number: 2)
    try pair.client.session.finish(small)
    pair.exchange()
    #expect(pair.refuses(1, number: 3) == true)
    let isReleased = pair.client.session.releaseObject(ObjectPair.name)
    #expect(isReleased)
    pair.exchange()
    #expect(pair.held == nil)
    _ = try pair.begin(100_000, number: 3)
    pair.exchange()
    #expect(pair.server.failure == nil)
    var none = ObjectPair(byteCount: 0)
    #expect(none.refuses(1) == true)
  }

  @Test("pages are written whole, within the object, and once (SPEC BAS-2)")
  func callers() throws {
    var pair = ObjectPair()
    let id = try pair.begin(10_000)
    let page = ByteBuffer(repeating: 1, count: 4_096)
    for (bytes, offset) in [(page, 1), (page, 8_192), (ByteBuffer(repeating: 1, count: 4_095), 0), (page, -4_096)] {
      #expect(pair.refusesPages(bytes, at: offset, to: id) == true)
    }
    _ = try pair.client.session.writePages(page, at: 4_096, to: id)
    #expect(pair.refusesPages(page, at: 4_096, to: id) == true)
    _ = try pair.client.session.writePages(ByteBuffer(repeating: 2, count: 10_000 - 8_192), at: 8_192, to: id)
    try pair.client.session.finish(id)
    pair.exchange()
    #expect(pair.reads(id).map(\.offset) == [4_096])
    let other = try pair.begin(4_096, number: 8)
    #expect((try? pair.client.session.write(page, to: other)) == nil, "its bytes would have no place in the object")
    // An opening that is passed on says nothing of a version.
    var passedOn = StreamOpening(metadata: ["key": "value"])
    passedOn.version = ObjectVersion(
      name: ObjectName(number: 9), epoch: 1, baseVersion: 0, version: 99, byteCount: 1, baseDigest: 0)
    _ = try pair.client.session.open(passedOn)
    pair.exchange()
    #expect(pair.server.session.incomingObjects.objects[ObjectName(number: 9)] == nil)
    let plain = try pair.client.session.open()
    #expect(pair.refusesPages(page, at: 0, to: plain) == true)
  }

  @Test("objects of two domains are two objects, and a dictionary is of one (SPEC BAS-6)")
  func domains() throws {
    var pair = ObjectPair()
    let first = ObjectPair.content(pageCount: 4, seed: 10)
    _ = pair.read(try pair.send(first))
    let other = ObjectName(domain: 5, number: ObjectPair.name.number)
    #expect(pair.server.session.object(other, range: 0..<1) == nil)
    let id = try pair.client.session.openVersion(of: other, byteCount: first.count)
    try pair.write(first, to: id)
    pair.exchange()
    #expect(pair.read(id) == first, "nothing of the other domain's was left out")
    #expect(pair.server.session.object(other, range: 0..<first.count)?.version == 2)
  }
}

/// Two engines, of which the server holds objects.
struct ObjectPair {
  struct Stand: Equatable {
    let version: UInt64
    let isOwn: Bool
  }

  static let name = ObjectName(number: 7)

  var engines: EnginePair

  init(byteCount: UInt64 = 1 << 24) {
    var server = SessionConfiguration()
    server.receiveObjectByteCount = byteCount
    engines = .established(server: server)
  }

  var client: Peer {
    get { engines.client }
    set { engines.client = newValue }
  }
  var server: Peer {
    get { engines.server }
    set { engines.server = newValue }
  }
  var now: Instant { engines.now }

  mutating func exchange() { engines.exchange() }

  /// Pages that shrink, each of its own kind.
  static func content(pageCount: Int, seed: UInt64) -> [UInt8] {
    var random = SeededGenerator(seed: seed)
    return (0..<pageCount).flatMap { _ -> [UInt8] in
      let words = (0..<64).map { _ in UInt8.random(in: 0...255, using: &random) }
      return (0..<4_096).map { words[($0 / 3) % 64] &+ UInt8(truncatingIfNeeded: $0 / 512) }
    }
  }

  /// The same with a few bytes of some pages changed.
  static func changed(_ content: [UInt8], pages: [Int]) -> [UInt8] {
    var content = content
    for page in pages {
      for place in [17, 900, 901, 4_000] where page * 4_096 + place < content.count {
        content[page * 4_096 + place] &+= UInt8(truncatingIfNeeded: 1 + page % 7)
      }
    }
    return content
  }

  mutating func begin(_ byteCount: Int, number: UInt64 = name.number) throws -> StreamID {
    try client.session.openVersion(
      of: ObjectName(number: number), byteCount: byteCount, compression: .fixed(.zstdDefault))
  }

  /// Whether a version cannot be begun.
  mutating func refuses(_ byteCount: Int, number: UInt64 = name.number) -> Bool {
    (try? begin(byteCount, number: number)) == nil
  }

  mutating func refusesPages(_ bytes: ByteBuffer, at offset: Int, to id: StreamID) -> Bool {
    (try? client.session.writePages(bytes, at: offset, to: id)) == nil
  }

  mutating func write(_ content: [UInt8], to id: StreamID) throws {
    _ = try client.session.writePages(ByteBuffer(bytes: content), at: 0, to: id)
    try client.session.finish(id)
  }

  mutating func send(_ content: [UInt8]) throws -> StreamID {
    let id = try begin(content.count)
    try write(content, to: id)
    exchange()
    return id
  }

  /// What the server reads, piece by piece; the stream is let go then.
  mutating func reads(_ id: StreamID) -> [(offset: Int, bytes: [UInt8])] {
    var reads: [(offset: Int, bytes: [UInt8])] = []
    while true {
      let read = server.session.readPages(id)
      if case .bytes(let bytes, let offset) = read {
        reads.append((Int(offset), Array(bytes.readableBytesView)))
      } else {
        exchange()
        guard case .notReady = read, server.session.readPages(id) != .notReady else { break }
      }
    }
    return reads
  }

  /// The whole object as the reads make it, which is right where everything is sent.
  mutating func read(_ id: StreamID) -> [UInt8] {
    var content: [UInt8] = []
    for read in reads(id) {
      if content.count < read.offset { content += repeatElement(0, count: read.offset - content.count) }
      content.replaceSubrange(read.offset..<min(content.count, read.offset + read.bytes.count), with: read.bytes)
    }
    return content
  }

  /// What the server holds of the object.
  var held: [UInt8]? {
    server.session.object(Self.name, range: 0..<Int.max).map { Array($0.bytes.readableBytesView) }
  }
}

extension Peer {
  var stands: [ObjectPair.Stand] {
    events.compactMap { event in
      if case .objectStands(_, let version, let isOwn) = event {
        return ObjectPair.Stand(version: version, isOwn: isOwn)
      }
      return nil
    }
  }
}
