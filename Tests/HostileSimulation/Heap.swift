internal import CHeapCount

/// Bytes of the heap in use. Exact for one thread, since malloc and free are counted where they are called; of all threads as glibc tells.
public enum Heap {
  /// False without glibc and under sanitizers; then tests of memory are skipped, not passed.
  public static let isCounted = heap_is_counted()
  public static let whyNot = "the heap can be counted with glibc only, and not under a sanitizer"

  public static var threadByteCount: Int { Int(heap_thread_byte_count()) }
  public static var threadPeakByteCount: Int { Int(heap_thread_peak_byte_count()) }
  public static func resetThreadPeak() { heap_thread_reset_peak() }

  public static var processByteCount: Int { Int(heap_process_byte_count()) }
}

/// The seed that the calling thread runs, written to standard error when something traps: nothing else could tell it.
public enum SeedNote {
  public static func install() { seed_note_install() }

  static var current: UInt64 {
    get { seed_note_get() }
    set { seed_note_set(newValue) }
  }
}
