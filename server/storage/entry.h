// What both stores keep for an entry: the value, then the CRC-32C (fixed, 4 bytes) over the key and
// the value. With the key in it, a value that is found under another key is damage too.
#ifndef TWIN_SERVER_STORAGE_ENTRY_H_
#define TWIN_SERVER_STORAGE_ENTRY_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace twin::storage {

constexpr size_t kChecksumBytes = sizeof(uint32_t);

// INVALID_ARGUMENT where a length is not allowed; the message has both lengths.
absl::Status CheckKey(absl::string_view key);
absl::Status CheckValue(absl::string_view key, absl::string_view value);

// Fills the value.size() + kChecksumBytes bytes at `stored`.
void WriteStored(absl::string_view key, absl::string_view value, char* stored);

// The value in what WriteStored made of it. DATA_LOSS: the checksum is wrong.
absl::StatusOr<absl::string_view> ReadStored(absl::string_view key, absl::string_view stored,
                                             absl::string_view folder);

// "start on a backup, or run ...": how every message about damage ends.
absl::Status DamageError(absl::string_view what, absl::string_view folder);

}  // namespace twin::storage

#endif  // TWIN_SERVER_STORAGE_ENTRY_H_
