// A strand: columns that measure the same thing, such as the voltages of a pack's cells, coded
// together. Each value is predicted from the column before it, or from the mean of them all, and
// from how far the column was from that before; what is left takes few bits.
// docs/formats/history.md draws the bytes.
#ifndef TWIN_SERVER_TIMESERIES_STRAND_H_
#define TWIN_SERVER_TIMESERIES_STRAND_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "server/base/coding.h"

namespace twin::timeseries {

inline constexpr size_t kStrandColumnsMax = 96;
inline constexpr size_t kStrandRowsMax = 4096;
// Values of a strand lie in (-kStrandValueEnd, kStrandValueEnd).
inline constexpr int64_t kStrandValueEnd = int64_t{1} << 40;

struct StrandColumn {
  const int64_t* values = nullptr;   // one for each row
  const uint8_t* missing = nullptr;  // 1: the row has no value; nullptr: all have one
};

// Appends the bytes of 1 to kStrandColumnsMax columns of 1 to kStrandRowsMax rows. Each has a value
// in one row at least.
void EncodeStrand(absl::Span<const StrandColumn> columns, size_t rows, std::string* bytes);

// Takes what EncodeStrand made of so many off `reader`: `values` are the rows of the first column,
// then of the next …; where one was missing, anything. false: these are no such bytes, and the
// reader has failed. Cost: linear in columns × rows.
bool DecodeStrand(ByteReader* reader, size_t columns, size_t rows, std::vector<int64_t>* values);

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_STRAND_H_
