#include "clients/twinctl/twin_json.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "clients/twinctl/results.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

void Put(const char* key, const std::string& value, Json* object) {
  if (!value.empty()) (*object)[key] = value;
}

// Puts the members of `contents_json` behind those of `object`.
void PutContents(const std::string& contents_json, Json* object) {
  if (contents_json.empty()) return;
  Json contents = Json::parse(contents_json, nullptr, /*allow_exceptions=*/false);
  if (!contents.is_object()) {
    (*object)["$contents"] = contents_json;  // Better seen than lost.
    return;
  }
  for (auto& [key, value] : contents.items()) (*object)[key] = std::move(value);
}

// The contents of an object in that form.
std::string ContentsText(const Json& object) {
  Json contents = Json::object();
  for (const auto& [key, value] : object.items()) {
    if (!absl::StartsWith(key, "$")) contents[key] = value;
  }
  return contents.empty() ? "" : DumpJson(contents);
}

// What the parser stumbles over: "at byte 12: unexpected 'NaN}'".
std::string WhyNoJson(absl::string_view text) {
  constexpr size_t kShown = 20;
  try {
    [[maybe_unused]] const Json parsed = Json::parse(text.begin(), text.end());
  } catch (const Json::parse_error& error) {
    // Of the last byte that was read, from 1.
    const size_t at = std::min(error.byte == 0 ? 0 : error.byte - 1, text.size());
    if (at == text.size()) return absl::StrCat("at byte ", at, ": it ends too early");
    return absl::StrCat("at byte ", at, ": unexpected '", text.substr(at, kShown), "'");
  } catch (const Json::out_of_range& error) {  // "… number overflow parsing '1e400'"
    const std::vector<std::string> words = absl::StrSplit(error.what(), '\'');
    const std::string number = words.size() > 1 ? words[1] : "";
    return absl::StrCat("at byte ", text.find(number), ": ", number, " is too large for a double");
  }
  return "";
}

}  // namespace

Json TwinJson(const v1::Twin& twin) {
  Json object = Json::object();
  object["$dtId"] = twin.id();
  Put("$etag", twin.etag(), &object);
  Json metadata = {{"$model", twin.model_id()}};
  Put("$lastUpdateTime", TimeText(twin.update_time_unix_nano()), &metadata);
  for (const v1::PropertyTime& time : twin.property_times()) {
    Json& times = metadata[time.path()];
    times["lastUpdateTime"] = TimeText(time.update_time_unix_nano());
    times["sourceTime"] = TimeText(time.source_time_unix_nano());
  }
  object["$metadata"] = std::move(metadata);
  PutContents(twin.contents_json(), &object);
  return object;
}

Json RelationshipJson(const v1::Relationship& relationship) {
  Json object = Json::object();
  object["$relationshipId"] = relationship.id();
  Put("$etag", relationship.etag(), &object);
  object["$sourceId"] = relationship.source_id();
  object["$relationshipName"] = relationship.name();
  object["$targetId"] = relationship.target_id();
  PutContents(relationship.contents_json(), &object);
  return object;
}

Json TwinRows(const Json& twins) {
  Json rows = Json::array();
  for (const Json& twin : twins) {
    Json row = {{"$dtId", twin["$dtId"]}, {"model", twin["$metadata"]["$model"]}};
    if (const auto etag = twin.find("$etag"); etag != twin.end()) row["$etag"] = *etag;
    row["contents"] = ContentsText(twin);
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<Column> TwinColumns() {
  return {{.key = "$dtId", .title = "ID"},
          {.key = "model", .title = "MODEL"},
          {.key = "$etag", .title = "ETAG"},
          {.key = "contents", .title = "CONTENTS"}};
}

Json RelationshipRows(const Json& relationships) {
  Json rows = relationships;
  for (Json& row : rows) row["contents"] = ContentsText(row);
  return rows;
}

std::vector<Column> RelationshipColumns() {
  return {{.key = "$sourceId", .title = "SOURCE"},
          {.key = "$relationshipName", .title = "NAME"},
          {.key = "$targetId", .title = "TARGET"},
          {.key = "$relationshipId", .title = "ID"},
          {.key = "contents", .title = "CONTENTS"}};
}

absl::StatusOr<Json> ParseJson(absl::string_view text, absl::string_view name) {
  Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) {
    return absl::InvalidArgumentError(absl::StrCat(name, " is no JSON, ", WhyNoJson(text)));
  }
  return json;
}

v1::Value ToValue(const Json& json) {
  v1::Value value;
  switch (json.type()) {
    case Json::value_t::boolean:
      value.set_bool_value(json.get<bool>());
      break;
    case Json::value_t::number_integer:
      value.set_int_value(json.get<int64_t>());
      break;
    case Json::value_t::number_unsigned:
      if (json.get<uint64_t>() <= uint64_t{std::numeric_limits<int64_t>::max()}) {
        value.set_int_value(json.get<int64_t>());
      } else {
        value.set_double_value(json.get<double>());
      }
      break;
    case Json::value_t::number_float:
      value.set_double_value(json.get<double>());
      break;
    case Json::value_t::string:
      value.set_string_value(json.get<std::string>());
      break;
    case Json::value_t::array:
      value.mutable_array_value();
      for (const Json& element : json) {
        *value.mutable_array_value()->add_values() = ToValue(element);
      }
      break;
    case Json::value_t::object:
      value.mutable_map_value();
      for (const auto& [key, member] : json.items()) {
        v1::Member* const added = value.mutable_map_value()->add_members();
        added->set_name(key);
        *added->mutable_value() = ToValue(member);
      }
      break;
    default:
      break;
  }
  return value;
}

}  // namespace twin::twinctl
