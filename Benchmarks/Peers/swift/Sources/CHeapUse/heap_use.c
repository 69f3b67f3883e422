#include "heap_use.h"

#include <malloc.h>

uint64_t heap_use_byte_count(void) {
  struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}
