// The values of one column as bytes, in whichever way is smallest: doubles, byte strings, and which
// rows have a value at all. docs/formats/history.md draws the bytes; integers: int_codec.h.
//
// Each Decode takes off `reader` what its Encode made of so many values. false, and the reader has
// failed: these are no such bytes; then the values mean nothing. No bytes make it loop, or allocate
// much more than what a writer may have meant by them.
#ifndef TWIN_SERVER_TIMESERIES_CODEC_H_
#define TWIN_SERVER_TIMESERIES_CODEC_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/base/coding.h"

namespace twin::timeseries {

// A double as a decimal: the integer that divided by 10^decimals is `value` bit for bit.
// false: there is none below 2^51. -0.0 and NaN are no decimals.
bool ToDecimal(double value, int decimals, int64_t* integer);
double FromDecimal(int64_t integer, int decimals);
// The same of many. false: one of them is no such decimal, and the integers mean nothing.
bool ToDecimals(absl::Span<const double> values, int decimals, int64_t* integers);
// Of integers below 2^51.
void FromDecimals(absl::Span<const int64_t> integers, int decimals, double* values);
// The nearest such integer of a value of less than 2^51 / 10^decimals; of others anything.
int64_t NearestDecimal(double value, int decimals);
// The least decimals of the value; -1: it is no decimal.
int DecimalsOf(double value);

// Any doubles, bit for bit. Decimals are kept as integers, with the few that are none apart.
void EncodeDoubles(absl::Span<const double> values, std::string* bytes);
bool DecodeDoubles(ByteReader* reader, absl::Span<double> values);

// Byte strings, all together less than 4 GiB. Repeated ones are kept once.
void EncodeValues(absl::Span<const absl::string_view> values, std::string* bytes);
bool DecodeValues(ByteReader* reader, absl::Span<std::string> values);

// Flags, 0 or 1.
void EncodeMissing(absl::Span<const uint8_t> missing, std::string* bytes);
bool DecodeMissing(ByteReader* reader, absl::Span<uint8_t> missing);

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_CODEC_H_
