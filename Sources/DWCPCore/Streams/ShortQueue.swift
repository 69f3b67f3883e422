internal import DequeModule

/// A queue that mostly has one element, which then lies in the queue itself: only what is behind it takes memory of its own.
struct ShortQueue<Element> {
  /// Looked at, and changed, where it lies; a subscript would give a copy. Nil while the queue is empty.
  var first: Element?
  /// Empty while there is no first; none is nil. A deque copies what is appended to it, and to count a reference costs more than all else here: a place is appended,
  /// and the element moved there.
  private var rest: Deque<Element?> = []

  @inline(__always)
  var isEmpty: Bool { first == nil }
  @inline(__always)
  var count: Int { first == nil ? 0 : 1 &+ rest.count }
  @inline(__always)
  var hasMoreThanOne: Bool { !rest.isEmpty }

  @inline(__always)
  mutating func append(_ element: consuming Element) {
    guard first != nil else {
      first = consume element
      return
    }
    rest.append(nil)
    rest[rest.count &- 1] = consume element
  }

  @inline(__always)
  mutating func popFirst() -> Element? {
    let element = first.take()
    if !rest.isEmpty { first = rest.removeFirst() }
    return element
  }

  mutating func removeLast() {
    if rest.isEmpty { first = nil } else { rest.removeLast() }
  }

  /// Keeps no more memory than its elements need.
  mutating func trim() {
    rest = rest.madeToMeasure()
  }

  subscript(index: Int) -> Element {
    get {
      guard let element = index == 0 ? first : rest[index &- 1] else { fatalError("no such element") }
      return element
    }
    _modify {
      guard var element = index == 0 ? first.take() : rest[index &- 1].take() else { fatalError("no such element") }
      defer { if index == 0 { first = element } else { rest[index &- 1] = element } }
      yield &element
    }
  }
}

extension ShortQueue: Equatable where Element: Equatable {}
extension ShortQueue: Hashable where Element: Hashable {}
extension ShortQueue: Sendable where Element: Sendable {}

extension Deque {
  /// A copy whose storage is not larger than it has to be.
  func madeToMeasure() -> Deque {
    var copy = Deque()
    copy.reserveCapacity(count)
    copy.append(contentsOf: self)
    return copy
  }
}
