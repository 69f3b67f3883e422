internal import DequeModule
internal import NIOCore

/// Objects that the other end sends (SPEC BAS-1, BAS-4, BAS-5).
///
///     unknown, stands --OPEN--> under way --FIN, all verified--------> stands at the new version
///                               under way --RESET--------------------> stands at the base
///                               under way --stopped here-------------> dropped
///                               under way --mismatch, and all else---> dropped
///     stands --dropped here, or released--> unknown
///
/// Every transition is in this file; ``IncomingVersion`` is what is under way.
struct IncomingObjects: Hashable, Sendable {
  struct Object: Hashable, Sendable {
    /// Where it stands; 0 for nothing.
    fileprivate(set) var version: UInt64 = 0
    fileprivate(set) var image: ObjectImage?
    /// What is under way.
    fileprivate(set) var incoming: IncomingVersion?
    fileprivate var epoch: UInt64
    fileprivate var lastVersion: UInt64 = 0
    /// Bytes that it counts for.
    fileprivate var chargedByteCount: UInt64 = 0
    /// Answers that are to be sent; each has one place (SPEC LIV-2).
    fileprivate var mismatch: BaselineAnswer?
    fileprivate var stand: BaselineAnswer?

    fileprivate init(epoch: UInt64) {
      self.epoch = epoch
    }

    fileprivate mutating func forget() {
      version = 0
      image = nil
    }

    /// Changes what is under way where it lies: a copy of it would copy its lists.
    fileprivate mutating func update<Result, Failure: Error>(
      _ body: (inout IncomingVersion, ObjectImage?) throws(Failure) -> Result
    ) throws(Failure) -> Result? {
      guard var changed = incoming.take() else { return nil }
      defer { incoming = changed }
      return try body(&changed, image)
    }
  }

  /// SPEC BAS-1.
  static let maximumCount = 1_024

  let budget: UInt64
  private(set) var objects: [ObjectName: Object] = [:]
  /// Streams that carry a version, or did.
  private(set) var names: [StreamID: ObjectName] = [:]
  /// What all objects count for together.
  private(set) var chargedByteCount: UInt64 = 0
  /// Objects with answers to be sent.
  private var answering: Deque<ObjectName> = []
  /// Where objects stand now, for the application.
  private var news: Deque<News> = []

  struct News: Hashable, Sendable {
    let name: ObjectName
    /// 0 for nothing.
    let version: UInt64
    /// What was under way until now.
    let ended: ObjectVersion?
  }

  init(budget: UInt64) {
    self.budget = budget
  }

  /// No object is known, and no stream carries one.
  @inline(__always)
  var isEmpty: Bool { objects.isEmpty && names.isEmpty }

  /// A stream carries a version: its blocks have pages.
  @inline(__always)
  func isCarrier(_ id: StreamID) -> Bool { !names.isEmpty && names[id] != nil }

  func incoming(on id: StreamID) -> IncomingVersion? {
    names[id].flatMap { objects[$0]?.incoming }.flatMap { $0.streamID == id ? $0 : nil }
  }

  /// A stream that carries a version is opened.
  mutating func begin(_ version: ObjectVersion, on id: StreamID) throws(SessionError) {
    let number = version.name.number
    guard budget > 0 else {
      throw .peer(.protocol, "BAS-1", "a version of object \(number) came though none was announced to be held")
    }
    guard ObjectVersion.byteCounts.contains(version.byteCount), version.epoch > 0, version.version > version.baseVersion
    else { throw .peer(.protocol, "BAS-1", "length, epoch or versions of object \(number) are out of bounds") }
    var object = objects[version.name] ?? Object(epoch: version.epoch)
    guard object.incoming == nil else {
      throw .peer(.protocol, "BAS-1", "two versions of object \(number) are under way")
    }
    guard version.version > object.lastVersion, version.epoch >= object.epoch,
      version.epoch == object.epoch || version.baseVersion == 0
    else { throw .peer(.protocol, "BAS-1", "epoch or version of object \(number) is older than the last") }
    if version.baseVersion != object.version || version.baseDigest != object.image?.digest ?? 0 { object.forget() }
    object.epoch = version.epoch
    object.lastVersion = version.version
    object.incoming = IncomingVersion(version, on: id)
    let base = object.image.map { ObjectImage.chargedByteCount(UInt64($0.byteCount)) } ?? 0
    guard charge(&object, version.name, max(base, ObjectImage.chargedByteCount(version.byteCount))) else {
      throw .peer(.protocol, "BAS-1", "object \(number) is more than the budget has left")
    }
    objects[version.name] = object
    names[id] = version.name
  }

