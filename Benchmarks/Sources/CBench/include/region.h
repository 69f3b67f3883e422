#ifndef REGION_H
#define REGION_H

#include <stdint.h>

/// Calls `body(context)`. callgrind is told to count inside this function and nowhere else (--toggle-collect=bench_region).
void bench_region(void (*body)(void *), void *context);

/// Processor time of this thread.
uint64_t bench_thread_nanoseconds(void);

/// Processor time of all threads of this process.
uint64_t bench_process_nanoseconds(void);

/// The extensions that DWCP and the codecs choose their code by, with a blank between two; as valgrind emulates them when run under it.
const char *bench_cpu_features(void);

/// The C library and its version, for instance `glibc 2.36`.
const char *bench_c_library(void);

/// Work that the optimiser leaves alone, for one reference each: arithmetic, memory, branches. Each call takes about a millisecond.
uint64_t bench_kernel_alu(void);
uint64_t bench_kernel_memory(void);
uint64_t bench_kernel_branches(void);

/// Takes and gives back so many blocks of 16 bytes: the self-test's fault.
void bench_allocate(uint64_t count);

/// Never called: as many bytes of code as DWCP_BENCH_PADDING says, to move what is linked behind it.
void bench_padding(void);

#endif
