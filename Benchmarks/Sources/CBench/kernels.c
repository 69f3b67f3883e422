#include "region.h"

#include <stddef.h>

static uint64_t next(uint64_t *state) {
  uint64_t value = *state;
  value ^= value << 13;
  value ^= value >> 7;
  value ^= value << 17;
  return *state = value;
}

uint64_t bench_kernel_alu(void) {
  uint64_t state = 88172645463325252u, sum = 0;
  for (int turn = 0; turn < 400000; turn++) sum += next(&state);
  return sum;
}

uint64_t bench_kernel_memory(void) {
  enum { COUNT = 4 << 20 };
  static uint64_t words[COUNT];
  static size_t place;
  uint64_t sum = 0;
  // A stretch of 16 MiB at a time, one line in eight words; the next call takes the next stretch, so that it comes from memory.
  for (size_t index = 0; index < (2 << 20); index += 8) {
    uint64_t *word = &words[(place + index) % COUNT];
    sum += *word;
    *word = sum + index;
  }
  place = (place + (2 << 20)) % COUNT;
  return sum;
}

uint64_t bench_kernel_branches(void) {
  uint64_t state = 88172645463325252u, sum = 0;
  for (int turn = 0; turn < 120000; turn++) {
    uint64_t value = next(&state);
    if (value & 1) {
      sum += value >> 3;
    } else if (value & 2) {
      sum ^= value;
    } else {
      sum = sum << 1 | sum >> 63;
    }
  }
  return sum;
}
