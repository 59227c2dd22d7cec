// Texts of DTDL's primitive schemas: dates, times, durations, decimals, base64, UUIDs, and numbers
// that fit a type. Internal to models/dtdl; values.h is what validates whole values.
#ifndef TWIN_MODELS_DTDL_PRIMITIVES_H_
#define TWIN_MODELS_DTDL_PRIMITIVES_H_

#include "absl/strings/string_view.h"
#include "models/dtdl/metamodel.h"

namespace twin::dtdl {

bool IsDate(absl::string_view text);      // RFC 3339 full-date, a day that exists, year from 0001
bool IsTime(absl::string_view text);      // RFC 3339 partial-time and time-offset
bool IsDateTime(absl::string_view text);  // RFC 3339 date-time
bool IsDuration(absl::string_view text);  // ISO 8601, weeks not beside years or months
bool IsDecimal(absl::string_view text);   // XSD decimal: sign, digits, fraction
bool IsBase64(absl::string_view text);    // RFC 4648 section 4, padded
bool IsUuid(absl::string_view text);      // RFC 9562, any case

// Whether a number as JSON writes it is a value of the schema: an integer type takes no '.' and no
// exponent and what fits its bits, unsigned ones no sign; float and double what is finite in them.
bool IsNumberOf(Class schema, absl::string_view token);

}  // namespace twin::dtdl

#endif  // TWIN_MODELS_DTDL_PRIMITIVES_H_
