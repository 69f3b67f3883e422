#include "allocation_count.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

static atomic_bool is_counting;
static atomic_uint_fast64_t allocation_count;
static atomic_uint_fast64_t requested_byte_count;
static atomic_int_fast64_t live_byte_count;
static atomic_int_fast64_t peak_live_byte_count;

#define LOAD(name) atomic_load_explicit(&name, memory_order_relaxed)
#define STORE(name, value) atomic_store_explicit(&name, value, memory_order_relaxed)
#define ADD(name, value) atomic_fetch_add_explicit(&name, value, memory_order_relaxed)

void allocation_count_start(void) { STORE(is_counting, 1); }

void allocation_count_stop(void) { STORE(is_counting, 0); }

void allocation_count_reset_peak(void) { STORE(peak_live_byte_count, LOAD(live_byte_count)); }

allocation_totals allocation_count_totals(void) {
  return (allocation_totals){
      .allocation_count = LOAD(allocation_count),
      .requested_byte_count = LOAD(requested_byte_count),
      .live_byte_count = LOAD(live_byte_count),
      .peak_live_byte_count = LOAD(peak_live_byte_count),
  };
}

#if defined(__GLIBC__)
#include <malloc.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *block);

bool allocation_count_is_available(void) { return true; }

static int64_t size_of(void *block) { return block == NULL ? 0 : (int64_t)(malloc_usable_size(block) + sizeof(size_t)); }

static void *note(void *block, size_t size) {
  if (__builtin_expect(!LOAD(is_counting), 1)) return block;
  ADD(allocation_count, 1);
  ADD(requested_byte_count, size);
  int64_t taken = size_of(block);
  int64_t live = ADD(live_byte_count, taken) + taken;
  if (live > LOAD(peak_live_byte_count)) STORE(peak_live_byte_count, live);
  return block;
}

static inline void note_return(void *block) {
  if (__builtin_expect(LOAD(is_counting), 0)) ADD(live_byte_count, -size_of(block));
}

void *malloc(size_t size) { return note(__libc_malloc(size), size); }

void *calloc(size_t count, size_t size) { return note(__libc_calloc(count, size), count * size); }

void *realloc(void *block, size_t size) {
  note_return(block);
  return note(__libc_realloc(block, size), size);
}

void *memalign(size_t alignment, size_t size) { return note(__libc_memalign(alignment, size), size); }

void *aligned_alloc(size_t alignment, size_t size) { return note(__libc_memalign(alignment, size), size); }

int posix_memalign(void **block, size_t alignment, size_t size) {
  if (alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0 || alignment == 0) return EINVAL;
  void *result = note(__libc_memalign(alignment, size), size);
  if (result == NULL) return ENOMEM;
  *block = result;
  return 0;
}

void free(void *block) {
  note_return(block);
  __libc_free(block);
}

#else

bool allocation_count_is_available(void) { return false; }

#endif
