internal import NIOCore

/// What a stream's opener says about it (SPEC section 7, OPEN).
public struct StreamOpening: Hashable, Sendable {
  /// Keys are distinct; at most 32 of them.
  public var metadata: [Entry] = []
  /// Raw bytes the opener means to send.
  public var expectedByteCount: UInt64?
  /// 0 (first) to 7 (last).
  public var urgency: UInt8 = 3
  /// The compression domain: nothing that a block refers to is of another one (SPEC BAS-6).
  public var domain: UInt64 {
    get { rare?.domain ?? 0 }
    set { rare = Rare(domain: newValue, version: version) }
  }
  /// The version of an object that the stream carries; ``Session/openVersion(of:byteCount:forgetsBase:opening:compression:)`` sets it.
  public internal(set) var version: ObjectVersion? {
    get { rare?.version }
    set { rare = Rare(domain: domain, version: newValue) }
  }
  /// What few streams have is one word for all others, since events carry openings.
  private var rare: Rare?

  private indirect enum Rare: Hashable, Sendable {
    case fields(domain: UInt64, version: ObjectVersion?)

    init?(domain: UInt64, version: ObjectVersion?) {
      guard domain != 0 || version != nil else { return nil }
      self = .fields(domain: domain, version: version)
    }

    var domain: UInt64 {
      switch self {
      case .fields(let domain, _): domain
      }
    }
    var version: ObjectVersion? {
      switch self {
      case .fields(_, let version): version
      }
    }
  }

  /// One key and its value (SPEC section 7, METADATA).
  public struct Entry: Hashable, Sendable {
    /// 1 to 255 bytes of UTF-8.
    public let key: String
    /// Any text that fits the limit of the other end on the body of OPEN.
    public let value: String

    /// An entry; its limits are checked when the stream is opened.
    public init(key: String, value: String) {
      self.key = key
      self.value = value
    }
  }

  /// An opening that says nothing.
  public init() {}

  /// An opening; its limits are checked when the stream is opened.
  ///
  /// - Parameter metadata: at most 32 entries with distinct keys.
  /// - Parameter expectedByteCount: raw bytes the opener means to send; a hint.
  /// - Parameter urgency: 0 (first) to 7 (last); a hint.
  public init(metadata: KeyValuePairs<String, String> = [:], expectedByteCount: UInt64? = nil, urgency: UInt8 = 3) {
    self.metadata = metadata.map(Entry.init)
    self.expectedByteCount = expectedByteCount
    self.urgency = urgency
  }

  /// The value of a metadata key.
  public subscript(key: String) -> String? {
    metadata.first { $0.key == key }?.value
  }
}

extension StreamOpening {
  private enum Tag {
    static let metadata: UInt16 = 0x0001
    static let expectedSize: UInt16 = 0x0002
    static let urgency: UInt16 = 0x0003
    static let domain: UInt16 = 0x0004
    static let baseline: UInt16 = 0x0005
    static let reserved: UInt16 = 0x0006
  }

  static let maximumMetadataCount = 32

  /// Reads the body of OPEN (SPEC section 7, STR-7).
  static func read(
    from body: inout ByteBuffer
  ) throws(SessionError) -> (opening: StreamOpening, hasUnknownCriticalTag: Bool) {
    var opening = StreamOpening()
    var hasUnknownCriticalTag = false
    var seen: Set<UInt16> = []
    // Bytes, not characters: two keys that look alike, or that are not UTF-8, are two keys (SPEC CONV-4).
    var keys: Set<ByteBuffer> = []
    while body.readableBytes > 0 {
      guard let (tag, length) = body.readMultipleIntegers(as: (UInt16, UInt16).self),
        var value = body.readSlice(length: Int(length)), tag == Tag.metadata || seen.insert(tag).inserted
      else { throw .peer(.protocol, "STR-7", "an entry of OPEN reaches past the end or stands twice") }
      switch tag {
      case Tag.metadata:
        let keyByteCount = value.getInteger(at: value.readerIndex, as: UInt8.self).map(Int.init) ?? 0
        guard let key = value.getSlice(at: value.readerIndex &+ 1, length: keyByteCount),
          let entry = Entry(reading: &value), keys.insert(key).inserted, keys.count <= maximumMetadataCount
        else {
          throw .peer(.protocol, "STR-7", "a METADATA entry of OPEN is malformed, repeated or one too many")
        }
        opening.metadata.append(entry)
      case Tag.expectedSize:
        guard value.readableBytes == 8 else { throw .peer(.protocol, "STR-7", "EXPECTED_SIZE is not 8 bytes") }
        opening.expectedByteCount = value.readInteger()
      case Tag.urgency:
        guard value.readableBytes == 1, let urgency = value.readInteger(as: UInt8.self), urgency < 8 else {
          throw .peer(.protocol, "STR-7", "URGENCY is not one byte from 0 to 7")
        }
        opening.urgency = urgency
      case Tag.domain:
        guard value.readableBytes == 8 else { throw .peer(.protocol, "STR-7", "DOMAIN is not 8 bytes") }
        opening.domain = value.readInteger() ?? 0
      case Tag.baseline:
        guard value.readableBytes == ObjectVersion.entryByteCount, let version = ObjectVersion(reading: &value) else {
          throw .peer(.protocol, "STR-7", "BASELINE is not 48 bytes")
        }
        opening.version = version
      case Tag.reserved: break
      default: hasUnknownCriticalTag = hasUnknownCriticalTag || tag & Announcement.ignorableTagBit == 0
      }
    }
    if let version = opening.version { opening.version = version.inDomain(opening.domain) }
    return (opening, hasUnknownCriticalTag)
  }

  /// The body of OPEN; nil when it breaks a limit.
  func encoded(maximumByteCount: Int, carriesVersion: Bool) -> [UInt8]? {
    if metadata.isEmpty, expectedByteCount == nil, urgency == 3, domain == 0, version == nil { return [] }
    var body = ByteBuffer()
    for entry in metadata {
      guard (1...255).contains(entry.key.utf8.count), entry.value.utf8.count <= maximumByteCount else { return nil }
      body.writeEntry(Tag.metadata) {
        $0.writeInteger(UInt8(truncatingIfNeeded: entry.key.utf8.count))
        $0.writeString(entry.key)
        $0.writeString(entry.value)
      }
    }
    if let expectedByteCount { body.writeEntry(Tag.expectedSize) { $0.writeInteger(expectedByteCount) } }
    if urgency != 3 { body.writeEntry(Tag.urgency) { $0.writeInteger(min(urgency, 7)) } }
    if domain != 0 { body.writeEntry(Tag.domain) { $0.writeInteger(domain) } }
    if carriesVersion, let version { body.writeEntry(Tag.baseline) { version.write(to: &$0) } }
    let isWithinLimits =
      body.readableBytes <= maximumByteCount && metadata.count <= Self.maximumMetadataCount
      && Set(metadata.map { Array($0.key.utf8) }).count == metadata.count
    return isWithinLimits ? Array(body.readableBytesView) : nil
  }
}

extension StreamOpening.Entry {
  fileprivate init?(reading value: inout ByteBuffer) {
    guard let keyLength = value.readInteger(as: UInt8.self), keyLength > 0,
      let key = value.readString(length: Int(keyLength)), let text = value.readString(length: value.readableBytes)
    else { return nil }
    self.init(key: key, value: text)
  }
}
