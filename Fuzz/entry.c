// What libFuzzer calls. scripts/fuzz builds it once for each target, with the target's name as TARGET.
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

// In Tests/FuzzHarness/FuzzTarget.swift. The first prints what went wrong and returns 1, or returns 0; the second fills a seed in
// and returns its length, or -1 behind the last one.
int dwcp_fuzz(const char *target, const uint8_t *bytes, size_t count);
long dwcp_fuzz_seed(const char *target, long number, uint8_t *room, size_t capacity);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
  if (dwcp_fuzz(TARGET, bytes, count)) {
    fflush(stdout);
    abort();
  }
  return 0;
}

// With DWCP_FUZZ_SEEDS in the environment the seeds are written to that directory, and nothing is fuzzed.
int LLVMFuzzerInitialize(int *argument_count, char ***arguments) {
  (void)argument_count, (void)arguments;
  const char *directory = getenv("DWCP_FUZZ_SEEDS");
  if (!directory) return 0;
  static uint8_t room[65536];
  long length;
  for (long number = 0; (length = dwcp_fuzz_seed(TARGET, number, room, sizeof room)) >= 0; number++) {
    char path[4096];
    snprintf(path, sizeof path, "%s/seed-%ld", directory, number);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(room, 1, (size_t)length, file) != (size_t)length || fclose(file)) {
      perror(path);
      exit(1);
    }
  }
  exit(0);
}
