#ifndef DWCP_DELTA_H
#define DWCP_DELTA_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// What is chosen for the processor gives the same bytes as what is portable. Pointers need no alignment.

// MARK: Pages of 4,096 bytes, which are 512 granules of 8

#define DWCP_DELTA_PAGE ((size_t)4096)
/// A bit for each granule of a page, the first in the lowest bit of the first byte.
#define DWCP_DELTA_MASK ((size_t)64)

/// Whether all bytes are 0.
int dwcp_delta_is_zero(const void *bytes, size_t count);

/// The same in plain C.
int dwcp_delta_is_zero_portable(const void *bytes, size_t count);

/// Whether both have the same bytes.
int dwcp_delta_is_equal(const void *left, const void *right, size_t count);

/// Fills in a mask for each page, with the granules that differ from the base's; returns how many do.
size_t dwcp_delta_compare(const void *raw, const void *base, size_t page_count, uint8_t *masks);

/// The same in plain C.
size_t dwcp_delta_compare_portable(const void *raw, const void *base, size_t page_count, uint8_t *masks);

/// How many bits are set.
size_t dwcp_delta_bit_count(const uint8_t *bytes, size_t count);

/// Writes what stands behind the masks: for each granule that differs a byte with a bit for each of its bytes that does, and then those bytes of `raw`. Returns
/// how many bytes that is; there has to be room for 9 for each granule, and 1.
size_t dwcp_delta_gather(
  const void *raw, const void *base, size_t page_count, const uint8_t *masks, size_t granule_count, uint8_t *room);

/// Makes pages of masks and what stands behind them; `raw` must not overlap anything. Returns 0, and writes nothing, when the lengths do not fit one another.
int dwcp_delta_apply(const uint8_t *encoded, size_t encoded_count, const void *base, size_t page_count, void *raw);

// MARK: Anchors: places that depend on nothing but the 64 bytes in front of them, so that they are found again where those have moved; about one in 512 bytes

/// A place in a block that is in the object too.
struct dwcp_delta_hit {
  uint64_t block_offset;
  uint64_t object_offset;
};

/// Enters the anchors of the object's next bytes, which begin at `offset`. The slots, 8 bytes each, and `state`, which goes on from piece to piece, are 0 at first.
void dwcp_delta_enter(
  uint64_t *slots, size_t slot_count, uint64_t *state, uint64_t offset, const void *bytes, size_t count);

/// Looks the anchors of a block up, until `capacity` are found; returns how many are. Fills in how many were looked up.
size_t dwcp_delta_look_up(
  const uint64_t *slots, size_t slot_count, const void *block, size_t count, struct dwcp_delta_hit *hits,
  size_t capacity, size_t *anchor_count);

#ifdef __cplusplus
}
#endif

#endif
