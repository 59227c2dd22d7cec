#include "server/storage/entry.h"

#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/base/crc32c.h"
#include "server/storage/kv_store.h"

namespace twin::storage {
namespace {

uint32_t Checksum(absl::string_view key, absl::string_view value) {
  return ExtendCrc32c(Crc32c(key), value);
}

}  // namespace

absl::Status CheckKey(absl::string_view key) {
  if (key.size() >= kKeyBytesMin && key.size() <= kKeyBytesMax) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("a key of ", key.size(), " bytes; allowed are ",
                                                 kKeyBytesMin, " to ", kKeyBytesMax));
}

absl::Status CheckValue(absl::string_view key, absl::string_view value) {
  if (value.size() <= kValueBytesMax) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the value of key '", absl::CHexEscape(key),
                                                 "' has ", value.size(), " bytes; allowed are ",
                                                 kValueBytesMax));
}

void WriteStored(absl::string_view key, absl::string_view value, char* stored) {
  const uint32_t checksum = Checksum(key, value);
  if (!value.empty()) std::memcpy(stored, value.data(), value.size());
  std::memcpy(stored + value.size(), &checksum, kChecksumBytes);
}

absl::StatusOr<absl::string_view> ReadStored(absl::string_view key, absl::string_view stored,
                                             absl::string_view folder) {
  if (stored.size() >= kChecksumBytes) {
    const absl::string_view value = stored.substr(0, stored.size() - kChecksumBytes);
    uint32_t checksum = 0;
    std::memcpy(&checksum, stored.data() + value.size(), kChecksumBytes);
    if (checksum == Checksum(key, value)) return value;
  }
  return DamageError(
      absl::StrCat("the value of key '", absl::CHexEscape(key), "' is damaged: wrong checksum"),
      folder);
}

absl::Status DamageError(absl::string_view what, absl::string_view folder) {
  absl::ConsumeSuffix(&folder, "/store");  // it is a part of what there is to check
  return absl::DataLossError(
      absl::StrCat(what, "; start on a backup, or run `twinctl check ", folder, "`"));
}

}  // namespace twin::storage
