#pragma once

#include <stdint.h>

// How often memory was asked for since the program began. It has one thread.
uint64_t allocation_count(void);
