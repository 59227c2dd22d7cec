// Values against schemas: does a JSON value belong to what the model declares?
#ifndef TWIN_MODELS_DTDL_VALUES_H_
#define TWIN_MODELS_DTDL_VALUES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "models/dtdl/json.h"
#include "models/dtdl/model.h"

namespace twin::dtdl {

// One reason why a value does not conform.
struct Violation {
  std::string path;     // JSON Pointer (RFC 6901) into the value; empty: the value itself
  std::string message;  // what is wrong, and what would be right
  uint32_t offset = 0;  // of the offending part in the text
};
// "/cells/3: 3.0 is not an integer; …", one a line.
std::string ViolationText(const std::vector<Violation>& violations);

// At most this many violations of one value are reported.
inline constexpr int kViolationsMax = 20;

// Whether `value` conforms to `schema`; no violation: it does. Numbers are judged as written: 3.0
// and 3e0 are no integers. Fields of Objects may be missing unless they are Required; null and
// unknown fields never conform. Thread-safe. Cost: linear in the value.
std::vector<Violation> ValidateValue(const Schema& schema, const JsonNode& value);

// The same for a text. A text that is not JSON does not conform either.
std::vector<Violation> ValidateText(const Schema& schema, absl::string_view text);

// Whether traits leave out numbers that the schema has: Limited, Precise.
bool BoundsNumbers(const ValueTraits& traits);
// What they say against a number, as JSON or a decimal writes it. Empty: nothing.
std::string TraitsViolation(const ValueTraits& traits, absl::string_view number);

// Against the schema of a Property or Telemetry and its traits: Limited, Precise.
std::vector<Violation> ValidateContent(const Content& content, const JsonNode& value);

struct TwinValueOptions {
  bool telemetry = false;          // Telemetry may stand among the values
  bool require_required = true;    // Required Properties must be there (false: a partial update)
  bool require_components = true;  // every Component must be there
};

// The values of a twin as one object: Properties by name, Components as objects of their own.
// Members that begin with '$' are not looked at. Unknown members, Relationships and Commands do
// not conform.
std::vector<Violation> ValidateTwin(const Interface& interface, const JsonNode& values,
                                    const TwinValueOptions& options = {});

// The properties of one relationship. FAILED_PRECONDITION-worthy facts about its ends are below.
std::vector<Violation> ValidateRelationship(const Content& relationship, const JsonNode& values);

// OK, or why one source may not have `count` relationships of that name (maxMultiplicity).
absl::Status CheckMultiplicity(const Content& relationship, int64_t count);

// OK, or why a twin of `target` cannot be at the end of the relationship.
absl::Status CheckTarget(const Content& relationship, const Interface& target);

// Compares two decimal tokens as JSON or XSD writes them, exactly: negative, 0 or positive.
int CompareDecimals(absl::string_view a, absl::string_view b);

}  // namespace twin::dtdl

#endif  // TWIN_MODELS_DTDL_VALUES_H_
