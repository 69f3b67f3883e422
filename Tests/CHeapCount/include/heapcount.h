#pragma once
#include <stdbool.h>
#include <stdint.h>

/// Whether bytes are counted: only with glibc, and not under a sanitizer, which has an allocator of its own.
bool heap_is_counted(void);

/// Bytes that this thread has taken from the heap and not given back, as the allocator rounds them.
int64_t heap_thread_byte_count(void);

/// The highest count of this thread since `heap_thread_reset_peak`.
int64_t heap_thread_peak_byte_count(void);
void heap_thread_reset_peak(void);

/// Bytes of the heap in use by all threads; 0 where glibc does not say.
int64_t heap_process_byte_count(void);

/// The seed that this thread runs; told on standard error when the process is ended by a trap, once `seed_note_install` has been called.
void seed_note_set(uint64_t seed);
uint64_t seed_note_get(void);
void seed_note_install(void);
