#include "heapcount.h"

#include <errno.h>
#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define HEAP_IS_FOREIGN 1
#endif
#endif

#if defined(__linux__) && defined(__GLIBC__) && !defined(HEAP_IS_FOREIGN)
#include <malloc.h>

// The allocator's own names; ours stand in front of the public ones.
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static __thread int64_t byte_count;
static __thread int64_t peak_byte_count;

static void *count_taken(void *block) {
  if (block != NULL) {
    byte_count += (int64_t)malloc_usable_size(block) + (int64_t)sizeof(size_t);
    if (byte_count > peak_byte_count) peak_byte_count = byte_count;
  }
  return block;
}

static void count_given_back(void *block) {
  if (block != NULL) byte_count -= (int64_t)malloc_usable_size(block) + (int64_t)sizeof(size_t);
}

void *malloc(size_t size) { return count_taken(__libc_malloc(size)); }

void *calloc(size_t count, size_t size) { return count_taken(__libc_calloc(count, size)); }

void *memalign(size_t alignment, size_t size) { return count_taken(__libc_memalign(alignment, size)); }

void *aligned_alloc(size_t alignment, size_t size) { return count_taken(__libc_memalign(alignment, size)); }

int posix_memalign(void **block, size_t alignment, size_t size) {
  if (alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0 || alignment == 0) return EINVAL;
  void *taken = count_taken(__libc_memalign(alignment, size));
  if (taken == NULL) return ENOMEM;
  *block = taken;
  return 0;
}

void *realloc(void *block, size_t size) {
  size_t before = block == NULL ? 0 : malloc_usable_size(block) + sizeof(size_t);
  void *moved = __libc_realloc(block, size);
  if (moved == NULL && size != 0) return NULL;
  byte_count -= (int64_t)before;
  return count_taken(moved);
}

void free(void *block) {
  count_given_back(block);
  __libc_free(block);
}

bool heap_is_counted(void) {
  int64_t before = byte_count;
  void *volatile block = malloc(100);
  bool is_counted = byte_count > before;
  free(block);
  return is_counted;
}

int64_t heap_thread_byte_count(void) { return byte_count; }
int64_t heap_thread_peak_byte_count(void) { return peak_byte_count; }
void heap_thread_reset_peak(void) { peak_byte_count = byte_count; }

int64_t heap_process_byte_count(void) {
  struct mallinfo2 info = mallinfo2();
  return (int64_t)(info.uordblks + info.hblkhd);
}

#else

bool heap_is_counted(void) { return false; }
int64_t heap_thread_byte_count(void) { return 0; }
int64_t heap_thread_peak_byte_count(void) { return 0; }
void heap_thread_reset_peak(void) {}
int64_t heap_process_byte_count(void) { return 0; }

#endif
