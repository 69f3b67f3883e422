// What the C peers share: their command line, clocks, source of bytes, percentiles and sockets.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
  BLOCK_BYTES = 64 << 10,
  EXCHANGE_BYTES = 1024,
  ECHO_BYTES = 64,
  MAXIMUM_TAG_BYTES = 9,
};

// The first byte of each stream says what the server is to do with it.
enum service {
  SERVICE_EXCHANGE = 'x', // takes 1 KiB, answers with the same 1 KiB, ends
  SERVICE_ECHO = 'e',     // returns every byte that follows
  SERVICE_SINK = 's',     // counts the bytes that follow
  SERVICE_CONFIRM = 'c',  // takes 8 bytes, a count; answers with the sinks' count once it has reached that
  SERVICE_HEAP = 'h',     // answers with 8 bytes, the heap in use
  SERVICE_IDLE = 'i',     // answers with one byte and stays open
};

struct options {
  bool serves;
  const char *workload;
  const char *host;
  int port;
  double seconds;
  long count;      // 0 when the time decides
  int streams;
  long window;     // 0 for the library's default
  long frame;      // 0 for the library's default
  int per_flush;   // units sent together, of the workloads in memory
  bool is_woken;   // nghttp2 is told of each write, in memory
  bool is_bare;    // streams without header fields and without the checks of HTTP, in memory
};

// Begins the names of the workloads that need no server.
#define MEMORY_PREFIX "memory-"

struct options parse_options(int argc, char **argv, bool has_window_options);

// Ends the process with one sentence on standard error.
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

uint64_t now_nanoseconds(void);
double cpu_seconds(void);
uint64_t heap_bytes(void);
void put_count(uint8_t out[8], uint64_t count);
uint64_t get_count(const uint8_t in[8]);

// 256 MiB of random bytes, walked through block by block, so that they come from memory and not from a cache.
void source_make(void);
const uint8_t *source_next_block(void);

// The 1 KiB of an exchange, and the 64 bytes of an echo's round number `round`.
void fill_exchange(uint8_t out[EXCHANGE_BYTES]);
void fill_echo(uint8_t out[ECHO_BYTES], uint64_t round);

// The span that is measured: begun after the connection was tried with one exchange.
struct span {
  uint64_t begin;
  uint64_t end; // when the time given has passed
  double cpu_begin;
  const struct options *options;
};

struct span span_begin(const struct options *options);
// Whether `done` units of work are enough.
bool span_is_over(const struct span *span, long done);

// Round trips, and their percentiles.
void latency_add(uint64_t nanoseconds);

void report_bulk(const struct span *span, uint64_t bytes);
void report_exchange(const struct span *span, long streams);
void report_echo(const struct span *span, uint64_t bulk_bytes, uint64_t bulk_nanoseconds);
void report_memory(const struct span *span, uint64_t units, size_t unit_bytes, uint64_t allocations,
                   uint64_t wire_bytes);
void report_idle(long streams, double client_bytes, double server_bytes);

int listen_on(int port);
int connect_to(const char *host, int port);
int begin_connect(const char *host, int port); // without waiting for the outcome
void set_nonblocking(int descriptor);
