internal import DequeModule
internal import NIOCore

/// Objects that this end sends (SPEC BAS-1, BAS-4, BAS-5).
///
///     unknown, stands --opened--> under way --answer: the new version--> stands there
///                                 under way --answer: the base---------> stands there
///                                 under way --answer: none-------------> unknown
///     stands --released, or answer: none--> unknown
///
/// Every transition is in this file; ``OutgoingVersion`` is what is under way.
struct OutgoingObjects: Hashable, Sendable {
  struct Object: Hashable, Sendable {
    /// Where it stands; 0 for nothing.
    fileprivate(set) var version: UInt64 = 0
    fileprivate(set) var image: ObjectImage?
    fileprivate(set) var outgoing: OutgoingVersion?
    fileprivate var epoch: UInt64 = 1
    fileprivate var chargedByteCount: UInt64 = 0

    fileprivate mutating func forget() {
      version = 0
      image = nil
      outgoing?.loseBase()
    }

    fileprivate mutating func update<Result>(_ body: (inout OutgoingVersion, ObjectImage?) -> Result) -> Result? {
      guard var changed = outgoing.take() else { return nil }
      defer { outgoing = changed }
      return body(&changed, image)
    }
  }

  private(set) var objects: [ObjectName: Object] = [:]
  /// Of all objects, so that an answer about one that was released never seems to be about another.
  private var lastVersion: UInt64 = 0
  /// Streams that carry a version, while it is under way.
  private(set) var names: [StreamID: ObjectName] = [:]
  /// What all objects count for together.
  private(set) var chargedByteCount: UInt64 = 0
  private var releases: Deque<ObjectName> = []
  /// Versions whose blocks have to be sent again.
  private var replacing: Deque<StreamID> = []

  @inline(__always)
  func isCarrier(_ id: StreamID) -> Bool { !names.isEmpty && names[id] != nil }

  /// The length of the object whose version a stream carries; nil where it carries none.
  func objectByteCount(on id: StreamID) -> Int? { names[id].flatMap { objects[$0]?.outgoing?.objectByteCount } }

  /// The version that the next stream of an object would carry; nil while one is under way, and when the other end has no room for it.
  ///
  /// - Parameter budget: what the other end announced.
  /// - Parameter forgetsBase: in a new epoch.
  func next(of name: ObjectName, byteCount: Int, forgetsBase: Bool, budget: UInt64) -> ObjectVersion? {
    let object = objects[name] ?? Object()
    guard object.outgoing == nil, hasRoom(for: object, name, UInt64(byteCount), budget) else { return nil }
    return ObjectVersion(
      name: name, epoch: object.epoch &+ (forgetsBase && objects[name] != nil ? 1 : 0),
      baseVersion: forgetsBase ? 0 : object.version, version: lastVersion &+ 1, byteCount: UInt64(byteCount),
      baseDigest: forgetsBase ? 0 : object.image?.digest ?? 0)
  }

  private func hasRoom(for object: Object, _ name: ObjectName, _ byteCount: UInt64, _ budget: UInt64) -> Bool {
    let others = chargedByteCount &- object.chargedByteCount
    return charge(of: object, byteCount) <= budget &- min(budget, others)
      && (objects[name] != nil || objects.count < IncomingObjects.maximumCount)
  }

  private func charge(of object: Object, _ byteCount: UInt64) -> UInt64 {
    let base = object.image.map { ObjectImage.chargedByteCount(UInt64($0.byteCount)) } ?? 0
    return max(base, ObjectImage.chargedByteCount(byteCount))
  }

  private mutating func recharge(_ object: inout Object, _ byteCount: UInt64) {
    chargedByteCount = chargedByteCount &- object.chargedByteCount &+ byteCount
    object.chargedByteCount = byteCount
  }

  mutating func begin(_ version: ObjectVersion, on id: StreamID) {
    var object = objects[version.name] ?? Object()
    if version.baseVersion == 0 { object.forget() }
    recharge(&object, charge(of: object, version.byteCount))
    object.epoch = version.epoch
    lastVersion = version.version
    object.outgoing = OutgoingVersion(version, on: id)
    objects[version.name] = object
    names[id] = version.name
  }

  /// The application says what the other end holds already (SPEC BAS-1).
  mutating func adopt(
    _ image: ObjectImage, of name: ObjectName, epoch: UInt64, version: UInt64, budget: UInt64
  ) -> Bool {
    var object = objects[name] ?? Object()
    guard object.outgoing == nil, epoch >= object.epoch, version > lastVersion,
      hasRoom(for: object, name, UInt64(image.byteCount), budget)
    else { return false }
    recharge(&object, ObjectImage.chargedByteCount(UInt64(image.byteCount)))
    object.epoch = epoch
    object.version = version
    lastVersion = version
    object.image = image
    objects[name] = object
    return true
  }

  /// False while a version is under way.
  mutating func release(_ name: ObjectName) -> Bool {
    guard let object = objects[name] else { return true }
    guard object.outgoing == nil else { return false }
    remove(name)
    releases.append(name)
    return true
  }

  private mutating func remove(_ name: ObjectName) {
    guard let object = objects.removeValue(forKey: name) else { return }
    chargedByteCount &-= object.chargedByteCount
  }

  @inline(__always)
  var hasReleases: Bool { !releases.isEmpty }

  mutating func takeRelease() -> ObjectName? { releases.popFirst() }

