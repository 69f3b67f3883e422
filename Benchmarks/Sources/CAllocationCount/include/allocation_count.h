#ifndef ALLOCATION_COUNT_H
#define ALLOCATION_COUNT_H

#include <stdint.h>

/// What was asked of the allocator while counting was on, by any thread.
typedef struct {
  uint64_t allocation_count;
  uint64_t requested_byte_count;
} allocation_totals;

/// Starts or goes on counting.
void allocation_count_start(void);
void allocation_count_stop(void);
/// The totals since the process began; they only rise. Always 0 where the allocator cannot be interposed (not glibc).
allocation_totals allocation_count_totals(void);

#endif
