#include "crc32c.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

typedef uint32_t (*update_function)(uint32_t state, const void *bytes, size_t count);

// Both are written by `prepare` only, before main or before dlopen returns, and are constant from then on.
static uint32_t slices[8][256];
static update_function chosen_update = dwcp_crc32c_update_portable;

uint32_t dwcp_crc32c_update(uint32_t state, const void *bytes, size_t count) {
  return chosen_update(state, bytes, count);
}

// MARK: Portable: slicing by 8

static uint32_t little_endian_32(const uint8_t *bytes) {
  return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

uint32_t dwcp_crc32c_update_portable(uint32_t state, const void *bytes, size_t count) {
  const uint8_t *next = bytes;
  for (; count >= 8; count -= 8, next += 8) {
    uint32_t low = state ^ little_endian_32(next);
    uint32_t high = little_endian_32(next + 4);
    state = slices[7][low & 0xFF] ^ slices[6][low >> 8 & 0xFF] ^ slices[5][low >> 16 & 0xFF] ^ slices[4][low >> 24]
      ^ slices[3][high & 0xFF] ^ slices[2][high >> 8 & 0xFF] ^ slices[1][high >> 16 & 0xFF] ^ slices[0][high >> 24];
  }
  for (; count > 0; count--) state = state >> 8 ^ slices[0][(state ^ *next++) & 0xFF];
  return state;
}

static void fill_slices(void) {
  const uint32_t reflected_polynomial = 0x82F63B78;
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t state = byte;
    for (int bit = 0; bit < 8; bit++) state = state >> 1 ^ (state & 1 ? reflected_polynomial : 0);
    slices[0][byte] = state;
  }
  for (int slice = 1; slice < 8; slice++) {
    for (int byte = 0; byte < 256; byte++) {
      uint32_t shorter = slices[slice - 1][byte];
      slices[slice][byte] = shorter >> 8 ^ slices[0][shorter & 0xFF];
    }
  }
}

// MARK: Accelerated: three lanes, because the instruction's latency is three times its issue interval

#if defined(__x86_64__)

#define ACCELERATED __attribute__((target("sse4.2,pclmul")))
#define CRC_OF_64(state, word) ((uint32_t)_mm_crc32_u64((state), (word)))
#define CRC_OF_32(state, word) _mm_crc32_u32((state), (word))
#define CRC_OF_8(state, byte) _mm_crc32_u8((state), (byte))
// With fewer bytes, what else the processor does hides the latency.
#define LEAST_LANES_BYTES 192

ACCELERATED static inline uint64_t carryless_product(uint32_t left, uint32_t right) {
  __m128i product = _mm_clmulepi64_si128(_mm_cvtsi32_si128((int)left), _mm_cvtsi32_si128((int)right), 0);
  return (uint64_t)_mm_cvtsi128_si64(product);
}

static int is_accelerated(void) {
  unsigned int eax, ebx, ecx, edx;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_SSE4_2) && (ecx & bit_PCLMUL);
}

#elif defined(__aarch64__) && defined(__AARCH64EL__)

#if defined(__ARM_FEATURE_CRC32)
#define ACCELERATED
#else
#define ACCELERATED __attribute__((target("crc")))
#endif
#define CRC_OF_64(state, word) __builtin_arm_crc32cd((state), (word))
#define CRC_OF_32(state, word) __builtin_arm_crc32cw((state), (word))
#define CRC_OF_8(state, byte) __builtin_arm_crc32cb((state), (byte))
// With fewer bytes, the products below cost more than lanes save.
#define LEAST_LANES_BYTES 768

// The multiply instruction is a feature of its own; twice in a run of lanes, this loop costs little enough to do
// without.
static inline uint64_t carryless_product(uint32_t left, uint32_t right) {
  uint64_t product = 0;
  for (int bit = 0; bit < 32; bit++) product ^= ((uint64_t)left << bit) & (0 - (uint64_t)(right >> bit & 1));
  return product;
}

static int is_accelerated(void) {
#if defined(__ARM_FEATURE_CRC32)
  return 1;
#elif defined(__linux__)
  const unsigned long crc32_capability = 1UL << 7;  // HWCAP_CRC32
  return (getauxval(AT_HWCAP) & crc32_capability) != 0;
#else
  return 0;
#endif
}

#endif

#if defined(ACCELERATED)

static inline uint64_t word_at(const uint8_t *bytes) {
  uint64_t word;
  __builtin_memcpy(&word, bytes, sizeof word);
  return word;
}

enum { LONGEST_LANE_WORDS = 512 };

/// x^(64n - 33) modulo the polynomial, by n: what moves a state over n words. Written as `slices` is.
static uint32_t moves[2 * LONGEST_LANE_WORDS + 1];

static void fill_moves(void) {
  uint32_t move = 1;  // x^31: the highest bit is the highest power
  for (int words = 1; words <= 2 * LONGEST_LANE_WORDS; words++) {
    moves[words] = move;
    const uint8_t bytes[8] = {(uint8_t)move, (uint8_t)(move >> 8), (uint8_t)(move >> 16), (uint8_t)(move >> 24)};
    move = dwcp_crc32c_update_portable(0, bytes, sizeof bytes);
  }
}

/// Takes three lanes of so many bytes. A state is moved over the n bytes of later lanes by multiplying it with
/// x^(8n - 33): the CRC of the product's 64 bits supplies the other 33 powers.
ACCELERATED static inline __attribute__((always_inline)) uint32_t update_lanes(
  uint32_t state, const uint8_t *next, size_t lane_count
) {
  const uint8_t *end = next + lane_count;
  uint32_t second = 0;
  uint32_t third = 0;
  for (; next < end; next += 8) {
    state = CRC_OF_64(state, word_at(next));
    second = CRC_OF_64(second, word_at(next + lane_count));
    third = CRC_OF_64(third, word_at(next + 2 * lane_count));
  }
  uint64_t moved = carryless_product(state, moves[lane_count / 4]) ^ carryless_product(second, moves[lane_count / 8]);
  return third ^ CRC_OF_64(0, moved);
}

static inline uint32_t half_word_at(const uint8_t *bytes) {
  uint32_t word;
  __builtin_memcpy(&word, bytes, sizeof word);
  return word;
}

ACCELERATED static uint32_t update_accelerated(uint32_t state, const void *bytes, size_t count) {
  const uint8_t *next = bytes;
  // The checked part of a frame's header, twice for each frame.
  if (count == 12) return CRC_OF_32(CRC_OF_64(state, word_at(next)), half_word_at(next + 8));
  while (count >= LEAST_LANES_BYTES) {
    size_t lane_words = count / 24 < LONGEST_LANE_WORDS ? count / 24 : LONGEST_LANE_WORDS;
    state = update_lanes(state, next, 8 * lane_words);
    next += 24 * lane_words;
    count -= 24 * lane_words;
  }
  for (; count >= 8; count -= 8, next += 8) state = CRC_OF_64(state, word_at(next));
  if (count >= 4) {
    state = CRC_OF_32(state, half_word_at(next));
    count -= 4;
    next += 4;
  }
  for (; count > 0; count--) state = CRC_OF_8(state, *next++);
  return state;
}

#endif

__attribute__((constructor)) static void prepare(void) {
  fill_slices();
#if defined(ACCELERATED)
  fill_moves();
  if (is_accelerated()) chosen_update = update_accelerated;
#endif
}
