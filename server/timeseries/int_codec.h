// Integers as bytes: as a constant, or as differences from the least, from the one before, or of
// those differences, whichever takes the least; these bit-packed, either in runs of kRunValues with
// a width each, or all in one width with the few that are wider set apart.
// docs/formats/history.md draws the bytes.
#ifndef TWIN_SERVER_TIMESERIES_INT_CODEC_H_
#define TWIN_SERVER_TIMESERIES_INT_CODEC_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/types/span.h"
#include "server/base/coding.h"

namespace twin::timeseries {

inline constexpr size_t kRunValues = 64;

// Any integers. Those of even steps take a few bytes, however many there are.
// Cost: about four passes over the values.
void EncodeInts(absl::Span<const int64_t> values, std::string* bytes);

// Takes off `reader` what EncodeInts made of so many values. false, and the reader has failed:
// these are no such bytes; then `values` mean nothing.
bool DecodeInts(ByteReader* reader, absl::Span<int64_t> values);

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_INT_CODEC_H_
