#define _GNU_SOURCE
#include "common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  exit(1);
}

static _Noreturn void usage(const char *program, bool has_window_options) {
  const char *more = has_window_options ? " [--window BYTES] [--frame BYTES]" : "";
  const char *memory =
      "       nghttp2 memory-frames|memory-messages|memory-streams|memory-bulk [--seconds S | --count N]\n"
      "               [--streams N] [--per-flush N] [--window BYTES] [--source ready|woken] [--http on|off]\n";
  fprintf(stderr,
          "usage: %s serve PORT%s\n"
          "       %s bulk|exchange|echo|idle HOST PORT [--seconds S | --count N] [--streams N]%s\n"
          "%s"
          "example: %s echo 127.0.0.1 7400 --seconds 2 --streams 1\n",
          program, more, program, more, has_window_options ? memory : "", program);
  exit(64);
}

struct options parse_options(int argc, char **argv, bool has_window_options) {
  struct options options = {.seconds = 2, .streams = -1, .per_flush = 1};
  bool is_memory =
      has_window_options && argc >= 2 && strncmp(argv[1], MEMORY_PREFIX, strlen(MEMORY_PREFIX)) == 0;
  int next;
  if (argc >= 3 && strcmp(argv[1], "serve") == 0) {
    options.serves = true;
    options.port = atoi(argv[2]);
    next = 3;
  } else if (is_memory) {
    options.workload = argv[1];
    next = 2;
  } else if (argc >= 4) {
    options.workload = argv[1];
    options.host = argv[2];
    options.port = atoi(argv[3]);
    next = 4;
  } else {
    usage(argv[0], has_window_options);
  }
  for (; next < argc; next += 2) {
    const char *name = argv[next];
    if (next + 1 == argc) usage(argv[0], has_window_options);
    const char *value = argv[next + 1];
    if (strcmp(name, "--seconds") == 0) options.seconds = atof(value);
    else if (strcmp(name, "--count") == 0) options.count = atol(value);
    else if (strcmp(name, "--streams") == 0) options.streams = atoi(value);
    else if (is_memory && strcmp(name, "--per-flush") == 0) options.per_flush = atoi(value);
    else if (is_memory && strcmp(name, "--source") == 0) options.is_woken = strcmp(value, "woken") == 0;
    else if (is_memory && strcmp(name, "--http") == 0) options.is_bare = strcmp(value, "off") == 0;
    else if (has_window_options && strcmp(name, "--window") == 0) options.window = atol(value);
    else if (has_window_options && strcmp(name, "--frame") == 0) options.frame = atol(value);
    else usage(argv[0], has_window_options);
  }
  bool is_echo = options.workload != NULL && strcmp(options.workload, "echo") == 0;
  if (options.streams < 0) options.streams = is_echo ? 0 : 1;
  signal(SIGPIPE, SIG_IGN);
  return options;
}

uint64_t now_nanoseconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

double cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

uint64_t heap_bytes(void) {
  struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

void put_count(uint8_t out[8], uint64_t count) {
  for (int index = 0; index < 8; index++) out[index] = (uint8_t)(count >> (56 - 8 * index));
}

uint64_t get_count(const uint8_t in[8]) {
  uint64_t count = 0;
  for (int index = 0; index < 8; index++) count = count << 8 | in[index];
  return count;
}

enum { SOURCE_BYTES = 256 << 20 };
static uint64_t *source;
static size_t source_position;

void source_make(void) {
  source = malloc(SOURCE_BYTES);
  if (source == NULL) fail("there is no memory for the source of 256 MiB; free some");
  uint64_t state = 0x9E3779B97F4A7C15u;
  for (size_t index = 0; index < SOURCE_BYTES / 8; index++) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    source[index] = state;
  }
}

const uint8_t *source_next_block(void) {
  const uint8_t *block = (const uint8_t *)source + source_position;
  source_position = (source_position + BLOCK_BYTES) % SOURCE_BYTES;
  return block;
}

void fill_exchange(uint8_t out[EXCHANGE_BYTES]) {
  out[0] = SERVICE_EXCHANGE;
  for (int index = 1; index < EXCHANGE_BYTES; index++) out[index] = (uint8_t)(index * 7);
}

void fill_echo(uint8_t out[ECHO_BYTES], uint64_t round) {
  for (int index = 0; index < ECHO_BYTES; index++) out[index] = (uint8_t)(round + (uint64_t)index * 31);
}

struct span span_begin(const struct options *options) {
  struct span span = {.options = options, .cpu_begin = cpu_seconds(), .begin = now_nanoseconds()};
  span.end = span.begin + (uint64_t)(options->seconds * 1e9);
  return span;
}

bool span_is_over(const struct span *span, long done) {
  return span->options->count > 0 ? done >= span->options->count : now_nanoseconds() >= span->end;
}

static uint64_t *latencies;
static size_t latency_count;
static size_t latency_room;

