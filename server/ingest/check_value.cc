#include "server/ingest/check_value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "models/dtdl/diagnostics.h"
#include "models/dtdl/primitives.h"
#include "models/dtdl/values.h"
#include "server/base/float.h"
#include "server/base/status_macros.h"

namespace twin::ingest {
namespace {

using dtdl::Class;
using dtdl::Schema;

absl::Status Invalid(absl::string_view path, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", what));
}

absl::Status Expected(absl::string_view path, absl::string_view expected, const Value& value) {
  return Invalid(path, absl::StrCat("expected ", expected, ", got ", value.DebugString(60)));
}

std::optional<int64_t> AsInteger(const Value& value) {
  if (value.kind() == Value::Kind::kInt) return value.as_int();
  // TakeByValue leaves its sign to the 0 of a fraction.
  if (value.kind() == Value::Kind::kDouble && value.as_double() == 0 &&
      std::signbit(value.as_double())) {
    return 0;
  }
  return std::nullopt;
}

// A fraction is shown as one, whatever its value.
absl::Status ExpectedInteger(absl::string_view path, absl::string_view expected,
                             const Value& value) {
  const bool is_whole = value.kind() == Value::Kind::kDouble &&
                        std::fabs(value.as_double()) < 1e15 &&
                        std::trunc(value.as_double()) == value.as_double();
  if (!is_whole) return Expected(path, expected, value);
  return Invalid(path, absl::StrCat("expected ", expected, ", got ", value.DebugString(60),
                                    ".0; write it without a point and an exponent"));
}

struct IntegerRange {
  absl::string_view name;
  int64_t min;
  int64_t max;
};

std::optional<IntegerRange> RangeOf(Class kind) {
  switch (kind) {
    case Class::kByte:
      return IntegerRange{"a byte", -128, 127};
    case Class::kShort:
      return IntegerRange{"a short", -32768, 32767};
    case Class::kInteger:
      return IntegerRange{"an integer", INT32_MIN, INT32_MAX};
    case Class::kLong:
      return IntegerRange{"a long", INT64_MIN, INT64_MAX};
    case Class::kUnsignedByte:
      return IntegerRange{"an unsignedByte", 0, 255};
    case Class::kUnsignedShort:
      return IntegerRange{"an unsignedShort", 0, 65535};
    case Class::kUnsignedInteger:
      return IntegerRange{"an unsignedInteger", 0, UINT32_MAX};
    case Class::kUnsignedLong:
      return IntegerRange{"an unsignedLong", 0, INT64_MAX};
    default:
      return std::nullopt;
  }
}

// A number that no int64_t has is beyond every range.
bool IsBeyond(const IntegerRange& range, const Value& value) {
  return value.kind() == Value::Kind::kDouble &&
         (value.as_double() < static_cast<double>(range.min) ||
          value.as_double() >= static_cast<double>(range.max));
}

// The text form of a string-like schema; empty name: any text.
struct TextForm {
  absl::string_view name;
  bool (*is)(absl::string_view) = nullptr;
};

TextForm FormOf(Class kind) {
  switch (kind) {
    case Class::kDate:
      return {"a date such as \"2026-03-01\"", dtdl::IsDate};
    case Class::kTime:
      return {"a time such as \"08:30:00Z\"", dtdl::IsTime};
    case Class::kDuration:
      return {"a duration such as \"PT8H30M\"", dtdl::IsDuration};
    case Class::kDecimal:
      return {"a decimal as a string, such as \"12.50\"", dtdl::IsDecimal};
    case Class::kBytes:
      return {"base64 as a string", dtdl::IsBase64};
    case Class::kUuid:
      return {"a UUID", dtdl::IsUuid};
    default:
      return {"a string"};
  }
}

// The shortest text that reads back as the number; a decimal is a text already.
std::string NumberToken(const Schema& schema, const Value& value) {
  if (value.kind() == Value::Kind::kString) return std::string(value.as_string());
  if (value.kind() == Value::Kind::kInt) return absl::StrCat(value.as_int());
  char buffer[64];
  char* const end = buffer + sizeof(buffer);
  const double number = value.as_double();
  const std::to_chars_result written = schema.kind == Class::kFloat
                                           ? std::to_chars(buffer, end, static_cast<float>(number))
                                           : std::to_chars(buffer, end, number);
  return std::string(buffer, written.ptr);
}

absl::Status CheckTraits(const Schema& schema, const dtdl::ValueTraits& traits, const Value& value,
                         absl::string_view path) {
  if (!dtdl::BoundsNumbers(traits)) return absl::OkStatus();
  const std::string violation = dtdl::TraitsViolation(traits, NumberToken(schema, value));
  return violation.empty() ? absl::OkStatus() : Invalid(path, violation);
}

std::string EnumNames(const Schema& schema) {
  std::vector<std::string> names;
  for (const dtdl::EnumValue& value : schema.values) {
    if (names.size() == 10) {
      names.emplace_back("…");
      break;
    }
    names.push_back(schema.string_enum ? absl::StrCat("\"", value.text, "\"")
                                       : absl::StrCat(value.number, " (", value.name, ")"));
  }
  return absl::StrCat("one of ", absl::StrJoin(names, ", "));
}

absl::StatusOr<Value> Check(const Schema& schema, const Value& value, absl::string_view path,
                            const Limits& limits, int depth);

absl::StatusOr<Value> CheckInteger(const IntegerRange& range, const Value& value,
                                   absl::string_view path) {
  const std::optional<int64_t> number = AsInteger(value);
  if (!number.has_value() && !IsBeyond(range, value)) {
    return ExpectedInteger(path, range.name, value);
  }
  if (!number.has_value() || *number < range.min || *number > range.max) {
    return Expected(path, absl::StrCat(range.name, " between ", range.min, " and ", range.max),
                    value);
  }
  return Value::Int(*number);
}

absl::StatusOr<Value> CheckReal(Class kind, const Value& value, absl::string_view path) {
  double number = 0;
  if (value.kind() == Value::Kind::kInt) {
    number = static_cast<double>(value.as_int());
  } else if (value.kind() == Value::Kind::kDouble) {
    number = value.as_double();
  } else {
    return Expected(path, "a number", value);
  }
  if (!std::isfinite(number)) return Expected(path, "a finite number", value);
  if (kind == Class::kFloat) {
    if (std::fabs(number) > kGreatestOfFloats) {
      return Expected(path, "a number that a float can hold", value);
    }
    number = AsFloat(number);
  }
  return Value::Double(number);
}

absl::StatusOr<Value> CheckDateTime(const Value& value, absl::string_view path) {
  if (value.kind() == Value::Kind::kTime) return value;
  if (value.kind() != Value::Kind::kString || !dtdl::IsDateTime(value.as_string())) {
    return Expected(path, "a dateTime such as \"2026-03-01T08:30:00Z\"", value);
  }
  absl::StatusOr<Time> time = ParseTime(value.as_string());
  if (!time.ok()) return Invalid(path, time.status().message());
  return Value::OfTime(*time);
}

absl::StatusOr<Value> CheckEnum(const Schema& schema, const Value& value, absl::string_view path) {
  if (schema.string_enum) {
    if (value.kind() == Value::Kind::kString && schema.FindValue(value.as_string()) != nullptr) {
      return value;
    }
    return Expected(path, EnumNames(schema), value);
  }
  const std::optional<int64_t> number = AsInteger(value);
  if (!number.has_value() || *number < INT32_MIN || *number > INT32_MAX ||
      schema.FindValue(static_cast<int>(*number)) == nullptr) {
    return ExpectedInteger(path, EnumNames(schema), value);
  }
  return Value::Int(*number);
}

absl::StatusOr<Value> CheckText(Class kind, const Value& value, absl::string_view path,
                                const Limits& limits) {
  const TextForm form = FormOf(kind);
  if (value.kind() != Value::Kind::kString || (form.is != nullptr && !form.is(value.as_string()))) {
    return Expected(path, form.name, value);
  }
  if (static_cast<int64_t>(value.as_string().size()) > limits.string_bytes_max) {
    return Invalid(path, absl::StrCat("a string of ", value.as_string().size(),
                                      " bytes; string_bytes_max is ", limits.string_bytes_max));
  }
  return value;
}

absl::StatusOr<Value> CheckArray(const Schema& schema, const Value& value, absl::string_view path,
                                 const Limits& limits, int depth) {
  if (value.kind() != Value::Kind::kArray) return Expected(path, "an array", value);
  ValueArray items;
  items.reserve(value.as_array().size());
  for (size_t i = 0; i < value.as_array().size(); ++i) {
    TWIN_ASSIGN_OR_RETURN(Value item, Check(*schema.element, value.as_array()[i],
                                            absl::StrCat(path, "/", i), limits, depth + 1));
    items.push_back(std::move(item));
  }
  return Value::Array(std::move(items));
}

absl::StatusOr<Value> CheckMap(const Schema& schema, const Value& value, absl::string_view path,
                               const Limits& limits, int depth) {
  if (value.kind() != Value::Kind::kMap) return Expected(path, "a map", value);
  ValueMap members;
  members.reserve(value.as_map().size());
  for (const auto& [name, member] : value.as_map()) {
    if (static_cast<int64_t>(name.size()) > limits.string_bytes_max) {
      return Invalid(path, absl::StrCat("a key of ", name.size(), " bytes; string_bytes_max is ",
                                        limits.string_bytes_max));
    }
    const std::string at = absl::StrCat(path, "/", name);
    TWIN_ASSIGN_OR_RETURN(Value checked, Check(*schema.element, member, at, limits, depth + 1));
    TWIN_RETURN_IF_ERROR(CheckTraits(*schema.element, schema.value_traits, checked, at));
    members.emplace_back(name, std::move(checked));
  }
  return Value::Map(std::move(members));
}

absl::StatusOr<Value> CheckObject(const Schema& schema, const Value& value, absl::string_view path,
                                  const Limits& limits, int depth) {
  if (value.kind() != Value::Kind::kMap) return Expected(path, "an object", value);
  ValueMap members;
  members.reserve(value.as_map().size());
  for (const auto& [name, member] : value.as_map()) {
    const std::string at = absl::StrCat(path, "/", name);
    const dtdl::Field* field = schema.FindField(name);
    if (field == nullptr) {
      std::vector<absl::string_view> known;
      for (const dtdl::Field& each : schema.fields) known.push_back(each.name);
      return Invalid(at, absl::StrCat("no such field", Suggestion(name, known), "; it has ",
                                      absl::StrJoin(known, ", ")));
    }
    TWIN_ASSIGN_OR_RETURN(Value checked, Check(*field->schema, member, at, limits, depth + 1));
    TWIN_RETURN_IF_ERROR(CheckTraits(*field->schema, field->traits, checked, at));
    members.emplace_back(name, std::move(checked));
  }
  for (const dtdl::Field& field : schema.fields) {
    if (field.traits.required && value.Find(field.name) == nullptr) {
      return Invalid(path, absl::StrCat("the field ", field.name, " is required"));
    }
  }
  return Value::Map(std::move(members));
}

absl::StatusOr<Value> Check(const Schema& schema, const Value& value, absl::string_view path,
                            const Limits& limits, int depth) {
  if (value.is_null()) {
    return Invalid(path, "null is no value of a property; remove it instead");
  }
  if (depth > kNestedMax) {
    return Invalid(path, absl::StrCat("values nest ", kNestedMax, " deep at most"));
  }
  if (const std::optional<IntegerRange> range = RangeOf(schema.kind)) {
    return CheckInteger(*range, value, path);
  }
  switch (schema.kind) {
    case Class::kBoolean:
      if (value.kind() != Value::Kind::kBool) return Expected(path, "true or false", value);
      return value;
    case Class::kFloat:
    case Class::kDouble:
      return CheckReal(schema.kind, value, path);
    case Class::kDateTime:
      return CheckDateTime(value, path);
    case Class::kEnum:
      return CheckEnum(schema, value, path);
    case Class::kArray:
      return CheckArray(schema, value, path, limits, depth);
    case Class::kMap:
      return CheckMap(schema, value, path, limits, depth);
    case Class::kObject:
      return CheckObject(schema, value, path, limits, depth);
    default:
      return CheckText(schema.kind, value, path, limits);
  }
}

std::vector<absl::string_view> NamesOf(const dtdl::Interface& interface) {
  std::vector<absl::string_view> names;
  for (const dtdl::Content* content : interface.contents) {
    if (content->kind == Class::kProperty || content->kind == Class::kComponent) {
      names.push_back(content->name);
    }
  }
  return names;
}

absl::Status FlattenInterface(const graph::TableSchema& table, const dtdl::Interface& interface,
                              absl::string_view prefix, const ValueMap& contents,
                              const Limits& limits, std::vector<ColumnValue>* values) {
  std::string joined;
  for (const auto& [name, value] : contents) {
    absl::string_view path = name;
    if (!prefix.empty()) {
      joined = absl::StrCat(prefix, name);
      path = joined;
    }
    const dtdl::Content* content = interface.Find(name);
    if (content == nullptr) {
      return Invalid(path, absl::StrCat("no such property of ", interface.id,
                                        Suggestion(name, NamesOf(interface))));
    }
    switch (content->kind) {
      case Class::kProperty:
        if (!value.is_null()) {
          TWIN_RETURN_IF_ERROR(Flatten(table, path, *content->schema, value, limits, values));
        }
        break;
      case Class::kComponent:
        if (value.kind() != Value::Kind::kMap) {
          return Expected(path, "an object with the component's properties", value);
        }
        TWIN_RETURN_IF_ERROR(FlattenInterface(table, *content->component, absl::StrCat(path, "."),
                                              value.as_map(), limits, values));
        break;
      case Class::kTelemetry:
        return Invalid(path, "is Telemetry, which arrives as samples and is not set as a property");
      default:
        return Invalid(path, "is no property; relationships and commands have calls of their own");
    }
  }
  for (const dtdl::Content* content : interface.contents) {
    if (content->kind != Class::kComponent) continue;
    bool found = false;
    for (const ValueMember& member : contents) found = found || member.first == content->name;
    if (!found) {
      return Invalid(absl::StrCat(prefix, content->name),
                     "the component is missing; give at least an empty object for it");
    }
  }
  return absl::OkStatus();
}

// A component has no such column: it is always there.
void AddEmptyObject(const graph::TableSchema& table, absl::string_view path, const Value& value,
                    std::vector<ColumnValue>* values) {
  if (!value.as_map().empty()) return;
  const graph::ColumnSchema* object = table.FindObject(path);
  if (object != nullptr) values->push_back({table.IdOf(*object), Value::Map({})});
}

bool IsGroup(const graph::TableSchema& table, absl::string_view path) {
  const std::string prefix = absl::StrCat(path, ".");
  return std::any_of(
      table.columns.begin(), table.columns.end(),
      [&](const graph::ColumnSchema& each) { return absl::StartsWith(each.path, prefix); });
}

// `what`: that there could be.
absl::Status UnknownPath(const graph::TableSchema& table, absl::string_view path,
                         absl::string_view what) {
  return Invalid(path, absl::StrCat("no such ", what, " of ", table.model_id,
                                    Suggestion(path, table.Paths())));
}

absl::Status FlattenPublished(const graph::TableSchema& table, absl::string_view path,
                              const Value& value, const Limits& limits,
                              std::vector<ColumnValue>* values) {
  if (const graph::ColumnSchema* column = table.FindColumn(path)) {
    if (value.is_null()) return absl::OkStatus();
    TWIN_ASSIGN_OR_RETURN(Value checked, CheckValue(*column, value, path, limits));
    values->push_back({table.IdOf(*column), std::move(checked)});
    return absl::OkStatus();
  }
  if (!IsGroup(table, path)) return UnknownPath(table, path, "property or telemetry");
  if (value.is_null()) return absl::OkStatus();
  if (value.kind() != Value::Kind::kMap) return Expected(path, "an object", value);
  for (const auto& [name, member] : value.as_map()) {
    TWIN_RETURN_IF_ERROR(
        FlattenPublished(table, absl::StrCat(path, ".", name), member, limits, values));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status FlattenPublication(const graph::TableSchema& table, const ValueMap& contents,
                                const Limits& limits, std::vector<ColumnValue>* values) {
  for (const auto& [name, value] : contents) {
    TWIN_RETURN_IF_ERROR(FlattenPublished(table, name, value, limits, values));
  }
  return absl::OkStatus();
}

void TakeByValue(Value* value) {
  switch (value->kind()) {
    case Value::Kind::kDouble: {
      const double number = value->as_double();
      const bool is_whole = std::trunc(number) == number && !(number == 0 && std::signbit(number));
      // Above 2^53 a double no longer says which integer was meant.
      if (!is_whole || std::fabs(number) > 9007199254740992.0) return;
      *value = Value::Int(static_cast<int64_t>(number));
      return;
    }
    case Value::Kind::kArray:
      for (Value& item : value->as_array()) TakeByValue(&item);
      return;
    case Value::Kind::kMap:
      for (ValueMember& member : value->as_map()) TakeByValue(&member.second);
      return;
    default:
      return;
  }
}

absl::StatusOr<Value> CheckValue(const graph::ColumnSchema& column, const Value& value,
                                 absl::string_view path, const Limits& limits) {
  TWIN_ASSIGN_OR_RETURN(Value checked, Check(*column.schema, value, path, limits, 0));
  TWIN_RETURN_IF_ERROR(CheckTraits(*column.schema, column.traits, checked, path));
  if (column.type == graph::ColumnType::kDocument || column.type == graph::ColumnType::kString) {
    const auto bytes = static_cast<int64_t>(checked.EncodedSize());
    const int64_t max = std::min(limits.twin_bytes_max, graph::kStoredStringBytesMax);
    if (bytes > max) {
      return Invalid(path, absl::StrCat("a value of ", bytes, " bytes; twin_bytes_max is ", max));
    }
  }
  return checked;
}

absl::Status Flatten(const graph::TableSchema& table, absl::string_view path, const Schema& schema,
                     const Value& value, const Limits& limits, std::vector<ColumnValue>* values) {
  if (const graph::ColumnSchema* column = table.FindColumn(path)) {
    TWIN_ASSIGN_OR_RETURN(Value checked, CheckValue(*column, value, path, limits));
    values->push_back({table.IdOf(*column), std::move(checked)});
    return absl::OkStatus();
  }
  if (value.kind() != Value::Kind::kMap) return Expected(path, "an object", value);
  AddEmptyObject(table, path, value, values);
  for (const auto& [name, member] : value.as_map()) {
    const std::string at = absl::StrCat(path, ".", name);
    const dtdl::Field* field = schema.FindField(name);
    if (field == nullptr) {
      std::vector<absl::string_view> known;
      for (const dtdl::Field& each : schema.fields) known.push_back(each.name);
      return Invalid(at, absl::StrCat("no such field", Suggestion(name, known), "; it has ",
                                      absl::StrJoin(known, ", ")));
    }
    if (member.is_null()) return Invalid(at, "null is no value of a property; remove it instead");
    TWIN_RETURN_IF_ERROR(Flatten(table, at, *field->schema, member, limits, values));
  }
  return absl::OkStatus();
}

absl::Status FlattenGroup(const graph::TableSchema& table, absl::string_view path,
                          const Value& value, const Limits& limits,
                          std::vector<ColumnValue>* values) {
  if (value.kind() != Value::Kind::kMap) return Expected(path, "an object", value);
  AddEmptyObject(table, path, value, values);
  for (const auto& [name, member] : value.as_map()) {
    const std::string at = absl::StrCat(path, ".", name);
    if (const graph::ColumnSchema* column = table.FindColumn(at)) {
      if (column->telemetry) return Invalid(at, "is Telemetry and is not set as a property");
      TWIN_ASSIGN_OR_RETURN(Value checked, CheckValue(*column, member, at, limits));
      values->push_back({table.IdOf(*column), std::move(checked)});
      continue;
    }
    if (!IsGroup(table, at)) return UnknownPath(table, at, "property");
    TWIN_RETURN_IF_ERROR(FlattenGroup(table, at, member, limits, values));
  }
  return absl::OkStatus();
}

absl::Status FlattenContents(const graph::TableSchema& table, const ValueMap& contents,
                             const Limits& limits, std::vector<ColumnValue>* values) {
  return FlattenInterface(table, *table.interface, "", contents, limits, values);
}

absl::Status FlattenRelationship(const graph::RelationshipType& type, const ValueMap& contents,
                                 const Limits& limits, std::vector<ColumnValue>* values) {
  for (const auto& [name, value] : contents) {
    uint32_t i = 0;
    while (i < type.columns.size() && type.columns[i].path != name) ++i;
    if (i == type.columns.size()) {
      std::vector<absl::string_view> known;
      for (const graph::ColumnSchema& column : type.columns) known.push_back(column.path);
      return Invalid(name, absl::StrCat("no such property of the relationship ", type.name,
                                        Suggestion(name, known)));
    }
    if (value.is_null()) continue;
    TWIN_ASSIGN_OR_RETURN(Value checked, CheckValue(type.columns[i], value, name, limits));
    values->push_back({ColumnId(i), std::move(checked)});
  }
  return absl::OkStatus();
}

std::string Suggestion(absl::string_view word, const std::vector<absl::string_view>& known) {
  const std::string text = dtdl::DidYouMean(word, known);
  return text.empty() ? text : absl::StrCat("; ", text);
}

absl::Status CheckId(absl::string_view id, absl::string_view what, const Limits& limits) {
  if (id.empty()) return absl::InvalidArgumentError(absl::StrCat("the ", what, " is empty"));
  int64_t length = 0;
  for (const char c : id) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xc0) != 0x80) ++length;
    if (byte < 0x20 || byte == 0x7f) {
      return absl::InvalidArgumentError(absl::StrCat("the ", what, " has a control character"));
    }
  }
  if (length > limits.twin_id_length_max) {
    return absl::InvalidArgumentError(absl::StrCat("the ", what, " has ", length,
                                                   " characters; twin_id_length_max is ",
                                                   limits.twin_id_length_max));
  }
  if (id.front() == '$') {
    return absl::InvalidArgumentError(
        absl::StrCat("the ", what, " ", id, " begins with '$', which is reserved"));
  }
  return absl::OkStatus();
}

}  // namespace twin::ingest
