// Runs every kernel in C over the same bytes and prints what came of it, for scripts/test-arm64 to compare between processors. Exit 1 when what was chosen for
// the processor and what is portable differ.
#include "crc32c.h"
#include "delta.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { page_count = 64, byte_count = page_count * 4096, slot_count = 1024, hit_count = 512 };

static uint64_t state = 1;

static uint64_t next_random(void) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return state >> 16;
}

static void print(const char *name, const void *bytes, size_t count) {
  printf("%s %zu %08x\n", name, count, dwcp_crc32c_update_portable(0xFFFFFFFF, bytes, count));
}

static void require(int condition, const char *what) {
  if (condition) return;
  printf("differs from what is portable: %s\n", what);
  exit(1);
}

static void crc32c(const uint8_t *bytes) {
  for (size_t count = 0; count <= byte_count; count = count < 300 ? count + 1 : count * 2 + 1) {
    uint32_t chosen = dwcp_crc32c_update(0xFFFFFFFF, bytes + 1, count - (count == byte_count));
    uint32_t portable = dwcp_crc32c_update_portable(0xFFFFFFFF, bytes + 1, count - (count == byte_count));
    uint32_t narrow = dwcp_crc32c_update_narrow(0xFFFFFFFF, bytes + 1, count - (count == byte_count));
    require(chosen == portable && narrow == portable, "CRC32C");
    if (count > 200) printf("crc32c %zu %08x\n", count, chosen);
  }
  require(dwcp_crc32c_update(0xFFFFFFFF, "123456789", 9) == ~0xE3069283u, "CRC32C of the digits");
}

static void zeros(void) {
  uint8_t page[4097] = {0};
  for (size_t place = 0; place <= 4096; place++) {
    for (size_t start = 0; start < 2; start++) {
      if (place < 4096) page[start + place] = 0x80;
      require(dwcp_delta_is_zero(page + start, 4096) == (place == 4096), "is_zero");
      require(dwcp_delta_is_zero_portable(page + start, 4096) == (place == 4096), "is_zero_portable");
      if (place < 4096) page[start + place] = 0;
    }
  }
}

static void masks(const uint8_t *raw, const uint8_t *base) {
  static uint8_t encoded[byte_count * 2];
  static uint8_t portable[page_count * 64];
  static uint8_t rebuilt[byte_count];
  size_t granules = dwcp_delta_compare(raw, base, page_count, encoded);
  require(granules == dwcp_delta_compare_portable(raw, base, page_count, portable), "compare's count");
  require(memcmp(encoded, portable, sizeof portable) == 0, "compare's masks");
  require(granules == dwcp_delta_bit_count(encoded, sizeof portable), "bit_count");
  size_t changes = dwcp_delta_gather(raw, base, page_count, encoded, granules, encoded + sizeof portable);
  print("mask", encoded, sizeof portable + changes);
  require(dwcp_delta_apply(encoded, sizeof portable + changes, base, page_count, rebuilt), "apply's lengths");
  require(dwcp_delta_is_equal(raw, rebuilt, byte_count), "apply");
  require(!dwcp_delta_apply(encoded, sizeof portable + changes - 1, base, page_count, rebuilt), "a short mask");
}

static void anchors(const uint8_t *object, const uint8_t *block) {
  static uint64_t slots[slot_count];
  static struct dwcp_delta_hit hits[hit_count];
  uint64_t gear = 0;
  dwcp_delta_enter(slots, slot_count, &gear, 0, object, 100001);
  dwcp_delta_enter(slots, slot_count, &gear, 100001, object + 100001, byte_count - 100001);
  size_t looked_up = 0;
  size_t found = dwcp_delta_look_up(slots, slot_count, block, byte_count / 2, hits, hit_count, &looked_up);
  printf("anchors %zu %zu\n", looked_up, found);
  for (int slot = 0; slot < slot_count; slot++) printf("%llx\n", (unsigned long long)slots[slot]);
  for (size_t hit = 0; hit < found; hit++) {
    printf("%llu %llu\n", (unsigned long long)hits[hit].block_offset, (unsigned long long)hits[hit].object_offset);
  }
}

int main(void) {
  static uint8_t base[byte_count + 1];
  static uint8_t raw[byte_count + 1];
  for (size_t place = 0; place < sizeof base; place++) base[place] = (uint8_t)(next_random() % (place / 4096 % 3 + 1) * 85);
  for (size_t place = 0; place < sizeof base; place += 1 + next_random() % 9) base[place] = (uint8_t)next_random();
  crc32c(base);
  zeros();
  for (int density = 0; density < 4; density++) {
    memcpy(raw, base, sizeof raw);
    for (size_t place = 0; place < sizeof raw; place += 1 + next_random() % (2000u >> (3 * density))) raw[place] ^= (uint8_t)next_random();
    masks(raw, base);
    // Neither stands where a vector would have it.
    masks(raw + 1, base + 1);
  }
  memmove(raw, base + 777, byte_count - 777);
  anchors(base, raw);
  return 0;
}
