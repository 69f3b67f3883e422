#include "delta.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define AVX2 __attribute__((target("avx2,popcnt")))
#endif

typedef int (*is_zero_function)(const void *bytes, size_t count);
typedef size_t (*compare_function)(const void *raw, const void *base, size_t page_count, uint8_t *masks);

// All three are written by `prepare` only, before main or before dlopen returns, and are constant from then on.
static is_zero_function chosen_is_zero = dwcp_delta_is_zero_portable;
static compare_function chosen_compare = dwcp_delta_compare_portable;
static uint64_t gears[256];

static inline uint64_t word_at(const uint8_t *bytes) {
  uint64_t word;
  __builtin_memcpy(&word, bytes, sizeof word);
  return word;
}

static inline uint64_t little_endian_at(const uint8_t *bytes) {
  uint64_t word = word_at(bytes);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  word = __builtin_bswap64(word);
#endif
  return word;
}

// MARK: Zeros

int dwcp_delta_is_zero(const void *bytes, size_t count) {
  return chosen_is_zero(bytes, count);
}

int dwcp_delta_is_zero_portable(const void *bytes, size_t count) {
  const uint8_t *next = bytes;
  for (; count >= 64; count -= 64, next += 64) {
    uint64_t bits = 0;
    for (int word = 0; word < 8; word++) bits |= word_at(next + 8 * word);
    if (bits) return 0;
  }
  uint8_t bits = 0;
  for (; count > 0; count--) bits |= *next++;
  return bits == 0;
}

#if defined(AVX2)
AVX2 static int is_zero_avx2(const void *bytes, size_t count) {
  const uint8_t *next = bytes;
  for (; count >= 128; count -= 128, next += 128) {
    const __m256i *vectors = (const __m256i *)next;
    __m256i low = _mm256_or_si256(_mm256_loadu_si256(vectors), _mm256_loadu_si256(vectors + 1));
    __m256i high = _mm256_or_si256(_mm256_loadu_si256(vectors + 2), _mm256_loadu_si256(vectors + 3));
    __m256i all = _mm256_or_si256(low, high);
    if (!_mm256_testz_si256(all, all)) return 0;
  }
  return dwcp_delta_is_zero_portable(next, count);
}
#endif

int dwcp_delta_is_equal(const void *left, const void *right, size_t count) {
  return count == 0 || __builtin_memcmp(left, right, count) == 0;
}

// MARK: Changes

size_t dwcp_delta_compare(const void *raw, const void *base, size_t page_count, uint8_t *masks) {
  return chosen_compare(raw, base, page_count, masks);
}

size_t dwcp_delta_compare_portable(const void *raw, const void *base, size_t page_count, uint8_t *masks) {
  const uint8_t *left = raw;
  const uint8_t *right = base;
  size_t count = 0;
  for (size_t line = 0; line < page_count * DWCP_DELTA_MASK; line++, left += 64, right += 64) {
    unsigned int mask = 0;
    for (int word = 0; word < 8; word++) {
      unsigned int differs = word_at(left + 8 * word) != word_at(right + 8 * word);
      mask |= differs << word;
      count += differs;
    }
    masks[line] = (uint8_t)mask;
  }
  return count;
}

#if defined(AVX2)
AVX2 static size_t compare_avx2(const void *raw, const void *base, size_t page_count, uint8_t *masks) {
  const __m256i *left = raw;
  const __m256i *right = base;
  size_t count = 0;
  for (size_t line = 0; line < page_count * DWCP_DELTA_MASK; line++, left += 2, right += 2) {
    __m256i low = _mm256_cmpeq_epi64(_mm256_loadu_si256(left), _mm256_loadu_si256(right));
    __m256i high = _mm256_cmpeq_epi64(_mm256_loadu_si256(left + 1), _mm256_loadu_si256(right + 1));
    int equal = _mm256_movemask_pd(_mm256_castsi256_pd(low)) | _mm256_movemask_pd(_mm256_castsi256_pd(high)) << 4;
    uint8_t mask = (uint8_t)~equal;
    masks[line] = mask;
    count += (size_t)__builtin_popcount(mask);
  }
  return count;
}
#endif

size_t dwcp_delta_bit_count(const uint8_t *bytes, size_t count) {
  size_t bits = 0;
  for (; count >= 8; count -= 8, bytes += 8) bits += (size_t)__builtin_popcountll(word_at(bytes));
  for (; count > 0; count--) bits += (size_t)__builtin_popcount(*bytes++);
  return bits;
}

/// A bit for each byte that is not 0, the first byte's the lowest.
static inline unsigned int non_zero_bytes(uint64_t word) {
  const uint64_t low_bits = 0x7F7F7F7F7F7F7F7F;
  uint64_t high_bits = (((word & low_bits) + low_bits) | word) & ~low_bits;
  return (unsigned int)((high_bits >> 7) * 0x0102040810204080 >> 56);
}

size_t dwcp_delta_gather(
  const void *raw, const void *base, size_t page_count, const uint8_t *masks, size_t granule_count, uint8_t *room
) {
  const uint8_t *left = raw;
  const uint8_t *right = base;
  uint8_t *byte_mask = room;
  uint8_t *changes = room + granule_count;
  for (size_t line = 0; line < page_count * DWCP_DELTA_MASK; line++) {
    for (unsigned int mask = masks[line]; mask != 0; mask &= mask - 1) {
      size_t offset = 64 * line + 8 * (size_t)__builtin_ctz(mask);
      unsigned int differing = non_zero_bytes(little_endian_at(left + offset) ^ little_endian_at(right + offset));
      *byte_mask++ = (uint8_t)differing;
      // Each is written, and the next one over it when it is not to stay: nothing has to be guessed.
      for (int byte = 0; byte < 8; byte++) {
        *changes = left[offset + (size_t)byte];
        changes += differing >> byte & 1;
      }
    }
  }
  return (size_t)(changes - room);
}

