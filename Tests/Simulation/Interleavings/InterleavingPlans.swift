/// The plans of a run. Each has little room in another place, so that everything that an end can wait for is waited for in one of them.
extension InterleavingPlan {
  /// - Parameters:
  ///   - streamCount: streams in each plan; 1 to 4.
  ///   - blockCount: the most blocks that one end writes to one stream; 1 to 7. Plans with many orders write fewer, and say so in their summary.
  public static func all(streamCount: Int, blockCount: Int) -> [InterleavingPlan] {
    [
      oneWay(streamCount, blockCount), bothEnds(streamCount, blockCount), wide(streamCount, blockCount),
      sessionBound(streamCount, blockCount), bothWays(streamCount, max(1, blockCount - 1)),
      cutShort(streamCount, blockCount), linkBound(streamCount, max(1, blockCount - 1)),
      compressed(streamCount, blockCount),
      fromTheStart(streamCount, max(1, blockCount - 2)),
    ]
  }

  /// The client opens all streams and writes; a window holds one block.
  private static func oneWay(_ streamCount: Int, _ blockCount: Int) -> InterleavingPlan {
    InterleavingPlan(
      name: "one-way", streams: (0..<streamCount).map { _ in Stream(.client, blockCount) },
      sessionWindowBlockCount: max(2, streamCount), isTerse: streamCount > 2)
  }

  /// The ends open streams in turn, and each writes to those that it opened.
  private static func bothEnds(_ streamCount: Int, _ blockCount: Int) -> InterleavingPlan {
    InterleavingPlan(
      name: "both-ends", streams: (0..<streamCount).map { Stream(opener($0), blockCount) },
      sessionWindowBlockCount: max(2, streamCount), isTerse: streamCount > 2)
  }

  /// A window holds two blocks.
  private static func wide(_ streamCount: Int, _ blockCount: Int) -> InterleavingPlan {
    InterleavingPlan(
      name: "two-block-windows", streams: (0..<streamCount).map { _ in Stream(.client, blockCount) },
      streamWindowBlockCount: 2, sessionWindowBlockCount: 4, isTerse: true)
  }

  /// The session's window holds two blocks, those of the streams two each: streams wait for each other's readers.
  private static func sessionBound(_ streamCount: Int, _ blockCount: Int) -> InterleavingPlan {
    InterleavingPlan(
      name: "session-window-binds", streams: (0..<streamCount).map { _ in Stream(.client, blockCount) },
      streamWindowBlockCount: 2, sessionWindowBlockCount: 2, isTerse: true)
  }

  /// Both ends write to every stream, and the end that did not open it writes one block.
  private static func bothWays(_ streamCount: Int, _ blockCount: Int) -> InterleavingPlan {
    InterleavingPlan(
      name: "both-ways", streams: (0..<streamCount).map { Stream(opener($0), blockCount, back: 1) },
      sessionWindowBlockCount: max(2, streamCount), isTerse: true)
  }

  /// The first stream may be reset, stopped or released at any time, and the session's window holds one block for all.
  private static func cutShort(_ streamCount: Int, _ blockCount: Int) -> InterleavingPlan {
    InterleavingPlan(
      name: "cut-short", streams: (0..<streamCount).map { _ in Stream(.client, blockCount) }, blockByteCount: 1 << 20,
      sessionWindowBlockCount: 1, isTerse: true,
      cuts: [
        Cut(kind: .reset, end: .client, stream: 0), Cut(kind: .stop, end: .server, stream: 0),
        Cut(kind: .release, end: .server, stream: 0),
      ])
  }

  /// Blocks are compressed, one at a time, and decoded. Nothing of the link is left out, but where that has no end: there blocks stay as long as the
  /// projection needs them.
  private static func compressed(_ streamCount: Int, _ blockCount: Int) -> InterleavingPlan {
    let isExact = streamCount < 3 || blockCount < 3
    return InterleavingPlan(
      name: "compressed", streams: (0..<streamCount).map { _ in Stream(.client, blockCount) },
      sessionWindowBlockCount: max(2, streamCount), isExact: isExact, isTerse: true, isCompressed: true,
      noiseByteCount: isExact ? 0 : 8_192)
  }

  /// Windows hold more than the link may have on its way (SPEC ACK-4).
  private static func linkBound(_ streamCount: Int, _ blockCount: Int) -> InterleavingPlan {
    InterleavingPlan(
      name: "link-binds", streams: (0..<streamCount).map { _ in Stream(.client, blockCount) }, blockByteCount: 131_072,
      streamWindowBlockCount: 4, sessionWindowBlockCount: 8, warmBlockByteCount: 4_096, isExact: true, isTerse: true)
  }

  /// The handshake is among the steps, and nothing is left out of the projection. Blocks are as short as they are before the link was measured.
  private static func fromTheStart(_ streamCount: Int, _ blockCount: Int) -> InterleavingPlan {
    InterleavingPlan(
      name: "from-the-start", streams: (0..<streamCount).map { _ in Stream(.client, blockCount) },
      blockByteCount: 16_384,
      streamWindowBlockCount: 4, sessionWindowBlockCount: 64, isWarm: false, isExact: true, isTerse: streamCount > 2)
  }

  private static func opener(_ stream: Int) -> End { stream % 2 == 0 ? .client : .server }

  /// One line on what is done and how little room there is.
  public var summary: String {
    let writers = streams.map {
      "\($0.opener)'s \($0.blockCount(from: $0.opener))+\($0.blockCount(from: $0.opener.other))"
    }
    var parts = ["blocks \(writers.joined(separator: ", "))", "windows of \(streamWindowBlockCount)"]
    parts.append("\(sessionWindowBlockCount) for the session")
    if isTerse { parts.append("opened with the first and finished with the last block") }
    if !isWarm { parts.append("with the handshake") }
    if isCompressed { parts.append("lz4") }
    if isExact { parts.append("nothing of the link left out") }
    if !cuts.isEmpty { parts.append("reset, stopped or released at any time") }
    return parts.joined(separator: "; ")
  }
}

extension InterleavingPlan.Stream {
  fileprivate init(_ opener: End, _ blockCount: Int, back: Int = 0) {
    self.opener = opener
    clientBlockCount = opener == .client ? blockCount : back
    serverBlockCount = opener == .server ? blockCount : back
  }
}
