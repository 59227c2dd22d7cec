#include "tests/support/import_file.h"

#include <cmath>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/base/check.h"
#include "server/base/status_macros.h"
#include "server/base/time.h"

namespace twin::testing {
namespace {

using Json = nlohmann::ordered_json;

Value FromJson(const Json& json) {
  switch (json.type()) {
    case Json::value_t::boolean:
      return Value::Bool(json.get<bool>());
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
      return Value::Int(json.get<int64_t>());
    case Json::value_t::number_float:
      return Value::Double(json.get<double>());
    case Json::value_t::string:
      return Value::String(json.get_ref<const std::string&>());
    case Json::value_t::array: {
      ValueArray items;
      for (const Json& item : json) items.push_back(FromJson(item));
      return Value::Array(std::move(items));
    }
    case Json::value_t::object: {
      ValueMap members;
      for (const auto& [name, member] : json.items()) members.emplace_back(name, FromJson(member));
      return Value::Map(std::move(members));
    }
    default:
      return Value();
  }
}

Json ToJson(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kNull:
      return nullptr;
    case Value::Kind::kBool:
      return value.as_bool();
    case Value::Kind::kInt:
      return value.as_int();
    case Value::Kind::kDouble:
      return value.as_double();
    case Value::Kind::kString:
      return value.as_string();
    case Value::Kind::kTime:
      return FormatTime(value.as_time());
    case Value::Kind::kArray: {
      Json items = Json::array();
      for (const Value& item : value.as_array()) items.push_back(ToJson(item));
      return items;
    }
    case Value::Kind::kMap: {
      Json members = Json::object();
      for (const auto& [name, member] : value.as_map()) members[name] = ToJson(member);
      return members;
    }
  }
  return nullptr;
}

absl::StatusOr<std::string> TextAt(const Value& json, absl::string_view name) {
  const Value* value = json.Find(name);
  if (value == nullptr || value->kind() != Value::Kind::kString) {
    return absl::InvalidArgumentError(absl::StrCat(name, " is missing, or no string"));
  }
  return value->as_string();
}

// What is left without the members that begin with '$'.
ValueMap ContentsOf(const Value& json) {
  ValueMap contents;
  for (const auto& [name, value] : json.as_map()) {
    if (absl::StartsWith(name, "$")) continue;
    const bool is_component =
        value.kind() == Value::Kind::kMap && value.Find("$metadata") != nullptr;
    contents.emplace_back(name, is_component ? Value::Map(ContentsOf(value)) : value);
  }
  return contents;
}

}  // namespace

absl::StatusOr<Value> ValueFromJson(absl::string_view json) {
  const Json parsed = Json::parse(json.begin(), json.end(), nullptr, /*allow_exceptions=*/false);
  if (parsed.is_discarded()) return absl::InvalidArgumentError(absl::StrCat("no JSON: ", json));
  return FromJson(parsed);
}

std::string ValueToJson(const Value& value) { return ToJson(value).dump(); }

absl::StatusOr<ingest::PutTwin> PutTwinOf(const Value& json) {
  ingest::PutTwin put;
  TWIN_ASSIGN_OR_RETURN(put.id, TextAt(json, "$dtId"));
  const Value* metadata = json.Find("$metadata");
  if (metadata == nullptr) return absl::InvalidArgumentError("$metadata is missing");
  TWIN_ASSIGN_OR_RETURN(put.model_id, TextAt(*metadata, "$model"));
  put.contents = ContentsOf(json);
  return put;
}

absl::StatusOr<ingest::PutRelationship> PutRelationshipOf(const Value& json) {
  ingest::PutRelationship put;
  TWIN_ASSIGN_OR_RETURN(put.source_id, TextAt(json, "$sourceId"));
  TWIN_ASSIGN_OR_RETURN(put.target_id, TextAt(json, "$targetId"));
  TWIN_ASSIGN_OR_RETURN(put.name, TextAt(json, "$relationshipName"));
  put.relationship_id = absl::StrCat(put.source_id, "-", put.name, "-", put.target_id);
  if (json.Find("$relationshipId") != nullptr) {
    TWIN_ASSIGN_OR_RETURN(put.relationship_id, TextAt(json, "$relationshipId"));
  }
  put.contents = ContentsOf(json);
  return put;
}

absl::StatusOr<std::vector<ingest::Operation>> ReadImportFile(absl::string_view ndjson) {
  std::vector<ingest::Operation> operations;
  std::string section;
  int number = 0;
  for (const absl::string_view line : absl::StrSplit(ndjson, '\n')) {
    ++number;
    if (line.empty()) continue;
    const auto failed = [&](const absl::Status& status) {
      return absl::InvalidArgumentError(absl::StrCat("line ", number, ": ", status.message()));
    };
    const absl::StatusOr<Value> json = ValueFromJson(line);
    if (!json.ok()) return failed(json.status());
    if (const Value* name = json->Find("Section")) {
      section = name->as_string();
    } else if (section == "Models") {
      if (operations.empty()) operations.emplace_back(ingest::CreateModels());
      std::get<ingest::CreateModels>(operations.front()).texts.emplace_back(line);
    } else if (section == "Twins") {
      absl::StatusOr<ingest::PutTwin> put = PutTwinOf(*json);
      if (!put.ok()) return failed(put.status());
      operations.emplace_back(*std::move(put));
    } else if (section == "Relationships") {
      absl::StatusOr<ingest::PutRelationship> put = PutRelationshipOf(*json);
      if (!put.ok()) return failed(put.status());
      operations.emplace_back(*std::move(put));
    } else if (section != "Header") {
      return failed(absl::InvalidArgumentError("it begins with {\"Section\":\"Header\"}"));
    }
  }
  return operations;
}

std::string ReadFileOrDie(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  TWIN_CHECK(file.good()) << "cannot read " << path;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace twin::testing
