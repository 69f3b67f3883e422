import DWCPCore
import NIOCore

/// Two engines that send one another versions of objects, beside a model: jobs in any order, bytes and answers that are late, versions that are cut short, bases
/// that are dropped, or that were never the same at both ends. What is read, and what is held, is what the model says, or there is a typed answer.
struct ObjectsWorld {
  private var random: SeededGenerator
  private var sending: ObjectsEnd
  private var receiving: ObjectsEnd
  private var models: [ObjectModel] = []
  private var lastVersion: UInt64 = 0
  /// What each stream of a version has to bring; and which of its bytes have come.
  private var expected: [StreamID: [UInt8]] = [:]
  private let codecs: CodecContext
  private var now = Instant(nanoseconds: 1_000_000_000)
  private(set) var counts: [String: Int] = [:]
  private(set) var problem: String?

  init(seed: UInt64, codecs: CodecContext) {
    random = SeededGenerator(seed: seed)
    self.codecs = codecs
    var configuration = SessionConfiguration()
    configuration.receiveObjectByteCount = 65_536 * UInt64.random(in: 4...24, using: &random)
    configuration.streamWindowByteCount = UInt64.random(in: 65_536...400_000, using: &random)
    if Int.random(in: 0..<5, using: &random) == 0 { configuration.decodableCodecs = [.lz4] }
    if Bool.random(using: &random) { configuration.requiresIntegrity = false }
    let secrets = (SessionSecrets(using: &random), SessionSecrets(using: &random))
    sending = ObjectsEnd(session: Session(role: .initiator, configuration: configuration, secrets: secrets.0, now: now))
    receiving = ObjectsEnd(
      session: Session(role: .acceptor, configuration: configuration, secrets: secrets.1, now: now))
    for number in 0..<3 {
      models.append(ObjectModel(name: ObjectName(domain: UInt64(number / 2), number: UInt64(number % 2))))
    }
    deliverAll()
  }

  mutating func run(operationCount: Int) {
    for _ in 0..<operationCount where problem == nil { step() }
    finishAll()
  }

  private mutating func step() {
    let index = Int.random(in: 0..<models.count, using: &random)
    switch Int.random(in: 0..<30, using: &random) {
    case 0..<5: begin(index)
    case 5..<10: write(index)
    case 10, 11: finish(index)
    case 12: if Bool.random(using: &random) { cutShort(index) }
    case 13: if Bool.random(using: &random) { receiving.session.dropObject(models[index].name) }
    case 14: adopt(index)
    case 15: if models[index].sending == nil, Int.random(in: 0..<6, using: &random) == 0 { release(index) }
    case 16..<20: receiving.receive(sending.send(using: &random, now: now), now: now)
    case 20..<24: sending.receive(receiving.send(using: &random, now: now), now: now)
    case 24, 25: sending.runJob(in: codecs, using: &random, now: now)
    case 26, 27: receiving.runJob(in: codecs, using: &random, now: now)
    case 28: read()
    default: advance()
    }
    settle()
  }

  private mutating func note(_ what: String) { counts[what, default: 0] += 1 }

  private mutating func advance() {
    now = Instant(nanoseconds: now.nanoseconds + 30_000_000)
    sending.session.handleDeadline(now: now)
    receiving.session.handleDeadline(now: now)
  }
}

/// What the applications do.
extension ObjectsWorld {
  private mutating func begin(_ index: Int) {
    guard models[index].sending == nil else { return }
    var content = models[index].content
    if content.isEmpty {
      content = (0..<Int.random(in: 1...200_000, using: &random)).map { UInt8(truncatingIfNeeded: $0 / 7) }
    }
    content = content.changed(using: &random)
    let forgets = Int.random(in: 0..<12, using: &random) == 0
    let setting = ["none", "lz4", "zstd", "zstd:3"].randomElement(using: &random).flatMap(CompressionSetting.init)
    guard
      let id = try? sending.session.openVersion(
        of: models[index].name, byteCount: content.count, forgetsBase: forgets,
        compression: setting.map { .fixed($0) })
    else { return note("begin refused") }
    note(forgets ? "new epoch" : models[index].version == 0 ? "first version" : "next version")
    lastVersion += 1
    models[index].content = content
    models[index].sending = ObjectModel.Version(
      id: id, number: lastVersion, content: content, unwritten: pieces(of: content.count))
    expected[id] = content
  }

