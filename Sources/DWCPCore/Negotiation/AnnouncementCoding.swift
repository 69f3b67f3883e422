internal import NIOCore

extension Announcement {
  /// Appends the entries, a GREASE entry among them (SPEC section 6, HDR-7).
  func write(to buffer: inout ByteBuffer) {
    buffer.writeEntry(Tag.codecs.rawValue) { $0.writeBytes(codecIDs) }
    buffer.writeEntry(Tag.maximumRawBlock.rawValue) {
      $0.writeInteger(UInt32(truncatingIfNeeded: maximumRawBlockByteCount))
    }
    buffer.writeEntry(Tag.zstdWindowLog.rawValue) { $0.writeInteger(UInt8(truncatingIfNeeded: zstdWindowLog)) }
    buffer.writeEntry(Tag.sessionCredit.rawValue) { $0.writeInteger(sessionCredit) }
    buffer.writeEntry(Tag.streamCredit.rawValue) { $0.writeInteger(streamCredit) }
    buffer.writeEntry(Tag.streamLimit.rawValue) { $0.writeInteger(streamLimit) }
    buffer.writeEntry(Self.greaseTag) { $0.writeInteger(UInt16(0x5A5A)) }
    buffer.writeEntry(Tag.idleTimeout.rawValue) { $0.writeInteger(idleTimeoutMilliseconds) }
    buffer.writeEntry(Tag.integrity.rawValue) { $0.writeInteger(UInt8(requiresIntegrity ? 1 : 0)) }
    buffer.writeEntry(Tag.metadataLimit.rawValue) {
      $0.writeInteger(UInt16(truncatingIfNeeded: maximumMetadataByteCount))
    }
    buffer.writeEntry(Tag.acknowledgementDelay.rawValue) { $0.writeInteger(acknowledgementDelayMilliseconds) }
    if !decodeSpeeds.isEmpty {
      buffer.writeEntry(Tag.decodeSpeed.rawValue) {
        for (codecID, speed) in decodeSpeeds.sorted(by: { $0.key < $1.key }) {
          $0.writeInteger(UInt32(codecID) << 24 | min(speed, 0xFF_FFFF))
        }
      }
    }
    if chains.count > 0 {
      buffer.writeEntry(Tag.chains.rawValue) {
        $0.writeMultipleIntegers(
          UInt16(truncatingIfNeeded: chains.count), UInt8(truncatingIfNeeded: chains.windowLog), UInt8(0))
      }
    }
    if dictionaryByteCount > 0 {
      buffer.writeEntry(Tag.dictionaries.rawValue) { $0.writeInteger(UInt32(truncatingIfNeeded: dictionaryByteCount)) }
    }
    if objectByteCount > 0 { buffer.writeEntry(Tag.baselines.rawValue) { $0.writeInteger(objectByteCount) } }
    if features != 0 { buffer.writeEntry(Tag.features.rawValue) { $0.writeInteger(features) } }
    buffer.writeEntry(Tag.maximumLinks.rawValue) { $0.writeInteger(maximumLinkCount) }
    buffer.writeEntry(Tag.implementation.rawValue) { $0.writeBytes(implementation.utf8.prefix(64)) }
  }

  /// Reads entries to the end of the body; every rule of SPEC section 6 is checked.
  init(reading body: inout ByteBuffer) throws(SessionError) {
    self.init()
    try read(&body, replacing: nil)
  }

  /// Replaces what an UPDATE has entries for (SPEC UPD-2).
  mutating func update(reading body: inout ByteBuffer) throws(SessionError) {
    try read(&body, replacing: Self.updatableTags)
  }

  /// - Parameter tags: those that may be replaced; nil for all.
  private mutating func read(_ body: inout ByteBuffer, replacing tags: Set<Tag>?) throws(SessionError) {
    var seen: Set<UInt16> = []
    while body.readableBytes > 0 {
      guard let (tag, length) = body.readMultipleIntegers(as: (UInt16, UInt16).self),
        var value = body.readSlice(length: Int(length))
      else {
        throw .peer(.capability, "CAP-2", "an announcement entry reaches past the end")
      }
      guard seen.insert(tag).inserted else {
        throw .peer(.capability, "CAP-2", "announcement tag \(tag) stands twice")
      }
      guard let known = Tag(rawValue: tag) else {
        guard tag & Self.ignorableTagBit != 0 else {
          throw .peer(.capability, "CAP-1", "announcement tag \(tag) is unknown and must not be ignored")
        }
        continue
      }
      guard tags?.contains(known) ?? true else {
        throw .peer(.capability, "UPD-2", "announcement entry \(known) cannot be updated")
      }
      guard readValue(of: known, from: &value), value.readableBytes == 0 else {
        throw .peer(.capability, "CAP-2", "announcement entry \(known) has a wrong length or a value out of bounds")
      }
    }
  }

