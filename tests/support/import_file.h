// Import files (`twinctl import`) as operations: data of tests, for engine and reference alike.
#ifndef TWIN_TESTS_SUPPORT_IMPORT_FILE_H_
#define TWIN_TESTS_SUPPORT_IMPORT_FILE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/value.h"
#include "server/ingest/operation.h"

namespace twin::testing {

// JSON as a Value: numbers without point and exponent are integers.
absl::StatusOr<Value> ValueFromJson(absl::string_view json);

// A Value as one line of JSON. Doubles show a point, so that 22.0 is no integer; times are ISO
// 8601; what JSON cannot say (NaN) is null.
std::string ValueToJson(const Value& value);

// Sections Header, Models, Twins, Relationships. Models become one CreateModels; a relationship
// without $relationshipId is called "source-name-target".
absl::StatusOr<std::vector<ingest::Operation>> ReadImportFile(absl::string_view ndjson);

// The objects of lines of those sections.
absl::StatusOr<ingest::PutTwin> PutTwinOf(const Value& json);
absl::StatusOr<ingest::PutRelationship> PutRelationshipOf(const Value& json);

std::string ReadFileOrDie(const std::string& path);

}  // namespace twin::testing

#endif  // TWIN_TESTS_SUPPORT_IMPORT_FILE_H_
