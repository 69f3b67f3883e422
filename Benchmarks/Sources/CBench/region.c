#define _GNU_SOURCE
#include "region.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#if defined(__GLIBC__)
#include <gnu/libc-version.h>
#endif

__attribute__((noinline)) void bench_region(void (*body)(void *), void *context) {
  body(context);
  // Keeps the call from becoming a jump, which would leave the region before it has begun.
  __asm__ volatile("" ::: "memory");
}

static uint64_t nanoseconds(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

uint64_t bench_thread_nanoseconds(void) { return nanoseconds(CLOCK_THREAD_CPUTIME_ID); }

uint64_t bench_process_nanoseconds(void) { return nanoseconds(CLOCK_PROCESS_CPUTIME_ID); }

const char *bench_cpu_features(void) {
  static char text[160];
  text[0] = 0;
#if defined(__x86_64__)
  __builtin_cpu_init();
#define ADD(name) \
  if (__builtin_cpu_supports(name)) strcat(strcat(text, text[0] ? " " : ""), name)
  ADD("sse4.2");
  ADD("pclmul");
  ADD("avx");
  ADD("avx2");
  ADD("bmi2");
  ADD("avx512f");
  ADD("avx512bw");
  ADD("avx512vl");
#elif defined(__aarch64__)
  strcpy(text, "neon");
#endif
  return text;
}

const char *bench_c_library(void) {
#if defined(__GLIBC__)
  static char text[40];
  snprintf(text, sizeof text, "glibc %s", gnu_get_libc_version());
  return text;
#else
  return "other";
#endif
}

void bench_allocate(uint64_t count) {
  for (uint64_t number = 0; number < count; number++) {
    void *volatile block = malloc(16);
    free(block);
  }
}

#ifdef DWCP_BENCH_PADDING
#define TEXT(value) TEXT_OF(value)
#define TEXT_OF(value) #value
void bench_padding(void) { __asm__ volatile(".skip " TEXT(DWCP_BENCH_PADDING) ", 0x90"); }
#else
void bench_padding(void) {}
#endif