void latency_add(uint64_t nanoseconds) {
  if (latency_count == latency_room) {
    latency_room = latency_room == 0 ? 1 << 16 : 2 * latency_room;
    latencies = realloc(latencies, latency_room * sizeof *latencies);
    if (latencies == NULL) fail("there is no memory for %zu round trips; ask for less time", latency_room);
  }
  latencies[latency_count++] = nanoseconds;
}

static int compare_latencies(const void *left, const void *right) {
  uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
  return (a > b) - (a < b);
}

// Nearest rank, in microseconds.
static double percentile(double share) {
  size_t rank = (size_t)(share * (double)latency_count + 0.999999);
  if (rank > 0) rank -= 1;
  if (rank >= latency_count) rank = latency_count - 1;
  return (double)latencies[rank] / 1e3;
}

static double seconds_since(uint64_t begin) { return (double)(now_nanoseconds() - begin) / 1e9; }

void report_bulk(const struct span *span, uint64_t bytes) {
  double seconds = seconds_since(span->begin);
  printf("{\"bytesPerSecond\": %.0f, \"byteCount\": %llu, \"seconds\": %.6f, \"clientCPUSeconds\": %.6f}\n",
         (double)bytes / seconds, (unsigned long long)bytes, seconds, cpu_seconds() - span->cpu_begin);
}

void report_exchange(const struct span *span, long streams) {
  double seconds = seconds_since(span->begin);
  printf("{\"streamsPerSecond\": %.1f, \"streamCount\": %ld, \"seconds\": %.6f, \"clientCPUSeconds\": %.6f}\n",
         (double)streams / seconds, streams, seconds, cpu_seconds() - span->cpu_begin);
}

void report_echo(const struct span *span, uint64_t bulk_bytes, uint64_t bulk_nanoseconds) {
  double seconds = seconds_since(span->begin);
  double cpu = cpu_seconds() - span->cpu_begin;
  if (latency_count == 0) fail("not one echo came back in the time given; allow more of it");
  qsort(latencies, latency_count, sizeof *latencies, compare_latencies);
  printf("{\"p50Microseconds\": %.3f, \"p99Microseconds\": %.3f, \"p999Microseconds\": %.3f, ", percentile(0.5),
         percentile(0.99), percentile(0.999));
  if (bulk_nanoseconds > 0) {
    printf("\"bulkBytesPerSecond\": %.0f, \"bulkByteCount\": %llu, ",
           (double)bulk_bytes / ((double)bulk_nanoseconds / 1e9), (unsigned long long)bulk_bytes);
  }
  printf("\"roundTripCount\": %zu, \"seconds\": %.6f, \"clientCPUSeconds\": %.6f}\n", latency_count, seconds, cpu);
}

// Nothing waits here, so that rates are by processor time: what else the machine does counts for less.
void report_memory(const struct span *span, uint64_t units, size_t unit_bytes, uint64_t allocations,
                   uint64_t wire_bytes) {
  double seconds = cpu_seconds() - span->cpu_begin, count = (double)units;
  printf("{\"unitsPerSecond\": %.0f, \"bytesPerSecond\": %.0f, \"unitCount\": %llu, \"processorSeconds\": %.6f, "
         "\"allocationsPerUnit\": %.4f, \"wireBytesPerUnit\": %.2f}\n",
         count / seconds, count * (double)unit_bytes / seconds, (unsigned long long)units, seconds,
         (double)allocations / count, (double)wire_bytes / count);
}

void report_idle(long streams, double client_bytes, double server_bytes) {
  if (client_bytes <= 0 || server_bytes <= 0) fail("malloc does not tell what it has given out; run it with glibc's");
  printf("{\"clientHeapBytesPerStream\": %.1f, \"serverHeapBytesPerStream\": %.1f, \"streamCount\": %ld}\n",
         client_bytes / (double)streams, server_bytes / (double)streams, streams);
}

static struct sockaddr_in address_of(const char *host, int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  if (inet_pton(AF_INET, host, &address.sin_addr) != 1) fail("%s is not an IPv4 address; give one", host);
  return address;
}

int listen_on(int port) {
  struct sockaddr_in address = address_of("127.0.0.1", port);
  int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
  setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(descriptor, (struct sockaddr *)&address, sizeof address) != 0 || listen(descriptor, 1024) != 0) {
    fail("port %d cannot be listened on (%s); choose another", port, strerror(errno));
  }
  set_nonblocking(descriptor);
  puts("ready");
  fflush(stdout);
  return descriptor;
}

int begin_connect(const char *host, int port) {
  struct sockaddr_in address = address_of(host, port);
  int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
  if (descriptor < 0) fail("no socket can be made: %s", strerror(errno));
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  set_nonblocking(descriptor);
  if (connect(descriptor, (struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS) {
    fail("%s:%d cannot be connected to (%s); start a server there", host, port, strerror(errno));
  }
  return descriptor;
}

int connect_to(const char *host, int port) {
  struct sockaddr_in address = address_of(host, port);
  int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
  if (connect(descriptor, (struct sockaddr *)&address, sizeof address) != 0) {
    fail("%s:%d cannot be connected to (%s); start a server there", host, port, strerror(errno));
  }
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return descriptor;
}

void set_nonblocking(int descriptor) {
  fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK);
}
