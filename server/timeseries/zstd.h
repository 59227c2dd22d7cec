// Zstandard, for what has no better form.
#ifndef TWIN_SERVER_TIMESERIES_ZSTD_H_
#define TWIN_SERVER_TIMESERIES_ZSTD_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace twin::timeseries {

// Appends `raw` as one frame.
void Compress(absl::string_view raw, std::string* bytes);

// Puts the one frame that `bytes` are into `raw`. false: they are none, or not of that size.
// Allocates as it finds content, not what `raw_size` promises.
bool Decompress(absl::string_view bytes, uint64_t raw_size, std::string* raw);

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_ZSTD_H_
