import DWCPCore
import NIOCore

/// The program on the victim's side.
struct Application {
  private let owner: Attack.Owner
  /// Streams whose writer has been asked to wait; they are not read meanwhile.
  private var waiting: Set<StreamID> = []
  private static let upload = ByteBuffer(repeating: 9, count: 100_000)

  init(_ owner: Attack.Owner) {
    self.owner = owner
  }

  mutating func hear(_ event: SessionEvent, from session: inout Session) {
    if case .ignores = owner { return }
    switch event {
    case .streamOpened(let id, _): if case .uploads = owner { upload(to: id, &session) }
    case .readable(let id): read(id, &session)
    case .writable(let id): if waiting.remove(id) != nil { read(id, &session) }
    case .stopped(let id, let code): leave(id, code, &session)
    case .closed(let id): waiting.remove(id)
    default: break
    }
  }

  private mutating func read(_ id: StreamID, _ session: inout Session) {
    while !waiting.contains(id) {
      switch session.read(id) {
      case .bytes(let bytes, let endsMessage):
        guard answer(id, bytes, endsMessage, &session) else { return }
      case .notReady: return
      case .end:
        try? session.finish(id)
        return session.release(id)
      case .failed(let error): return leave(id, error.code, &session)
      }
    }
  }

  /// False when no more is to be read now.
  private mutating func answer(_ id: StreamID, _ bytes: ByteBuffer, _ endsMessage: Bool, _ session: inout Session)
    -> Bool
  {
    switch owner {
    case .ignores, .readsOnce: return false
    case .serves, .uploads: return true
    case .echoes: write(bytes, endsMessage, to: id, &session)
    case .leavesEarly:
      write(ByteBuffer(integer: 1 as UInt8), false, to: id, &session)
      try? session.finish(id)
      session.release(id)
      return false
    case .answersHeads:
      write(
        bytes.getSlice(at: bytes.readerIndex, length: min(64, bytes.readableBytes)) ?? bytes, false, to: id, &session)
    }
    return true
  }

  private mutating func write(_ bytes: ByteBuffer, _ endsMessage: Bool, to id: StreamID, _ session: inout Session) {
    if (try? session.write(bytes, to: id, endsMessage: endsMessage)) == false { waiting.insert(id) }
  }

  private mutating func upload(to id: StreamID, _ session: inout Session) {
    write(Self.upload, false, to: id, &session)
    waiting.remove(id)
  }

  /// What the asynchronous API does when the code that serves a stream throws.
  private mutating func leave(_ id: StreamID, _ code: ErrorCode, _ session: inout Session) {
    waiting.remove(id)
    session.reset(id, code: code)
    session.stop(id, code: code)
    session.release(id)
  }
}
