#pragma once

#include <stdint.h>

// Bytes that malloc has given out and not got back, over all threads.
uint64_t heap_use_byte_count(void);
