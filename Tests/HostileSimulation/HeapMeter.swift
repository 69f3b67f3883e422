/// What one engine and its owner hold of the heap: only what is done between `begin` and `end` counts, so that the attacker and the other sessions of
/// the same thread do not.
final class HeapMeter {
  private(set) var heldByteCount = 0
  private(set) var peakByteCount = 0
  private var start = 0

  func begin() {
    Heap.resetThreadPeak()
    start = Heap.threadByteCount
  }

  func end() {
    peakByteCount = max(peakByteCount, heldByteCount + Heap.threadPeakByteCount - start)
    heldByteCount += Heap.threadByteCount - start
  }
}
