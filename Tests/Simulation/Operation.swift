internal import DWCPCore

/// One end of the simulated session.
public enum End: String, CaseIterable, Sendable {
  case client, server

  var other: End { self == .client ? .server : .client }
  var role: Role { self == .client ? .initiator : .acceptor }
}

/// What may happen in a simulated session. Streams are named by their place in the order of opening, so that a list of operations means
/// the same after some were removed; one that makes no sense where it stands does nothing.
public enum Operation: Hashable, Sendable {
  case open(End)
  case write(End, stream: Int, byteCount: Int, isNoise: Bool, endsMessage: Bool)
  case finish(End, stream: Int)
  case reset(End, stream: Int)
  case stop(End, stream: Int)
  case release(End, stream: Int)
  /// The application reads; ends that are never told to are stalled readers.
  case read(End, stream: Int, maximumByteCount: Int)
  /// The connection takes bytes from an engine; they are on their way then.
  case send(End, maximumByteCount: Int)
  /// Bytes that are on their way arrive, in pieces.
  case arrive(End, byteCount: Int, pieceByteCount: Int)
  /// Codec jobs are handed out and come back, in an order of their own.
  case runJobs(End, seed: UInt64)
  case advance(milliseconds: Int)
  case ping(End)
  /// The end withdraws codecs, or takes them up again: so many are left, of none, lz4 and zstd.
  case announce(End, codecCount: Int)
  /// The application has another dictionary for what it sends.
  case offer(End, dictionary: Int)
  case object(End, ObjectOperation)
  case drain(End)
  /// The connection dies; what is on its way is lost.
  case cut
  /// Something on the way adds a frame of its own behind what is on its way to this end. The model knows nothing of it.
  case inject(End, frame: [UInt8])

  /// The kind alone, for the table of coverage.
  var name: StaticString {
    switch self {
    case .open: "open"
    case .write: "write"
    case .finish: "finish"
    case .reset: "reset"
    case .stop: "stop"
    case .release: "release"
    case .read: "read"
    case .send: "send"
    case .arrive: "arrive"
    case .runJobs: "runJobs"
    case .advance: "advance"
    case .ping: "ping"
    case .announce: "announce"
    case .offer: "offer"
    case .object(_, .open): "open version"
    case .object(_, .write): "write pages"
    case .object(_, .drop): "drop object"
    case .object(_, .release): "release object"
    case .object(_, .adopt): "adopt object"
    case .drain: "drain"
    case .cut: "cut"
    case .inject: "inject"
    }
  }
}

/// What an end does with objects (SPEC BAS-1): with those that it sends, or, to drop one, with those of the other end.
public enum ObjectOperation: Hashable, Sendable {
  case open(object: Int, byteCount: Int, forgetsBase: Bool)
  /// - Parameter fill: what becomes of the pages: one byte throughout, a few bytes changed, nothing, or noise, by its lowest two bits.
  /// - Parameter base: the bytes of the last version that they are said to be like.
  case write(object: Int, pages: Range<Int>, fill: UInt8, base: Int?)
  case drop(object: Int)
  case release(object: Int)
  /// Both ends are given an object, or the other one something else.
  case adopt(object: Int, isWrong: Bool)
}