  /// Whole pages, in any order.
  private mutating func pieces(of byteCount: Int) -> [Range<Int>] {
    var pieces: [Range<Int>] = []
    var start = 0
    while start < byteCount {
      let end = min(byteCount, start + 4_096 * Int.random(in: 1...24, using: &random))
      pieces.append(start..<end)
      start = end
    }
    return Bool.random(using: &random) ? pieces : pieces.shuffled(using: &random)
  }

  private mutating func write(_ index: Int) {
    guard var version = models[index].sending, !version.isFinished, !version.isReset else { return }
    for _ in 0..<Int.random(in: 1...6, using: &random) {
      guard let piece = version.unwritten.popLast() else { break }
      let base = Int.random(in: 0..<6, using: &random) == 0 ? randomBase(piece.count) : nil
      do {
        _ = try sending.session.writePages(
          ByteBuffer(bytes: version.content[piece]), at: piece.lowerBound, to: version.id, base: base)
      } catch {
        // The version has been ended by the other end.
        version.isReset = true
        break
      }
    }
    models[index].sending = version
  }

  private mutating func randomBase(_ byteCount: Int) -> Range<UInt64> {
    let start = UInt64.random(in: 0...100_000, using: &random)
    return start..<start + UInt64(byteCount)
  }

  private mutating func finish(_ index: Int) {
    guard var version = models[index].sending, !version.isFinished, !version.isReset else { return }
    while !version.unwritten.isEmpty, !version.isReset {
      models[index].sending = version
      write(index)
      version = models[index].sending ?? version
    }
    guard !version.isReset, (try? sending.session.finish(version.id)) != nil else { return }
    models[index].sending?.isFinished = true
    note("finished")
  }

  private mutating func cutShort(_ index: Int) {
    guard let version = models[index].sending, !version.isReset else { return }
    if Bool.random(using: &random) {
      sending.session.reset(version.id, code: .cancelled)
      models[index].sending?.isReset = true
      note("reset")
    } else {
      receiving.session.stop(version.id, code: .cancelled)
      note("stopped")
    }
  }

  /// Both ends are given the same, or one of them something else.
  private mutating func adopt(_ index: Int) {
    let model = models[index]
    guard model.sending == nil, !model.content.isEmpty else { return }
    let version = lastVersion + 1
    guard
      sending.session.adoptOutgoing(
        ObjectImage(ByteBuffer(bytes: model.content)), of: model.name, epoch: 1 << 40, version: version)
    else { return }
    lastVersion = version
    models[index].version = version
    models[index].contents[version] = model.content
    var theirs = model.content
    let isWrong = Bool.random(using: &random)
    if isWrong { theirs[Int.random(in: 0..<theirs.count, using: &random)] ^= 0x10 }
    let isTaken = receiving.session.adoptIncoming(
      ObjectImage(ByteBuffer(bytes: theirs)), of: model.name, epoch: 1 << 40, version: version)
    note(!isTaken ? "adopted by one end" : isWrong ? "adopted with a difference" : "adopted")
  }

  private mutating func release(_ index: Int) {
    guard sending.session.releaseObject(models[index].name) else { return }
    models[index] = ObjectModel(name: models[index].name)
    note("released")
  }

  private mutating func read() {
    for id in expected.keys.sorted(by: { $0.rawValue < $1.rawValue }) where problem == nil { read(id) }
  }

  private mutating func read(_ id: StreamID) {
    for _ in 0..<20 {
      switch receiving.session.readPages(id, maximumByteCount: Int.random(in: 1...100_000, using: &random)) {
      case .bytes(let bytes, let offset):
        guard let content = expected[id], Int(offset) + bytes.readableBytes <= content.count,
          content[Int(offset)..<Int(offset) + bytes.readableBytes].elementsEqual(bytes.readableBytesView)
        else {
          problem = "stream \(id) brought other bytes at \(offset)"
          return
        }
        note("read")
      case .notReady: return
      case .end, .failed:
        receiving.session.release(id)
        return
      }
    }
  }
}