  /// Counts an object for so many bytes; false when the budget has not as much left.
  private mutating func charge(_ object: inout Object, _ name: ObjectName, _ byteCount: UInt64) -> Bool {
    let others = chargedByteCount &- object.chargedByteCount
    guard byteCount <= budget &- others, objects[name] != nil || objects.count < Self.maximumCount else {
      return false
    }
    chargedByteCount = others &+ byteCount
    object.chargedByteCount = byteCount
    return true
  }

  /// The application gives this end what the other end has too (SPEC BAS-1); false when the budget has not as much left.
  mutating func adopt(_ image: ObjectImage, of name: ObjectName, epoch: UInt64, version: UInt64) -> Bool {
    var object = objects[name] ?? Object(epoch: epoch)
    guard object.incoming == nil, epoch >= object.epoch, version > object.lastVersion,
      charge(&object, name, ObjectImage.chargedByteCount(UInt64(image.byteCount)))
    else { return false }
    object.epoch = epoch
    object.version = version
    object.lastVersion = version
    object.image = image
    objects[name] = object
    return true
  }

  /// The application needs the memory; false when the object stands at no version.
  mutating func drop(_ name: ObjectName) -> Bool {
    guard let version = objects[name]?.version, version > 0 else { return false }
    objects[name]?.forget()
    guard objects[name]?.incoming == nil else { return true }
    // Where the version before it ended may still be to be said: it then ended here.
    answer(name, version: objects[name]?.stand?.version ?? version, value: 0, ended: nil)
    return true
  }

  /// The other end has released an object, or one that was dropped here in the meantime; true when it is gone by that.
  mutating func release(_ name: ObjectName) throws(SessionError) -> Bool {
    guard let object = objects[name] else { return false }
    guard object.incoming == nil else {
      throw .peer(.protocol, "BAS-5", "object \(name.number) is released while a version of it is under way")
    }
    remove(name)
    return true
  }

  private mutating func remove(_ name: ObjectName) {
    guard let object = objects.removeValue(forKey: name) else { return }
    chargedByteCount &-= object.chargedByteCount
    answering.removeAll { $0 == name }
  }
}

/// Blocks.
extension IncomingObjects {
  /// Takes in a block that arrived in its order.
  mutating func receive(
    _ head: PageBlockHead, of id: StreamID, offset: UInt64, rawByteCount: Int
  ) throws(SessionError) -> IncomingVersion.Arrival? {
    guard let name = names[id] else { return nil }
    return try objects[name]?.update { incoming, image throws(SessionError) in
      try incoming.receive(head, offset: offset, rawByteCount: rawByteCount, base: image)
    }
  }

  func byteRanges(ofBlockAt offset: UInt64, of id: StreamID) -> [Range<Int>] {
    incoming(on: id)?.byteRanges(ofBlockAt: offset) ?? []
  }

  /// Gives a block that is to be decoded its place in the queue of its stream.
  mutating func setEntryNumber(_ number: UInt32, ofBlockAt offset: UInt64, of id: StreamID) {
    guard let name = names[id] else { return }
    _ = objects[name]?.update { incoming, _ in incoming.setEntryNumber(number, ofBlockAt: offset) }
  }

  /// Takes in a replacement; returns the place in the queue of its stream where it is still missing.
  mutating func receiveReplacement(
    _ head: PageBlockHead, of id: StreamID, offset: UInt64, rawByteCount: Int
  ) throws(SessionError) -> UInt32? {
    guard let name = names[id] else { return nil }
    return try objects[name]?.update { incoming, _ throws(SessionError) in
      try incoming.receiveReplacement(head, offset: offset, rawByteCount: rawByteCount)
    } ?? nil
  }

