#ifndef DWCP_CRC32C_H
#define DWCP_CRC32C_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Feeds bytes to a CRC-32C. The state is raw: start with 0xFFFFFFFF, and invert the last state to get the check value.
/// Uses the processor's wide multiplication if it has one, or its CRC instruction. `bytes` may be null if `count` is 0.
uint32_t dwcp_crc32c_update(uint32_t state, const void *bytes, size_t count);

/// The same without wide multiplication, which is what most processors run.
uint32_t dwcp_crc32c_update_narrow(uint32_t state, const void *bytes, size_t count);

/// The same in plain C, which is what other processors run.
uint32_t dwcp_crc32c_update_portable(uint32_t state, const void *bytes, size_t count);

#ifdef __cplusplus
}
#endif

#endif
