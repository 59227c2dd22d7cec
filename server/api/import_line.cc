#include "server/api/import_line.h"

#include <algorithm>
#include <string>

#include "absl/strings/match.h"
#include "server/api/convert.h"
#include "server/api/plain_json.h"

namespace twin::api {
namespace {

bool ReadText(PlainJson* json, std::string* text) {
  absl::string_view read;
  if (!json->ReadString(&read)) return false;
  text->assign(read.data(), read.size());
  return true;
}

// A member of the contents. Components may have members that are about them.
bool ReadContent(absl::string_view name, PlainJson* json, ValueMap* contents) {
  Value& value = contents->emplace_back(std::string(name), Value()).second;
  return json->ReadValue(&value) && value.Find("$metadata") == nullptr;
}

bool ReadMetadata(PlainJson* json, ingest::PutTwin* put) {
  bool has_model = false;
  const bool is_read = json->ReadObject([&](absl::string_view name) {
    if (name == "$model") {
      has_model = true;
      return ReadText(json, &put->model_id);
    }
    Value about;
    if (!json->ReadValue(&about)) return false;
    const Value* source = about.Find("sourceTime");
    if (source == nullptr) return true;
    const absl::StatusOr<Time> time = SourceTimeOf(*source);
    if (time.ok()) put->source_times.emplace_back(std::string(name), *time);
    return time.ok();
  });
  return is_read && has_model;
}

}  // namespace

bool ReadPlainLine(absl::string_view line, ingest::PutTwin* put) {
  PlainJson json(line);
  bool has_id = false;
  bool has_metadata = false;
  const bool is_read = json.ReadObject([&](absl::string_view name) {
    if (!absl::StartsWith(name, "$")) return ReadContent(name, &json, &put->contents);
    if (name == "$dtId") {
      has_id = true;
      return ReadText(&json, &put->id);
    }
    if (name == "$metadata") {
      has_metadata = true;
      return ReadMetadata(&json, put);
    }
    Value reserved;
    return json.ReadValue(&reserved);
  });
  return is_read && json.done() && has_id && has_metadata;
}

bool ReadPlainLine(absl::string_view line, ingest::PutRelationship* put) {
  PlainJson json(line);
  int known = 0;
  const bool is_read = json.ReadObject([&](absl::string_view name) {
    if (!absl::StartsWith(name, "$")) return ReadContent(name, &json, &put->contents);
    std::string* const text = name == "$relationshipId"     ? &put->relationship_id
                              : name == "$sourceId"         ? &put->source_id
                              : name == "$targetId"         ? &put->target_id
                              : name == "$relationshipName" ? &put->name
                                                            : nullptr;
    if (text != nullptr) {
      ++known;
      return ReadText(&json, text);
    }
    Value reserved;
    return json.ReadValue(&reserved);
  });
  return is_read && json.done() && known == 4;
}

}  // namespace twin::api
