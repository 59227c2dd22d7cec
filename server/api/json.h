// Values as JSON text and back. RapidJSON stays inside.
#ifndef TWIN_SERVER_API_JSON_H_
#define TWIN_SERVER_API_JSON_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/json_string.h"
#include "server/base/value.h"

namespace twin::api {

// RFC 8259. Integers that fit 64 bits are integers, other numbers doubles. INVALID_ARGUMENT: no
// JSON, nested deeper than kValueDepthMax, or a name twice; says at which byte.
absl::StatusOr<Value> ParseJson(absl::string_view text);

// Numbers so that they read back the same; times as ISO 8601 strings; null for an absent value.
void AppendJson(const Value& value, std::string* text);

}  // namespace twin::api

#endif  // TWIN_SERVER_API_JSON_H_
