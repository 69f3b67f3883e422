internal import DequeModule
public import NIOCore

/// What came of reading a stream that carries a version of an object.
public enum PageRead: Hashable, Sendable {
  /// Bytes of the new version, and where they lie in the object. Pages that did not change do not come.
  case bytes(ByteBuffer, at: UInt64)
  /// Nothing yet; ``SessionEvent/readable(_:)`` will tell.
  case notReady
  /// The other end finished and everything has been read. ``SessionEvent/objectStands(_:version:isOwn:)`` says whether the version is whole.
  case end
  /// The direction ended early, and with it the version.
  case failed(SessionError)
}

/// Objects that this end sends: a version goes as what differs from the one before (SPEC BAS-1 to BAS-6).
extension Session {
  /// Opens a stream that carries a new version of an object. Write its pages with ``writePages(_:at:to:base:)`` and end it with ``finish(_:)``; pages that are not
  /// written stay as they are. ``SessionEvent/objectStands(_:version:isOwn:)`` tells how it ended, and only then the next version can be begun.
  ///
  /// - Parameters:
  ///   - name: the object.
  ///   - byteCount: its length in the new version, 1 to 2^40.
  ///   - forgetsBase: both ends forget what they hold of the object, as when it has become another one (SPEC BAS-1, epoch).
  ///   - opening: what else is said of the stream; its domain and version are set here.
  ///   - compression: nil for what the configuration says; automatic is zstd at level 1.
  /// - Throws: `streamState` while a version of the object is under way, `flowControl` when the other end does not hold so much, and what
  ///   ``open(_:compression:)`` throws.
  public mutating func openVersion(
    of name: ObjectName, byteCount: Int, forgetsBase: Bool = false, opening: StreamOpening = StreamOpening(),
    compression: CompressionChoice? = nil
  ) throws(SessionError) -> StreamID {
    guard outgoingObjects.objects[name]?.outgoing == nil else {
      throw .caller(.streamState, "BAS-1", "a version of object \(name.number) is under way; wait until it stands")
    }
    guard isActive, ObjectVersion.byteCounts.contains(UInt64(clamping: byteCount)),
      let version = outgoingObjects.next(
        of: name, byteCount: byteCount, forgetsBase: forgetsBase, budget: remote.objectByteCount)
    else {
      throw .caller(
        .flowControl, "BAS-1",
        "the other end holds \(remote.objectByteCount) bytes of objects; release one, or send the content as a plain stream"
      )
    }
    var opening = opening
    opening.domain = name.domain
    opening.version = version
    let id = try openStream(opening, compression, carriesVersion: true)
    outgoingObjects.begin(version, on: id)
    if let slot = streams.slot(of: id) { streams[slot: slot].compression.isPaged = true }
    return id
  }

  /// Where an object of this end's stands, 0 for nowhere; nil while a version of it is under way, and the next one cannot be begun.
  public func standingVersion(of name: ObjectName) -> UInt64? {
    guard let object = outgoingObjects.objects[name] else { return 0 }
    return object.outgoing == nil ? object.version : nil
  }

  /// Hands pages of a new version over for sending. Those that the other end has already are found by comparison, and do not go; a caller that does not know what changed may
  /// write everything.
  ///
  /// - Parameters:
  ///   - bytes: whole pages of 4,096 bytes; only the last page of the object may be shorter. They are kept without a copy until the version stands.
  ///   - offset: where they lie in the object, a multiple of 4,096.
  ///   - id: a stream of ``openVersion(of:byteCount:forgetsBase:opening:compression:)``.
  ///   - base: where the last version has bytes like these, if not at the same place; at most 8 MiB.
  /// - Returns: false when the writer is to wait for ``SessionEvent/writable(_:)``.
  /// - Throws: `protocol` when the bytes are not whole pages of the object, or a page was written before, and what ``write(_:to:endsMessage:)`` throws.
  public mutating func writePages(
    _ bytes: ByteBuffer, at offset: Int, to id: StreamID, base: Range<UInt64>? = nil
  ) throws(SessionError) -> Bool {
    guard let objectByteCount = outgoingObjects.objectByteCount(on: id) else {
      throw .caller(.streamState, "BAS-1", "stream \(id) carries no version of an object")
    }
    let (end, isTooFar) = offset.addingReportingOverflow(bytes.readableBytes)
    guard offset >= 0, offset & 0xFFF == 0, bytes.readableBytes > 0, !isTooFar, end <= objectByteCount,
      end & 0xFFF == 0 || end == objectByteCount
    else {
      throw .caller(.protocol, "BAS-2", "\(bytes.readableBytes) bytes at \(offset) are not whole pages of the object")
    }
    let base = base.flatMap { Self.isUsable($0) ? $0 : nil }
    var hasRoom = true
    var unchangedPageCount = PageRuns.pageCount(byteCount: bytes.readableBytes)
    for part in outgoingObjects.changedParts(of: bytes, at: offset, on: id, isMoved: base != nil) {
      let isNew = outgoingObjects.update(id) { version, _ in
        version.write(
          firstPage: (offset &+ part.range.lowerBound) >> 12,
          pageCount: PageRuns.pageCount(byteCount: part.range.count), isZero: part.isZero, baseRange: base)
      }
      guard isNew ?? false,
        let piece = bytes.getSlice(at: bytes.readerIndex &+ part.range.lowerBound, length: part.range.count)
      else { throw .caller(.protocol, "BAS-2", "a page was written before in this version") }
      hasRoom = try append(piece, to: id, endsMessage: false, isPages: true)
      unchangedPageCount &-= PageRuns.pageCount(byteCount: part.range.count)
    }
    counters.objects.unchangedPages &+= UInt64(unchangedPageCount)
    return hasRoom
  }