/// The wire, the jobs and the events.
extension ObjectsWorld {
  private mutating func settle() {
    while let event = sending.session.nextEvent() { take(event, isSender: true) }
    while let event = receiving.session.nextEvent() { take(event, isSender: false) }
  }

  private mutating func take(_ event: SessionEvent, isSender: Bool) {
    switch event {
    case .ended(let error): problem = problem ?? "the session ended: \(error.map { "\($0)" } ?? "no reason")"
    case .streamOpened(let id, _): try? receiving.session.finish(id)
    case .closed(let id): if !isSender { expected[id] = nil }
    case .readable(let id) where isSender:
      _ = sending.session.read(id)
      sending.session.release(id)
    case .objectStands(let name, let version, _): isSender ? stands(name, version) : holds(name, version)
    default: break
    }
  }

  /// The sender was told.
  private mutating func stands(_ name: ObjectName, _ version: UInt64) {
    guard let index = models.firstIndex(where: { $0.name == name }) else { return }
    if let current = models[index].sending, version == current.number {
      models[index].contents[version] = current.content
      models[index].sending = nil
      models[index].version = version
      note("stands")
    } else if version == 0 {
      let isOver = sending.session.standingVersion(of: name) != nil
      if isOver { models[index].sending = nil }
      models[index].version = 0
      note("dropped")
    } else {
      models[index].sending = nil
      note("stands at the base")
    }
  }

  /// The receiver was told: what it holds is exact.
  private mutating func holds(_ name: ObjectName, _ version: UInt64) {
    guard version > 0, let model = models.first(where: { $0.name == name }),
      let content = model.sending.flatMap({ $0.number == version ? $0.content : nil }) ?? model.contents[version]
    else { return }
    guard let held = receiving.session.object(name, range: 0..<Int.max) else {
      problem = "version \(version) of object \(name.number) stands, and is not held"
      return
    }
    if held.version != version || !held.bytes.readableBytesView.elementsEqual(content) {
      problem = "version \(version) of object \(name.number) has other bytes at the receiver"
    }
    note("held")
  }

  private mutating func deliverAll() {
    for _ in 0..<10_000 where problem == nil {
      sending.runAllJobs(in: codecs, now: now)
      receiving.runAllJobs(in: codecs, now: now)
      read()
      settle()
      let (there, back) = (sending.sendAll(now: now), receiving.sendAll(now: now))
      guard there.readableBytes + back.readableBytes > 0 else { return }
      receiving.receive(there, now: now)
      sending.receive(back, now: now)
    }
    problem = problem ?? "the ends do not come to rest"
  }

  /// Both ends agree on what there was. An object that is dropped before the end of its version is told stood at the other end alone.
  private mutating func compareCounters() {
    let (sent, received) = (sending.session.counters.objects.sent, receiving.session.counters.objects.received)
    let isAlike =
      sent.versionsStood + sent.versionsFailed == received.versionsStood + received.versionsFailed
      && sent.versionsStood <= received.versionsStood && sent.mismatches <= received.mismatches
      && received.replacedBlocks <= sent.replacedBlocks && received.rawBytes <= sent.rawBytes
    if !isAlike, problem == nil { problem = "the ends counted \(sent) and \(received)" }
  }

  /// Whatever is under way comes to an end, and then a version of each object that is sent whole is held.
  private mutating func finishAll() {
    defer {
      counts["mismatch", default: 0] += Int(sending.session.counters.objects.sent.mismatches)
      counts["replaced block", default: 0] += Int(sending.session.counters.objects.sent.replacedBlocks)
    }
    for index in models.indices where problem == nil { finish(index) }
    deliverAll()
    for index in models.indices where problem == nil {
      if let current = models[index].sending {
        problem = "version \(current.number) of object \(models[index].name.number) is under way for ever"
      }
    }
    guard problem == nil else { return }
    for index in models.indices { release(index) }
    deliverAll()
    compareCounters()
    for index in models.indices where problem == nil {
      begin(index)
      finish(index)
      deliverAll()
      let content = models[index].content
      let held = receiving.session.object(models[index].name, range: 0..<Int.max)
      if !content.isEmpty, models[index].version > 0, held?.bytes.readableBytesView.elementsEqual(content) != true {
        problem = "object \(models[index].name.number) is not held at the end"
      }
    }
  }
}
