/// Something that lies in memory of its own and is lent to one stream after another.
protocol Lendable: Hashable, Sendable {
  /// Without contents, and without memory of its own as far as it can be.
  init()

  /// Nothing is in it, and nothing would be lost with it.
  var isSpent: Bool { get }

  /// About what its own memory takes, however little is in it.
  var storageByteCount: Int { get }
}

/// How much something has held at most, which says nothing of its state.
struct Peak: Hashable, Sendable {
  private var highest: UInt32 = 0

  var count: Int { Int(highest) }

  static func == (left: Self, right: Self) -> Bool { true }

  func hash(into hasher: inout Hasher) {}

  @inline(__always)
  mutating func note(_ count: Int) {
    highest = max(highest, UInt32(truncatingIfNeeded: count))
  }

  /// Its memory has been made to measure.
  mutating func reset(to count: Int) {
    highest = UInt32(truncatingIfNeeded: count)
  }
}

/// What a stream has only while it is busy. An idle stream pays a word for it, and a busy one allocates nothing while the session has some to lend.
struct Lent<Contents: Lendable>: Sendable {
  private struct Place: Sendable {
    var contents = Contents()
    /// Lent after this one, while it waits on a shelf; empty while it is lent.
    var next = Slab<Place>()
  }

  /// None or one.
  private var storage = Slab<Place>()

  /// Whether there can be anything in it.
  @inline(__always)
  var isHeld: Bool { !storage.isEmpty }

  /// What is in it, while it is held; a change of what is not there begins with new memory.
  @inline(__always)
  var contents: Contents {
    @inline(__always)
    unsafeAddress { unsafe Self.address(storage.address(of: 0)) }
    @inline(__always)
    unsafeMutableAddress {
      if storage.isEmpty { storage.append(Place()) }
      return unsafe UnsafeMutablePointer(mutating: Self.address(storage.uniqueAddress(of: 0)))
    }
  }

  /// Of a place's contents, which come first in it.
  @inline(__always)
  private static func address(_ place: UnsafePointer<Place>) -> UnsafePointer<Contents> {
    unsafe UnsafeRawPointer(place).assumingMemoryBound(to: Contents.self)
  }

  /// Gives it memory of its own if it shares it: to be called whenever what it is lent to was copied, so that no change has to ask.
  mutating func makeUnique() {
    storage.makeUnique()
  }

  /// Changes it in one look.
  @inline(__always)
  mutating func update<Result>(_ body: (inout Contents) -> Result) -> Result { body(&contents) }

  /// Lets everything go, with its memory.
  mutating func removeAll() {
    storage = Slab()
  }
}

extension Lent: Hashable {
  static func == (left: Self, right: Self) -> Bool {
    guard left.isBusy, right.isBusy else { return left.isBusy == right.isBusy }
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
    /// Of one, besides its storage.
    fileprivate static var leastByteCount: Int { 256 }

    private let maximumByteCount: Int
    /// Lent next, where it is not empty: mostly one is enough.
    private var first = Slab<Place>()
    /// Others, each of which refers to the next.
    private var spares = Slab<Place>()
    private var byteCount = 0

    /// - Parameter streamLimit: each stream that there may be can leave so much (SPEC MEM-1).
    init(streamLimit: UInt64) {
      maximumByteCount = Int(min(49_152, 1_024 &* min(streamLimit, 1 << 20)))
    }

    static func == (left: Self, right: Self) -> Bool { true }

    func hash(into hasher: inout Hasher) {}

    /// Lets go of all that is not lent: of a session that has been copied it belongs to the other one.
    mutating func removeAll() {
      first = Slab()
      spares = Slab()
      byteCount = 0
    }

    /// Gives a stream that has none memory that another has had, or new memory.
    @inline(__always)
    mutating func lend(to lent: inout Lent) {
      guard lent.storage.isEmpty else { return }
      // Moved: a second reference, however short, would have the next change copy it.
      if !first.isEmpty {
        swap(&lent.storage, &first)
      } else if !spares.isEmpty {
        swap(&lent.storage, &spares)
        unsafe swap(&spares, &lent.storage.uniqueAddress(of: 0).pointee.next)
      } else {
        return lent.storage.append(Place())
      }
      byteCount &-= lent.cost
    }

    /// Takes back what a stream no longer needs.
    @inline(__always)
    mutating func takeBack(_ lent: inout Lent) {
      guard lent.isHeld, lent.contents.isSpent else { return }
      let cost = lent.cost
      guard byteCount &+ cost <= maximumByteCount else { return lent.removeAll() }
      byteCount &+= cost
      guard !first.isEmpty else { return swap(&first, &lent.storage) }
      unsafe swap(&spares, &lent.storage.uniqueAddress(of: 0).pointee.next)
      swap(&spares, &lent.storage)
    }
  }

  /// What it takes of what a session may keep.
  @inline(__always)
  fileprivate var cost: Int { Shelf.leastByteCount &+ contents.storageByteCount }
}