  /// A base is some bytes of an object, and not too many.
  private static func isUsable(_ base: Range<UInt64>) -> Bool {
    !base.isEmpty && base.upperBound <= Int.max
      && base.upperBound &- base.lowerBound <= PageBlockHead.maximumBaseByteCount
  }

  /// Lets an object go, at both ends. False while a version of it is under way.
  @discardableResult
  public mutating func releaseObject(_ name: ObjectName) -> Bool { outgoingObjects.release(name) }

  /// Says that the other end has an object already, by other means than this session; it says the same with ``adoptIncoming(_:of:epoch:version:)``.
  ///
  /// - Parameters:
  ///   - image: its content; making it takes time in proportion to it.
  ///   - name: the object.
  ///   - epoch: as agreed on; 1 for the first.
  ///   - version: as agreed on, above all that were sent.
  /// - Returns: false when a version is under way, the numbers are not new, or the other end does not hold so much.
  public mutating func adoptOutgoing(_ image: ObjectImage, of name: ObjectName, epoch: UInt64 = 1, version: UInt64)
    -> Bool
  {
    guard isActive, image.byteCount > 0, version > 0, epoch > 0 else { return false }
    return outgoingObjects.adopt(
      image, of: name, epoch: epoch, version: version, budget: remote.objectByteCount)
  }

  /// Gives this end an object that the other end has too, by other means than this session. The other end has to count it first, or begin nothing in between: what it
  /// begins without counting it may be more than the budget has left, which ends the session (SPEC BAS-1).
  ///
  /// - Parameters:
  ///   - image: its content; making it takes time in proportion to it.
  ///   - name: the object, among those of the other end.
  ///   - epoch: as agreed on; 1 for the first.
  ///   - version: as agreed on, above all that were received.
  /// - Returns: false when a version is under way, the numbers are not new, or the budget has not as much left.
  public mutating func adoptIncoming(_ image: ObjectImage, of name: ObjectName, epoch: UInt64 = 1, version: UInt64)
    -> Bool
  {
    guard isActive, image.byteCount > 0, version > 0, epoch > 0 else { return false }
    return incomingObjects.adopt(image, of: name, epoch: epoch, version: version)
  }

  /// Gives memory back: this end holds an object of the other end's no longer, which the other end is told (SPEC BAS-5).
  public mutating func dropObject(_ name: ObjectName) {
    guard incomingObjects.drop(name) else { return }
    counters.objects.received.dropped &+= 1
    tellObjects()
  }

  /// What this end holds of an object of the other end's.
  ///
  /// - Parameters:
  ///   - name: the object.
  ///   - range: the bytes that are wanted; those beyond the object's end do not come.
  /// - Returns: the version, and its bytes; nil when there is none.
  public func object(_ name: ObjectName, range: Range<Int>) -> (version: UInt64, bytes: ByteBuffer)? {
    guard let object = incomingObjects.objects[name], let image = object.image, object.version > 0 else { return nil }
    return (object.version, image.read(range.clamped(to: 0..<image.byteCount)))
  }

  /// The next bytes of a version that the other end sends; reading is what returns credit to it.
  ///
  /// - Parameters:
  ///   - id: a stream whose opening has a version.
  ///   - maximumByteCount: at least 1.
  public mutating func readPages(_ id: StreamID, maximumByteCount: Int = .max) -> PageRead {
    let offset = pageOffset(of: id) ?? 0
    switch read(id, maximumByteCount: maximumByteCount) {
    case .bytes(let bytes, _): return .bytes(bytes, at: offset)
    case .notReady: return .notReady
    case .end: return .end
    case .failed(let error): return .failed(error)
    }
  }

  /// Where the next bytes of a stream lie in the object of which it carries a version; nil where they are of none.
  public func pageOffset(of id: StreamID) -> UInt64? {
    pageReads.isEmpty ? nil : pageReads[id]?.first.map { UInt64($0.lowerBound) }
  }

  /// Bytes of a carrier have been read.
  mutating func noteReadPages(_ id: StreamID, byteCount: Int) {
    guard var rest = pageReads[id] else { return }
    pageReads[id] = nil
    var count = byteCount
    while count > 0, let first = rest.first {
      rest.removeFirst()
      if first.count > count { rest.prepend(first.lowerBound &+ count..<first.upperBound) }
      count &-= min(count, first.count)
    }
    pageReads[id] = rest
  }
}
