// A link between two network namespaces; README.md says what it does and how to use it.
#ifndef LINKTUN_H
#define LINKTUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NANOSECONDS_PER_SECOND UINT64_C(1000000000)
// No instant: later than every clock.
#define NEVER UINT64_MAX

enum { EXIT_UNAVAILABLE = 3, EXIT_USAGE = 64, MAXIMUM_PACKET_BYTES = 1500 };

struct settings {
  uint64_t delay_nanoseconds;
  uint64_t jitter_nanoseconds;
  // 0 for no limit.
  double rate_bits_per_second;
  // Of each packet, 0 to 1.
  double loss_probability;
  size_t queue_packets;
  uint64_t seed;
  // NULL for what the machine has.
  const char *congestion;
  // The most that TCP may hold for one connection's one direction; 0 for what the machine has.
  unsigned long tcp_buffer_bytes;
  // The client starts when the server listens here; 0 for at once.
  int ready_port;
  char **server;
  char **client;
};

// settings.c
struct settings settings_parse(int argument_count, char **arguments);

// direction.c
struct counters {
  uint64_t packets;
  uint64_t bytes;
  // By chance, as asked for.
  uint64_t lost;
  // Because the queue was full.
  uint64_t overflowed;
};

struct packet {
  // When its last bit has left the queue, and when that bit arrives.
  uint64_t departure;
  uint64_t due;
  size_t length;
  uint8_t bytes[MAXIMUM_PACKET_BYTES];
};

struct direction {
  const struct settings *settings;
  uint64_t random_state;
  // A ring, oldest first. The last `waiting_count` of its packets have not left the queue yet.
  struct packet *ring;
  size_t capacity;
  size_t first;
  size_t count;
  size_t waiting_count;
  uint64_t busy_until;
  uint64_t latest_due;
  struct counters counters;
};

void direction_open(struct direction *direction, const struct settings *settings, uint64_t seed);
void direction_accept(struct direction *direction, const uint8_t *bytes, size_t length, uint64_t now);
// The oldest packet that is due, or NULL; it stays until direction_remove.
const struct packet *direction_due(const struct direction *direction, uint64_t now);
void direction_remove(struct direction *direction);
// When direction_due will have one; NEVER when it is empty.
uint64_t direction_next(const struct direction *direction);

// endpoint.c
struct endpoint {
  int namespace_fd;
  int tun_fd;
};

// Leaves the process in the new namespace. Ends it with EXIT_UNAVAILABLE where the right is missing.
void endpoint_open(struct endpoint *endpoint, const char *address, const struct settings *settings);
void endpoint_enter(const struct endpoint *endpoint);
// Where the caller is no root: a user namespace in which it may make network namespaces.
void endpoint_gain_rights(void);
// In the current namespace.
bool endpoint_listens(int port);
uint64_t endpoint_device_drops(void);

// Prints "unavailable: ..." and ends with EXIT_UNAVAILABLE.
void unavailable(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
