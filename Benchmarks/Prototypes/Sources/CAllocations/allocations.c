// Stands in front of the C library's allocator and copying functions. glibc only.
#include "allocations.h"

#include <errno.h>

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void *__memcpy_chk(void *, const void *, size_t, size_t);
void *__memmove_chk(void *, const void *, size_t, size_t);

// Volatile, or the compiler would turn the calls back into calls of the functions defined here.
static void *(*volatile real_memcpy)(void *, const void *, size_t, size_t) = __memcpy_chk;
static void *(*volatile real_memmove)(void *, const void *, size_t, size_t) = __memmove_chk;

// Counted from one thread at a time: the experiment that counts has only one.
static volatile bool is_counting;
static struct memory_counts counts;

void memory_counts_begin(void) {
  counts = (struct memory_counts){0};
  is_counting = true;
}

struct memory_counts memory_counts_end(void) {
  is_counting = false;
  return counts;
}

static inline void note_allocation(size_t byte_count) {
  if (!is_counting) return;
  counts.allocation_count += 1;
  counts.allocated_byte_count += byte_count;
}

void *malloc(size_t byte_count) {
  note_allocation(byte_count);
  return __libc_malloc(byte_count);
}

void *calloc(size_t count, size_t byte_count) {
  note_allocation(count * byte_count);
  return __libc_calloc(count, byte_count);
}

void *realloc(void *old, size_t byte_count) {
  note_allocation(byte_count);
  return __libc_realloc(old, byte_count);
}

void *aligned_alloc(size_t alignment, size_t byte_count) {
  note_allocation(byte_count);
  return __libc_memalign(alignment, byte_count);
}

int posix_memalign(void **result, size_t alignment, size_t byte_count) {
  note_allocation(byte_count);
  *result = __libc_memalign(alignment, byte_count);
  return *result ? 0 : ENOMEM;
}

void *memcpy(void *restrict to, const void *restrict from, size_t byte_count) {
  if (is_counting) counts.copied_byte_count += byte_count;
  return real_memcpy(to, from, byte_count, byte_count);
}

void *memmove(void *to, const void *from, size_t byte_count) {
  if (is_counting) counts.copied_byte_count += byte_count;
  return real_memmove(to, from, byte_count, byte_count);
}