  /// A block came to what was sent.
  mutating func noteVerified(_ bytes: ByteBuffer, ofBlockAt offset: UInt64, of id: StreamID) {
    guard incoming(on: id) != nil, let name = names[id] else { return }
    _ = objects[name]?.update { incoming, _ in incoming.noteVerified(bytes, ofBlockAt: offset) }
    settle(name)
  }

  /// A block could not be rebuilt from its base; true for the first of a version, of which the other end is told.
  mutating func noteMismatch(ofBlockAt offset: UInt64, of id: StreamID) -> Bool {
    guard let incoming = incoming(on: id), incoming.mismatch == nil, let name = names[id] else { return false }
    let first = objects[name]?.update { incoming, _ in incoming.noteMismatch(ofBlockAt: offset) }
    objects[name]?.mismatch = BaselineAnswer(
      name: name, version: incoming.version.version, value: first ?? offset, kind: .mismatch)
    queueAnswer(of: name)
    return true
  }

  /// FIN has come: what may follow are replacements.
  mutating func noteFinished(_ id: StreamID) {
    guard incoming(on: id) != nil, let name = names[id] else { return }
    _ = objects[name]?.update { incoming, _ in incoming.isFinished = true }
    settle(name)
  }

  /// The stream's direction has ended before its version was whole.
  ///
  /// - Parameter isReset: by the end that sends it.
  mutating func end(_ id: StreamID, isReset: Bool) {
    guard let incoming = incoming(on: id), let name = names[id] else { return }
    objects[name]?.incoming = nil
    if !isReset || incoming.mismatch != nil { objects[name]?.forget() }
    answer(
      name, version: incoming.version.version, value: objects[name]?.version ?? 0, ended: incoming.version)
  }

  /// The stream is gone.
  mutating func forget(_ id: StreamID) {
    guard !names.isEmpty, names[id] != nil else { return }
    end(id, isReset: false)
    names[id] = nil
  }

  private mutating func settle(_ name: ObjectName) {
    guard objects[name]?.incoming?.isWhole == true, let incoming = objects[name]?.incoming.take() else { return }
    // Without its base nobody knows what the pages are that it leaves out.
    guard incoming.mismatch == nil, incoming.version.baseVersion == 0 || objects[name]?.image != nil else {
      objects[name]?.forget()
      return answer(name, version: incoming.version.version, value: 0, ended: incoming.version)
    }
    objects[name]?.commit(incoming)
    answer(
      name, version: incoming.version.version, value: incoming.version.version, ended: incoming.version)
  }

  /// Where an object stands now is to be said.
  private mutating func answer(_ name: ObjectName, version: UInt64, value: UInt64, ended: ObjectVersion?) {
    guard var object = objects[name] else { return }
    object.mismatch = nil
    object.stand = BaselineAnswer(name: name, version: version, value: value, kind: .stands)
    let byteCount = object.image.map { ObjectImage.chargedByteCount(UInt64($0.byteCount)) } ?? 0
    _ = charge(&object, name, byteCount)
    objects[name] = object
    news.append(News(name: name, version: value, ended: ended))
    queueAnswer(of: name)
  }

  /// The next change of where an object stands.
  mutating func takeNews() -> News? { news.popFirst() }

  private mutating func queueAnswer(of name: ObjectName) {
    if !answering.contains(name) { answering.append(name) }
  }

  @inline(__always)
  var hasAnswers: Bool { !answering.isEmpty }

  /// The next answer that is due, which is taken for sent.
  mutating func takeAnswer() -> BaselineAnswer? {
    guard let name = answering.first else { return nil }
    if let mismatch = objects[name]?.mismatch.take() {
      if objects[name]?.stand == nil { answering.removeFirst() }
      return mismatch
    }
    answering.removeFirst()
    let stand = objects[name]?.stand.take()
    // What stands nowhere is known to nobody any more.
    if objects[name]?.version == 0, objects[name]?.incoming == nil { remove(name) }
    return stand
  }
}

extension IncomingObjects.Object {
  fileprivate mutating func commit(_ incoming: IncomingVersion) {
    version = incoming.version.version
    if let whole = incoming.whole {
      image = whole
      return
    }
    image?.resize(to: Int(incoming.version.byteCount))
    for change in incoming.changes { image?.write(change.bytes, at: change.runs) }
  }
}
