/// Plain counters of one session; they only rise.
public struct SessionCounters: Hashable, Sendable {
  /// Bytes on the link, headers included.
  public var wireBytesSent: UInt64 = 0
  public var wireBytesReceived: UInt64 = 0
  public var framesSent: UInt64 = 0
  public var framesReceived: UInt64 = 0
  /// Raw bytes in DATA frames.
  public var rawBytesSent: UInt64 = 0
  public var rawBytesReceived: UInt64 = 0
  public var sentByCodec = CodecCounters()
  public var receivedByCodec = CodecCounters()
  /// Blocks for which compression was tried in vain.
  public var unshrunkBlocks: UInt64 = 0
  public var streamsOpened: UInt64 = 0
  public var streamsAccepted: UInt64 = 0
  public var streamsClosed: UInt64 = 0
  public var resetsSent: UInt64 = 0
  public var resetsReceived: UInt64 = 0
  /// The latest round trip; 0 before the first.
  public var roundTripNanoseconds: UInt64 = 0

  public init() {}
}

/// Raw and payload bytes for each codec.
public struct CodecCounters: Hashable, Sendable {
  public private(set) var none = Traffic()
  public private(set) var lz4 = Traffic()
  public private(set) var zstd = Traffic()

  public struct Traffic: Hashable, Sendable {
    public var rawBytes: UInt64 = 0
    public var payloadBytes: UInt64 = 0
    public var blocks: UInt64 = 0
  }

  public subscript(codec: Codec) -> Traffic {
    switch codec {
    case .none: none
    case .lz4: lz4
    case .zstd: zstd
    }
  }

  mutating func add(_ codec: Codec, rawByteCount: Int, payloadByteCount: Int) {
    switch codec {
    case .none: none.add(rawByteCount, payloadByteCount)
    case .lz4: lz4.add(rawByteCount, payloadByteCount)
    case .zstd: zstd.add(rawByteCount, payloadByteCount)
    }
  }
}

extension CodecCounters.Traffic {
  fileprivate mutating func add(_ rawByteCount: Int, _ payloadByteCount: Int) {
    rawBytes &+= UInt64(rawByteCount)
    payloadBytes &+= UInt64(payloadByteCount)
    blocks &+= 1
  }
}
