internal import DequeModule

/// Whose turn it is to send (SPEC PRI-2): the lowest urgency value first and, among equals, deficit round robin in bytes.
///
/// A stream that comes back before it has used up its share of the round goes in front of those that have: a small message does not wait for the
/// bulk of its equals, and nobody gets more than one share a round. Now and then a turn goes to a less urgent stream, so that none starves.
struct SendSchedule: Hashable, Sendable {
  static let urgencyCount = 8
  static let lowestUrgency: UInt8 = 7
  /// Wire bytes that a stream may send in one round, when its blocks are shorter.
  private static let leastShareByteCount: Int32 = 16_384
  /// After so many bytes of others a less urgent stream gets a turn.
  private static let longestWaitByteCount = 1 << 20

  /// A stream's place in its round.
  struct Share: Hashable, Sendable {
    /// Bytes that it may still send in its round; below zero when its last block was longer.
    fileprivate var restByteCount: Int32 = 0
    fileprivate var round: UInt32 = 0
    fileprivate(set) var urgency: UInt8 = 3
    /// It has come since its last turn of the ring, and goes in front of that.
    fileprivate var isAhead = false

    init(urgency: UInt8) {
      self.urgency = min(urgency, SendSchedule.lowestUrgency)
    }

    /// Something is left of it.
    @inline(__always)
    var isFresh: Bool { restByteCount > 0 }
  }

  /// Streams of one urgency.
  private struct Level: Hashable, Sendable {
    /// Those with something left of this round's share.
    var fresh: Deque<StreamID> = []
    var ring: Deque<StreamID> = []
    var round: UInt32 = 1
    /// Turns of the ring until the next round.
    var turnCount: Int32 = 0
    /// Bytes that those who came in front of the ring may still send before its next turn: as many as its last one had.
    var overtakingByteCount = leastShareByteCount

    var isEmpty: Bool { fresh.isEmpty && ring.isEmpty }

    /// Those in front of the ring, as long as they may go there.
    @inline(__always)
    mutating func nextInFront() -> StreamID? {
      overtakingByteCount > 0 || ring.isEmpty ? fresh.popFirst() : nil
    }

    mutating func nextInRing() -> StreamID? {
      if turnCount <= 0 {
        round &+= 1
        turnCount = Int32(clamping: ring.count)
      }
      turnCount -= 1
      return ring.popFirst()
    }

    mutating func removeAll(where isGone: (StreamID) -> Bool) {
      fresh.removeAll(where: isGone)
      ring.removeAll(where: isGone)
    }
  }

  private var levels = [Level](repeating: Level(), count: urgencyCount)
  /// Bit n is set while level n has a stream.
  private var occupied: UInt8 = 0
  /// The same of rings, and of those whose turn lasts.
  private var occupiedRings: UInt8 = 0
  private var ringTurns: UInt8 = 0
  /// Bytes sent while a less urgent stream waited, and not yet made up for.
  private var starvedByteCount = 0
  /// The level that was helped last.
  private var helpedLevel = 0

  var isEmpty: Bool { occupied == 0 }

  /// Puts a stream in that has something to send and is in no list.
  mutating func add(_ id: StreamID, _ share: inout Share) {
    let level = Int(share.urgency)
    if share.round != levels[level].round {
      share.restByteCount = restOnReturn(share)
      share.round = levels[level].round
    }
    share.isAhead = true
    putBack(id, share)
  }

  /// What is left when a stream comes back: a share for each round since, and no more than one.
  private func restOnReturn(_ share: Share) -> Int32 {
    let roundCount = min(levels[Int(share.urgency)].round &- share.round, Self.mostRoundsOwed)
    return min(Self.leastShareByteCount, share.restByteCount &+ Int32(roundCount) &* Self.leastShareByteCount)
  }

  /// The longest block costs fewer.
  private static let mostRoundsOwed: UInt32 = 65_536

  /// Takes out the stream that is next. It may send one block if `admits` says so; `settle` puts it back.
  mutating func next() -> StreamID? {
    guard occupied != 0 else { return nil }
    let top = occupied.trailingZeroBitCount
    let level = starvedByteCount >= Self.longestWaitByteCount ? starvedLevel(below: top) : top
    let id = levels[level].nextInFront() ?? nextInRing(of: level)
    if levels[level].isEmpty { occupied &= ~(1 << UInt8(level)) }
    return id
  }

  private mutating func nextInRing(of level: Int) -> StreamID? {
    ringTurns |= 1 << UInt8(level)
    let id = levels[level].nextInRing()
    if levels[level].ring.isEmpty { occupiedRings &= ~(1 << UInt8(level)) }
    return id
  }

