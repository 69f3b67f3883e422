public import DWCPCore
internal import NIOPosix
internal import Synchronization

/// The ladder of codecs as measured in this process, once.
enum MachineLadder {
  private static let measured = Mutex<CodecLadder?>(nil)
  /// Not the pool of any session, whose jobs would be measured with it.
  private static let task = Mutex<Task<CodecLadder, Never>?>(nil)

  /// What was measured, if it was; asking measures nothing.
  static var current: CodecLadder? { measured.withLock { $0 } }

  static func measure() async -> CodecLadder {
    let task = task.withLock { task in
      if let task { return task }
      let new = Task { await measureNow() }
      task = new
      return new
    }
    return await task.value
  }

  private static func measureNow() async -> CodecLadder {
    let ladder = try? await NIOThreadPool.singleton.runIfActive {
      try CodecLadder.measured { Instant.current.nanoseconds }
    }
    measured.withLock { $0 = ladder ?? .standard }
    return ladder ?? .standard
  }
}

extension CodecLadder {
  /// What the codecs come to on this machine: measured once in a process, for about a second, on a thread of its own. Sessions that begin later, and whose
  /// configuration names no ladder, choose from it; until then they choose from ``CodecLadder/standard``, which is also what this is should a codec fail.
  public static func ofThisMachine() async -> CodecLadder { await MachineLadder.measure() }
}
