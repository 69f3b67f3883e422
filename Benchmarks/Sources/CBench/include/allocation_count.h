#ifndef ALLOCATION_COUNT_H
#define ALLOCATION_COUNT_H

#include <stdbool.h>
#include <stdint.h>

/// What was asked of the allocator while counting was on, by any thread.
typedef struct {
  uint64_t allocation_count;
  uint64_t requested_byte_count;
  /// Taken less given back, as the allocator rounds it. Below zero when blocks from before were freed.
  int64_t live_byte_count;
  int64_t peak_live_byte_count;
} allocation_totals;

/// Starts or goes on counting.
void allocation_count_start(void);
void allocation_count_stop(void);
/// The totals since the process began.
allocation_totals allocation_count_totals(void);
/// Forgets the highest count of live bytes, in favour of the present one.
void allocation_count_reset_peak(void);
/// Whether anything is counted: only where glibc's allocator can be interposed.
bool allocation_count_is_available(void);

#endif