int dwcp_delta_apply(const uint8_t *encoded, size_t encoded_count, const void *base, size_t page_count, void *raw) {
  size_t mask_count = page_count * DWCP_DELTA_MASK;
  if (encoded_count < mask_count) return 0;
  size_t granule_count = dwcp_delta_bit_count(encoded, mask_count);
  if (encoded_count - mask_count < granule_count) return 0;
  const uint8_t *byte_mask = encoded + mask_count;
  const uint8_t *changes = byte_mask + granule_count;
  if (encoded_count - mask_count - granule_count != dwcp_delta_bit_count(byte_mask, granule_count)) return 0;

  uint8_t *target = raw;
  __builtin_memcpy(target, base, page_count * DWCP_DELTA_PAGE);
  for (size_t line = 0; line < mask_count; line++) {
    for (unsigned int mask = encoded[line]; mask != 0; mask &= mask - 1) {
      uint8_t *granule = target + 64 * line + 8 * (size_t)__builtin_ctz(mask);
      for (unsigned int differing = *byte_mask++; differing != 0; differing &= differing - 1) {
        granule[__builtin_ctz(differing)] = *changes++;
      }
    }
  }
  return 1;
}

// MARK: Anchors: a gear hash, in which each byte lasts for 64 places

/// One in 512: the highest bits, which depend on all 64 bytes.
static const int anchor_shift = 64 - 9;
/// A slot has a tag of the hash, and the object's offset behind the anchor; 0 is a free one.
static const int tag_shift = 40;
static const uint64_t offset_mask = ((uint64_t)1 << 40) - 1;
static const int probe_count = 8;

/// Of the next anchor at or behind `index`; 0, and `index` at the end, when there is none.
static inline uint64_t next_anchor(uint64_t *state, const uint8_t *bytes, size_t count, size_t *index) {
  uint64_t hash = *state;
  uint64_t last = 0;
  size_t next = *index;
  while (next < count) {
    hash = (hash << 1) + gears[bytes[next++]];
    if (hash >> anchor_shift == 0) {
      last = hash;
      break;
    }
  }
  *state = hash;
  *index = next;
  return last;
}

// By digits of pi, which are odd.
static inline uint64_t spread(uint64_t hash) {
  hash = (hash ^ hash >> 32) * 0x243F6A8885A308D3;
  return (hash ^ hash >> 29) * 0x13198A2E03707345;
}

static inline size_t slot_of(uint64_t spread_hash, size_t slot_count) {
  return (size_t)((__extension__ (unsigned __int128)spread_hash * slot_count) >> 64);
}

void dwcp_delta_enter(
  uint64_t *slots, size_t slot_count, uint64_t *state, uint64_t offset, const void *bytes, size_t count
) {
  uint64_t previous = 0;
  for (size_t index = 0; index < count;) {
    uint64_t hash = next_anchor(state, bytes, count, &index);
    // One byte over and over would be an anchor at each place.
    if (hash == 0 || hash == previous || slot_count == 0) continue;
    previous = hash;
    uint64_t spread_hash = spread(hash);
    uint64_t entry = spread_hash << tag_shift | ((offset + index) & offset_mask);
    size_t slot = slot_of(spread_hash, slot_count);
    for (int probe = 0; probe < probe_count; probe++) {
      // The first of several places with the same bytes stays.
      if (slots[slot] != 0 && (slots[slot] ^ entry) >> tag_shift == 0) break;
      if (slots[slot] == 0) {
        slots[slot] = entry;
        break;
      }
      slot = slot + 1 == slot_count ? 0 : slot + 1;
    }
  }
}

static uint64_t looked_up(const uint64_t *slots, size_t slot_count, uint64_t hash) {
  uint64_t spread_hash = spread(hash);
  size_t slot = slot_of(spread_hash, slot_count);
  for (int probe = 0; probe < probe_count; probe++) {
    if (slots[slot] == 0) return 0;
    if ((slots[slot] ^ spread_hash << tag_shift) >> tag_shift == 0) return slots[slot] & offset_mask;
    slot = slot + 1 == slot_count ? 0 : slot + 1;
  }
  return 0;
}

size_t dwcp_delta_look_up(
  const uint64_t *slots, size_t slot_count, const void *block, size_t count, struct dwcp_delta_hit *hits,
  size_t capacity, size_t *anchor_count
) {
  uint64_t state = 0;
  uint64_t previous = 0;
  size_t found = 0;
  *anchor_count = 0;
  for (size_t index = 0; index < count && found < capacity;) {
    uint64_t hash = next_anchor(&state, block, count, &index);
    if (hash == 0 || hash == previous || slot_count == 0) continue;
    previous = hash;
    *anchor_count += 1;
    uint64_t offset = looked_up(slots, slot_count, hash);
    if (offset != 0) hits[found++] = (struct dwcp_delta_hit){.block_offset = index, .object_offset = offset};
  }
  return found;
}

__attribute__((constructor)) static void prepare(void) {
  // SplitMix64.
  uint64_t counter = 0;
  for (int byte = 0; byte < 256; byte++) {
    uint64_t value = counter += 0x9E3779B97F4A7C15;
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9;
    value = (value ^ value >> 27) * 0x94D049BB133111EB;
    gears[byte] = value ^ value >> 31;
  }
#if defined(AVX2)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt")) {
    chosen_is_zero = is_zero_avx2;
    chosen_compare = compare_avx2;
  }
#endif
}
