#include "crc32c.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

typedef uint32_t (*update_function)(uint32_t state, const void *bytes, size_t count);

// All are written by `prepare` only, before main or before dlopen returns, and are constant from then on.
static uint32_t slices[8][256];
static update_function chosen_update = dwcp_crc32c_update_portable;
static update_function narrow_update = dwcp_crc32c_update_portable;

uint32_t dwcp_crc32c_update(uint32_t state, const void *bytes, size_t count) {
  return chosen_update(state, bytes, count);
}

uint32_t dwcp_crc32c_update_narrow(uint32_t state, const void *bytes, size_t count) {
  return narrow_update(state, bytes, count);
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
#if defined(__clang__)
#pragma clang loop unroll_count(8)
#endif
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

// MARK: Wide: 64 bytes are multiplied at once

#if defined(__x86_64__)

#define WIDE __attribute__((target("avx512f,vpclmulqdq,sse4.2,pclmul")))

enum {
  WIDE_BYTES = 64,
  LEAST_WIDE_BYTES = 4 * WIDE_BYTES,
};

static int is_wide(void) {
  unsigned int eax, ebx, ecx, edx;
  if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & bit_OSXSAVE)) return 0;
  unsigned int saved, saved_high;
  __asm__("xgetbv" : "=a"(saved), "=d"(saved_high) : "c"(0));
  // The system keeps all of the registers for us.
  if ((saved & 0xE6) != 0xE6) return 0;
  return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (ebx & bit_AVX512F) && (ecx & bit_VPCLMULQDQ);
}

/// What moves 16 bytes over so many words: their first 8 have one word further to go.
static inline __m128i move_over(int words) { return _mm_set_epi64x(moves[words], moves[words + 1]); }

WIDE static inline __m128i fold_16(__m128i state, __m128i next, __m128i move) {
  __m128i moved = _mm_xor_si128(
    _mm_clmulepi64_si128(state, move, 0x00), _mm_clmulepi64_si128(state, move, 0x11));
  return _mm_xor_si128(moved, next);
}

WIDE static inline __m512i fold(__m512i state, __m512i next, __m512i move) {
  enum { XOR_OF_THREE = 0x96 };
  return _mm512_ternarylogic_epi64(
    _mm512_clmulepi64_epi128(state, move, 0x00), _mm512_clmulepi64_epi128(state, move, 0x11), next, XOR_OF_THREE);
}

/// The state behind the 64 bytes that all others were folded into.
WIDE static inline uint32_t reduce(__m512i all) {
  __m128i move = move_over(2);
  __m128i last = fold_16(_mm512_castsi512_si128(all), _mm512_extracti32x4_epi32(all, 1), move);
  last = fold_16(last, _mm512_extracti32x4_epi32(all, 2), move);
  last = fold_16(last, _mm512_extracti32x4_epi32(all, 3), move);
  return CRC_OF_64(CRC_OF_64(0, (uint64_t)_mm_cvtsi128_si64(last)), (uint64_t)_mm_extract_epi64(last, 1));
}

WIDE static uint32_t update_wide(uint32_t state, const void *bytes, size_t count) {
  if (count < LEAST_WIDE_BYTES) return update_accelerated(state, bytes, count);
  const uint8_t *next = bytes;
  __m512i first = _mm512_loadu_si512(next);
  first = _mm512_xor_si512(first, _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)state)));
  __m512i second = _mm512_loadu_si512(next + WIDE_BYTES);
  __m512i third = _mm512_loadu_si512(next + 2 * WIDE_BYTES);
  __m512i fourth = _mm512_loadu_si512(next + 3 * WIDE_BYTES);
  const __m512i over_four = _mm512_broadcast_i32x4(move_over(4 * WIDE_BYTES / 8));
  for (next += 4 * WIDE_BYTES, count -= 4 * WIDE_BYTES; count >= 4 * WIDE_BYTES; count -= 4 * WIDE_BYTES) {
    first = fold(first, _mm512_loadu_si512(next), over_four);
    second = fold(second, _mm512_loadu_si512(next + WIDE_BYTES), over_four);
    third = fold(third, _mm512_loadu_si512(next + 2 * WIDE_BYTES), over_four);
    fourth = fold(fourth, _mm512_loadu_si512(next + 3 * WIDE_BYTES), over_four);
    next += 4 * WIDE_BYTES;
  }
  const __m512i over_one = _mm512_broadcast_i32x4(move_over(WIDE_BYTES / 8));
  const __m512i over_two = _mm512_broadcast_i32x4(move_over(2 * WIDE_BYTES / 8));
  first = fold(fold(first, second, over_one), fold(third, fourth, over_one), over_two);
  for (; count >= WIDE_BYTES; count -= WIDE_BYTES, next += WIDE_BYTES) {
    first = fold(first, _mm512_loadu_si512(next), over_one);
  }
  return update_accelerated(reduce(first), next, count);
}

#endif

__attribute__((constructor)) static void prepare(void) {
  fill_slices();
#if defined(ACCELERATED)
  fill_moves();
  if (is_accelerated()) chosen_update = narrow_update = update_accelerated;
#endif
#if defined(__x86_64__)
  if (is_accelerated() && is_wide()) chosen_update = update_wide;
#endif
}
