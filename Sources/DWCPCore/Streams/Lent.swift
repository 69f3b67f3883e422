/// Something that lies in memory of its own and is lent to one stream after another.
protocol Lendable: Hashable, Sendable {
  /// Without contents, and without memory of its own as far as it can be.
  init()

  /// Nothing is in it, and nothing would be lost with it.
  var isSpent: Bool { get }

  /// Whether its memory is small enough to be kept for the next stream (SPEC MEM-1).
  var isWorthKeeping: Bool { get }

  /// Forgets what it was used for, so that it is as good as new.
  mutating func renew()
}

/// What a stream has only while it is busy. An idle stream pays a word for it, and a busy one allocates nothing while the session has some to lend.
struct Lent<Contents: Lendable>: Sendable {
  /// None or one.
  private var storage = Slab<Contents>()

  /// Whether there can be anything in it.
  @inline(__always)
  var isHeld: Bool { !storage.isEmpty }

  /// What is in it, while it is held; a change of what is not there begins with new memory.
  @inline(__always)
  var contents: Contents {
    @inline(__always)
    unsafeAddress { unsafe storage.address(of: 0) }
    @inline(__always)
    unsafeMutableAddress {
      if storage.isEmpty { storage.append(Contents()) }
      return unsafe storage.mutableAddress(of: 0)
    }
  }

  /// Lets everything go, with its memory.
  mutating func removeAll() {
    storage = Slab()
  }
}

extension Lent: Hashable {
  static func == (left: Self, right: Self) -> Bool {
    guard left.isHeld, right.isHeld else { return !left.isBusy && !right.isBusy }
    return left.contents == right.contents
  }

  func hash(into hasher: inout Hasher) {
    if isBusy { hasher.combine(contents) }
  }

  private var isBusy: Bool { isHeld && !contents.isSpent }
}

extension Lent {
  /// What a session has to lend. It says nothing of the session's state, so that all of them are equal.
  struct Shelf: Hashable, Sendable {
    private var spares: [Slab<Contents>] = []
    private let maximumCount: Int

    init(maximumCount: Int) {
      self.maximumCount = maximumCount
    }

    static func == (left: Self, right: Self) -> Bool { true }

    func hash(into hasher: inout Hasher) {}

    /// Gives a stream that has none memory that another has had, or new memory.
    @inline(__always)
    mutating func lend(to lent: inout Lent) {
      guard lent.storage.isEmpty else { return }
      guard let spare = spares.popLast() else { return lent.storage.append(Contents()) }
      lent.storage = spare
    }

    /// To look at what only this reference leads to copies nothing.
    @inline(__always)
    private static func isSpent(_ contents: inout Contents) -> Bool { contents.isSpent }

    /// Takes back what a stream no longer needs.
    @inline(__always)
    mutating func takeBack(_ lent: inout Lent) {
      guard lent.isHeld, Self.isSpent(&lent.contents) else { return }
      var spare = Slab<Contents>()
      swap(&spare, &lent.storage)
      guard spares.count < maximumCount, spare[0].isWorthKeeping else { return }
      spare[0].renew()
      spares.append(spare)
    }
  }
}