  /// Takes one value over; false when its length or value breaks CAP-2.
  private mutating func readValue(of tag: Tag, from value: inout ByteBuffer) -> Bool {
    switch tag {
    case .codecs: readCodecs(from: &value)
    case .maximumRawBlock: value.read(Bounds.rawBlockByteCounts) { maximumRawBlockByteCount = Int($0) }
    case .zstdWindowLog: value.read(Bounds.zstdWindowLogs) { zstdWindowLog = Int($0) }
    case .sessionCredit: value.read(Bounds.sessionCredits) { sessionCredit = $0 }
    case .streamCredit: value.read(Bounds.streamCredits) { streamCredit = $0 }
    case .streamLimit: value.read(Bounds.streamLimits) { streamLimit = $0 }
    case .idleTimeout:
      value.read(0...Bounds.idleTimeoutsMilliseconds.upperBound) { idleTimeoutMilliseconds = $0 }
        && (idleTimeoutMilliseconds == 0 || Bounds.idleTimeoutsMilliseconds.contains(idleTimeoutMilliseconds))
    case .integrity: value.read(0...1 as ClosedRange<UInt8>) { requiresIntegrity = $0 == 1 }
    case .metadataLimit: value.read(Bounds.metadataByteCounts) { maximumMetadataByteCount = Int($0) }
    case .acknowledgementDelay:
      value.read(Bounds.acknowledgementDelaysMilliseconds) { acknowledgementDelayMilliseconds = $0 }
    case .decodeSpeed: readDecodeSpeeds(from: &value)
    case .maximumLinks: value.read(1...255 as ClosedRange<UInt8>) { maximumLinkCount = $0 }
    case .implementation: readImplementation(from: &value)
    case .chains: readChains(from: &value)
    case .features: value.read(UInt32.min...UInt32.max) { features = $0 }
    case .dictionaries: value.read(Bounds.dictionaryByteCounts) { dictionaryByteCount = Int($0) }
    case .baselines: value.read(Bounds.objectByteCounts) { objectByteCount = $0 }
    }
  }

  private mutating func readCodecs(from value: inout ByteBuffer) -> Bool {
    let ids = value.readBytes(length: value.readableBytes) ?? []
    codecIDs = ids
    return ids.contains(Codec.none.rawValue) && ids.count <= 32 && Set(ids).count == ids.count
  }

  private mutating func readDecodeSpeeds(from value: inout ByteBuffer) -> Bool {
    guard value.readableBytes % 4 == 0, value.readableBytes <= 128 else { return false }
    decodeSpeeds = [:]
    while let packed = value.readInteger(as: UInt32.self) {
      decodeSpeeds[UInt8(truncatingIfNeeded: packed >> 24)] = packed & 0xFF_FFFF
    }
    return true
  }

  private mutating func readChains(from value: inout ByteBuffer) -> Bool {
    guard let (count, windowLog, reserved) = value.readMultipleIntegers(as: (UInt16, UInt8, UInt8).self), count > 0,
      Bounds.chainWindowLogs.contains(windowLog), reserved == 0
    else { return false }
    chains = ChainBudget(count: Int(count), windowLog: Int(windowLog))
    return true
  }

  private mutating func readImplementation(from value: inout ByteBuffer) -> Bool {
    guard value.readableBytes <= 64 else { return false }
    implementation = String(showing: value.readBytes(length: value.readableBytes) ?? [])
    return true
  }
}

extension ByteBuffer {
  /// Appends `u16 tag, u16 length, value`; the length is patched in behind the value.
  mutating func writeEntry(_ tag: UInt16, _ writeValue: (inout ByteBuffer) -> Void) {
    writeMultipleIntegers(tag, UInt16(0))
    let start = writerIndex
    writeValue(&self)
    setInteger(UInt16(truncatingIfNeeded: writerIndex &- start), at: start &- 2)
  }

  /// Reads one integer and hands it over if it is within `bounds`.
  fileprivate mutating func read<Value: FixedWidthInteger>(
    _ bounds: ClosedRange<Value>, _ take: (Value) -> Void
  ) -> Bool {
    guard let value = readInteger(as: Value.self), bounds.contains(value) else { return false }
    take(value)
    return true
  }
}
