/// An array whose elements are looked at and changed where they lie.
///
/// To look at a part of an element of an array copies the element, references and all; for a stream that is looked at thirty times for each frame
/// this was a third of the work. A copy of a slab is made when one of two is changed, as with arrays.
struct Slab<Element> {
  private struct Header {
    var count = 0
    var capacity: Int
  }

  /// Its header is reached by address too: as a variable of a class it would be guarded against two accesses at once each time.
  private final class Storage: ManagedBuffer<Header, Element> {
    deinit {
      _ = unsafe withUnsafeMutablePointers { header, elements in
        unsafe elements.deinitialize(count: header.pointee.count)
      }
    }
  }

  /// Nil while there is no element.
  private var storage: ManagedBuffer<Header, Element>?

  @inline(__always)
  var isEmpty: Bool { storage == nil }
  @inline(__always)
  var count: Int { header?.count ?? 0 }
  @inline(__always)
  var capacity: Int { header?.capacity ?? 0 }

  @inline(__always)
  private var header: Header? {
    guard let storage else { return nil }
    return unsafe storage.withUnsafeMutablePointerToHeader { unsafe $0.pointee }
  }

  @inline(__always)
  subscript(index: Int) -> Element {
    unsafeAddress { unsafe address(of: index) }
  }

  @inline(__always)
  func address(of index: Int) -> UnsafePointer<Element> {
    unsafe UnsafePointer(elementAddress(of: index))
  }

  @inline(__always)
  private func elementAddress(of index: Int) -> UnsafeMutablePointer<Element> {
    guard let storage, index >= 0, index < count else { fatalError("no such element") }
    return unsafe storage.withUnsafeMutablePointerToElements { unsafe $0.advanced(by: index) }
  }

  @inline(__always)
  var isUnique: Bool {
    mutating get { storage == nil || isKnownUniquelyReferenced(&storage) }
  }

  /// Gives this slab elements of its own if it shares them.
  @inline(__always)
  mutating func makeUnique() {
    if !isUnique { copyStorage(capacity: capacity) }
  }

  /// To be changed where `makeUnique` has been called since the slab could last be copied.
  @inline(__always)
  mutating func uniqueAddress(of index: Int) -> UnsafeMutablePointer<Element> {
    assert(isKnownUniquelyReferenced(&storage), "a shared slab is about to be changed")
    return unsafe elementAddress(of: index)
  }

  @inline(__always)
  mutating func append(_ element: consuming Element) {
    if count == capacity { grow() } else { makeUnique() }
    guard let storage else { return }
    let count = unsafe storage.withUnsafeMutablePointerToHeader { unsafe $0.pointee.count }
    unsafe storage.withUnsafeMutablePointerToElements { unsafe $0.advanced(by: count) }.initialize(to: element)
    unsafe storage.withUnsafeMutablePointerToHeader { unsafe $0.pointee.count = count &+ 1 }
  }

  /// By eighths and not by doubling: most of what many idle streams cost is their slab.
  @inline(never)
  private mutating func grow() {
    moveStorage(capacity: count &+ max(1, count / 8))
  }

  /// Takes all elements out, none of which holds anything that would have to be destroyed, where `makeUnique` has been called. The memory stays.
  @inline(__always)
  mutating func removeAllSpent() {
    guard let storage else { return }
    unsafe storage.withUnsafeMutablePointerToHeader { unsafe $0.pointee.count = 0 }
  }

  /// The same for the first elements; the others move up.
  mutating func removeSpent(_ removedCount: Int) {
    guard let storage, removedCount <= count else { return }
    unsafe storage.withUnsafeMutablePointers { header, elements in
      let restCount = unsafe header.pointee.count &- removedCount
      unsafe elements.moveInitialize(from: elements.advanced(by: removedCount), count: restCount)
      unsafe header.pointee.count = restCount
    }
  }

  /// Elements that nobody else refers to change their place; others are copied.
  private mutating func moveStorage(capacity: Int) {
    guard isKnownUniquelyReferenced(&storage), let old = storage else { return copyStorage(capacity: capacity) }
    let new = Storage.create(minimumCapacity: capacity) { _ in Header(capacity: capacity) }
    unsafe old.withUnsafeMutablePointers { oldHeader, oldElements in
      unsafe new.withUnsafeMutablePointers { header, elements in
        unsafe elements.moveInitialize(from: oldElements, count: oldHeader.pointee.count)
        unsafe header.pointee.count = oldHeader.pointee.count
        unsafe oldHeader.pointee.count = 0
      }
    }
    storage = new
  }

  private mutating func copyStorage(capacity: Int) {
    let capacity = max(1, capacity)
    let new = Storage.create(minimumCapacity: capacity) { _ in Header(capacity: capacity) }
    unsafe storage?.withUnsafeMutablePointers { oldHeader, oldElements in
      unsafe new.withUnsafeMutablePointers { header, elements in
        unsafe elements.initialize(from: oldElements, count: oldHeader.pointee.count)
        unsafe header.pointee.count = oldHeader.pointee.count
      }
    }
    storage = new
  }
}

// What it refers to is changed only by who alone refers to it.
extension Slab: @unchecked Sendable where Element: Sendable {}