  /// The level after the one that was helped last, in turns.
  private mutating func starvedLevel(below top: Int) -> Int {
    starvedByteCount = 0
    for step in 1...Self.urgencyCount {
      let level = (helpedLevel + step) % Self.urgencyCount
      if level > top, occupied & (1 << UInt8(level)) != 0 {
        helpedLevel = level
        return level
      }
    }
    return top
  }

  /// Whether a stream that `next` took out may send; otherwise it has gone to the end of its ring with a new share.
  mutating func admits(_ id: StreamID, blockByteCount: Int, _ share: inout Share) -> Bool {
    guard share.restByteCount <= 0 else { return true }
    share.restByteCount &+= max(Self.leastShareByteCount, Int32(clamping: blockByteCount))
    share.round = levels[Int(share.urgency)].round
    share.isAhead = false
    guard share.restByteCount <= 0 else { return true }
    putBack(id, share)
    return false
  }

  /// A stream has had its turn for one block; `putBack` lets it wait for the next.
  @inline(__always)
  mutating func charge(_ sentByteCount: Int, to share: inout Share) {
    let areLessUrgentWaiting = UInt16(occupied) >> (UInt16(share.urgency) + 1) != 0
    starvedByteCount = areLessUrgentWaiting ? starvedByteCount + sentByteCount : 0
    share.restByteCount &-= Int32(clamping: sentByteCount)
    if (occupiedRings | ringTurns) >> share.urgency & 1 != 0 { noteOvertaking(sentByteCount, share) }
  }

  private mutating func noteOvertaking(_ sentByteCount: Int, _ share: Share) {
    let level = Int(share.urgency)
    let isTurn = ringTurns >> share.urgency & 1 != 0
    ringTurns &= ~(1 << share.urgency)
    if isTurn {
      levels[level].overtakingByteCount = max(Self.leastShareByteCount, Int32(clamping: sentByteCount))
    } else if share.isAhead, !levels[level].ring.isEmpty {
      levels[level].overtakingByteCount &-= Int32(clamping: sentByteCount)
    }
  }

  /// What is left of it.
  @inline(__always)
  func restByteCount(_ share: Share) -> Int { Int(share.restByteCount) }

  /// Behind those that have come meanwhile, so that they wait for one block at most.
  @inline(__always)
  mutating func putBack(_ id: StreamID, _ share: Share) {
    let level = Int(share.urgency)
    occupied |= 1 << share.urgency
    if share.restByteCount > 0 { return levels[level].fresh.append(id) }
    levels[level].ring.append(id)
    occupiedRings |= 1 << share.urgency
  }

  /// Moves a stream to another urgency, also while it waits.
  mutating func change(_ id: StreamID, to urgency: UInt8, isWaiting: Bool, _ share: inout Share) {
    let old = Int(share.urgency)
    share = Share(urgency: urgency)
    guard isWaiting else { return }
    removeAll(at: old) { $0 == id }
    add(id, &share)
  }

  /// Takes streams out, wherever they wait.
  mutating func removeAll(where isGone: (StreamID) -> Bool) {
    for level in levels.indices { removeAll(at: level, where: isGone) }
  }

  private mutating func removeAll(at level: Int, where isGone: (StreamID) -> Bool) {
    levels[level].removeAll(where: isGone)
    if levels[level].ring.isEmpty { occupiedRings &= ~(1 << UInt8(level)) }
    if levels[level].isEmpty { occupied &= ~(1 << UInt8(level)) }
  }
}

/// For the projection of a session (`Session+Projection.swift`).
extension SendSchedule {
  /// Feeds what decides whose turn it is to a hasher. How many rounds there were does not: a stream's round is only ever compared with that of its level.
  func combineProgress(into hasher: inout Hasher) {
    hasher.combine(occupied)
    hasher.combine(ringTurns)
    hasher.combine(starvedByteCount)
    hasher.combine(helpedLevel)
    for level in levels {
      hasher.combine(level.fresh)
      hasher.combine(level.ring)
      hasher.combine(max(0, level.turnCount))
      hasher.combine(level.overtakingByteCount)
    }
  }

  /// The same for a stream's place. Of a round that has ended the debts count alone, unless the stream waits for its turn.
  func combineProgress(of share: Share, isWaiting: Bool, isExact: Bool, into hasher: inout Hasher) {
    let isOfThisRound = share.round == levels[Int(share.urgency)].round
    hasher.combine(share.urgency)
    hasher.combine(isOfThisRound)
    hasher.combine(isWaiting && share.isAhead)
    let rest = isOfThisRound || isWaiting ? share.restByteCount : restOnReturn(share)
    hasher.combine(isExact ? rest : (rest - 1) >> 12)
  }
}
