#ifndef ALLOCATIONS_H
#define ALLOCATIONS_H

#include <stdbool.h>
#include <stddef.h>

// What the whole process has asked of malloc, and has copied with memcpy and memmove, while counting was on.
struct memory_counts {
  size_t allocation_count;
  size_t allocated_byte_count;
  size_t copied_byte_count;
};

void memory_counts_begin(void);
struct memory_counts memory_counts_end(void);

#endif
