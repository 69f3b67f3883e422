/// An array whose elements are looked at and changed where they lie.
///
/// To look at a part of an element of an array copies the element, references and all; for a stream that is looked at thirty times for each frame
/// this was a third of the work. A copy of a slab is made when one of two is changed, as with arrays.
struct Slab<Element> {
  /// Constants and what they point to, since the variables of a class are guarded against two accesses at once each time.
  @safe
  private final class Storage {
    let capacity: Int
    let count: UnsafeMutablePointer<Int>
    let elements: UnsafeMutablePointer<Element>

    init(capacity: Int) {
      self.capacity = capacity
      unsafe count = .allocate(capacity: 1)
      unsafe elements = .allocate(capacity: capacity)
      unsafe count.initialize(to: 0)
    }

    deinit {
      unsafe elements.deinitialize(count: count.pointee)
      unsafe elements.deallocate()
      unsafe count.deallocate()
    }
  }

  /// Nil while there is no element.
  private var storage: Storage?

  @inline(__always)
  var isEmpty: Bool { storage == nil }
  @inline(__always)
  var count: Int { unsafe storage?.count.pointee ?? 0 }

  @inline(__always)
  subscript(index: Int) -> Element {
    @inline(__always)
    unsafeAddress { unsafe address(of: index) }
    @inline(__always)
    unsafeMutableAddress { unsafe mutableAddress(of: index) }
  }

  @inline(__always)
  func address(of index: Int) -> UnsafePointer<Element> {
    guard let storage, index >= 0, unsafe index < storage.count.pointee else { fatalError("no such element") }
    return unsafe UnsafePointer(storage.elements.advanced(by: index))
  }

  /// Gives this slab elements of its own if it shares them.
  @inline(__always)
  mutating func makeUnique() {
    if storage != nil, !isKnownUniquelyReferenced(&storage) { copyStorage(capacity: capacity) }
  }

  @inline(__always)
  mutating func mutableAddress(of index: Int) -> UnsafeMutablePointer<Element> {
    makeUnique()
    return unsafe uniqueAddress(of: index)
  }

  /// The same where `makeUnique` has been called since the slab could last be copied.
  @inline(__always)
  mutating func uniqueAddress(of index: Int) -> UnsafeMutablePointer<Element> {
    assert(isKnownUniquelyReferenced(&storage), "a shared slab is about to be changed")
    guard let storage, index >= 0, unsafe index < storage.count.pointee else { fatalError("no such element") }
    return unsafe storage.elements.advanced(by: index)
  }

  private var capacity: Int { storage?.capacity ?? 0 }

  /// Grows by eighths and not by doubling: most of what many idle streams cost is their slab.
  mutating func append(_ element: consuming Element) {
    let count = count
    if count == capacity { moveStorage(capacity: count &+ max(1, count / 8)) } else { makeUnique() }
    guard let storage else { return }
    unsafe storage.elements.advanced(by: count).initialize(to: element)
    unsafe storage.count.pointee = count &+ 1
  }

  /// Elements that nobody else refers to change their place; others are copied.
  private mutating func moveStorage(capacity: Int) {
    guard isKnownUniquelyReferenced(&storage), let old = storage else { return copyStorage(capacity: capacity) }
    let new = Storage(capacity: capacity)
    unsafe new.elements.moveInitialize(from: old.elements, count: old.count.pointee)
    unsafe new.count.pointee = old.count.pointee
    unsafe old.count.pointee = 0
    storage = new
  }

  private mutating func copyStorage(capacity: Int) {
    let new = Storage(capacity: max(1, capacity))
    if let old = storage {
      unsafe new.elements.initialize(from: old.elements, count: old.count.pointee)
      unsafe new.count.pointee = old.count.pointee
    }
    storage = new
  }
}

// What it refers to is changed only by who alone refers to it.
extension Slab: @unchecked Sendable where Element: Sendable {}
