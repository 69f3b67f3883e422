internal import DWCPCore
internal import NIOCore

/// One thing that happens at one end, whole or not at all. Streams are named by their place in the plan.
///
/// A stalled reader is a `read` that does not come, and a full write side a `send` that does not come: every step may wait for as long as any other
/// goes on, so that all stalls are among the orders that are tried, and need no state of their own.
public enum InterleavingStep: Hashable, Sendable {
  case open(End, stream: Int)
  /// The application writes its next block.
  case write(End, stream: Int)
  case finish(End, stream: Int)
  /// The application, which has been told, reads once: a block, the end, or that there is nothing yet.
  case read(End, stream: Int)
  /// The application resets, stops or releases a stream.
  case cut(InterleavingPlan.Cut)
  /// The connection takes as little as the engine gives at once: one block, what one stream has to say beside data, or what the session has.
  case send(End)
  /// What was sent first and has not arrived does.
  case arrive(End)
  /// A codec job comes back, not always the oldest.
  case complete(End, job: Int)

  /// Nobody has to do this.
  var isCut: Bool { if case .cut = self { true } else { false } }
  var isRead: Bool { if case .read = self { true } else { false } }
  var isSend: Bool { if case .send = self { true } else { false } }
}