  /// Changes what is under way on a stream; nil when nothing is any more.
  mutating func update<Result>(
    _ id: StreamID, _ body: (inout OutgoingVersion, ObjectImage?) -> Result
  ) -> Result? {
    guard let name = names[id] else { return nil }
    return objects[name]?.update(body)
  }

  /// Pages that go together: of a kind, one behind the other.
  struct Part: Hashable {
    /// In what was written.
    var range: Range<Int>
    var isZero: Bool
  }

  /// What the other end does not have of pages that are written; an object begins as zeros.
  ///
  /// - Parameter isMoved: the base has something like them elsewhere, so that there is no use in looking at the same place.
  func changedParts(of bytes: ByteBuffer, at offset: Int, on id: StreamID, isMoved: Bool) -> [Part] {
    let image = names[id].flatMap { objects[$0]?.image } ?? ObjectImage(byteCount: 0)
    var parts: [Part] = []
    var start = 0
    while start < bytes.readableBytes {
      let count = min(PageRuns.pageByteCount, bytes.readableBytes &- start)
      guard let page = bytes.getSlice(at: bytes.readerIndex &+ start, length: count) else { break }
      let isZero = ObjectImage.isZero(page)
      if isMoved && !isZero || !image.has(page, at: offset &+ start) {
        if let last = parts.indices.last, parts[last].range.upperBound == start, parts[last].isZero == isZero {
          parts[last].range = parts[last].range.lowerBound..<start &+ count
        } else {
          parts.append(Part(range: start..<start &+ count, isZero: isZero))
        }
      }
      start &+= count
    }
    return parts
  }

  @inline(__always)
  var hasReplacements: Bool { !replacing.isEmpty }

  /// The next block to be sent again.
  mutating func takeReplacement() -> (StreamID, OutgoingVersion.Block)? {
    while let id = replacing.first {
      if let block = update(id, { version, _ in version.takeReplacement() }) ?? nil { return (id, block) }
      replacing.removeFirst()
    }
    return nil
  }
}

/// Answers of the other end.
extension OutgoingObjects {
  enum Outcome: Hashable {
    /// It concerns what this end does not have any more.
    case ignored
    case replacing
    /// A version has ended, and the object stands at one, 0 for none. The stream is one that carried what is not to be.
    case ended(ObjectVersion, standing: UInt64, abandoned: StreamID?)
    /// The other end has nothing of the object any more.
    case dropped
  }

  mutating func receive(_ answer: BaselineAnswer) throws(SessionError) -> Outcome {
    guard answer.version <= lastVersion else {
      throw .peer(.protocol, "BAS-5", "an answer names version \(answer.version), which was never begun")
    }
    if let outgoing = objects[answer.name]?.outgoing, outgoing.version.version == answer.version {
      return answer.kind == .mismatch ? try receiveMismatch(answer, outgoing) : try end(outgoing, answer)
    }
    guard let version = objects[answer.name]?.version, version > 0, answer.kind == .stands,
      answer.version == version, answer.value == 0
    else { return .ignored }
    drop(answer.name)
    return .dropped
  }

  private mutating func receiveMismatch(
    _ answer: BaselineAnswer, _ outgoing: OutgoingVersion
  ) throws(SessionError) -> Outcome {
    let isKnown = update(outgoing.streamID) { version, _ in version.noteMismatch(at: answer.value) } ?? false
    guard isKnown else {
      throw .peer(.protocol, "BAS-5", "a mismatch at \(answer.value) is of no block that was sent with a base")
    }
    objects[answer.name]?.forget()
    replacing.append(outgoing.streamID)
    return .replacing
  }

  private mutating func end(_ outgoing: OutgoingVersion, _ answer: BaselineAnswer) throws(SessionError) -> Outcome {
    let isNew = answer.value == outgoing.version.version
    guard var object = objects[answer.name],
      isNew
        ? outgoing.isFinished && !(outgoing.isBaseLost && outgoing.version.baseVersion > 0)
        : answer.value == 0 || answer.value == outgoing.version.baseVersion
    else {
      throw .peer(.protocol, "BAS-5", "an object cannot stand at version \(answer.value)")
    }
    names[outgoing.streamID] = nil
    replacing.removeAll { $0 == outgoing.streamID }
    object.outgoing = nil
    // A second reference would have each segment that changes copied.
    objects[answer.name] = nil
    if isNew {
      object.commit(outgoing)
    } else if answer.value == 0 || object.image == nil {
      objects[answer.name] = object
      drop(answer.name)
      return .ended(outgoing.version, standing: 0, abandoned: outgoing.isFinished ? nil : outgoing.streamID)
    }
    recharge(&object, object.image.map { ObjectImage.chargedByteCount(UInt64($0.byteCount)) } ?? 0)
    objects[answer.name] = object
    return .ended(
      outgoing.version, standing: answer.value, abandoned: isNew || outgoing.isFinished ? nil : outgoing.streamID)
  }

  /// The other end has nothing of an object; its numbers go on.
  private mutating func drop(_ name: ObjectName) {
    guard var object = objects[name] else { return }
    object.forget()
    if object.outgoing == nil { recharge(&object, 0) }
    objects[name] = object
  }
}

extension OutgoingObjects.Object {
  fileprivate mutating func commit(_ outgoing: OutgoingVersion) {
    version = outgoing.version.version
    if let whole = outgoing.whole {
      image = whole
      return
    }
    image?.resize(to: outgoing.objectByteCount)
    for block in outgoing.blocks { image?.write(block.raw, at: block.runs) }
  }
}
