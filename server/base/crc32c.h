// CRC-32C (Castagnoli, reflected polynomial 0x82f63b78; RFC 3720, appendix B.4), which guards
// every byte that the server writes.
#ifndef TWIN_SERVER_BASE_CRC32C_H_
#define TWIN_SERVER_BASE_CRC32C_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace twin {

// The checksum of the bytes whose checksum is `crc`, followed by `bytes`.
// Cost: 8 bytes a few cycles with SSE 4.2, else a table look-up a byte.
uint32_t ExtendCrc32c(uint32_t crc, absl::string_view bytes);

inline uint32_t Crc32c(absl::string_view bytes) { return ExtendCrc32c(0, bytes); }

namespace internal {
uint32_t ExtendCrc32cByTable(uint32_t crc, absl::string_view bytes);
}

}  // namespace twin

#endif  // TWIN_SERVER_BASE_CRC32C_H_
