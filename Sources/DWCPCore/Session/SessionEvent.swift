public import NIOCore

/// What the engine tells its owner.
public enum SessionEvent: Hashable, Sendable {
  /// An automatic choice of a codec has changed (``SessionConfiguration/explainsCodecs``).
  indirect case codecChosen(CodecDecision)
  /// The handshake is complete.
  indirect case established(Agreement)
  /// The other end opened a stream.
  case streamOpened(StreamID, StreamOpening)
  /// ``Session/read(_:maximumByteCount:)`` would return something else than ``StreamRead/notReady``.
  case readable(StreamID)
  /// A stream that was over its send budget may be written again.
  case writable(StreamID)
  /// The other end no longer wants what this end sends on the stream; the direction has ended.
  case stopped(StreamID, ErrorCode)
  /// Both directions have ended and the stream was released.
  case closed(StreamID)
  /// The other end allows more streams than before (SPEC STR-3).
  case streamLimitRaised
  /// The other end answered a ping.
  case pong(roundTripNanoseconds: UInt64)
  /// The other end decodes other codecs from now on (SPEC UPD-1): those this end may send with, as it prefers them.
  case sendCodecsChanged([Codec])
  /// The other end is going away: streams with higher ids were not processed.
  case goingAway(ErrorCode, lastStreamID: StreamID)
  /// An object stands at a version now, 0 for none: a version that was under way is whole or is not to be, or the other end has dropped the object. It is one that
  /// this end sends (`isOwn`), or the other one (SPEC BAS-5).
  case objectStands(ObjectName, version: UInt64, isOwn: Bool)
  /// The session has ended; nil when both ends agreed to it.
  indirect case ended(SessionError?)
}

/// What both ends settled on (SPEC section 5).
public struct Agreement: Hashable, Sendable {
  /// The highest minor version that both ends speak (SPEC PRE-4).
  public let minorVersion: UInt8
  /// Codecs this end may send with, as the other end prefers them; it may change them (``SessionEvent/sendCodecsChanged(_:)``).
  public internal(set) var sendCodecs: [Codec]
  /// Codecs this end announced that it can decode, as far as the other end goes by it (``Session/announce(decodableCodecs:)``).
  public internal(set) var receiveCodecs: [Codec]
  /// Every frame carries a payload check.
  public let isIntegrityOn: Bool
  /// 16 bytes that name the session at both ends.
  public let sessionID: [UInt8]
  /// What the other end calls itself.
  public let peerImplementation: String
}

/// What came of reading a stream.
public enum StreamRead: Hashable, Sendable {
  /// Raw bytes, perhaps none, and whether a message ends behind them. They may lie in a buffer with what else the connection brought: copy what is to
  /// be kept for long and is short.
  case bytes(ByteBuffer, endsMessage: Bool)
  /// Nothing yet; ``SessionEvent/readable(_:)`` will tell.
  case notReady
  /// The other end finished and everything has been read.
  case end
  /// The direction ended early: reset by the other end, stopped, or a block was broken.
  case failed(SessionError)
}
