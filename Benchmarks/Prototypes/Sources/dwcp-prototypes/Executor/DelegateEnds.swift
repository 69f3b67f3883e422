import DWCPCore
import DWCPNIO
import NIOCore

/// Answers every chunk with the same bytes.
final class EchoDelegate: SessionDelegate {
  func attached(to handler: SessionHandler) {}

  func session(_ handler: SessionHandler, received event: SessionEvent) {
    guard case .readable(let id) = event else { return }
    handler.perform { session in
      while true {
        switch session.read(id) {
        case .bytes(let bytes, let endsMessage):
          _ = try? session.write(bytes, to: id, endsMessage: endsMessage)
        case .end, .failed:
          try? session.finish(id)
          return session.release(id)
        case .notReady:
          return
        }
      }
    }
  }
}

/// Asks on a number of streams at once. Use it from its channel's event loop only.
final class AskingDelegate: SessionDelegate {
  private struct Asker {
    var remaining: Int
    var sentAt: NIODeadline
  }

  private let established: EventLoopPromise<Void>
  private var handler: SessionHandler?
  private var askers: [StreamID: Asker] = [:]
  private var opensPerRequest = false
  private var latencies: [Int64] = []
  private var done: EventLoopPromise<[Int64]>?

  init(established: EventLoopPromise<Void>) {
    self.established = established
  }

  func attached(to handler: SessionHandler) { self.handler = handler }

  func session(_ handler: SessionHandler, received event: SessionEvent) {
    switch event {
    case .established: established.succeed()
    case .readable(let id): collect(id, handler)
    case .ended(let error?): done?.fail(error)
    default: break
    }
  }

  func run(_ load: ExecutorLoad, _ done: EventLoopPromise<[Int64]>) {
    self.done = done
    opensPerRequest = load.opensPerRequest
    latencies.removeAll(keepingCapacity: true)
    for _ in 0..<load.streamCount { open(remaining: load.requestsPerStream) }
  }

  func close() { handler?.perform { $0.close(.noError, text: "") } }

  private func open(remaining: Int) {
    let sentAt = NIODeadline.now()
    handler?.perform { session in
      guard let id = try? session.open() else { return }
      askers[id] = Asker(remaining: remaining, sentAt: sentAt)
      ask(id, &session)
    }
  }

  private func ask(_ id: StreamID, _ session: inout Session) {
    _ = try? session.write(ExecutorLoad.question, to: id, endsMessage: true)
    if opensPerRequest { try? session.finish(id) }
  }

  private func collect(_ id: StreamID, _ handler: SessionHandler) {
    while true {
      switch handler.perform({ $0.read(id) }) {
      case .bytes:
        if !opensPerRequest { answered(id, handler) }
      case .end, .failed:
        handler.perform { $0.release(id) }
        if opensPerRequest { answered(id, handler) }
        return
      case .notReady:
        return
      }
    }
  }

  private func answered(_ id: StreamID, _ handler: SessionHandler) {
    guard var asker = askers.removeValue(forKey: id) else { return }
    let now = NIODeadline.now()
    latencies.append((now - asker.sentAt).nanoseconds)
    asker.remaining -= 1
    guard asker.remaining > 0 else { return finish(id, handler) }
    guard !opensPerRequest else { return open(remaining: asker.remaining) }
    asker.sentAt = now
    askers[id] = asker
    handler.perform { ask(id, &$0) }
  }

  private func finish(_ id: StreamID, _ handler: SessionHandler) {
    if !opensPerRequest {
      handler.perform { session in
        try? session.finish(id)
        session.release(id)
      }
    }
    if askers.isEmpty { done?.succeed(latencies) }
  }
}
