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
    case .drain: "drain"
    case .cut: "cut"
    case .inject: "inject"
    }
  }
}
