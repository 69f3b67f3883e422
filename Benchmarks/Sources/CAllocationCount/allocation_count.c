#include "allocation_count.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

static atomic_bool is_counting;
static atomic_uint_fast64_t allocation_count;
static atomic_uint_fast64_t requested_byte_count;

void allocation_count_start(void) { atomic_store_explicit(&is_counting, 1, memory_order_relaxed); }

void allocation_count_stop(void) { atomic_store_explicit(&is_counting, 0, memory_order_relaxed); }

allocation_totals allocation_count_totals(void) {
  return (allocation_totals){
      .allocation_count = atomic_load_explicit(&allocation_count, memory_order_relaxed),
      .requested_byte_count = atomic_load_explicit(&requested_byte_count, memory_order_relaxed),
  };
}

#if defined(__GLIBC__)

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static inline void note(size_t size) {
  if (__builtin_expect(!atomic_load_explicit(&is_counting, memory_order_relaxed), 1)) return;
  atomic_fetch_add_explicit(&allocation_count, 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&requested_byte_count, size, memory_order_relaxed);
}

void *malloc(size_t size) {
  note(size);
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  note(count * size);
  return __libc_calloc(count, size);
}

void *realloc(void *block, size_t size) {
  note(size);
  return __libc_realloc(block, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  note(size);
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size) {
  if (alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0 || alignment == 0) return EINVAL;
  note(size);
  void *result = __libc_memalign(alignment, size);
  if (result == NULL) return ENOMEM;
  *block = result;
  return 0;
}

#endif
