// Values that clients send against what models declare, and into the form that columns store.
#ifndef TWIN_SERVER_INGEST_CHECK_VALUE_H_
#define TWIN_SERVER_INGEST_CHECK_VALUE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "models/dtdl/model.h"
#include "server/base/value.h"
#include "server/graph/catalog.h"
#include "server/ingest/limits.h"

namespace twin::ingest {

// How deep arrays, maps and Objects nest within a content: protobuf's readers, which give up after
// 100 messages within each other, meet three for each.
inline constexpr int kNestedMax = 24;

// Integers are judged as DTDL judges them: 3 is one, and 3.0 and 1e2 are none where they are text.
// A typed number says nothing of how it was written: a double that has the value of an integer, and
// says which, becomes it here. Whoever asks for a fraction takes integers, too.
void TakeByValue(Value* value);

// `value` as the column stores it: integers in range, floats as such, dateTimes as times. An
// integer suits fractions, a fraction no integers, whatever its value. `path` is for messages.
// INVALID_ARGUMENT: it is no value of the schema, or beyond what Limited allows; says what would
// be.
absl::StatusOr<Value> CheckValue(const graph::ColumnSchema& column, const Value& value,
                                 absl::string_view path, const Limits& limits);

// Graph keeps it among its strings.
inline bool IsKeptAsString(const Value& value) {
  return value.kind() == Value::Kind::kString || value.kind() == Value::Kind::kArray ||
         value.kind() == Value::Kind::kMap;
}

// A path of a table, and what is to be there.
struct ColumnValue {
  ColumnId column;
  Value value;
};

// Divides the value of a property, or of a part of it that columns were made of, over the columns
// below `path`. INVALID_ARGUMENT: an unknown field, or as CheckValue.
absl::Status Flatten(const graph::TableSchema& table, absl::string_view path,
                     const dtdl::Schema& schema, const Value& value, const Limits& limits,
                     std::vector<ColumnValue>* values);

// The same for a place that is named by its path alone: an Object, or a Component.
absl::Status FlattenGroup(const graph::TableSchema& table, absl::string_view path,
                          const Value& value, const Limits& limits,
                          std::vector<ColumnValue>* values);

// What is published of a twin: properties and telemetry by name or path, what is inside of an
// Object or a Component as an object. What is null is left out. INVALID_ARGUMENT: no such path, or
// as CheckValue.
absl::Status FlattenPublication(const graph::TableSchema& table, const ValueMap& contents,
                                const Limits& limits, std::vector<ColumnValue>* values);

// The contents of a whole twin. INVALID_ARGUMENT: a member that the model does not declare, a
// component that is missing, or as Flatten.
absl::Status FlattenContents(const graph::TableSchema& table, const ValueMap& contents,
                             const Limits& limits, std::vector<ColumnValue>* values);

// The properties of a relationship, as its type's columns.
absl::Status FlattenRelationship(const graph::RelationshipType& type, const ValueMap& contents,
                                 const Limits& limits, std::vector<ColumnValue>* values);

// "; did you mean 'x'?" for the closest of `known`, or empty: the end of a message.
std::string Suggestion(absl::string_view word, const std::vector<absl::string_view>& known);

// INVALID_ARGUMENT: no id of a twin or relationship. `what` is for messages.
absl::Status CheckId(absl::string_view id, absl::string_view what, const Limits& limits);

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_CHECK_VALUE_H_
