// One direction of the link: a queue that is emptied at the rate, and behind it the way, which takes the delay.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "linktun.h"

// More than 1 Gb/s can have on its way in a second, and about 200 MB.
enum { MAXIMUM_HELD_PACKETS = 1 << 17 };

void direction_open(struct direction *direction, const struct settings *settings, uint64_t seed) {
  *direction = (struct direction){.settings = settings, .random_state = seed};
}

// SplitMix64: the same numbers for the same seed, everywhere.
static uint64_t next_random(struct direction *direction) {
  direction->random_state += UINT64_C(0x9E3779B97F4A7C15);
  uint64_t value = direction->random_state;
  value = (value ^ (value >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
  value = (value ^ (value >> 27)) * UINT64_C(0x94D049BB133111EB);
  return value ^ (value >> 31);
}

// From 0 up to, and without, 1.
static double next_fraction(struct direction *direction) { return (double)(next_random(direction) >> 11) * 0x1p-53; }

static struct packet *at(const struct direction *direction, size_t index) {
  return &direction->ring[(direction->first + index) % direction->capacity];
}

static bool grow(struct direction *direction) {
  size_t capacity = direction->capacity == 0 ? 256 : 2 * direction->capacity;
  if (capacity > MAXIMUM_HELD_PACKETS) return false;
  struct packet *ring = malloc(capacity * sizeof *ring);
  if (ring == NULL) return false;
  for (size_t index = 0; index < direction->count; index++) ring[index] = *at(direction, index);
  free(direction->ring);
  direction->ring = ring;
  direction->capacity = capacity;
  direction->first = 0;
  return true;
}

static void forget_departed(struct direction *direction, uint64_t now) {
  while (direction->waiting_count > 0 && at(direction, direction->count - direction->waiting_count)->departure <= now) {
    direction->waiting_count--;
  }
}

static uint64_t later(uint64_t left, uint64_t right) { return left > right ? left : right; }

void direction_accept(struct direction *direction, const uint8_t *bytes, size_t length, uint64_t now) {
  const struct settings *settings = direction->settings;
  // Both are drawn for each packet, so that the fate of one does not depend on the settings of the others.
  double chance = next_fraction(direction);
  double jitter = next_fraction(direction) * (double)settings->jitter_nanoseconds;
  if (chance < settings->loss_probability) {
    direction->counters.lost++;
    return;
  }
  forget_departed(direction, now);
  bool is_full = direction->waiting_count >= settings->queue_packets;
  if (is_full || (direction->count == direction->capacity && !grow(direction))) {
    direction->counters.overflowed++;
    return;
  }
  double seconds = settings->rate_bits_per_second > 0 ? (double)length * 8 / settings->rate_bits_per_second : 0;
  direction->busy_until = later(now, direction->busy_until) + (uint64_t)(seconds * 1e9);
  // Jitter never changes the order; TCP would take that for loss.
  direction->latest_due =
      later(direction->latest_due, direction->busy_until + settings->delay_nanoseconds + (uint64_t)jitter);
  struct packet *packet = at(direction, direction->count);
  packet->departure = direction->busy_until;
  packet->due = direction->latest_due;
  packet->length = length;
  memcpy(packet->bytes, bytes, length);
  direction->count++;
  direction->waiting_count++;
}

const struct packet *direction_due(const struct direction *direction, uint64_t now) {
  return direction_next(direction) <= now ? at(direction, 0) : NULL;
}

void direction_remove(struct direction *direction) {
  direction->counters.packets++;
  direction->counters.bytes += at(direction, 0)->length;
  if (direction->waiting_count == direction->count) direction->waiting_count--;
  direction->first = (direction->first + 1) % direction->capacity;
  direction->count--;
}

uint64_t direction_next(const struct direction *direction) {
  return direction->count > 0 ? at(direction, 0)->due : NEVER;
}
