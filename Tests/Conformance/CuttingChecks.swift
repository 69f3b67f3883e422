import DWCPCore
import NIOCore

extension BaseRun {
  /// Cut at every position, byte by byte, and joined with its neighbours: the same engine, and the same events.
  func cuttingFailures() -> [String] {
    var failures: [String] = []
    for (index, piece) in bytes.enumerated() {
      guard let piece else { continue }
      for cut in cuts(of: index) {
        failures += differences(index, piece, cutAt: [cut], "cut at \(cut)")
      }
      failures += differences(index, piece, cutAt: Array(cuts(of: index)), "byte by byte")
      failures += joined(index, with: index + 1)
    }
    return failures + joinedThroughout()
  }

  private func cuts(of index: Int) -> Range<Int> {
    let count = bits(of: index).count / 8
    return min(1, count)..<count
  }

  /// The state behind a piece that came in parts is the one behind the whole piece.
  private func differences(_ index: Int, _ piece: ByteBuffer, cutAt cuts: [Int], _ how: String) -> [String] {
    var replayer = replayer(before: index)
    var rest = piece
    var taken = 0
    for cut in cuts {
      if let part = rest.readSlice(length: cut - taken) { replayer.receive(part) }
      taken = cut
    }
    if rest.readableBytes > 0 { replayer.receive(rest) }
    replayer.flush()
    let whole = snapshots[index + 1]
    if replayer.session == whole.session, replayer.events == whole.events { return [] }
    // Pieces of a payload may lie in other buffers; what comes of them must be the same all the same.
    let other = finish(&replayer, after: index)
    return other == observed ? [] : ["step \(index) \(how): \(other), wanted \(observed)"]
  }

  private func joined(_ first: Int, with second: Int) -> [String] {
    guard second < bytes.count, var both = bytes[first], let next = bytes[second] else { return [] }
    both.writeImmutableBuffer(next)
    var replayer = replayer(before: first)
    replayer.receive(both)
    replayer.flush()
    let other = finish(&replayer, after: second)
    return other == observed ? [] : ["steps \(first) and \(second) joined: \(other), wanted \(observed)"]
  }

  private func joinedThroughout() -> [String] {
    var replayer = replayer(before: 0)
    var joined = ByteBuffer()
    for (step, piece) in zip(steps, bytes) {
      if let piece {
        joined.writeImmutableBuffer(piece)
        continue
      }
      replayer.receive(joined)
      replayer.flush()
      joined = ByteBuffer()
      replayer.apply(step)
    }
    replayer.receive(joined)
    replayer.flush()
    let other = replayer.observation()
    return other == observed ? [] : ["all joined: \(other), wanted \(observed)"]
  }

  /// The connection ends behind every byte: that is told, unless a rule was broken before, and nothing new is delivered.
  func truncationFailures() -> [String] {
    var failures: [String] = []
    for (index, piece) in bytes.enumerated() {
      guard let piece, index >= vector.sharedStepCount || index + 1 == bytes.count else { continue }
      if snapshots[index].hasEnded { continue }
      for count in [0] + Array(cuts(of: index)) {
        var replayer = replayer(before: index)
        if let part = piece.getSlice(at: piece.readerIndex, length: count) { replayer.receive(part) }
        let wasOver = replayer.hasEnded
        replayer.apply(FixtureStep(command: "endOfInput"))
        let other = replayer.observation()
        let isRight =
          if let failure = other.failure {
            wasOver || failure.code == .linkLost || failure.code == .version
          } else {
            wasOver && other == observed
          }
        if !isRight || !begins(with: other) {
          failures.append("step \(index) cut off after \(count) bytes: \(other), wanted the beginning of \(observed)")
        }
      }
    }
    return failures
  }
}
