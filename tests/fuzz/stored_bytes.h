// What fuzz targets of stored formats share.
#ifndef TWIN_TESTS_FUZZ_STORED_BYTES_H_
#define TWIN_TESTS_FUZZ_STORED_BYTES_H_

#include <cstdint>
#include <cstring>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/base/check.h"

namespace twin {

// Damaged bytes answer DATA_LOSS, those of a newer format FAILED_PRECONDITION, and nothing else.
inline void CheckOpened(const absl::Status& status) {
  TWIN_CHECK(status.ok() || status.code() == absl::StatusCode::kDataLoss ||
             status.code() == absl::StatusCode::kFailedPrecondition)
      << status;
}
inline void CheckRead(const absl::Status& status) {
  TWIN_CHECK(status.ok() || status.code() == absl::StatusCode::kDataLoss) << status;
}

// Each three bytes of `edits`: a place, and what is written there.
inline std::string Edited(std::string bytes, absl::string_view edits) {
  for (; edits.size() >= 3; edits.remove_prefix(3)) {
    uint16_t at = 0;
    std::memcpy(&at, edits.data(), sizeof(at));
    bytes[at % bytes.size()] = edits[2];
  }
  return bytes;
}

}  // namespace twin

#endif  // TWIN_TESTS_FUZZ_STORED_BYTES_H_
