import CHeapCount

/// Bytes of the heap in use. Exact for one thread, since malloc and free are counted where they are called; of all threads as glibc tells.
enum Heap {
  /// False without glibc and under sanitizers; then tests of memory are skipped, not passed.
  static let isCounted = heap_is_counted()
  static let whyNot = "the heap can be counted with glibc only, and not under a sanitizer"

  static var threadByteCount: Int { Int(heap_thread_byte_count()) }
  static var threadPeakByteCount: Int { Int(heap_thread_peak_byte_count()) }
  static func resetThreadPeak() { heap_thread_reset_peak() }

  static var processByteCount: Int { Int(heap_process_byte_count()) }
}
